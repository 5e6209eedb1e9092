"""run_shell: what comes back, what is kept, what ends."""

import asyncio
import contextlib
import random
import time
from pathlib import Path

import pytest

from mazu_ls.config.config import ShellSettings
from mazu_ls.errors import ToolError
from mazu_ls.state.paths import state_home
from mazu_ls.tools.shell import shell
from mazu_ls.tools.shell.shell import run_shell, shell_output, shell_stop
from tests.own_sleep import own_seconds


async def test_output_streams_and_the_end_is_told(project) -> None:
    output = await project.call(run_shell, command="echo one; echo two >&2; exit 3")
    assert (output.ok, output.text) == (False, "one\ntwo\n[exit code 3]")
    assert "".join(project.emitted) == "one\ntwo\n"
    assert (await project.call(run_shell, command="true")).text == "[exit code 0]"
    assert "SIGKILL" in await project.text(run_shell, command="kill -9 $$")


async def test_the_directory_is_kept_within_the_workspace(made) -> None:
    project = made({"src/a.py": ""})
    assert "[working directory: src]" in await project.text(run_shell, command="cd src")
    assert await project.text(run_shell, command="ls") == "a.py"
    assert "outside the workspace" in await project.text(run_shell, command="cd /")
    assert await project.text(run_shell, command="ls") == "a.py"
    assert await project.text(run_shell, command="cd ..; false") == "[exit code 1]\n[working directory: .]"


async def test_there_is_no_input_and_no_key(project) -> None:
    project.turn.env["ANTHROPIC_API_KEY"] = "sk-ant-secret"
    project.turn.env["DATABASE_URL"] = "postgres://me:hunter2hunter2@db/x"
    project.turn.env["HARMLESS"] = "yes"
    text = await project.text(run_shell, command="read line; echo [$line]; env")
    assert text.startswith("[]\n")
    assert "HARMLESS=yes" in text
    assert "sk-ant" not in text
    assert "hunter2" not in text


async def test_a_command_that_is_too_long_is_the_models_to_mend(project) -> None:
    with pytest.raises(ToolError, match="300005 characters are too long; run a file"):
        await project.call(run_shell, command="true " + "x" * 300_000)


async def test_a_time_limit_ends_the_whole_group(project) -> None:
    started = time.monotonic()
    output = await project.call(run_shell, command="echo begun; (sleep 300 & sleep 300)", timeout=2)
    assert time.monotonic() - started < 60
    assert output.text == "begun\n\n[ended: the time limit of 2 s was reached]"
    assert not output.ok


@pytest.mark.parametrize(
    "command",
    [
        "sleep 301 & echo done",
        "setsid sleep 301 & echo done",
        "(setsid nohup sleep 301 >/dev/null &); echo done",
    ],
)
@pytest.mark.parametrize("sandbox", ["auto", "off"])
async def test_what_is_left_behind_cannot_hold_the_turn(project, command: str, sandbox) -> None:
    project.configure(ShellSettings(sandbox=sandbox))
    started = time.monotonic()
    output = await project.call(run_shell, command=command.replace("301", own_seconds(301)))
    assert time.monotonic() - started < 60, "it did not wait for the 301 seconds"
    assert output.text.startswith("done")
    if command.startswith("sleep"):
        assert "[1 process that it left running was ended with it; use background=true" in output.text
        assert output.summary == "what it left running was ended with it"
    await gone(own_seconds(301))


