"""What an approved command writes to its own /tmp and home is not lost: `mv data.db /tmp/` in a sandbox whose /tmp ends with it."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mazu_ls.config.config import ShellSettings
from mazu_ls.state import left_files
from mazu_ls.state.paths import state_home
from mazu_ls.tools.shell import landlock, resource_limits, sandbox
from mazu_ls.tools.shell.resource_limits import ScratchMeter
from mazu_ls.tools.shell.sandbox import Sandbox
from mazu_ls.tools.shell.shell import run_shell


@pytest.fixture
def approved(project):
    if sandbox.probe().kind != "bubblewrap":
        pytest.skip("bubblewrap does not work here")
    project.turn = replace(project.turn, attended=True)
    return project


KEPT = "kept for 7 days, or until commands left more than 8 GiB"


def kept(project) -> Path:
    """The folder of what commands left."""
    return state_home(project.turn.env) / "left-by-commands"


def running(project) -> Path:
    """The folder of what running commands write."""
    return state_home(project.turn.env) / "run"


async def test_a_file_moved_out_of_the_project_is_kept_and_named(approved) -> None:
    (approved.root / "data.db").write_bytes(b"rows")
    output = await approved.call(run_shell, command="mv data.db /tmp/ && echo x > /var/tmp/n.txt")
    [folder] = kept(approved).iterdir()
    assert (folder / "tmp/data.db").read_bytes() == b"rows"
    assert (folder / "var-tmp/n.txt").read_text() == "x\n"
    assert f"data.db (in /tmp), n.txt (in /var/tmp); {KEPT}, in {folder}" in output.text
    assert [str(folder) in text for level, text in approved.host.said if level == "warning"] == [True]


async def test_what_goes_to_the_home_is_kept_but_not_its_caches(approved) -> None:
    command = "mkdir -p ~/backup ~/.npm && echo a > ~/backup/a.txt && echo b > ~/.npm/b && cat ~/backup/a.txt"
    output = await approved.call(run_shell, command=command)
    assert output.text.startswith("a\n")
    assert "backup (in the home)" in output.text
    assert ".npm" not in output.text


@pytest.mark.parametrize(
    "command",
    [
        "true",
        "mkdir /tmp/empty && ln -s /etc /tmp/link",
        "python3 -c 'import tempfile; tempfile.NamedTemporaryFile(delete=False).write(b\"x\")'",
        "echo x > $(mktemp)",
        "echo x > ~/.history",
    ],
)
async def test_nothing_is_kept_of_what_nobody_would_miss(approved, command: str) -> None:
    output = await approved.call(run_shell, command=command)
    assert "kept for" not in output.text
    assert [*kept(approved).glob("*"), *running(approved).iterdir()] == []


@pytest.mark.parametrize(
    ("command", "where"),
    [
        ("mv .env ~/", "home/.env"),
        ("mkdir ~/.backup && mv .env ~/.backup/", "home/.backup/.env"),
        ("mv .env $(mktemp -d)/x", "tmp/tmp.*/x"),
        ("mv folder $(mktemp -d)/", "tmp/tmp.*/folder/deep/x"),
        ("mv .env /tmp/ && cd /tmp && for i in $(seq 600); do mkdir a && cd a; done", "tmp/.env"),
    ],
)
async def test_what_was_moved_is_kept_whatever_its_place(approved, command: str, where: str) -> None:
    (approved.root / "folder/deep").mkdir(parents=True)
    day_ago = time.time() - 86_400
    for name in (".env", "folder/deep/x"):
        (approved.root / name).write_bytes(b"rows")
        os.utime(approved.root / name, (day_ago, day_ago))
    os.utime(approved.root / "folder", (day_ago, day_ago))
    output = await approved.call(run_shell, command=command)
    [folder] = kept(approved).iterdir()
    assert [file.read_bytes() for file in folder.glob(where)] == [b"rows"]
    assert str(folder) in output.text


async def test_a_deep_folder_that_holds_nothing_is_no_fault(approved) -> None:
    output = await approved.call(
        run_shell, command="cd /tmp; for i in $(seq 600); do mkdir a && cd a; done; echo ok"
    )
    assert output.text.startswith("ok\n")
    assert "could not be looked at" not in output.text
    assert [*kept(approved).glob("*"), *running(approved).iterdir()] == []


async def test_commands_that_end_at_the_same_time_name_what_they_left(approved, monkeypatch) -> None:
    other = kept(approved) / ".running-other"
    other.mkdir(parents=True)
    listed = os.scandir

    def scandir(place):
        if place != other.parent:
            return listed(place)
        found = list(listed(place))
        shutil.rmtree(other)
        return iter(found)

    monkeypatch.setattr(left_files.os, "scandir", scandir)
    output = await approved.call(run_shell, command="echo x > /tmp/a.txt")
    assert f"a.txt (in /tmp); {KEPT}" in output.text


async def test_a_command_finds_nothing_of_the_one_before(approved) -> None:
    await approved.text(run_shell, command="echo x > /tmp/a.txt")
    assert "No such file" in await approved.text(run_shell, command="cat /tmp/a.txt 2>&1")


async def test_what_a_stopped_command_left_is_kept(approved) -> None:
    output = await approved.call(run_shell, command="echo x > /tmp/a.txt; sleep 60", timeout=1)
    [folder] = kept(approved).iterdir()
    assert (folder / "tmp/a.txt").read_text() == "x\n"
    assert str(folder) in output.text


async def test_after_seven_days_it_is_removed(approved) -> None:
    await approved.text(run_shell, command="echo x > /tmp/a.txt")
    await approved.text(run_shell, command="echo x > /tmp/b.txt")
    old, young = sorted(kept(approved).iterdir())
    day = 86_400
    os.utime(old, (time.time(), time.time() - (left_files.KEPT_DAYS * day + 60)))
    os.utime(young, (time.time(), time.time() - (left_files.KEPT_DAYS * day - 60)))
    await approved.text(run_shell, command="true")
    assert [*kept(approved).iterdir()] == [young]


def left_in_tmp(project) -> list[str]:
    return sorted(file.name for file in kept(project).glob("*/tmp/*") if file.is_file())


async def test_the_oldest_go_early_where_all_that_is_kept_is_too_much(approved, monkeypatch, caplog) -> None:
    monkeypatch.setattr(left_files, "KEPT_BYTES", 3 * 2**20)
    for name in ("a", "b", "c"):
        output = await approved.call(run_shell, command=f"head -c 1M /dev/urandom > /tmp/{name}")
        assert f"{name} (in /tmp); {KEPT}" in output.text
        [folder] = [file.parents[1] for file in kept(approved).glob(f"*/tmp/{name}")]
        os.utime(folder, (time.time(), time.time() - 60 + ord(name) - ord("a")))
    assert left_in_tmp(approved) == ["b", "c"]
    [said] = [text for _, text in approved.host.said if "before its 7 days were over" in text]
    assert said in caplog.text
    (next(kept(approved).glob("*/tmp/b"))).unlink()  # fetched: no reason to remove anything
    await approved.text(run_shell, command="head -c 1M /dev/urandom > /tmp/d")
    assert left_in_tmp(approved) == ["c", "d"]
    await approved.text(run_shell, command="head -c 4M /dev/urandom > /tmp/e")
    assert left_in_tmp(approved) == ["e"], "the newest stays, whatever its size"


_KILLED = """
import os, signal, sys, time
from mazu_ls.state import command_folder
scratch = command_folder.make_scratch(os.environ)
if sys.argv[1] == "sandboxed":
    command_folder.mount_points(scratch)
    (scratch / "tmp" / "data.db").write_bytes(b"rows")
