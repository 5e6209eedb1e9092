"""The conversation on the inline screen, in a real pseudo-terminal."""

import asyncio
import re
import termios
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.server.chat.commands import COMMANDS
from mazu_ls.state import identity, paths
from mazu_ls.terminal.chat.open_question import SETTLE_SECONDS
from mazu_ls.terminal.chat.slash_help import USAGE
from tests.terminal.terminal import (
    ALT_ENTER,
    CTRL_C,
    CTRL_D,
    CTRL_O,
    DOWN,
    ENTER,
    ESC,
    SHIFT_TAB,
    UP,
    Terminal,
    project,
)  # fmt: skip

EDIT = {"name": "edit_file", "arguments": {"path": "app.py", "old": "a - b", "new": "a + b"}}
SLOW = {"text": "word " * 2000, "delay": 0.1}
OPENED = "new conversation"
Chat = Callable[..., Awaitable[Terminal]]


def shell(command: str) -> dict[str, Any]:
    return {"calls": [{"name": "run_shell", "arguments": {"command": command}}]}


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Chat]:
    """Starts `mazu-ls` with a model that says these things, and waits for its first line."""
    root = project(tmp_path)
    servers: list[ModelServer] = []
    terminals: list[Terminal] = []

    async def start(
        *replies: dict[str, Any], arguments: tuple[str, ...] = (), sees: str = OPENED, **terminal: Any
    ) -> Terminal:
        server = ModelServer(list(replies))
        await server.__aenter__()
        servers.append(server)
        opened = await Terminal(root, server.url, **terminal).start(*arguments)
        terminals.append(opened)
        await opened.sees(sees)
        return opened

    yield start
    for terminal in terminals:
        await terminal.kill()
    for server in servers:
        await server.__aexit__(None, None, None)


async def test_a_conversation_with_markdown_and_its_cost(chat: Chat):
    terminal = await chat({"text": "# Title\n\nIt is **bold**.\n\n```python\nprint(1)\n```\n"})
    await terminal.says("hello")
    await terminal.sees("> hello", "It is bold.", "print(1)", "tokens")
    assert not terminal.shows("**bold**")
    await terminal.rests()
    terminal.types(CTRL_D)
    assert await terminal.ends() == 0


async def test_without_a_key_it_says_what_to_do_and_leaves_nothing_behind(chat: Chat):
    terminal = await chat(ANTHROPIC_API_KEY="")
    await terminal.sees("No model can be called yet: run `mazu-ls setup`")
    await terminal.says("hi")
    await terminal.sees("No model can be called: no API key is set")
    await terminal.rests()
    terminal.types(CTRL_D)
    assert await terminal.ends() == 0, "nothing ran that leaving could stop"
    again = await chat(arguments=("--continue",), ANTHROPIC_API_KEY="")
    assert not again.shows("unnamed")


async def test_keys_of_the_first_prompt_are_the_message(chat: Chat):
    terminal = await chat({"text": "Well."}, sees=">")
    terminal.types(f"/bin/sh is broken{ENTER}")  # before anything of the conversation is loaded
    await terminal.sees("> /bin/sh is broken", "Well.", OPENED)  # a path is no command
    assert terminal.text.count("/bin/sh") == 1
    await terminal.rests()
    terminal.types(CTRL_D)
    assert await terminal.ends() == 0
    assert termios.tcgetattr(terminal.master)[3] & termios.ECHO


async def test_text_typed_ahead_answers_no_question(chat: Chat, tmp_path: Path):
    terminal = await chat(shell("touch ran.txt"), {"text": "Well."})
    await terminal.says("do it")
    for _ in range(80):  # a hand that types on, whatever comes
        terminal.types("y")
        await asyncio.sleep(0.03)
    await terminal.sees("Allow once")
    await asyncio.sleep(1)
    assert not (tmp_path / "project" / "ran.txt").exists()
    terminal.types(CTRL_C)  # stops the turn: nothing was allowed
    await terminal.sees("Stopped.")
    assert not (tmp_path / "project" / "ran.txt").exists()


