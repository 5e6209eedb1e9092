"""What the server and the agent ask of memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from mazu_ls.config import MemorySettings
from mazu_ls.errors import Kind, MazuError
from mazu_ls.memory import check, exchange, index, recall, write
from mazu_ls.memory.anchors import Anchors, attached
from mazu_ls.memory.inject import Injection, RecallContext, inject
from mazu_ls.memory.record import AnchorAt, Memory, Remembered, identifier, micros, now
from mazu_ls.memory.rows import Entry, Rows, digest, number, scope_of
from mazu_ls.memory.shelf import Shelf
from mazu_ls.store import select

log = logging.getLogger(__name__)


class Memories:
    """Project and global memory. Every method may raise MazuError(storage or busy); what returned is on the disk."""

    def __init__(self, project: Shelf | None, common: Shelf, settings: MemorySettings) -> None:
        self.project = project
        self.common = common
        self.settings = settings
        self.anchors = Anchors(project)
        self._used: dict[str, set[int]] = {}

    @classmethod
    async def open(cls, project_db: Path | None, global_db: Path, settings: MemorySettings) -> Memories:
        """Open or create both databases; without a project only the global one."""
        global_db.parent.mkdir(parents=True, exist_ok=True)
        common = await Shelf.open(global_db, "global")
        try:
            project = await Shelf.open(project_db, "project") if project_db else None
        except BaseException:
            await common.close()
            raise
        return cls(project, common, settings)

    async def close(self) -> None:
        """Write down the uses that are still in memory and close."""
        await self.flush_uses()
        for shelf in self.shelves():
            await shelf.close()

    async def remember(
        self,
        title: str,
        body: str = "",
        *,
        category: str = "fact",
        scope: str | None = None,
        tags: Sequence[str] = (),
        pinned: bool = False,
        anchors: Sequence[AnchorAt] = (),
        supersedes: str | None = None,
        source: str = "user",
        session_id: str | None = None,
        origin: str | None = None,
    ) -> Remembered:
        """Remember one thing, unless it is known. Secrets are replaced first.

        Without `scope`, preferences are global and everything else belongs to the project. `origin` names the file or
        URL of text that nobody vouches for. Raises InvalidArguments, MazuError(not_found, conflict, permission).
        """
        self._may_write(source)
        check.scope(scope)
        if supersedes is not None:
            scope = scope_of(supersedes, scope)
        entry = Entry(
            category=check.category(category),
            title=check.title(title),
            body=check.body(body),
            tags=check.tags(tags),
            pinned=bool(pinned),
            source=source,
            origin=None if origin is None else check.title(origin, "origin"),
            session_id=session_id,
            anchors=attached(anchors),
        )
        shelf = self.shelf(scope or ("global" if category == "user_preference" else "project"))
        old = None if supersedes is None else number(supersedes, shelf.scope)
        return await shelf.write(lambda rows: _remember(rows, entry, old))

    async def recall(
        self,
        query: str,
        *,
        limit: int = 10,
        scope: str | None = None,
        category: str | None = None,
        files: Sequence[str] = (),
        archived: bool = False,
        at: datetime | None = None,
        count_use: bool = True,
    ) -> list[Memory]:
        """What is known about `query`, best first, with score (0 to 1) and why.

        `files` are paths that are open or edited; what is anchored there ranks higher. Archived memories are found
        with `archived`, or where nothing else is. `at` is now for forgetting.
        """
        text = check.query(query)
        limit = check.limit(limit)
        if category is not None:
            check.category(category)
        shelves = [self.shelf(check.scope(scope))] if scope else self.shelves()
        states = {"current", "check", "archived"} if archived else {"current", "check"}
        where = index.Filter(states=frozenset(states), category=category)
        asked = recall.Query(
            weights=recall.weigh([(text, 1.0)]),
            where=where,
            at=micros(at or now()),
            text=text,
            files=frozenset(files),
            forgetting=self.settings.forgetting,
        )
        found = await recall.find(shelves, asked)
        if not found.ranked and not archived:
            return await self.recall(
                query, limit=limit, scope=scope, category=category, archived=True, at=at, count_use=count_use
            )
        result = await recall.memories(shelves, found, limit)
        if count_use:
            self.note_use([memory.id for memory in result if (memory.score or 0) >= 0.5])
        return result

    async def list(
        self,
        *,
        scope: str | None = None,
        category: str | None = None,
        state: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[list[Memory], int]:
        """Memories, newest first, project before global, and how many there are in all."""
        if category is not None:
            check.category(category)
        check.scope(scope)
        conditions = {"kind": "memory", "category": category, "state": check.state(state)}
        left, skip = check.limit(limit), check.limit(offset, "offset", 0)
        found: list[Memory] = []
        total = 0
        for shelf in self.shelves():
            if scope not in (None, shelf.scope):
                continue
            some, count = await shelf.read(lambda rows, a=left, b=skip: _page(rows, conditions, a, b))
            found += some
            left, skip, total = left - len(some), max(0, skip - count), total + count
        return found, total

    async def get(self, id: str, scope: str | None = None) -> Memory:
        """One memory. Raises MazuError(not_found)."""
        shelf = self.shelf(scope_of(id, check.scope(scope)))
        return await shelf.read(lambda rows: rows.memory(number(id, shelf.scope)))

    async def update(
        self,
        id: str,
        scope: str | None = None,
        *,
        title: str | None = None,
        body: str | None = None,
        category: str | None = None,
        tags: Sequence[str] | None = None,
        pinned: bool | None = None,
        anchors: Sequence[AnchorAt] | None = None,
    ) -> Memory:
        """Change what is given and nothing else. Raises MazuError(not_found), MazuError(conflict) where another says so already."""
        shelf = self.shelf(scope_of(id, check.scope(scope)))
        n = number(id, shelf.scope)
        changes: dict[str, Any] = {}
        if title is not None:
            changes["title"] = check.title(title)
        if body is not None:
            changes["body"] = check.body(body)
        if category is not None:
            changes["category"] = check.category(category)
        if tags is not None:
            changes["tags"] = check.tags(tags)
        if pinned is not None:
            changes["pinned"] = bool(pinned)
        placed = None if anchors is None else attached(anchors)
        return await shelf.write(lambda rows: _update(rows, n, changes, placed))

    async def forget(self, id: str, scope: str | None = None) -> Memory:
        """Delete one memory and return what it was; what it had superseded is live again."""
        shelf = self.shelf(scope_of(id, check.scope(scope)))

        def work(rows: Rows) -> Memory:
            memory = rows.memory(number(id, shelf.scope))
            write.forget(rows, number(id, shelf.scope))
            return memory

        return await shelf.write(work)

    async def archive(self, id: str) -> Memory:
        """Put a memory aside: found on request only."""
        return await self._move(id, ("current", "check"), "archived")

    async def unarchive(self, id: str) -> Memory:
        """Bring a memory back from the archive."""
        return await self._move(id, ("archived",), "current")

    async def export(self, target: Path, scope: str | None = None) -> int:
        """Write everything remembered to a folder of Markdown, or to one file whose name ends in .md; returns how many."""
        shelves = [self.shelf(check.scope(scope))] if scope else self.shelves()
        await self.flush_uses()
        return await exchange.export(shelves, target)

    async def import_(self, source: Path) -> exchange.Imported:
        """Take over a folder or file of Markdown: known ids are updated, known texts recognised, the rest is new.

        What cannot be read is named in `problems`, and the rest is taken over. Raises MazuError(not_found).
        """
        result = exchange.Imported()
        by_scope: dict[str, list[exchange.Record]] = {}
        for record in await asyncio.to_thread(lambda: list(exchange.read(source))):
            if isinstance(record, str):
                result.problems.append(record)
                continue
            common = record.id.startswith("g_") if record.id else record.entry.category == "user_preference"
            by_scope.setdefault("global" if common or self.project is None else "project", []).append(record)
        for scope, records in by_scope.items():
            await exchange.store(self.shelf(scope), records, result)
        return result

    async def add(self, records: Sequence[exchange.Record], scope: str = "project") -> exchange.Imported:
        """Store records as they are, without looking for duplicates: for what is known to be distinct."""
        result = exchange.Imported()
        await exchange.store(self.shelf(scope), records, result, dedupe=False)
        return result

    async def inject(self, context: RecallContext, budget_tokens: int | None = None) -> Injection:
        """What the model is told of memory in this turn, within a budget of tokens (default: `memory.inject_tokens`)."""
        budget = self.settings.inject_tokens if budget_tokens is None else budget_tokens
        return await inject(self.shelves(), context, budget, forgetting=self.settings.forgetting)

    async def stats(self) -> dict[str, Any]:
        """Counts by scope, kind and state, and the bytes of both databases."""
        result: dict[str, Any] = {}
        for shelf in self.shelves():
            result[shelf.scope] = await shelf.read(_counts)
            result[shelf.scope]["bytes"] = _size(shelf.writer.path)
        return result

    def shelves(self) -> list[Shelf]:
        """The open stores, project first."""
        return [shelf for shelf in (self.project, self.common) if shelf is not None]

    def shelf(self, scope: str | None) -> Shelf:
        """The store of a scope. Raises MazuError(unsupported) where no folder is open."""
        if scope == "global":
            return self.common
        if self.project is None:
            raise MazuError(
                Kind.UNSUPPORTED,
                "No folder is open, so there is no project memory.",
                'Open a folder, or use scope "global".',
            )
        return self.project

    def note_use(self, ids: Sequence[str]) -> None:
        """Remember, without waiting for the disk, that these helped; written down with the next flush."""
        for id in ids:
            self._used.setdefault(scope_of(id), set()).add(number(id, scope_of(id)))

    async def flush_uses(self) -> None:
        """Write down the uses noted so far."""
        noted, self._used = self._used, {}
        for shelf in self.shelves():
            if numbers := sorted(noted.get(shelf.scope, ())):
                await shelf.write(lambda rows, ns=numbers: write.used(rows, ns))

    async def _move(self, id: str, before: tuple[str, ...], after: str) -> Memory:
        shelf = self.shelf(scope_of(id))
        n = number(id, shelf.scope)

        def work(rows: Rows) -> Memory:
            entry = rows.entry(n)
            if entry.state not in before:
                raise MazuError(
                    Kind.CONFLICT,
                    f"{id} is {entry.state}.",
                    f"Only {' or '.join(before)} ones can be {after}.",
                )
            rows.change(n, state=after)
            return rows.memory(n)

        return await shelf.write(work)

    def _may_write(self, source: str) -> None:
        if source in ("agent", "extracted") and self.settings.write == "off":
            raise MazuError(
                Kind.PERMISSION, "Writing memories is switched off.", 'Set `memory.write` to "ask" or "auto".'
            )


def _remember(rows: Rows, entry: Entry, supersedes: int | None) -> Remembered:
    n, outcome, replaced = write.remember(rows, entry, supersedes)
    return Remembered(rows.memory(n), outcome, None if replaced is None else rows.memory(replaced))


def _update(rows: Rows, n: int, changes: dict[str, Any], anchors: Any) -> Memory:
    entry = replace(rows.entry(n), **changes)
    if anchors is not None:
        entry = write.anchored(entry, anchors)
    other = next(
        rows.entries(
            "digest = ? AND kind = ? AND n != ? AND state != 'superseded'",
            (digest(entry.title, entry.body), entry.kind, n),
        ),
        None,
    )
    if other is not None and other.n is not None and ("title" in changes or "body" in changes):
        same = identifier(rows.scope, other.n)
        raise MazuError(
            Kind.CONFLICT, f"{same} says that already.", f"Forget {identifier(rows.scope, n)} instead."
        )
    rows.put(replace(entry, updated_at=micros(now())))
    return rows.memory(n)


def _page(rows: Rows, conditions: dict[str, str | None], limit: int, offset: int) -> tuple[list[Memory], int]:
    given = {name: value for name, value in conditions.items() if value is not None}
    where = " AND ".join(f"{name} = ?" for name in given)
    ((count,),) = select(rows.db, f"SELECT count(*) FROM memory WHERE {where}", tuple(given.values()))
    entries = rows.entries(where, tuple(given.values()), f"ORDER BY n DESC LIMIT {limit} OFFSET {offset}")
    return rows.memories(entries), count


def _counts(rows: Rows) -> dict[str, Any]:
    counts: dict[str, Any] = {"entries": 0, "states": {}, "kinds": {}}
    for kind, state, entries, _ in select(rows.db, "SELECT * FROM memory_count WHERE entries > 0"):
        counts["entries"] += entries
        counts["kinds"][kind] = counts["kinds"].get(kind, 0) + entries
        if kind == "memory":
            counts["states"][state] = counts["states"].get(state, 0) + entries
    return counts


def _size(path: Path) -> int:
    return sum(p.stat().st_size for s in ("", "-wal") if (p := path.with_name(path.name + s)).exists())
