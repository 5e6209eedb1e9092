"""A host that forwards every call to another one; subclasses override what they change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mazu_ls.host import Buffer, Host, LanguageServices, Question, UserReply


@dataclass
class DelegatingHost:
    """Forwards every method of `Host` to the wrapped `host`."""

    host: Host

    async def read(self, path: Path) -> str:
        """Return the text that the user sees. Raises FileNotFoundError."""
        return await self.host.read(path)

    async def edit(self, path: Path, before: str | None, after: str | None) -> None:
        """Replace the whole text. Raises MazuError(conflict)."""
        await self.host.edit(path, before, after)

    async def buffers(self) -> Sequence[Buffer]:
        """Return every open document."""
        return await self.host.buffers()

    async def save(self, paths: Sequence[Path]) -> Sequence[Path]:
        """Save these files; return those that are still unsaved."""
        return await self.host.save(paths)

    async def ask(self, question: Question, timeout: float) -> UserReply:
        """Ask the user."""
        return await self.host.ask(question, timeout)

    async def say(self, level: Literal["info", "warning", "error"], text: str) -> None:
        """Show the user one sentence."""
        await self.host.say(level, text)

    async def show(self, path: Path, line: int | None = None) -> bool:
        """Open a file in front of the user."""
        return await self.host.show(path, line)

    @property
    def can_ask(self) -> bool:
        """Whether somebody could be asked."""
        return self.host.can_ask

    @property
    def lender(self) -> LanguageServices | None:
        """The editor's other language servers."""
        return self.host.lender
