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
    await terminal.press("Tab")
    await asyncio.sleep(0.2)
    await terminal.type("1")
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
    await terminal.press("Tab")
    await asyncio.sleep(0.2)
    await terminal.type("1")
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


REPORTED = """(let ((result (list :applied t :checkpoint (list :title "before: x") :plan (list :conflicts nil :keep nil)
  :problems (list (list :path "file:///tmp/a%20b/bank.py" :reason "Emacs did not take the edit")))))
  (mazu--report result) (mazu--report result t))"""


def test_what_was_not_restored_is_said_with_its_reason_and_redo_is_undone_by_undo(editors_wanted: None):
    command = [obtain(), "--batch", "--eval", "(package-activate-all)", "-l", PACKAGE, "--eval", REPORTED]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
    back = 'Back at "before: x"; not restored: bank.py: Emacs did not take the edit; M-x mazu-{} undoes this'
    assert [line for line in said if line.startswith("Back")] == [back.format("redo"), back.format("undo")]


OUTCOMES = """(dolist (said '("error: the user refused this: no. Ask, or continue." "error: not allowed: a rule denies it" "boom"))
  (message "%S" (mazu--outcome (list :ok :json-false :summary said))))"""


def test_a_call_that_was_refused_is_shown_as_not_run(editors_wanted: None):
    command = [obtain(), "--batch", "--eval", "(package-activate-all)", "-l", PACKAGE, "--eval", OUTCOMES]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
    shown = ['("–" "you refused it")', '("–" "not allowed: a rule denies it")', '("✗" "boom")']
    assert [line for line in said if line.startswith("(")] == shown
