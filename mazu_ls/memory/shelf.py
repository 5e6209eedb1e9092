"""One store of memory, project or global: a connection that writes and one that reads, so that neither waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mazu_ls.memory.rows import Rows
from mazu_ls.memory.schema import MIGRATIONS
from mazu_ls.store import Store

T = TypeVar("T")


@dataclass(frozen=True)
class Shelf:
    """The memory of one scope."""

    scope: str
    writer: Store
    reader: Store

    @classmethod
    async def open(cls, path: Path, scope: str) -> Shelf:
        """Open or create the database. Raises MazuError(storage)."""
        writer = await Store.open(path, [MIGRATIONS])
        try:
            return cls(scope, writer, await Store.open(path, [MIGRATIONS]))
        except BaseException:
            await writer.close()
            raise

    async def read(self, work: Callable[[Rows], T]) -> T:
        """Run `work` on the reading connection."""
        return await self.reader.read(lambda db: work(Rows(db, self.scope)))

    async def write(self, work: Callable[[Rows], T]) -> T:
        """Run `work` in one durable transaction."""
        return await self.writer.write(lambda db: work(Rows(db, self.scope)))

    async def close(self) -> None:
        """Close both connections."""
        await self.reader.close()
        await self.writer.close()
