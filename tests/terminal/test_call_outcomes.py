"""The outcome of a tool call, as a person reads it."""

from typing import Any

import pytest

from mazu_ls.server.client.turn_notifications import INTERRUPTED
from mazu_ls.terminal.clients.update_events import event_of_update
from mazu_ls.terminal.screen.turn_view import TurnScreen
from mazu_ls.terminal.surfaces.plain_surface import PlainSurface
from tests.terminal.terminal import CTRL_C, ENTER
from tests.terminal.test_chat_screen import Chat, chat, shell
from tests.terminal.test_scripts import Script, script

__all__ = ["chat", "script"]  # fixtures
READ = {"calls": [{"name": "read_file", "arguments": {"path": "app.py"}}]}


async def test_a_line_says_its_outcome_once(chat: Chat):
    terminal = await chat(
        READ, shell("echo one >&2; exit 3"), shell("yes | head -c 300000"), {"text": "Well."}
    )
    await terminal.says("look")
    await terminal.sees("Read app.py  2 lines", "Allow once", "waits for you")
    await terminal.answers("y")
    await terminal.sees("yes | head -c 300000", "Allow once")
    await terminal.answers("y")
    await terminal.sees("Well.", "exit code 3", "(ctrl-o shows them)")
    assert terminal.text.count("one\n") == 1, terminal.text


async def test_a_refusal_is_not_said_in_the_words_for_the_model(chat: Chat):
    terminal = await chat(shell("echo one"), {"text": "Well."}, columns=40)
    await terminal.says("run it")
    await terminal.sees("Allow once")
    await terminal.answers("n")
    await terminal.sees("why not?")
    terminal.types(ENTER)
    await terminal.sees("Well.", "you refused it")


async def test_plain_lines_say_that_a_command_runs_once_it_does(chat: Chat):
    terminal = await chat(shell("echo made; exit 1"), {"text": "It is done."}, arguments=("--plain",))
    await terminal.says("do it")
    await terminal.sees("[y/")
    assert not terminal.shows("Started:")
    await terminal.says("y")
    await terminal.sees(
        "Started: Run echo made", "Failed: Run echo made; exit 1 (exit code 1)", "It is done."
    )


async def test_a_run_that_did_nothing_offers_no_rollback(chat: Chat):
    slow = {"text": "one two three four " * 20, "delay": 0.2}
    terminal = await chat(slow, arguments=("run", "--plain", "look"), sees="one two")
    terminal.types(CTRL_C)
    await terminal.sees("Quit: keep what was done")
    assert not terminal.shows("Roll back everything")


def test_a_script_reads_how_a_command_ended(script: Script):
    script.model_says(READ, shell("ls nothing"), {"text": "Well."})
    assert script("permissions", "allow", "run_shell", "ls *")[0] == 0
    _, _, err = script("chat", "look")
    assert "Read app.py  2 lines" in err and "Run ls nothing  exit code 2" in err, err


@pytest.mark.parametrize("waits", [False, True])
def test_a_call_that_had_begun_when_its_process_was_killed_is_interrupted(
    waits: bool, capsys: pytest.CaptureFixture[str]
):
    call: dict[str, Any] = {"kind": "tool_call", "callId": "c1", "tool": "run_shell", "title": "Run make"}
    call["arguments"] = {"command": "make"}
    shown: list[str] = []
    screen, plain = TurnScreen(shown.append, colours=False, width=lambda: 80), PlainSurface()
    for update in (call, INTERRUPTED):
        event = event_of_update({"turnId": "t1", "update": update})
        assert event is not None
        screen.draw_event(event)
        plain.show_event("s1", event)
        for view in screen.calls.values():
            view.waits = waits
    said = "".join(shown)
    assert ("– Run make" if waits else "✗ Run make\n  interrupted: what it did so far stays") in said
    assert waits or "✗ Run make  interrupted: what it did so far stays" in capsys.readouterr().err