async def test_a_message_begun_before_the_question_is_read_answers_nothing(chat: Chat, tmp_path: Path):
    terminal = await chat(shell("touch ran.txt"), {"text": "Well."})
    await terminal.says("do it")
    await terminal.sees("Allow once")
    await terminal.answers("why y y y")  # begins with a letter that is no answer
    await terminal.sees("> why y y y")
    await asyncio.sleep(1)  # longer than a letter waits before it is an answer
    assert not (tmp_path / "project" / "ran.txt").exists()
    assert terminal.shows("> why y y y")


@pytest.mark.parametrize("burst", ["stop", "y please", "\rgo", "\x1b[200~y\x1b[201~"])
async def test_keys_that_come_at_once_are_a_message(chat: Chat, tmp_path: Path, burst: str):
    terminal = await chat(shell("touch ran.txt"), {"text": "Well."})
    await terminal.says("do it")
    await terminal.sees("Allow once")
    await terminal.answers(burst)
    typed = burst.removeprefix("\x1b[200~").removesuffix("\x1b[201~").lstrip()
    await terminal.sees(f"> {typed}")
    await asyncio.sleep(1)  # longer than a letter waits before it is an answer
    assert not (tmp_path / "project" / "ran.txt").exists()
    assert terminal.shows("Allow once")


async def test_a_word_that_begins_with_the_letter_of_an_answer_is_a_message(chat: Chat, tmp_path: Path):
    while True:  # until this process was not held up between the two keys: a slow hand does allow by "s"
        terminal = await chat(shell("touch ran.txt"), {"text": "Well."})
        await terminal.says("do it")
        await terminal.sees("Allow once")
        await terminal.answers("")
        began = time.monotonic()
        terminal.types("s")
        terminal.types("t")  # a read of its own, or the same one
        if time.monotonic() - began < SETTLE_SECONDS / 2:
            break
        await terminal.kill()
    await terminal.sees("> st")
    await asyncio.sleep(1)
    assert not (tmp_path / "project" / "ran.txt").exists()


async def test_a_moved_project_is_asked_about_before_the_conversation(chat: Chat, tmp_path: Path):
    env = {"MAZU_STATE_HOME": str(tmp_path / "state")}
    before = tmp_path / "before" / "project"
    before.mkdir(parents=True)
    known = identity.open_state(before, env)
    known.release()
    before.rmdir()
    terminal = await chat({"text": "Well."}, sees="Was it moved here?")
    await terminal.answers("2")
    await terminal.sees("new conversation · mode ask")
    marker = identity.read_marker(paths.root_state(tmp_path / "project", env))
    assert marker is not None
    assert marker.id == known.marker.id
    await terminal.says("hello")
    await terminal.sees("Well.")


async def test_mode_bypass_needs_its_name_typed_and_no_key_leads_there(chat: Chat):
    terminal = await chat({"text": "Well."}, arguments=("chat", "--mode", "bypass"), sees="Keep asking")
    await terminal.says("yes")  # neither an answer nor a message: the question stays
    await terminal.sees("yes: not the word.")
    await terminal.answers("t")
    await terminal.sees("type bypass, then enter:")
    await terminal.says("yess")
    await terminal.sees("yess: not the word.")
    await terminal.answers("n")
    await terminal.sees("Keep asking", "new conversation · mode ask")
    for mode in ("auto", "plan", "ask", "auto"):
        terminal.types(SHIFT_TAB)
        await terminal.sees(f"\n{mode} · ")
    await terminal.says("/mode bypass")
    await terminal.sees("In mode bypass", times=2)
    await terminal.sees("Keep asking")
    await terminal.answers(SHIFT_TAB)  # changes nothing under the question
    await terminal.says("yes")  # no message while a word is asked for
    await terminal.sees("yes: not the word.")
    await terminal.answers(ESC)
    await terminal.sees("No answer", "The mode is auto")
    await terminal.says("/mode bypass")
    await terminal.sees("In mode bypass", times=3)
    await terminal.says("by pass")
    await terminal.sees("by pass: not the word.")
    await terminal.says("bypass")
    await terminal.sees("The mode is bypass")
    assert not terminal.shows("Well.")  # none of it was sent to the model