async def sleeps(seconds: str, count: int) -> None:
    """Wait until so many sleep."""
    async with asyncio.timeout(60):
        while sum(seconds in line for line in await asyncio.to_thread(commands)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def gone(seconds: str) -> None:
    """Killed processes take a moment to be gone."""
    async with asyncio.timeout(60):
        while any(seconds in line for line in await asyncio.to_thread(commands)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def commands() -> list[str]:
    """Command lines of all the sleeps there are."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if line.startswith("sleep")]


async def test_cancelling_ends_the_children(project) -> None:
    task = asyncio.create_task(project.call(run_shell, command=f"sleep {own_seconds(302)}"))
    await sleeps(own_seconds(302), 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(own_seconds(302))


DEAF = "trap '' TERM; env -i setsid sh -c 'trap \"\" TERM; while :; do sleep 305; done' & while :; do sleep 305; done"


@pytest.mark.parametrize("sandbox", ["auto", "off"])
async def test_who_does_not_hear_is_killed_with_all_that_left_its_group(project, sandbox) -> None:
    project.configure(ShellSettings(sandbox=sandbox))
    task = asyncio.create_task(project.call(run_shell, command=DEAF.replace("305", own_seconds(305))))
    await sleeps(own_seconds(305), 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(own_seconds(305))


async def test_a_flood_is_cut_with_a_pointer_to_the_rest(project) -> None:
    text = await project.text(run_shell, command="seq 1 100000")
    assert text.startswith("1\n2\n")
    assert text.endswith("99999\n100000")
    assert len(text) < 32_000
    assert 'shell_output with id="sh1", offset=8192' in text
    more = await project.text(shell_output, id="sh1", offset=8192)
    assert more.splitlines()[1].isdigit()
    assert sum(map(len, project.emitted)) < 70_000


async def test_terminal_noise_is_taken_off(project) -> None:
    text = await project.text(run_shell, command=r"printf '\033[31mred\033[0m\n10%%\r100%%\n\000\001end\n'")
    assert text == "red\n100%\n\ufffd\ufffdend"


async def test_a_background_command_is_read_and_stopped(project) -> None:
    said = await project.text(run_shell, command="echo up; sleep 303", background=True)
    assert said.startswith("running in the background as sh1")
    assert (await project.text(shell_output, id="sh1", wait=5)).startswith("up\n")
    assert "still running" in await project.text(shell_output, id="sh1")
    assert "ended by SIG" in await project.text(shell_stop, id="sh1")
    with pytest.raises(ToolError, match="there are: sh1"):
        await project.call(shell_output, id="sh9")


async def test_a_background_command_that_ends_by_itself_leaves_nothing(project) -> None:
    project.configure(ShellSettings(sandbox="off"))
    await project.call(
        run_shell,
        command=f"setsid sleep {own_seconds(304)} & echo ok; touch ended; sleep 1; exit 3",
        background=True,
    )
    (scratch,) = (state_home(project.turn.env) / "run").iterdir()
    async with asyncio.timeout(60):
        while scratch.exists():  # noqa: ASYNC110  nobody asks the command anything
            await asyncio.sleep(0.02)
    await gone(own_seconds(304))
    assert await project.text(shell_output, id="sh1") == "ok\n\n[sh1: exit code 3]"
    assert await project.text(shell_stop, id="sh1") == "ok\n\n[sh1: exit code 3]"


async def test_a_background_command_that_ends_at_once_is_not_said_to_run(project, monkeypatch) -> None:
    monkeypatch.setattr(shell, "START_SECONDS", 60.0)  # on a busy machine it takes longer
    output = await project.call(run_shell, command="no-such-server --port 1", background=True)
    assert not output.ok
    assert "command not found" in output.text and "[exit code 127]" in output.text
    assert "it ended at once: nothing runs in the background" in output.text


async def test_a_syntax_error_is_bashs_own(project) -> None:
    output = await project.call(run_shell, command="echo (")
    assert not output.ok
    assert "syntax error" in output.text


NOISE = {
    "long": random.Random(1).randbytes(9000),
    "short first line": b"5\xff\xfe\n" + random.Random(57).randbytes(600),
    "an escape that hides the rest": b"\xff\xfe\x1bP"
    + random.Random(2).randbytes(600).replace(b"\x1b", b"\x1c"),
    "a carriage return at its end": random.Random(3).randbytes(600).replace(b"\n", b"\xff") + b"\r",
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=list(NOISE))
async def test_binary_output_is_counted_and_what_is_text_around_it_is_kept(project, noise: bytes) -> None:
    (project.root / "noise").write_bytes(noise)
    command = "echo before; cat noise; echo; echo after; printf 'caf\\351 na\\357f\\n%.0s' 1 2 3 4 5 6"
    text = await project.text(run_shell, command=command)
    assert text.startswith("before\n[")
    assert "bytes of binary output]\nafter\ncaf\ufffd na\ufffdf\n" in text
    assert sum(not char.isprintable() and char != "\n" for char in text) == 0
    assert len(text) < 600
    assert "bytes of binary output]" in "".join(project.emitted)


async def test_zeros_are_counted(project) -> None:
    assert (await project.text(run_shell, command="head -c 30000 /dev/zero")).count("\ufffd") == 0


@pytest.mark.parametrize("begin", ["]0;title", "P1$r", "^x", "_x"])
async def test_an_escape_that_is_not_ended_hides_no_other_line(project, begin: str) -> None:
    text = await project.text(run_shell, command=f"printf 'one\\033{begin}\\ntwo\\nthree\\n'")
    assert text == "one\ntwo\nthree"