print(scratch, flush=True)
time.sleep(600)
"""


def killed_while_running(project, what: str) -> tuple[subprocess.Popen[str], Path]:
    argv = [sys.executable, "-c", _KILLED, what]
    child = subprocess.Popen(argv, env=project.turn.env, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    return child, Path(child.stdout.readline().strip())


def test_what_a_killed_server_left_is_kept_and_named_by_the_next(project) -> None:
    env = project.turn.env
    with contextlib.ExitStack() as stack:
        servers = [killed_while_running(project, what) for what in ("sandboxed", "empty", "sandboxed")]
        for child, _ in servers:
            stack.enter_context(child)
            stack.callback(child.kill)
        assert left_files.recover_left(env) == [] and all(scratch.is_dir() for _, scratch in servers)
        for child, _ in servers[:2]:
            child.kill()
            child.wait()
        [said] = left_files.recover_left(env)
        [folder] = kept(project).iterdir()
        assert (folder / "tmp/data.db").read_bytes() == b"rows"
        assert "when mazu-ls was killed" in said and f"data.db (in /tmp); {KEPT}, in {folder}." in said
        assert [scratch.exists() for _, scratch in servers] == [False, False, True]
        assert left_files.recover_left(env) == []


async def test_a_command_of_this_server_is_none_of_a_killed_one(approved) -> None:
    call = asyncio.create_task(approved.call(run_shell, command="echo x > /tmp/a.txt; touch begun; sleep 1"))
    async with asyncio.timeout(60):
        while not (approved.root / "begun").exists():  # noqa: ASYNC110  nobody asks the command anything
            await asyncio.sleep(0.02)
    assert left_files.recover_left(approved.turn.env) == []
    assert "a.txt (in /tmp)" in (await call).text


async def test_many_files_are_looked_through_a_part_at_a_time(tmp_path: Path, monkeypatch) -> None:
    for number in range(40):
        (tmp_path / str(number)).mkdir()
        for name in range(100):
            (tmp_path / str(number) / str(name)).write_bytes(b"x")
    whole = left_files.folder_bytes(tmp_path)
    monkeypatch.setattr(resource_limits, "WALK_SECONDS", 0.0)
    meter = ScratchMeter(tmp_path)
    seen = [meter.look() for _ in range(100)]
    assert seen == sorted(seen) and seen[0] < whole // 20 and seen[-1] == whole
    monkeypatch.setattr(resource_limits, "SCRATCH_BYTES", whole // 2)
    assert max(meter.look() for _ in range(100)) > resource_limits.SCRATCH_BYTES


async def test_a_disk_that_fills_up_is_looked_through_faster(tmp_path: Path, monkeypatch) -> None:
    for name in range(1000):
        (tmp_path / str(name)).write_bytes(b"x")
    free = [2**40]
    monkeypatch.setattr(resource_limits, "_free_bytes", lambda folder: free[0])
    monkeypatch.setattr(resource_limits, "WALK_SECONDS", 0.0)
    monkeypatch.setattr(resource_limits, "HURRIED_SECONDS", 60.0)
    meter = ScratchMeter(tmp_path)
    assert meter.look() < 1000 * 4096 // 2
    free[0] -= resource_limits.SCRATCH_BYTES + 1
    assert meter.look() == left_files.folder_bytes(tmp_path)


async def test_sockets_in_the_temporary_folder_have_room_for_their_names(project, monkeypatch) -> None:
    """Python's multiprocessing names them with 32 bytes more, pytest's fixtures with some 60; a socket's address has 107."""
    if not landlock.abi():
        pytest.skip("this kernel has no Landlock")
    monkeypatch.setattr(sandbox, "probe", lambda: Sandbox("landlock", "for the test"))
    project.configure(ShellSettings(network=True))
    home = "/home/firstname.lastname/.local/state/mazu-ls"
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="x" * (len(home) - len("/tmp/12345678"))) as state:
        assert len(state) == len(home)
        project.turn = replace(
            project.turn, env={**project.turn.env, "MAZU_STATE_HOME": state}, attended=True
        )
        (project.root / "m.py").write_text(
            "import multiprocessing\n"
            "if __name__ == '__main__':\n"
            "    with multiprocessing.Manager() as manager:\n"
            "        print(manager.dict(a=1), len(manager.address))\n"
        )
        output = await project.text(run_shell, command=f"{sys.executable} m.py; echo ${{#TMPDIR}}")
    used, length = output.split("}")[1].split()
    assert int(used) < 107 - 15 and int(length) <= len(home) + 13