async def test_enter_typed_ahead_answers_no_question(chat: Chat, tmp_path: Path):
    terminal = await chat(shell("touch ran.txt"), {"text": "Well."}, {"text": "Queued well."})
    terminal.types(f"do it{ENTER}y{ENTER}{ENTER}y{ENTER}")  # at once: none of it can come after the question
    await terminal.sees("Allow once", "queued: y")
    assert not (tmp_path / "project" / "ran.txt").exists()
    await terminal.answers("n")
    await terminal.sees("why not?")
    await terminal.says("not now")
    await terminal.sees("Deny: not now", "Well.")
    assert not (tmp_path / "project" / "ran.txt").exists()


@pytest.mark.parametrize(
    ("keys", "ran"), [(("y",), True), ((UP, ENTER), False), ((DOWN, ENTER), True), ((ENTER,), True)]
)
async def test_a_question_takes_keys_and_arrows(chat: Chat, tmp_path: Path, keys: tuple[str, ...], ran: bool):
    terminal = await chat(shell("touch ran.txt; echo made"), {"text": "Well."})
    await terminal.says("do it")
    await terminal.sees("Needs approval because:", "Allow once", "Deny")
    for key in keys:
        await terminal.answers(key)
    if not ran:
        await terminal.sees("why not?")
        terminal.types(ENTER)
    await terminal.sees("Well.")
    assert (tmp_path / "project" / "ran.txt").exists() == ran


async def test_what_is_always_allowed_behind_a_launcher_is_not_asked_about_again(chat: Chat, tmp_path: Path):
    lines = ("timeout 60 touch a.txt", "timeout 60 touch b.txt", "timeout 60 sh -c 'touch c.txt'")
    terminal = await chat(*map(shell, lines), {"text": "Well."})
    await terminal.says("do it")
    await terminal.sees("Always allow `timeout 60 touch …`")
    await terminal.answers("a")
    await terminal.sees("touch c.txt", "Allow once")
    await terminal.answers("n")
    await terminal.sees("why not?")
    terminal.types(ENTER)
    await terminal.sees("Well.")
    assert [(tmp_path / "project" / f"{name}.txt").exists() for name in "abc"] == [True, True, False]


async def test_a_long_change_is_paged(chat: Chat):
    text = "".join(f"line {number}\n" for number in range(1, 61))
    terminal = await chat(
        {"calls": [{"name": "write_file", "arguments": {"path": "new.txt", "content": text}}]}, {"text": "Well."},
        rows=24,
    )  # fmt: skip
    await terminal.says("write it")
    await terminal.sees("space: more", "+line 2")
    assert not any("line 60" in row for row in terminal.screen.display)
    for _ in range(8):
        await terminal.answers(" ")
        if any("line 60" in row for row in terminal.screen.display):
            break
    await terminal.sees("+line 60")
    await terminal.answers("y")
    await terminal.sees("Well.", "1 file changed +60 -0")


async def test_output_of_a_command_is_seen_while_it_runs(chat: Chat, tmp_path: Path):
    rows = "for i in $(seq {}); do echo row $i; done"
    wait = "while [ ! -e go.txt ]; do sleep 0.1; done"
    terminal = await chat(shell(f"{rows.format('1 5')}; {wait}; {rows.format('6 30')}"), {"text": "Well."})
    await terminal.says("do it")
    await terminal.sees("Allow once")
    await terminal.answers("y")
    await terminal.sees("row 5", "esc to stop")
    assert not terminal.shows("Well.")
    (tmp_path / "project" / "go.txt").touch()
    await terminal.sees("Well.", "lines before these")
    assert not terminal.shows("│ row 1\n")
    terminal.types(CTRL_O)
    await terminal.sees("row 1 row 2 row 3 row 4")


async def test_stop_queue_and_leave(chat: Chat):
    terminal = await chat(SLOW, {"text": "After."})
    await terminal.says("go")
    await terminal.sees("word word")
    await terminal.says("and then this")
    await terminal.sees("queued: and then this")
    terminal.types(ESC)
    await terminal.sees("Stopped.", "> and then this")  # it comes back to be edited, and is not sent
    assert not terminal.shows("After.")
    terminal.types(ENTER)
    await terminal.sees("After.")
    await terminal.rests()  # until then ctrl-c stops the turn
    terminal.types(CTRL_C)
    await terminal.sees("ctrl-c again leaves")
    terminal.types(CTRL_C + CTRL_C)  # at once: one that comes late only asks again
    assert await terminal.ends() == 0


