"""The interface of memory for the server and the agent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.config.config import MemorySettings
from mazu_ls.errors import Kind, MazuError
from mazu_ls.memory import validation
from mazu_ls.memory.agents import imported_sessions
from mazu_ls.memory.anchors.anchor_evidence import make_anchor
from mazu_ls.memory.anchors.anchors import Anchors
from mazu_ls.memory.embeddings.embedder import Embedder
from mazu_ls.memory.embeddings.text_encoder import TextEncoder
from mazu_ls.memory.graph import consolidate, stored_proposals
from mazu_ls.memory.graph.graph import MemoryGraph
from mazu_ls.memory.io.extraction_queue import ExtractionQueue
from mazu_ls.memory.models import AnchorRequest, Memory, MemoryEntry, RememberOutcome, micros, now
from mazu_ls.memory.search import index, recall
from mazu_ls.memory.search.inject import Injection, RecallContext, build_injection
from mazu_ls.memory.store import forgotten, queries, upsert
from mazu_ls.memory.store.entries import number, scope_of
from mazu_ls.memory.store.store import MemoryStore, MemoryStores
from mazu_ls.memory.store.traits_and_summaries import Summaries, Traits
from mazu_ls.memory.store.wiki import Wiki
from mazu_ls.state.store import quarantined, select

if TYPE_CHECKING:
    from mazu_ls.memory.io import imports

FOUND_KINDS = frozenset({"memory", "page", "summary"})
FLUSH_SECONDS = 5.0
_USED_FROM = 0.5

log = logging.getLogger(__name__)


class Memories:
    """Project and global memory. Every method may raise MazuError(storage or busy); results are on the disk when it returns."""

    def __init__(
        self, shelves: MemoryStores, settings: MemorySettings, encoder: TextEncoder | None = None
    ) -> None:
        self.shelves = shelves
        self.settings = settings
        self.anchors = Anchors(shelves)
        self.wiki = Wiki(shelves)
        self.graph = MemoryGraph(shelves)
        self.traits = Traits(shelves)
        self.summaries = Summaries(shelves)
        self.extractions = ExtractionQueue(shelves)
        self.embedder = Embedder(shelves, enabled=settings.semantic, second=encoder)
        main = shelves.store(shelves.default_store).writer.path
        self.imported = imported_sessions.ImportedSessions(main.with_name(imported_sessions.FILE_NAME))
        self._used: dict[str, set[int]] = {}
        self._flush: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        project_db: Path | None,
        global_db: Path,
        settings: MemorySettings,
        encoder: TextEncoder | None = None,
    ) -> Memories:
        """Open or create both databases; without a project only the global one. A damaged file is set aside first.

        `encoder` is the model of the setting `memory.embeddings`; memory closes it.
        """
        global_db.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        common = await MemoryStore.open(global_db, "global")
        try:
            project = await MemoryStore.open(project_db, "project") if project_db else None
        except BaseException:
            await common.close()
            raise
        memories = cls(MemoryStores(project, common), settings, encoder)
        await forgotten.delete_expired(memories.shelves)
        memories.embedder.start()
        return memories

    async def close(self) -> None:
        """Write uses that are still in memory and close."""
        await self.embedder.close()
        try:
            await self.flush_uses()
        finally:
            await self.imported.close()
            for shelf in self.shelves:
                await shelf.close()

    @property
    def damaged(self) -> list[Path]:
        """Databases that were found damaged and set aside, newest last: to be reported to the user."""
        return [path for shelf in self.shelves for path in quarantined(shelf.writer.path)]

    async def remember(
        self,
        title: str,
        body: str = "",
        *,
        category: str = "fact",
        scope: str | None = None,
        tags: Sequence[str] = (),
        pinned: bool = False,
        anchors: Sequence[AnchorRequest] = (),
        supersedes: str | None = None,
        source: str = "user",
        session_id: str | None = None,
        origin: str | None = None,
    ) -> RememberOutcome:
        """Remember one thing, unless it is known. Secrets are redacted first.

        Without `scope`, preferences are global and everything else belongs to the project. `origin` names the file or URL of
        untrusted text. Raises InvalidArguments, MazuError(not_found, conflict, permission).
        """
        self._may_write(source)
        if supersedes is not None:
            scope = scope_of(supersedes, validation.scope(scope))
        entry = MemoryEntry(
            category=validation.category(category),
            title=validation.title(title),
            body=validation.body(body),
            tags=validation.tags(tags),
            pinned=bool(pinned),
            source=validation.source(source),
            origin=None if origin is None else validation.title(origin, "origin"),
            session_id=session_id,
            anchors=make_anchor(anchors),
        )
        shelf = self.shelves.store(scope or ("global" if category == "user_preference" else "project"))
        old = None if supersedes is None else number(supersedes, shelf.scope)
        remembered = await upsert.remember_in(shelf, self.shelves, entry, old)
        self.embedder.schedule()
        return remembered

    async def recall(
        self,
        query: str,
        *,
        limit: int = 10,
        scope: str | None = None,
        category: str | None = None,
        files: Iterable[str] = (),
        kinds: Iterable[str] = FOUND_KINDS,
        archived: bool = False,
        at: datetime | None = None,
        count_use: bool = True,
        meaning: bool = True,
    ) -> list[Memory]:
        """Return what is known about `query`, best first, with score (0 to 1) and why.

        `files` are paths that are open or edited; memories anchored there rank higher. `kinds` may narrow it to pages or summaries.
        Archived memories are found with `archived`, or if nothing else is. `at` is the present for decay.
        """
        text = validation.query(query)
        most = validation.limit(limit)
        shelves = self.shelves.for_id(scope)
        live = ("current", "check")
        asked = recall.RecallQuery(
            weights=recall.weigh_terms([(text, 1.0)]),
            where=index.RecallFilter(
                frozenset(kinds), frozenset(live), category and validation.category(category)
            ),
            at=micros(at or now()),
            text=text,
            files=frozenset(files),
            forgetting=self.settings.forgetting,
            meaning=await self.embedder.embed_query(text) if meaning else None,
        )
        found = await recall.find(shelves, asked.with_archived() if archived else asked)
        if (not found.ranked or found.only_nearest) and not archived:
            with_archived = await recall.find(shelves, asked.with_archived())
            found = found if with_archived.only_nearest else with_archived
        result = await recall.memories(shelves, found, most)
        if count_use:
            self.note_use([memory.id for memory in result if (memory.score or 0) >= _USED_FROM])
        return result

    async def inject(self, context: RecallContext, budget_tokens: int | None = None) -> Injection:
        """Return what the model is given of memory in this turn, within a budget of tokens (default: `memory.inject_tokens`)."""
        budget = self.settings.inject_tokens if budget_tokens is None else budget_tokens
        return await build_injection(
            list(self.shelves), context, budget,
            forgetting=self.settings.forgetting, embed=self.embedder.embed_query,
        )  # fmt: skip

    async def list(
        self,
        *,
        scope: str | None = None,
        category: str | None = None,
        state: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[list[Memory], int]:
        """Return memories of every state, newest first, project before global, and their total number."""
        conditions = {
            "kind": "memory",
            "category": category and validation.category(category),
            "state": validation.state(state),
        }
        left, skip = validation.limit(limit), validation.limit(offset, "offset", 0)
        found: list[Memory] = []
        total = 0
        for shelf in self.shelves.for_id(scope):
            some, count = await shelf.read(lambda rows, a=left, b=skip: queries.page(rows, conditions, a, b))
            found += some
            left, skip, total = left - len(some), max(0, skip - count), total + count
        return found, total

    async def get(self, id: str, scope: str | None = None) -> Memory:
        """Return one memory. Raises MazuError(not_found)."""
        shelf, n = self._place(id, scope)
        return await shelf.read(lambda rows: rows.memory(n))

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
        anchors: Sequence[AnchorRequest] | None = None,
    ) -> Memory:
        """Change the given fields. Raises MazuError(not_found), MazuError(conflict) if another memory says that already."""
        shelf, n = self._place(id, scope)
        given = {
            "title": None if title is None else validation.title(title),
            "body": None if body is None else validation.body(body),
            "category": None if category is None else validation.category(category),
            "tags": None if tags is None else validation.tags(tags),
            "pinned": None if pinned is None else bool(pinned),
        }
        changes = {name: value for name, value in given.items() if value is not None}
        placed = None if anchors is None else make_anchor(anchors)
        return await shelf.write(lambda rows: queries.update(rows, n, changes, placed))

    async def forget(self, id: str, scope: str | None = None, *, for_good: bool = False) -> Memory:
        """Delete one memory and return what it was; what it had superseded is live again."""
        shelf, n = self._place(id, scope)
        return await shelf.write(lambda rows: forgotten.forget(rows, n, for_good=for_good))

    async def restore(self, id: str, scope: str | None = None) -> Memory:
        """Undo `forget`. Raises MazuError(not_found, conflict, storage)."""
        from mazu_ls.memory.io.imports import checked

        shelf, n = self._place(id, scope)
        return await shelf.write(lambda rows: forgotten.restore(rows, n, checked))

    async def archive(self, id: str, scope: str | None = None) -> Memory:
        """Archive a memory: found on request only. Raises MazuError(conflict) if it is not live."""
        shelf, n = self._place(id, scope)
        return await shelf.write(lambda rows: queries.move(rows, n, ("current", "check"), "archived"))

    async def unarchive(self, id: str, scope: str | None = None) -> Memory:
        """Restore a memory from the archive. Raises MazuError(conflict) if it is not archived."""
        shelf, n = self._place(id, scope)
        return await shelf.write(lambda rows: queries.move(rows, n, ("archived",), "current"))

    async def supersede(self, id: str, by: str, scope: str | None = None) -> Memory:
        """Supersede a memory by `by`, of the same scope. Raises MazuError(not_found, conflict)."""
        shelf, n = self._place(id, scope)
        return await shelf.write(lambda rows: upsert.supersede_by(rows, n, by))

    async def consolidate(self) -> consolidate.Consolidation:
        """Find near-duplicates, clusters and faded memories: proposals, which are stored (stored_proposals.py)."""
        shelf = self.shelves.store(self.shelves.default_store)
        found = consolidate.CandidateScan(await shelf.read(consolidate.live_entries))
        while await shelf.read(found.scan_next):
            pass
        plan = await shelf.read(lambda rows: consolidate.propose(rows, found))
        return await shelf.write(lambda rows: stored_proposals.store_proposals(rows, plan))

    async def archive_faded(self) -> int:
        """Archive memories that faded below the threshold, if `memory.forgetting` is on; return how many."""
        if not self.settings.forgetting:
            return 0
        return sum([await shelf.write(consolidate.archive_faded) for shelf in self.shelves])

    async def export(self, target: Path, scope: str | None = None, within: Path | None = None) -> int:
        """Write everything remembered to a folder of Markdown, or to one file whose name ends in .md; return how many."""
        from mazu_ls.memory.io import export

        await self.flush_uses()
        return await export.export(self.shelves.for_id(scope), target, within)

    async def markdown(self, id: str, scope: str | None = None) -> str:
        """Return one memory, page, trait or summary as the export writes it. Raises MazuError(not_found)."""
        from mazu_ls.memory.io import export

        shelf, n = self._place(id, scope)
        return await export.export_one(shelf, n)

    async def import_(self, source: Path) -> imports.ImportResult:
        """Import a folder or file of Markdown: known ids are updated, known texts recognised, the rest is new.

        Unreadable files are named in `problems`, the rest is imported. Raises MazuError(not_found).
        """
        from mazu_ls.memory.io import imports

        result = imports.ImportResult()
        records = await asyncio.to_thread(lambda: list(imports.read(source)))
        result.problems += [record for record in records if isinstance(record, str)]
        for scope in ("project", "global"):
            mine = [
                r
                for r in records
                if not isinstance(r, str) and imports.scope_of(r, self.shelves.default_store) == scope
            ]
            if mine:
                await imports.store(self.shelves.store(scope), mine, result)
        return result

    async def import_rows(self, source: Path) -> imports.ImportResult:
        """Import memories and pages from an untrusted database; known ones stay as they are.

        Raises MazuError(storage, config).
        """
        from mazu_ls.memory.io import foreign_rows, imports

        result = imports.ImportResult()
        records = await asyncio.to_thread(foreign_rows.read, source)
        shelf = self.shelves.store(self.shelves.default_store)
        known = {
            key
            for (key,) in await shelf.read(
                lambda rows: select(rows.db, "SELECT key FROM memory WHERE kind = 'page'")
            )
        }
        taken = [one for one in records if not isinstance(one, str) and one.entry.key not in known]
        result.problems += [one for one in records if isinstance(one, str)]
        result.problems += [
            f"the page {one.entry.key} is here already"
            for one in records
            if not isinstance(one, str) and one.entry.key in known
        ]
        await imports.store(shelf, taken, result)
        return result

    async def add(
        self, records: Sequence[imports.ImportRecord], scope: str = "project"
    ) -> imports.ImportResult:
        """Store records as they are, without deduplication: for records that are known to be distinct."""
        from mazu_ls.memory.io import imports

        result = imports.ImportResult()
        await imports.store(self.shelves.store(scope), records, result, dedupe=False)
        return result

    async def stats(self) -> dict[str, Any]:
        """Return counts by scope, kind and state, and the bytes of both databases."""
        return {
            shelf.scope: {**await shelf.read(queries.counts), "bytes": queries.size(shelf.writer.path)}
            for shelf in self.shelves
        }

    def note_use(self, ids: Iterable[str]) -> None:
        """Record, without waiting for the disk, that these memories helped; written with the next flush."""
        for id in ids:
            self._used.setdefault(scope_of(id), set()).add(number(id, scope_of(id)))
        if self._used and self._flush is None:
            self._flush = asyncio.create_task(self._flush_later())

    async def flush_uses(self) -> None:
        """Write the uses recorded so far."""
        if self._flush is not None and self._flush is not asyncio.current_task():
            self._flush.cancel()
        self._flush = None
        noted, self._used = self._used, {}
        for shelf in self.shelves:
            if numbers := sorted(noted.get(shelf.scope, ())):
                await shelf.write(lambda rows, ns=numbers: upsert.record_use(rows, ns))

    async def _flush_later(self) -> None:
        await asyncio.sleep(FLUSH_SECONDS)
        try:
            await self.flush_uses()
        except MazuError as error:
            log.warning("uses of memories were not recorded: %s", error)

    def _place(self, id: str, scope: str | None) -> tuple[MemoryStore, int]:
        shelf = self.shelves.store(scope_of(id, validation.scope(scope)))
        return shelf, number(id, shelf.scope)

    def _may_write(self, source: str) -> None:
        if source in ("agent", "extracted") and self.settings.write == "off":
            raise MazuError(
                Kind.PERMISSION, "Writing memories is disabled.", 'Set `memory.write` to "ask" or "auto".'
            )
