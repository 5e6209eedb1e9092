"""Neovim in a real terminal, typed into and read back, on default settings."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from terminal_bed import Terminal

from mazu_ls.demo.model_server import ModelServer, ScriptedReply

pytestmark = pytest.mark.editor

FIX = {"path": "app.py", "old": "return a - b", "new": "return a + b"}
EDIT = ScriptedReply(text="I see.", calls=[{"name": "edit_file", "arguments": FIX}])
NOVEL = "The quick brown fox jumps over the lazy dog. 1<Enter>gagn y n allow deny "


@pytest.fixture
async def terminal(nvim: Path, project: Path, home: Path, model: ModelServer) -> AsyncIterator[Terminal]:
    one = Terminal(nvim, project, home, model)
    yield one
    await one.close()


def hurry(reply: ScriptedReply, delay: float) -> None:
    """From now on the reply that streams goes on at this pace."""
    object.__setattr__(reply, "delay", delay)


async def type_slowly(terminal: Terminal, text: str) -> None:
    for character in text:
        await terminal.type(character)
        await asyncio.sleep(0.01)


async def shows(terminal: Terminal, text: str) -> bool:
    return text in await terminal.screen()


@pytest.mark.parametrize("answer", ["allow", "deny"])
async def test_typing_elsewhere_answers_nothing_and_loses_nothing(terminal: Terminal, answer: str):
    terminal.model.script.replies += [EDIT, ScriptedReply(text="Heard.")]
    notes = terminal.project / "notes.txt"
    await terminal.start("notes.txt")
    await terminal.command("Mazu chat make total add")
    await terminal.wait("make total add", "Mazu")
    await terminal.press("i")
    typed = ""
    for _ in range(60):  # the question comes somewhere in the middle of the typing
        await type_slowly(terminal, NOVEL)
        typed += NOVEL
        if "ga allow" in await terminal.screen():
            break
    await terminal.wait("waits for you", "+    return a + b")
    for _ in range(2):
        await type_slowly(terminal, NOVEL)
        await terminal.press("Enter")
        typed += NOVEL + "\n"
    await terminal.type("the end")
    typed += "the end"
    assert len(terminal.model.bodies) == 1, "nothing was answered"
    await terminal.press("Escape")
    await terminal.command("write")
    await terminal.until(
        "the file is written", lambda: notes.exists() and notes.read_text().endswith("the end\n")
    )
    assert notes.read_text() == typed + "\n", "not one key was lost"
    await terminal.command(f"Mazu answer {answer}")
    await terminal.wait("Heard.")
    told = str(terminal.model.bodies[1]["messages"][-1])
    assert ("refused" in told) == (answer == "deny")
    await terminal.wait("✓ Edit app.py" if answer == "allow" else "– Edit app.py")


async def test_a_question_while_the_panel_is_closed_takes_no_focus(terminal: Terminal):
    terminal.model.script.replies += [EDIT, ScriptedReply(text="Heard.")]
    await terminal.start("notes.txt")
    await terminal.command("Mazu chat make total add")
    await terminal.wait("Mazu", "make total add")
    await terminal.command("Mazu close")
    await terminal.press("G", "o")
    await terminal.wait("Mazu asks", "+    return a + b", "ga allow")
    await type_slowly(terminal, "# gagagngn")
    await terminal.press("Escape")
    await terminal.wait("# gagagngn", "Mazu asks", without="-- INSERT --")
    assert len(terminal.model.bodies) == 1, "nothing was answered"
    await terminal.command("Mazu question")
    await terminal.press_until("the model hears of it", lambda: len(terminal.model.bodies) == 2, "g", "a")
    await terminal.wait("# gagagngn", without="Mazu asks")
    assert "return a + b" in (terminal.project / "app.py").read_text()


async def test_a_long_diff_is_read_to_its_end_before_it_is_allowed(terminal: Terminal):
    lines = "".join(f"VALUE_{n} = {n}\n" for n in range(1, 301))
    write = {"path": "values.py", "content": lines}
    terminal.model.script.replies += [
        ScriptedReply(calls=[{"name": "write_file", "arguments": write}]),
        ScriptedReply(text="Heard."),
    ]
    await terminal.start("app.py")
    await terminal.command("Mazu chat write the values")
    await terminal.wait("waits for you")
    await terminal.command("Mazu question")
    await terminal.wait("+VALUE_1 = 1", without="ga allow")
    seen: set[int] = set()
    shown = ""
    for _ in range(30):
        screens = await terminal.settled(shown)
        text = "\n".join(screens).replace("\n", " \n").replace("│", " ")
        seen |= {n for n in range(1, 301) if f"+VALUE_{n} = {n} " in text}
        shown = screens[-1]
        if "ga allow" in shown:
            break
        await terminal.press("C-f")
    assert seen == set(range(1, 301)), f"missing {sorted(set(range(1, 301)) - seen)}"
    assert not (terminal.project / "values.py").exists()
    await terminal.press("g", "d")
    await terminal.wait("VALUE_1 ", "values.py (after)")
    await terminal.press("G")
    await terminal.wait("VALUE_300", "values.py (after)")
    await terminal.command("tabclose")
    await terminal.press_until("it is written", (terminal.project / "values.py").exists, "g", "a")
    await terminal.wait("✓ Write values.py")


async def test_the_end_is_followed_only_while_the_cursor_is_there(terminal: Terminal):
    text = "".join(f"paragraph {n} of many\n\n" for n in range(120))
    reply = ScriptedReply(text=text, chunk=40, delay=2)  # it takes 150 s, unless it is hurried
    terminal.model.script.replies.append(reply)
    await terminal.start("app.py")
    await terminal.command("Mazu chat tell me more")
    await terminal.wait("paragraph 2 of many")
    hurry(reply, 0.1)

    async def followed() -> bool:
        shown = await terminal.screen()
        return (
            "paragraph 2 of many" not in shown and "paragraph 0 of many" not in shown and "of many" in shown
        )

    await terminal.until("the end is followed", followed)
    hurry(reply, 2)
    await terminal.press("C-w", "l", "C-w", "k", "g", "g")
    before = await terminal.wait("tell me more", "more below")
    hurry(reply, 0)
    idle = "require('mazu.chat.panel').shown().session.state"
    await terminal.until("the reply is complete", lambda: terminal.lua_gives(idle, "idle"))
    after = (await terminal.settled())[-1]
    assert [line[70:] for line in before.splitlines()[2:20]] == [
        line[70:] for line in after.splitlines()[2:20]
    ]
    await terminal.press("G")
    await terminal.wait("paragraph 119 of many", without="more below")


async def test_the_panel_is_toggled_and_quitting_never_complains(terminal: Terminal):
    terminal.model.script.replies += [ScriptedReply(text=text) for text in ("Hello to you.", "Again.", "Third.")]
    await terminal.start("app.py")
    await terminal.command("Mazu toggle")
    await terminal.wait("New conversation", "g? help")
    await terminal.press("i")
    await terminal.type("good morning")
    await terminal.press("C-s")
    await terminal.wait("Hello to you.", "You")
    await terminal.press("Escape")
    await terminal.type("ione more line")
    await terminal.press("Enter")
    await terminal.type("and another")
    await terminal.press("Escape", "Enter")
    await terminal.wait("Again.", "one more line", "and another")
    await terminal.press("C-w", "k")
    await terminal.type("iSaid from the transcript")
    await terminal.press("Escape", "Enter")
    await terminal.wait("Third.", "Said from the transcript")
    await terminal.command("Mazu toggle")
    await terminal.wait("def total", without="Hello to you.")
    await terminal.command("Mazu toggle")
    await terminal.wait("Hello to you.", "Again.")
    await terminal.type("ian unfinished draft")
    await terminal.press("Escape")
    await terminal.command("qa")
    await terminal.until("Neovim ends", terminal.has_ended)


async def test_a_killed_server_is_told_and_comes_back(terminal: Terminal):
    command = {"command": "touch made.txt; sleep 20"}
    terminal.model.script.replies += [
        ScriptedReply(calls=[{"name": "run_shell", "arguments": command}]), ScriptedReply(text="Back again."),
    ]  # fmt: skip
    await terminal.start("app.py")
    await terminal.command("Mazu chat begin")
    await terminal.wait("? Run touch made.txt", "ga allow")
    await terminal.command("Mazu question")
    made = terminal.project / "made.txt"
    await terminal.press_until("the command runs", lambda: made.exists(), "g", "a")
    pid = await terminal.lua("require('mazu').pid()")
    os.kill(int(pid), signal.SIGKILL)
    await terminal.wait("The server ended in the middle of this turn", "interrupted: what it did so far", without="not run")
    await terminal.command("Mazu chat go on")
    shown = await terminal.wait("go on")
    assert "Press ENTER" not in shown
    await terminal.wait("Back again.")


@asynccontextmanager
async def started_again(terminal: Terminal) -> AsyncIterator[Terminal]:
    """Another Neovim in the same project."""
    again = Terminal(terminal.nvim, terminal.project, terminal.home, terminal.model)
    try:
        await again.start("app.py")
        yield again
    finally:
        await again.close()


async def test_edit_undo_redo_restart_undo_kill_continue_undo(terminal: Terminal):
    run = ScriptedReply(calls=[{"name": "run_shell", "arguments": {"command": "touch made.txt"}}])
    terminal.model.script.replies += [
        EDIT, ScriptedReply(text="It adds now."), EDIT, run, ScriptedReply(when="continue", text="I continued here."),
    ]  # fmt: skip
    app = terminal.project / "app.py"
    before = app.read_text()
    after = before.replace("return a - b", "return a + b")

    async def shown(one: Terminal, text: str) -> None:
        buffer = "table.concat(vim.fn.getbufline('app.py', 1, '$'), '\\n') .. '.'"
        await one.until("the buffer changes", lambda: one.lua_gives(buffer, text.rstrip("\n") + "."))

    async def allow(one: Terminal, message: str, call: str) -> None:
        said = len(one.model.bodies)
        await one.command(f"Mazu chat {message}")
        await one.wait(call, "ga allow")
        await one.command("Mazu question")
        await one.press_until("it is allowed", lambda: len(one.model.bodies) > said + 1, "g", "a")

    await terminal.start("app.py")
    await allow(terminal, "make total add", "? Edit app.py")
    await terminal.wait("It adds now.")
    await shown(terminal, after)
    await terminal.command("Mazu undo")
    await shown(terminal, before)
    await terminal.wait("1 turn undone")
    await terminal.command("Mazu redo")
    await shown(terminal, after)
    await terminal.command("Mazu redo")  # what was redone is not undone by it
    refused = "table.concat(require('mazu.messages').all()):find('Nothing to redo', 1, true) ~= nil"
    await terminal.until("it is said", lambda: terminal.lua_gives(refused, "true"))
    await shown(terminal, after)
    await terminal.command("silent wall")
    await terminal.until("it is written", lambda: app.read_text() == after)
    await terminal.command("qa")
    await terminal.until("Neovim ends", terminal.has_ended)
    async with started_again(terminal) as second:
        await second.command("Mazu undo")
        await shown(second, before)
        assert app.read_text() == before
        await allow(second, "begin the work", "? Edit app.py")
        await second.command("silent wall")
        await second.wait("? Run touch made.txt", "ga allow")
        pids = [await second.lua(one) for one in ("vim.uv.os_getpid()", "require('mazu').pid()")]
        for pid in pids:
            os.kill(int(pid), signal.SIGKILL)
    assert app.read_text() == after
    async with started_again(terminal) as third:
        await third.command("Mazu toggle")
        await third.wait("was interrupted", "g2 Continue")
        await third.press("Escape")
        await third.command("Mazu answer allow")
        await third.wait("`allow` is not offered here")
        await third.press("Escape")
        await third.press_until("it continues", lambda: shows(third, "I continued here."), "g", "2")
        await third.command("Mazu undo")  # the turn that went on changed nothing
        await third.wait("turn undone", without="I continued here.")
        await third.command("Mazu undo")
        await shown(third, before)
        assert app.read_text() == before
    assert not (terminal.project / "made.txt").exists()


async def test_one_undo_takes_back_what_a_turn_did_to_a_buffer(terminal: Terminal):
    twice = {"path": "app.py", "old": "return a * 2", "new": "return 2 * a"}
    terminal.model.script.replies += [
        EDIT,
        ScriptedReply(text="And more.", calls=[{"name": "edit_file", "arguments": twice}]),
        ScriptedReply(text="Both are done."),
    ]
    await terminal.start("app.py")
    await terminal.command("Mazu run change both")
    await terminal.wait("Both are done.", "return a + b", "return 2 * a")
    before = (terminal.project / "app.py").read_text()
    buffer = "table.concat(vim.fn.getbufline('app.py', 1, '$'), '\\n') .. '.'"
    await terminal.press("u")
    await terminal.until(
        "one undo takes both back", lambda: terminal.lua_gives(buffer, before.rstrip("\n") + ".")
    )
    await terminal.wait("return a - b", "return a * 2")
    await terminal.press("C-r")
    await terminal.command("Mazu close")
    await terminal.wait("return a + b", "return 2 * a", without="return a - b")


async def test_a_rollback_is_seen_first_and_taken_back_after(terminal: Terminal):
    terminal.model.script.replies += [EDIT, ScriptedReply(text="It adds now.")]
    app = terminal.project / "app.py"
    before = app.read_text()
    await terminal.start("app.py")
    await terminal.command("Mazu checkpoint clean")
    await terminal.wait("checkpoint taken")
    # A sentence that has no room says where the whole is.
    await terminal.command("lua require('mazu.tell').info('%s', ('a long sentence '):rep(20))")
    await terminal.wait("mazu: a long sentence", "… :Mazu messages")
    assert "Press ENTER" not in await terminal.screen()
    await terminal.command("Mazu run make it add")
    await terminal.wait("It adds now.")
    await terminal.command("silent write")
    after = before.replace("return a - b", "return a + b")
    await terminal.until("it is written", lambda: app.read_text() == after)
    await terminal.command("Mazu rollback cp_000001")
    await terminal.wait("# Back to", "“clean”", "ga roll back", "+    return a + b")
    assert app.read_text() == after, "nothing is done before a key is pressed there"
    await terminal.press("g", "a")
    await terminal.until("it is as it was", lambda: app.read_text() == before)
    await terminal.wait("return a - b", without="# Back to")
    said = "table.concat(require('mazu.messages').all()):find('To undo this', 1, true) ~= nil"
    await terminal.until("it is said", lambda: terminal.lua_gives(said, "true"))
    assert "Press ENTER" not in await terminal.screen()
    # What undoes it is said, perhaps with something else after it.
    commands = "map(function(line) return line:match(':(Mazu r.*)') end)"
    redo = await terminal.lua(f"vim.iter(require('mazu.messages').all()):{commands}:last()")
    await terminal.command(redo)
    if "rollback" in redo:
        await terminal.wait("# Back to")
        await terminal.press_until("it is as after the turn", lambda: app.read_text() == after, "g", "a")
    await terminal.until("it is as it was after the turn", lambda: app.read_text() == after)


async def test_what_is_said_while_a_turn_runs_waits_for_its_turn(terminal: Terminal):
    terminal.model.script.replies += [
        slow := ScriptedReply(text="slow " * 200, chunk=5, delay=0.5),
        ScriptedReply(text="The second answer."),
    ]
    await terminal.start("app.py")
    await terminal.command("Mazu chat the first")
    await terminal.wait("slow slow")
    await terminal.command("Mazu chat the second")
    await terminal.wait("1 queued", "slow slow")
    hurry(slow, 0)
    shown = await terminal.wait("The second answer.", without="1 queued")
    assert shown.index("the first") < shown.index("the second") < shown.index("The second answer.")


async def test_your_own_lines_between_the_edits_of_a_turn_stay_yours(terminal: Terminal):
    twice = {"path": "app.py", "old": "return a * 2", "new": "return 2 * a"}
    terminal.model.script.replies += [
        EDIT,
        ScriptedReply(calls=[{"name": "edit_file", "arguments": twice}]),
        ScriptedReply(text="Both are done."),
        EDIT,
        ScriptedReply(calls=[{"name": "run_shell", "arguments": {"command": "cat app.py"}}]),
        ScriptedReply(text="Once more."),
    ]
    app = terminal.project / "app.py"
    before = app.read_text()
    buffer = "table.concat(vim.fn.getbufline('app.py', 1, '$'), '\\n') .. '\\n.'"

    async def holds(text: str) -> None:
        await terminal.until(f"the buffer is {text!r}", lambda: terminal.lua_gives(buffer, text + "."))

    async def written(text: str) -> None:
        await terminal.command("write")
        await terminal.until("it is written, and nothing is asked", lambda: app.read_text() == text)

    both = before.replace("a - b", "a + b").replace("a * 2", "2 * a")
    await terminal.start("app.py")
    await terminal.command("Mazu chat change both")
    await terminal.wait("? Edit app.py", "a + b")
    await terminal.command("Mazu answer allow")
    await terminal.wait("? Edit app.py", "2 * a")
    await written(before.replace("a - b", "a + b"))
    await terminal.press("g", "g")
    await terminal.type("Ox = 5  # mine")
    await terminal.press("Escape")
    await terminal.command("Mazu answer allow")
    await terminal.wait("Both are done.")
    await holds("x = 5  # mine\n" + both)
    await terminal.press("g", "g")
    await terminal.type("Oy = 6  # mine too")
    await terminal.press("Escape")
    own = "y = 6  # mine too\nx = 5  # mine\n"

    told = "select(2, table.concat(require('mazu.messages').all()):gsub('To undo this', ''))"

    async def undo(text: str) -> None:
        said = int(await terminal.lua(told))
        await terminal.command("Mazu undo")
        await terminal.wait("what should happen to app.py", "Keep mine")
        await terminal.command("Mazu answer Keep mine")
        await holds(text)
        await terminal.until("it is told", lambda: terminal.lua_gives(told, str(said + 1)))

    await undo(own + before)
    await written(own + before)
    await terminal.command("Mazu redo")
    await holds(own + both)
    if await terminal.lua_gives("vim.bo.modified", "true"):
        await written(own + both)
    await terminal.command("Mazu checkpoint seen")
    taken = "table.concat(require('mazu.messages').all()):find('checkpoint taken', 1, true) ~= nil"
    await terminal.until("the checkpoint is taken", lambda: terminal.lua_gives(taken, "true"))
    await undo(own + before)
    await written(own + before)
    await terminal.command("Mazu chat make it add")
    await terminal.wait("? Edit app.py", "a + b")
    await terminal.command("Mazu answer allow")
    await terminal.wait("? Run cat app.py")
    await terminal.command("Mazu answer allow")
    await terminal.wait("Once more.")
    assert app.read_text() == own + before.replace("a - b", "a + b"), "saved before the command"
    await terminal.press("g", "g")
    await terminal.type("Oz = 7  # unsaved")
    await terminal.press("Escape")
    await undo("z = 7  # unsaved\n" + own + before)
    assert app.read_text() == own + before, "the agent's change was saved, and is gone from the file too"
    await terminal.command("write ++ff=dos")
    dos = ("z = 7  # unsaved\n" + own + before).replace("\n", "\r\n").encode()
    await terminal.until("it is written as it was said", lambda: app.read_bytes() == dos)