@pytest.mark.parametrize("key", [ESC, CTRL_C])
async def test_a_turn_is_stopped_at_once_after_enter(chat: Chat, key: str):
    """Whatever the program has come to: the key may be read together with the Enter."""
    terminal = await chat({"text": "word " * 4000, "delay": 1})  # longer than anybody waits here
    terminal.types(f"go on and on{ENTER}{key}")
    await terminal.sees("> go on and on")
    await terminal.rests()
    assert not terminal.shows("ctrl-c again leaves")


async def eventually_exists(path: Path) -> None:
    async with asyncio.timeout(120):
        while not path.exists():  # noqa: ASYNC110 - a command tells nobody
            await asyncio.sleep(0.02)


async def test_twice_ctrl_c_leaves_a_turn(chat: Chat, tmp_path: Path):
    terminal = await chat(shell("trap '' INT TERM; touch runs.txt; sleep 30"), {"text": "After."})
    await terminal.says("go")
    await terminal.sees("Allow once")
    await terminal.answers("y")
    await eventually_exists(tmp_path / "project" / "runs.txt")
    terminal.types(CTRL_C + CTRL_C)
    assert await terminal.ends() in (0, 130)


async def test_what_waits_is_sent_after_the_turn(chat: Chat):
    terminal = await chat({"text": "word " * 20, "delay": 0.1}, {"text": "Second answer."})
    await terminal.says("first")
    await terminal.sees("word")
    await terminal.says("second")
    await terminal.sees("Second answer.")


async def test_lines_files_and_modes(chat: Chat):
    terminal = await chat({"text": "Seen."})
    terminal.types("one" + ALT_ENTER + "two\\" + ENTER + "see @ap")
    await terminal.sees("app.py")
    terminal.types("\t")
    await terminal.sees("see @app.py")
    terminal.types(ENTER)
    await asyncio.sleep(0.2)
    terminal.types(ENTER)
    await terminal.sees("> one", "Seen.")
    for mode in ("auto ·", "plan ·", "ask ·"):
        terminal.types(SHIFT_TAB)
        await terminal.sees(mode)
    terminal.types("/che")
    await terminal.sees("take a checkpoint, with a label")
    terminal.types(UP + "\x15")


@pytest.mark.parametrize("mode", ["ask", "plan"])
async def test_the_users_own_command_is_not_asked_about(chat: Chat, tmp_path: Path, mode: str):
    terminal = await chat({"text": "Seen."})
    await terminal.says(f"/mode {mode}")
    await terminal.says("!touch own.txt && echo made it")
    await terminal.sees("│ made it")
    assert (tmp_path / "project" / "own.txt").exists()
    assert not terminal.shows("Allow once")


SAYS = {
    "help": "commands and keys", "model": "Talk to another?", "mode": "The mode is", "undo": "Nothing was said",
    "rewind": "Nothing was said", "redo": "Nothing was said", "compact": "Nothing was said", "usage": "Nothing was said", "recall": "after the command",
    "remember": "after the command", "rollback": "checkpoint", "checkpoint": "Took",
}  # fmt: skip


@pytest.mark.parametrize("name", ["help", *COMMANDS])
async def test_each_slash_command_says_something_a_person_reads(chat: Chat, name: str):
    terminal = await chat({"text": "Hello."})
    await terminal.says(f"/{name}")
    await terminal.sees(SAYS[name])
    assert not terminal.shows("usage: mazu-ls") and not terminal.shows("Traceback")
    if name in ("model", "mode"):  # they ask which one
        await terminal.answers(ESC)
        await terminal.sees("No answer")
    await terminal.says(f"/help {name}")
    await terminal.sees(f"/{name} {USAGE[name]}:" if name in USAGE else f"/{name}:")


