"""A real Emacs in a real terminal: typed into and read back."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from emacs_bed import EARLY, obtain

from mazu_ls.demo.model_server import ModelServer

sys.path.insert(0, str(Path(__file__).parents[1] / "neovim"))
from terminal_bed import Terminal  # pyright: ignore[reportMissingImports] - of both editors


@asynccontextmanager
async def typed_emacs(project: Path, home: Path, model: ModelServer, init: str) -> AsyncIterator[Terminal]:
    """Emacs with `app.py` and this initialization file."""
    one = Terminal(Path("unused"), project, home, model, columns=140)
    (home / ".emacs.d").mkdir()
    (home / ".emacs.d" / "early-init.el").write_text(EARLY)
    (home / "init.el").write_text(init)
    await one.run(obtain(), "-nw", "-l", home / "init.el", "app.py")
    yield one
    await one.close()


async def call(terminal: Terminal, command: str) -> None:
    """M-x."""
    await terminal.press("M-x")
    await terminal.type(command)
    await terminal.press("Enter")