async def test_an_unapproved_command_leaves_nothing(project) -> None:
    if sandbox.probe().kind != "bubblewrap":
        pytest.skip("bubblewrap does not work here")
    project.turn = replace(project.turn, attended=False)
    await project.text(run_shell, command="echo x > /tmp/a.txt")
    assert not kept(project).exists()


async def test_under_landlock_what_is_in_its_temporary_folder_is_kept(project, monkeypatch) -> None:
    if not landlock.abi():
        pytest.skip("this kernel has no Landlock")
    monkeypatch.setattr(sandbox, "probe", lambda: Sandbox("landlock", "for the test"))
    (project.root / "data.db").write_bytes(b"rows")
    output = await project.call(run_shell, command='mkdir "$TMPDIR/tmp"; mv data.db "$TMPDIR"')
    [folder] = kept(project).iterdir()
    assert (folder / "data.db").read_bytes() == b"rows"
    assert "data.db (in $TMPDIR)" in output.text


async def test_under_landlock_a_command_is_the_first_to_end_where_memory_runs_out(
    project, monkeypatch
) -> None:
    if not landlock.abi():
        pytest.skip("this kernel has no Landlock")
    monkeypatch.setattr(sandbox, "probe", lambda: Sandbox("landlock", "for the test"))
    assert await project.text(run_shell, command="cat /proc/self/oom_score_adj") == "1000"
