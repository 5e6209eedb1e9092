"""Emacs with eglot on its default settings in a real terminal: eglot asks about each edit of the server."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typed_emacs import Terminal, call, typed_emacs  # pyright: ignore[reportAttributeAccessIssue]

from mazu_ls.demo.model_server import ModelServer, ScriptedReply


pytestmark = pytest.mark.editor

INIT = """\
(package-activate-all)
(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs
               '((python-mode markdown-mode text-mode) . ("{python}" "-m" "mazu_ls"))))
(add-to-list 'auto-mode-alist '("\\\\.md\\\\'" . text-mode))
(add-hook 'python-mode-hook #'eglot-ensure)
"""


@pytest.fixture
async def terminal(
    editors_wanted: None, project: Path, home: Path, model: ModelServer
) -> AsyncIterator[Terminal]:
    async with typed_emacs(project, home, model, INIT.format(python=sys.executable)) as one:
        yield one



async def act(terminal: Terminal, title: str) -> None:
    await call(terminal, "eglot-code-actions")
    await terminal.wait("Pick an action")
    await terminal.type(title)
    await terminal.press("Tab", "Enter")


async def test_a_reply_shows_although_emacs_asks_about_each_edit(terminal: Terminal, project: Path):
    reply = f"{'All is well. ' * 30}The very end."
    terminal.model.script.replies += [ScriptedReply(text=reply, chunk=12, delay=0.05)]
    await terminal.wait("return a - b", "[eglot:project")
    chats = project / ".mazu" / "chats"
    await act(terminal, "Mazu: chat")
    await terminal.until("a chat document", lambda: any(chats.glob("*.md")))
    (chat,) = chats.glob("*.md")
    await terminal.press("C-x", "C-f", "C-a", "C-k")
    await terminal.type(str(chat))
    await terminal.press("Enter")
    await terminal.wait("## You", "[eglot:project")
    await terminal.press("M->")
    await terminal.type("Is it well?")
    await act(terminal, "Mazu: send")
    await terminal.wait("Server wants to edit", "Proceed?")
    await asyncio.sleep(1.5)  # as long as a person takes to read it
    await terminal.press("y")
    await terminal.wait("## Mazu", "Proceed?")
    await terminal.press("y")
    shown = await terminal.wait("The very end.", without="Proceed?")
    assert "Is it well?y" not in shown
