"""Emacs with eglot on its default settings in a real terminal: eglot asks about each edit of the server."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from emacs_bed import EARLY, obtain

from mazu_ls.demo.model_server import ModelServer, ScriptedReply

sys.path.insert(0, str(Path(__file__).parents[1] / "neovim"))
from terminal_bed import Terminal  # pyright: ignore[reportMissingImports] - the terminal that both editors are told in

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
    one = Terminal(Path("unused"), project, home, model, columns=140)
    (home / ".emacs.d").mkdir()
    (home / ".emacs.d" / "early-init.el").write_text(EARLY)
    init = home / "init.el"
    init.write_text(INIT.format(python=sys.executable))
    await one.run(obtain(), "-nw", "-l", init, "app.py")
    yield one
    await one.close()


async def call(terminal: Terminal, command: str) -> None:
    await terminal.press("M-x")
    await terminal.type(command)
    await terminal.press("Enter")


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
