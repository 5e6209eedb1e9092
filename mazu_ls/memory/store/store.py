"""One store of memory, project or global: a connection that writes and one that reads, so that neither waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mazu_ls.errors import Kind, MazuError
from mazu_ls.memory import validation
from mazu_ls.memory.embeddings.vector_index import VectorIndex
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.memory.store.schema import MIGRATIONS
from mazu_ls.memory.store.writers import USER
from mazu_ls.state.store import Store, select

if TYPE_CHECKING:
    import apsw

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class MemoryStore:
    """The memory of one scope."""

    scope: str
    writer: Store
    reader: Store
    vectors: VectorIndex = field(default_factory=VectorIndex)
    """Used on the reading connection only."""
    _looked: dict[tuple[int, ...], tuple[bool, bool]] = field(default_factory=dict)

    @classmethod
    async def open(cls, path: Path, scope: str) -> MemoryStore:
        """Open or create the database. Raises MazuError(storage)."""
        writer = await Store.open(path, [MIGRATIONS])
        try:
            return cls(scope, writer, await Store.open(path, [MIGRATIONS]))
        except BaseException:
            await writer.close()
            raise

    async def read(self, work: Callable[[EntryTable], T]) -> T:
        """Run `work` on the reading connection."""
        return await self.reader.read(lambda db: work(EntryTable(db, self.scope)))

    async def write(self, work: Callable[[EntryTable], T], writer: str = USER) -> T:
        """Run `work` in one durable transaction. `writer`: who changes the entries, see writers.py."""
        return await self.writer.write(lambda db: work(EntryTable(db, self.scope, writer)))

    async def has_entries(self, *, pinned: bool = False) -> bool:
        """Return whether anything is remembered, or pinned. The database is asked again only once some process wrote to it."""
        stamp = self.writer.stamp()
        if stamp not in self._looked:
            found = await self.reader.read(_any_entry)
            self._looked.clear()
            self._looked[stamp] = found
        return self._looked[stamp][pinned]

    async def close(self) -> None:
        """Close both connections."""
        await self.reader.close()
        await self.writer.close()


@dataclass(frozen=True)
class MemoryStores:
    """Project memory, if a folder is open, and global memory."""

    project: MemoryStore | None
    common: MemoryStore

    def __iter__(self) -> Iterator[MemoryStore]:
        """The open ones, project first."""
        return iter([self.common] if self.project is None else [self.project, self.common])

    async def has_entries(self, *, pinned: bool = False) -> bool:
        """Return whether anything is remembered, or pinned, in any of them."""
        for shelf in self:
            if await shelf.has_entries(pinned=pinned):
                return True
        return False

    @property
    def default_store(self) -> str:
        """Return the scope of entries without a scope of their own: the project if one is open."""
        return "global" if self.project is None else "project"

    def for_id(self, scope: str | None) -> list[MemoryStore]:
        """The shelf of a scope, or all. Raises InvalidArguments, MazuError(unsupported)."""
        return list(self) if validation.scope(scope) is None else [self.store(scope)]

    def store(self, scope: str | None) -> MemoryStore:
        """Return the store of a scope. Raises InvalidArguments, MazuError(unsupported) if no folder is open."""
        if validation.scope(scope) == "global":
            return self.common
        if self.project is None:
            raise MazuError(
                Kind.UNSUPPORTED,
                "No folder is open, so there is no project memory.",
                'Open a folder, or use scope "global".',
            )
        return self.project


def _any_entry(db: apsw.Connection) -> tuple[bool, bool]:
    """Return whether there is an entry, and a pinned one."""
    ((any_, pinned),) = select(
        db, "SELECT EXISTS (SELECT 1 FROM memory), EXISTS (SELECT 1 FROM memory WHERE pinned)"
    )
    return bool(any_), bool(pinned)
