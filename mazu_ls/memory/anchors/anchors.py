"""Anchors: the code that a memory is about. They follow it through edits and renames, and detect when it changed."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.errors import Kind, MazuError
from mazu_ls.memory import validation
from mazu_ls.memory.anchors.anchor_evidence import AnchoredText, follow_anchor, make_anchor, refresh_evidence
from mazu_ls.memory.models import AnchorRequest, Memory, MemoryAnchor, TextRange, micros, now
from mazu_ls.memory.store import upsert
from mazu_ls.memory.store.entries import EntryTable, number, scope_of
from mazu_ls.memory.store.store import MemoryStore, MemoryStores
from mazu_ls.memory.store.writers import AUTOMATIC
from mazu_ls.state.store import select


class AnchoredMemory(Struct, frozen=True):
    """A memory at a place of a document: for hover, code lens and diagnostic."""

    memory: Memory
    anchor: MemoryAnchor


class AnchorChange(Struct, frozen=True):
    """The effect of a changed document on anchors: memories that became stale, that are fresh again, and how many
    moved."""

    doubted: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()
    moved: int = 0

    def __bool__(self) -> bool:
        return bool(self.doubted or self.restored or self.moved)


class Anchors:
    """The anchors of project memory."""

    def __init__(self, shelves: MemoryStores) -> None:
        self._project = shelves.project

    async def attach(self, id: str, place: AnchorRequest) -> Memory:
        """Anchor a memory at one more place, or again at the same one: it is fresh then. Raises MazuError(not_found)."""
        (new,) = make_anchor([place])

        def work(rows: EntryTable) -> Memory:
            entry = rows.entry(number(id, rows.scope))
            others = [
                a
                for a in entry.anchors
                if (a.path, a.symbol) != (new.path, new.symbol) or (not new.symbol and a.range != new.range)
            ]
            rows.put(replace(upsert.set_anchors(entry, [*others, new]), updated_at=micros(now())))
            return rows.memory(number(id, rows.scope))

        return await self._shelf(id).write(work)

    async def confirm(self, id: str, texts: dict[str, str]) -> Memory:
        """`Still true`: take new evidence from the current texts, by path. Raises MazuError(not_found)."""

        def work(rows: EntryTable) -> Memory:
            entry = rows.entry(number(id, rows.scope))
            anchors = [refresh_evidence(anchor, texts.get(anchor.path)) for anchor in entry.anchors]
            rows.put(replace(upsert.set_anchors(entry, anchors), updated_at=micros(now())))
            upsert.record_use(rows, [number(id, rows.scope)])
            return rows.memory(number(id, rows.scope))

        return await self._shelf(id).write(work)

    async def document_changed(self, path: str, text: str | None) -> AnchorChange:
        """Follow the anchors of `path` in its current text (None: it was deleted)."""
        document = None if text is None else AnchoredText(path, text)
        return await self._follow(
            path,
            lambda anchor: (
                replace(anchor, state="stale") if document is None else follow_anchor(anchor, document)
            ),
        )

    async def renamed(self, old: str, new: str) -> AnchorChange:
        """A file or folder was renamed: move its anchors."""
        new = validation.path(new)

        def work(rows: EntryTable) -> AnchorChange:
            below = old.rstrip("/") + "/"
            found = select(
                rows.db,
                "SELECT DISTINCT n FROM memory_anchor WHERE path = ?1 OR substr(path, 1, length(?2)) = ?2",
                (old, below),
            )
            for (n,) in found:
                entry = rows.entry(n)
                rows.put(replace(entry, anchors=tuple(_renamed(a, old, below, new) for a in entry.anchors)))
            return AnchorChange(moved=len(found))

        return AnchorChange() if self._project is None else await self._project.write(work, AUTOMATIC)

    async def at(self, path: str, line: int | None = None) -> list[AnchoredMemory]:
        """Return the live memories anchored in a document, or at one of its lines (0-based), best first."""

        def work(rows: EntryTable) -> list[AnchoredMemory]:
            numbers = [
                n for (n,) in select(rows.db, "SELECT DISTINCT n FROM memory_anchor WHERE path = ?", (path,))
            ]
            entries = [
                e for n in numbers if (e := rows.find(n)) is not None and e.state in ("current", "check")
            ]
            return [
                AnchoredMemory(memory, anchor)
                for memory in rows.memories(entries)
                for anchor in memory.anchors
                if anchor.path == path and (line is None or _covers(anchor, line))
            ]

        found = [] if self._project is None else await self._project.read(work)
        return sorted(found, key=lambda f: (not f.memory.pinned, f.anchor.range or TextRange(0), f.memory.id))

    async def in_text(self, path: str, text: str, line: int | None = None) -> list[AnchoredMemory]:
        """Like `at`, but with places relocated in a text that the stored anchors do not follow yet."""
        found = await self.at(path)
        if not found:
            return []
        document = AnchoredText(path, text)
        moved = [AnchoredMemory(one.memory, follow_anchor(one.anchor, document)) for one in found]
        return [one for one in moved if line is None or _covers(one.anchor, line)]

    async def paths(self) -> list[str]:
        """Return every path that has an anchor: the files to check when the server starts."""
        if self._project is None:
            return []
        return await self._project.read(
            lambda rows: [
                path for (path,) in select(rows.db, "SELECT DISTINCT path FROM memory_anchor ORDER BY path")
            ]
        )

    def _shelf(self, id: str) -> MemoryStore:
        if self._project is None or scope_of(id) != "project":
            raise MazuError(
                Kind.UNSUPPORTED,
                "Only project memories can be anchored to code.",
                "Remember it in the project.",
            )
        return self._project

    async def _follow(self, path: str, follow: Callable[[MemoryAnchor], MemoryAnchor]) -> AnchorChange:
        if self._project is None:
            return AnchorChange()

        def plan(rows: EntryTable) -> list[int]:
            found = select(rows.db, "SELECT n, position FROM memory_anchor WHERE path = ?", (path,))
            return sorted(
                {n for n, position in found if follow(anchor := rows.anchors(n)[position]) != anchor}
            )

        def work(rows: EntryTable) -> AnchorChange:
            doubted, restored, moved = [], [], 0
            for n in plan(rows):
                entry = rows.entry(n)
                anchors = [follow(a) if a.path == path else a for a in entry.anchors]
                after = upsert.set_anchors(entry, anchors)
                rows.put(after)
                moved += sum(a.range != b.range for a, b in zip(entry.anchors, anchors, strict=True))
                if after.state != entry.state:
                    (doubted if after.state == "check" else restored).append(rows.memory(n).id)
            return AnchorChange(tuple(doubted), tuple(restored), moved)

        if not await self._project.read(plan):
            return AnchorChange()
        return await self._project.write(work, AUTOMATIC)


def _renamed(anchor: MemoryAnchor, old: str, below: str, new: str) -> MemoryAnchor:
    if anchor.path == old:
        return replace(anchor, path=new)
    return (
        replace(anchor, path=f"{new.rstrip('/')}/{anchor.path[len(below) :]}")
        if anchor.path.startswith(below)
        else anchor
    )


def _covers(anchor: MemoryAnchor, line: int) -> bool:
    return anchor.range is None or anchor.range.start_line <= line <= max(
        anchor.range.end_line, anchor.range.start_line
    )