async def test_an_edit_is_undone_and_redone_and_undone_after_a_restart_and_a_kill(chat: Chat, tmp_path: Path):
    """The main story: edit, undo without a question, redo, another process, undo, kill in mid-turn, continue, undo."""
    terminal = await chat({"text": "I edit.", "calls": [EDIT]}, {"text": "Done."})
    app = tmp_path / "project" / "app.py"
    await terminal.says("change it")
    await terminal.sees("Allow once")
    await terminal.answers("y")
    await terminal.sees("1 file changed")
    assert "a + b" in app.read_text()
    await terminal.says("/undo")
    await terminal.sees("1 file, the conversation. Use /redo to restore it.")
    assert "a - b" in app.read_text()
    await terminal.says("/redo")
    await terminal.sees("Redone: 1 file, the conversation.")
    assert "a + b" in app.read_text()
    terminal.types(CTRL_D)
    assert await terminal.ends() == 0
    again = await chat({"calls": [EDIT]}, SLOW, arguments=("--continue",), sees="“change it”, 1 turn")
    await again.says("/undo")
    await again.sees("”: 1 file, the conversation.")
    assert "a - b" in app.read_text()
    await again.says("change it after all")
    await again.sees("Allow once")
    await again.answers("y")
    await again.sees("word word")
    await again.kill()
    assert "a + b" in app.read_text()
    fresh = await chat({"text": "It was done."})
    await fresh.sees("A turn of “change it” was interrupted: `mazu-ls --continue` shows it")
    fresh.types(CTRL_D)
    assert await fresh.ends() == 0
    last = await chat(
        {"text": "It was done."}, arguments=("--continue",), sees="The last turn was interrupted."
    )
    await last.says("continue")
    await last.sees("It was done.")
    await last.rests()
    for times, text in ((1, "a + b"), (2, "a - b")):  # the turn that went on changed nothing
        await last.says("/undo")
        await last.sees("Undone “", times=times)
        assert text in app.read_text()
    assert not last.shows("Keep mine"), "nobody was asked"


async def test_what_a_command_changed_is_counted_and_a_rollback_names_its_way_back(
    chat: Chat, tmp_path: Path
):
    terminal = await chat(shell("echo more >> app.py; touch new.txt"), {"text": "Done."})
    new = tmp_path / "project" / "new.txt"
    await terminal.says("/checkpoint before")
    await terminal.sees("Took")
    await terminal.says("change it")
    await terminal.sees("Allow once")
    await terminal.answers("y")
    await terminal.sees("2 files changed +1 -0")
    assert new.exists()
    await terminal.says("/rollback before")
    await terminal.sees("Rolled back: 2 files, the conversation. To undo this: /redo, or /rollback cp_")
    assert not new.exists()
    await terminal.says("/redo")
    await terminal.sees("Redone: 2 files, the conversation.")
    assert new.exists()


async def test_undo_asks_about_what_the_user_changed_on_top(chat: Chat, tmp_path: Path):
    terminal = await chat({"text": "I edit.", "calls": [EDIT]}, {"text": "Done."})
    app = tmp_path / "project" / "app.py"
    await terminal.says("change it")
    await terminal.sees("Allow once")
    await terminal.answers("y")
    await terminal.sees("1 file changed")
    app.write_text(app.read_text().replace("a + b", "a + b + 7"))
    await terminal.says("/undo")
    await terminal.sees(
        "what should happen to app.py", "Keep mine", "Leave it as it is", "+    return a + b + 7"
    )
    assert not terminal.shows("diff --git")
    await terminal.answers("n")
    await terminal.sees("Nothing was changed")
    assert "a + b + 7" in app.read_text()
    await terminal.loses("Take the earlier text")
    await terminal.says("/undo")
    await terminal.sees("Take the earlier text")
    await terminal.answers("t")
    await terminal.sees("Undone")
    assert "a - b" in app.read_text()


async def test_forty_columns_still_read(chat: Chat):
    terminal = await chat(
        {"text": "A sentence that is longer than forty columns are wide, so it has to be wrapped.", "calls": [EDIT]},
        {"text": "Done."}, columns=40, rows=24,
    )  # fmt: skip
    await terminal.says("hello")
    await terminal.sees("Allow once", "has to be wrapped.")
    assert re.search(r"\n  (line )?removed\.", terminal.text), "it is indented as what it continues"
    await terminal.answers("y")
    await terminal.sees("Done.", "1 file changed")


