"""The Host of a terminal: files on disk, questions at the prompt, sentences on stderr."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from mazu_ls.host import Buffer, Lender, Question, Reply
from mazu_ls.workspace import Workspace
from mazu_ls.workspace.disk import edit_text, read_text


class TerminalHost:
    """No buffers, so nothing is ever unsaved. Where stdin is no terminal nobody can be asked."""

    def __init__(self, folders: Sequence[Path], *, quiet: bool = False) -> None:
        self._workspace = Workspace(folders)
        self._quiet = quiet
        self.interactive = sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def lender(self) -> Lender | None:
        """None: a terminal has no language servers."""
        return None

    async def read(self, path: Path) -> str:
        """The file's text."""
        return await asyncio.to_thread(read_text, self._workspace, path)

    async def edit(self, path: Path, before: str | None, after: str | None) -> None:
        """Write the file atomically if it still says `before`."""
        await asyncio.to_thread(edit_text, self._workspace, path, before, after)

    async def buffers(self) -> Sequence[Buffer]:
        """None: a terminal holds no documents."""
        return ()

    async def save(self, paths: Sequence[Path]) -> Sequence[Path]:
        """Everything is on disk already."""
        return ()

    async def ask(self, question: Question, timeout: float) -> Reply:
        """Show what will happen and read a number; a note for the model may follow it."""
        if not self.interactive:
            return Reply(None, unreachable=True)
        from mazu_ls.terminal import show

        show.question(question)
        try:
            sys.stderr.write("> ")
            sys.stderr.flush()
            line = await asyncio.wait_for(read_line(), timeout)
        except TimeoutError:
            return Reply(None)
        number, _, note = line.strip().partition(" ")
        if number.isdecimal() and 1 <= int(number) <= len(question.choices):
            return Reply(question.choices[int(number) - 1], note)
        deny = next(choice for choice in question.choices if choice.kind == "deny")
        return Reply(deny, line.strip())

    async def say(self, level: Literal["info", "warning", "error"], text: str) -> None:
        """One line on stderr; information is left out where the output is for a program."""
        if not (self._quiet and level == "info"):
            print(f"mazu-ls: {text}", file=sys.stderr)

    async def show(self, path: Path, line: int | None = None) -> bool:
        """Name the place; a terminal opens no files."""
        print(f"{path}:{line + 1}" if line is not None else str(path), file=sys.stderr)
        return False


async def read_line() -> str:
    """The next line of standard input; empty at its end. Whoever is cancelled while he waits leaves nothing behind."""
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()

    def readable() -> None:
        text = sys.stdin.readline()  # a terminal gives whole lines
        if not line.done():
            line.set_result(text)

    loop.add_reader(sys.stdin.fileno(), readable)
    try:
        return await line
    finally:
        loop.remove_reader(sys.stdin.fileno())
