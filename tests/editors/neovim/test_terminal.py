"""Neovim in a real terminal, typed into and read back, on default settings."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
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


async def type_slowly(terminal: Terminal, text: str) -> None:
    for character in text:
        await terminal.type(character)
        await asyncio.sleep(0.01)


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
    await terminal.until("the file is written", notes.exists)
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
    shown = await terminal.screen()
    assert "# gagagngn" in shown and "Mazu asks" in shown
    await terminal.command("Mazu question")
    await asyncio.sleep(0.5)
    await terminal.press("g", "a")
    await terminal.until("the model hears of it", lambda: len(terminal.model.bodies) == 2)
    await terminal.wait("# gagagngn", without="Mazu asks")
    assert "return a + b" in (terminal.project / "app.py").read_text()


async def test_a_long_diff_is_read_to_its_end_before_it_is_allowed(terminal: Terminal):
    lines = "".join(f"VALUE_{n} = {n}\n" for n in range(1, 301))
    write = {"path": "values.py", "content": lines}
    terminal.model.script.replies += [
        ScriptedReply(text="Long.", calls=[{"name": "write_file", "arguments": write}]),
        ScriptedReply(text="Heard."),
    ]
    await terminal.start("app.py")
    await terminal.command("Mazu chat write the values")
    await terminal.wait("waits for you")
    await terminal.command("Mazu question")
    await terminal.wait("+VALUE_1 = 1", without="ga allow")
    seen = set()
    for _ in range(30):
        shown = await terminal.screen()
        seen |= {
            n for n in range(1, 301) if f"+VALUE_{n} = {n} " in shown.replace("\n", " \n").replace("│", " ")
        }
        if "ga allow" in shown:
            break
        await terminal.press("C-f")
        await asyncio.sleep(0.15)
    assert seen == set(range(1, 301)), f"missing {sorted(set(range(1, 301)) - seen)}"
    assert not (terminal.project / "values.py").exists()
    await terminal.press("g", "d")
    await terminal.wait("VALUE_1 ", "values.py (after)")
    await terminal.press("G")
    await terminal.wait("VALUE_300", "values.py (after)")
    await terminal.command("tabclose")
    await terminal.press("g", "a")
    await terminal.until("it is written", (terminal.project / "values.py").exists)
    await terminal.wait("✓ Write values.py")


async def test_the_end_is_followed_only_while_the_cursor_is_there(terminal: Terminal):
    text = "".join(f"paragraph {n} of many\n\n" for n in range(120))
    terminal.model.script.replies.append(ScriptedReply(text=text, chunk=40, delay=0.06))
    await terminal.start("app.py")
    await terminal.command("Mazu chat tell me more")
    await terminal.wait("paragraph 20 of many", without="paragraph 2 of many")
    await terminal.press("C-w", "l", "C-w", "k", "g", "g")
    before = await terminal.wait("tell me more", "more below")
    await terminal.until("the reply is complete", lambda: not terminal.model.script.replies[1:])
    await asyncio.sleep(1.5)
    after = await terminal.screen()
    assert [line[70:] for line in before.splitlines()[2:20]] == [
        line[70:] for line in after.splitlines()[2:20]
    ]
    await terminal.press("G")
    await terminal.wait("paragraph 119 of many", without="more below")


async def test_the_panel_is_toggled_and_quitting_never_complains(terminal: Terminal):
    terminal.model.script.replies += [ScriptedReply(text="Hello to you."), ScriptedReply(text="Again.")]
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
    await terminal.command("Mazu toggle")
    await terminal.wait("def total", without="Hello to you.")
    await terminal.command("Mazu toggle")
    await terminal.wait("Hello to you.", "Again.")
    await terminal.type("ian unfinished draft")
    await terminal.press("Escape")
    await terminal.command("qa")
    for _ in range(100):
        if await terminal.has_ended():
            break
        await asyncio.sleep(0.1)
    assert await terminal.has_ended(), await terminal.screen()


async def test_a_killed_server_is_told_and_comes_back(terminal: Terminal):
    terminal.model.script.replies += [
        ScriptedReply(text="slow " * 200, chunk=5, delay=0.2),
        ScriptedReply(text="Back again."),
    ]
    await terminal.start("app.py")
    await terminal.command("Mazu chat begin")
    await terminal.wait("slow slow")
    pid = await terminal.lua("require('mazu').pid()")
    os.kill(int(pid), signal.SIGKILL)
    await terminal.wait("The server ended in the middle of this turn")
    await terminal.command("Mazu chat go on")
    shown = await terminal.wait("go on")
    assert "Press ENTER" not in shown
    await terminal.wait("Back again.")


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
    await terminal.press("u")
    await terminal.command("write")
    await asyncio.sleep(0.3)
    assert (terminal.project / "app.py").read_text() == before
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
    await terminal.wait("checkpoint cp_")
    await terminal.command("Mazu run make it add")
    await terminal.wait("It adds now.")
    await terminal.command("silent write")
    await terminal.until("it is written", lambda: app.read_text() != before)
    after = app.read_text()
    await terminal.command("Mazu rollback cp_000001")
    await terminal.wait("# Back to", "“clean”", "ga roll back", "+    return a + b")
    assert app.read_text() == after, "nothing is done before a key is pressed there"
    await terminal.press("g", "a")
    await terminal.wait("back at", without="# Back to")
    await terminal.until("it is as it was", lambda: app.read_text() == before)
    assert "Press ENTER" not in await terminal.screen()
    redo = await terminal.lua(
        "require('mazu.messages').all()[#require('mazu.messages').all()]:match(':(Mazu r.*)')"
    )
    await terminal.command(redo)
    if "rollback" in redo:
        await terminal.wait("# Back to")
        await terminal.press("g", "a")
    await terminal.until("it is as it was after the turn", lambda: app.read_text() == after)


async def test_what_is_said_while_a_turn_runs_waits_for_its_turn(terminal: Terminal):
    terminal.model.script.replies += [
        ScriptedReply(text="slow " * 40, chunk=5, delay=0.3),
        ScriptedReply(text="The second answer."),
    ]
    await terminal.start("app.py")
    await terminal.command("Mazu chat the first")
    await terminal.wait("slow slow")
    await terminal.command("Mazu chat the second")
    await terminal.wait("1 queued", "slow slow")
    shown = await terminal.wait("The second answer.", without="1 queued")
    assert shown.index("the first") < shown.index("the second") < shown.index("The second answer.")
