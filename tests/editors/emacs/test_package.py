"""mazu.el in a real Emacs in a real terminal: typed into and read back."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from emacs_bed import obtain  # pyright: ignore[reportAttributeAccessIssue]
from typed_emacs import Terminal, call, typed_emacs  # pyright: ignore[reportAttributeAccessIssue]

from mazu_ls.demo.model_server import ModelServer, ScriptedReply


pytestmark = pytest.mark.editor

PACKAGE = Path(__file__).parents[3] / "editors" / "emacs" / "mazu.el"
INIT = """\
(setq make-backup-files nil)
(package-activate-all)
(load "{package}" nil t)
(setq mazu-command '("{python}" "-m" "mazu_ls"))
(add-hook 'python-mode-hook #'mazu-ensure)
"""


@pytest.fixture
async def terminal(
    editors_wanted: None, project: Path, home: Path, model: ModelServer
) -> AsyncIterator[Terminal]:
    async with typed_emacs(project, home, model, INIT.format(package=PACKAGE, python=sys.executable)) as one:
        yield one


async def test_a_question_waits_while_the_user_types(terminal: Terminal):
    fix = {"path": "app.py", "old": "return a - b", "new": "return a + b"}
    terminal.model.script.replies += [
        ScriptedReply(text="I see.", calls=[{"name": "edit_file", "arguments": fix}]),
        ScriptedReply(calls=[{"name": "run_shell", "arguments": {"command": "grep -n 'a + b' app.py"}}]),
        ScriptedReply(text="It **adds** now, to the very end of this reply."),
    ]
    await terminal.wait("return a - b", "[eglot:project")
    await call(terminal, "mazu-checkpoint")
    await terminal.type("clean")
    await terminal.press("Enter")
    await terminal.wait("Checkpoint taken")
    await terminal.press("C-x", "C-f")
    await terminal.type("notes.txt")
    await terminal.press("Enter")
    await asyncio.sleep(0.3)
    await call(terminal, "mazu-chat")
    await terminal.type("make total add")
    await terminal.press("Enter")
    await terminal.wait("make total add", "? ", "+    return a + b", "C-c C-a allow")
    typed = "y n 1 a d yes no C-c while it waits"
    for character in typed:
        await terminal.type(character)
    await terminal.wait(typed)
    assert len(terminal.model.bodies) == 1, "nothing was answered"
    await call(terminal, "mazu-allow")
    # What the command reads was saved without a question.
    await terminal.wait("✓ Edit app.py", "? Run grep", "C-c C-a allow")
    await call(terminal, "mazu-allow")
    await terminal.wait(
        "2:    return a + b",
        "1 file changed  +1 -1",
        "to the very end of this reply.",
        "✓ Edit app.py",
        without="C-c C-a allow",
    )
    await terminal.press("C-x", "b")
    await terminal.type("app.py")
    await terminal.press("Enter")
    await terminal.wait("    return a + b")
    await call(terminal, "mazu-rollback")
    await terminal.wait("Roll back to:")
    await terminal.type("clean")
    await terminal.press("Tab", "Enter")
    await terminal.wait('# Back to "clean"', "C-c C-c rolls back")
    await terminal.press("C-c", "C-c")
    await terminal.wait("Back at", "return a - b")
    # What the user changed himself is asked about in the chat buffer, and Emacs waits for nobody.
    await terminal.press("C-x", "b")
    await terminal.type("app.py")
    await terminal.press("Enter")
    await terminal.type("# mine ")
    await terminal.press("C-x", "C-s")
    await terminal.wait("# mine ", "Wrote")
    await call(terminal, "mazu-rollback")
    await terminal.wait("Roll back to:")
    await terminal.type("clean")
    await terminal.press("Tab", "Enter")
    await terminal.wait('# Back to "clean"', "C-c C-c rolls back")
    await terminal.press("C-c", "C-c")
    await terminal.wait(
        "also what you changed yourself?", "C-c C-a Only the agent's changes", "waits for you"
    )
    await terminal.type("typed meanwhile ")
    await terminal.wait("typed meanwhile")
    await call(terminal, "mazu-deny")
    await terminal.wait("Nothing was rolled back", "# mine", without="waits for you")


REPORTED = """(let ((result (list :applied t :checkpoint (list :title "before: x")
  :plan (list :conflicts nil :keep (vector (list :path "a.py" :reason "only you changed it") (list :path "b.py" :reason "only you changed it"))
              :setAside (vector (list :path "big.bin" :reason "it is in rescued/big.bin now")))
  :problems (list (list :path "file:///tmp/a%20b/bank.py" :reason "Emacs did not take the edit")))))
  (mazu--report result) (mazu--report result t))"""


def in_emacs(expression: str) -> list[str]:
    """The lines that the package says when this is evaluated."""
    command = [obtain(), "--batch", "--eval", "(package-activate-all)", "-l", PACKAGE, "--eval", expression]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()


def test_what_was_not_restored_is_said_with_its_reason_and_redo_is_undone_by_undo(editors_wanted: None):
    rest = "; kept: a.py, b.py (only you changed it); set aside: big.bin (it is in rescued/big.bin now)"
    rest += "; not restored: bank.py: Emacs did not take the edit; M-x mazu-{} undoes this"
    said = in_emacs(REPORTED)
    assert f'Back at "before: x"{rest.format("redo")}' in said
    assert f"Redone{rest.format('undo')}" in said


CHOSEN = """(let ((at "2026-11-27T21:00:00Z")) (message "%S" (mapcar #'car (mazu--choices (list
  (list :title "before: x" :createdAt at) (list :title "before: x" :createdAt at) (list :label "mine" :createdAt at))))))"""
REMEMBERED = """(message "%s" (mazu--remembered (list :outcome "superseded" :memory (list :title "Port 8080")
  :replaced (list :title "Port 80") :alike (vector (list :title "No port")))))"""


def test_checkpoints_are_chosen_by_words_and_a_memory_names_what_it_replaced(editors_wanted: None):
    said = [line for line in in_emacs(CHOSEN) if line.startswith("(")]
    assert said[0].count("before: x  ") == 2 and " (2)" in said[0] and "mine  " in said[0], said
    assert 'Remembered: "Port 8080", instead of "Port 80"; much like "No port"' in in_emacs(REMEMBERED)


OUTCOMES = """(dolist (said '("error: the user refused this: no. Ask, or continue." "error: not allowed: a rule denies it" "boom"))
  (message "%S" (mazu--outcome (list :ok :json-false :summary said))))"""


def test_a_call_that_was_refused_is_shown_as_not_run(editors_wanted: None):
    said = in_emacs(OUTCOMES)
    shown = ['("–" "you refused it")', '("–" "not allowed: a rule denies it")', '("✗" "boom")']
    assert [line for line in said if line.startswith("(")] == shown