async def test_a_terminal_that_becomes_narrower_is_drawn_again(chat: Chat, tmp_path: Path):
    terminal = await chat(shell("touch ran.txt  # " + "long " * 14), {"text": "Well."}, wraps_again=True)
    await terminal.says("do it")
    await terminal.sees("Allow once")
    terminal.resize(50, 30)
    terminal.raw = b""
    async with asyncio.timeout(120):
        while b"Allow once" not in terminal.raw:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    drawn_once = ("? Run touch", "Allow once", "esc to stop")
    await terminal.until(
        lambda: all(terminal.text.count(text) == 1 for text in drawn_once), "lines of the old frame stayed"
    )
    await terminal.answers("y")
    await terminal.sees("Well.")
    await terminal.rests()
    assert (tmp_path / "project" / "ran.txt").exists()


async def test_some_changes_of_an_edit_are_taken(chat: Chat, tmp_path: Path):
    path = tmp_path / "project" / "list.txt"
    path.write_text("".join(f"line {number}\n" for number in range(1, 41)))
    edits = [{"old": "line 3\n", "new": "THREE\n"}, {"old": "line 30\n", "new": "THIRTY\n"}]
    call = {"name": "edit_file", "arguments": {"path": "list.txt", "edits": edits}}
    terminal = await chat({"calls": [call]}, {"text": "Well."})
    await terminal.says("change both")
    await terminal.sees("Choose among its 2 changes")
    await terminal.answers("h")
    await terminal.sees("change 1 of 2", "+THREE", "Leave it out")
    await terminal.answers("n")
    await terminal.sees("change 2 of 2", "Take this change")
    await terminal.answers("y")
    await terminal.sees("Well.")
    await terminal.rests()
    assert "line 3\n" in path.read_text() and "THIRTY\n" in path.read_text()


async def test_without_colours_there_are_none(chat: Chat):
    terminal = await chat(
        {"text": "# Title\n\n**bold** `code`", "calls": [EDIT]}, {"text": "Done."}, NO_COLOR="1"
    )
    await terminal.says("hello")
    await terminal.sees("Allow once")
    await terminal.answers("y")
    await terminal.sees("Done.")
    assert not re.search(rb"\x1b\[(?:\d+;)*3[0-7]m", terminal.raw)


async def test_plain_lines_for_a_screen_reader(chat: Chat, tmp_path: Path):
    terminal = await chat(shell("echo made > ran.txt"), {"text": "It is done."}, arguments=("--plain",))
    terminal.types(f"do it{ENTER}y{ENTER}")  # at once: the second line cannot come after the question
    await terminal.sees("[y/")
    await asyncio.sleep(0.5)
    assert not (tmp_path / "project" / "ran.txt").exists()
    await terminal.says("y")
    await terminal.sees("Started: Run echo made", "It is done.")
    assert (tmp_path / "project" / "ran.txt").exists()
    assert b"\x1b[" not in terminal.raw.replace(b"\x1b[0m", b"").replace(b"\x1b[1m", b"") or terminal.shows(
        "mazu-ls"
    )
    terminal.types(CTRL_D)
    assert await terminal.ends() == 0


async def test_conversations_are_continued_resumed_and_picked(chat: Chat):
    terminal = await chat({"text": "First answer."})
    await terminal.says("first words")
    await terminal.sees("First answer.")
    await terminal.rests()
    terminal.types(CTRL_D)
    assert await terminal.ends() == 0
    again = await chat({"text": "Second answer."}, arguments=("--continue",), sees="“first words”, 1 turn")
    await again.sees("ask · claude")
    assert again.shows("First answer.")
    again.types(CTRL_D)
    assert await again.ends() == 0
    picked = await chat({"text": "Second answer."}, arguments=("--resume",), sees="Which conversation?")
    await picked.answers("1")
    await picked.sees("“first words”, 1 turn")
    fresh = await chat({"text": "Other."})
    assert not fresh.shows("First answer.")


async def test_a_question_about_a_very_long_change_lays_out_what_is_shown(chat: Chat, tmp_path: Path):
    (tmp_path / "project" / "big.txt").write_text("a line of it\n" * 40_000)
    small = {"name": "write_file", "arguments": {"path": "big.txt", "content": "small\n"}}
    terminal = await chat({"calls": [small]}, {"text": "Done."})
    await terminal.says("make it small")
    await terminal.sees("of about 40003", "space: more")
    await terminal.answers(" ")
    await terminal.sees("lines 25-48 of about 40003")
    await terminal.answers("n")
    await terminal.says("")
    await terminal.sees("Done.")
