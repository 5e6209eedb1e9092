"""Computes the vectors of memory in the background, and the vector of a query on demand. `remember` never waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from mazu_ls.errors import MazuError
from mazu_ls.memory.embeddings.centered_encoder import QUESTION_SECONDS, RETRY_SECONDS, left_until
from mazu_ls.memory.embeddings.model_files import EmbeddingsUnavailable
from mazu_ls.memory.embeddings.query_embedding import QueryEmbedding
from mazu_ls.memory.embeddings.second_model import KEPT_MODEL, SecondModel
from mazu_ls.memory.embeddings.text_embeddings import MODEL_ID, TextEmbeddings, load_default
from mazu_ls.memory.embeddings.text_encoder import TextEncoder
from mazu_ls.memory.embeddings.vector_rows import pending, store_vectors
from mazu_ls.memory.store.store import MemoryStore, MemoryStores
from mazu_ls.state.store import select

BATCH = 256
LONGEST_QUERY = 1_000
"""Characters of a text that are embedded; a longer one, such as a pasted log, has no single meaning, and its words are
enough."""
CATCH_UP, CATCH_UP_SECONDS = 8, 0.1
"""A query waits for the vectors of so many of the newest entries that have none, and for more as long as it has not waited so many
seconds: what was remembered a moment ago is found, in a shell one by one too, and an import of thousands, whose vectors are still
being computed, delays nobody."""
PAUSE_SECONDS = 0.1
_ANYTHING = "SELECT 1 FROM memory LIMIT 1"
_MISSING = (
    "SELECT 1 FROM memory_unembedded UNION ALL SELECT 1 FROM memory_vector_model"
    " WHERE id <> '' AND (?2 OR substr(id, 1, length(?1)) <> ?1) LIMIT 1"
)

log = logging.getLogger(__name__)


class Embedder:
    """The vectors of several stores. `problem` says why there are none; then recall uses words alone.

    With a `second` encoder each vector includes its part. `second_problem` says why it is not used at present: then
    queries use the built-in part, new entries have only that, and get the other one when the encoder answers again.
    """

    def __init__(self, shelves: MemoryStores, *, enabled: bool, second: TextEncoder | None = None) -> None:
        self.problem = "" if enabled else "memory.semantic is off"
        self._second = SecondModel(second, shelves)
        self._is_off = not enabled
        self._shelves = shelves
        self._embeddings: TextEmbeddings | None = None
        self._lock = asyncio.Lock()
        self._preparing = asyncio.Lock()
        self._pending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to compute missing vectors, at low priority."""
        if not self.problem:
            self._pending.set()
            self._task = asyncio.create_task(self._run())

    def schedule(self) -> None:
        """Something was written: compute its vector soon."""
        self._pending.set()

    @property
    def second_problem(self) -> str:
        """Why the second encoder is not used at present; empty if it is, or if there is none."""
        return self._second.problem

    @property
    def notice(self) -> str:
        """One sentence for the user while recall cannot do what is set up; empty otherwise."""
        if self._is_off or not (self.problem or self.second_problem):
            return ""
        if self.problem:
            return f"Memories are found by their words alone: {self.problem.rstrip('.')}."
        return (
            "The model of memory.embeddings is not used at present, memories are found by the built-in one: "
            f"{self.second_problem}"
        )

    async def check(self, patience: float = QUESTION_SECONDS) -> str:
        """Ask the second encoder now, if there is one, for at most so many seconds; return `notice`. Raises MazuError(storage)."""
        if self._second.exists and await self._anything() and await self._ready():
            await self._adopt(patience)
        return self.notice

    async def embed_query(self, text: str) -> QueryEmbedding | None:
        """Return the vector of `text`; None if recall uses words alone."""
        try:
            if len(text) > LONGEST_QUERY or not await self._anything() or not await self._ready():
                return None
            until = asyncio.get_running_loop().time() + QUESTION_SECONDS
            await self._adopt(left_until(until))
            await self._catch_up(until)
            return await self._embed_query(text, until)
        except MazuError as error:  # a store that cannot be written now can still be searched by words
            log.warning("recall uses words only: %s", error.message)
        except Exception:  # whatever is wrong with vectors, words still work
            log.warning("recall uses words only", exc_info=True)
        return None

    async def _embed_query(self, text: str, until: float) -> QueryEmbedding | None:
        assert self._embeddings is not None
        try:
            vector, known = await asyncio.to_thread(self._embeddings.embed_query, text)
        except EmbeddingsUnavailable as error:
            self._give_up(error)
            return None
        if not vector.any():
            return None
        joined, has_second = await self._second.add_to_query(text, vector, until)
        return QueryEmbedding(joined, known, has_second)

    async def make_all(self) -> None:
        """Compute every missing vector; returns when that is done, or if recall uses words alone."""
        if await self._any(_MISSING) and await self._ready():
            await self._adopt(None)
            for shelf in self._shelves:
                while await self._embed_some(shelf, BATCH):
                    pass

    async def close(self) -> None:
        """Stop; missing vectors are computed next time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._second.close()

    async def _run(self) -> None:
        while not self.problem:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self._pending.wait(), RETRY_SECONDS if self._second.is_lacking else None
                )
            self._pending.clear()
            await asyncio.sleep(PAUSE_SECONDS)  # let others use the store meanwhile
            try:
                if await self._any(_MISSING) and await self._ready():
                    more = [await self._embed_some(shelf, BATCH) == BATCH for shelf in self._shelves]
                    if any(more) or (self._second.is_lacking and await self._second.complete()):
                        self._pending.set()
            except MazuError as error:
                log.warning("vectors of memories were not computed: %s", error.message)
            except Exception:
                log.warning("vectors of memories were not computed", exc_info=True)

    async def _anything(self) -> bool:
        """Return whether anything was ever remembered: until then no weights are loaded."""
        return self._embeddings is not None or await self._any(_ANYTHING)

    async def _any(self, query: str) -> bool:
        """Return whether one of the stores has such rows, before weights are loaded for nothing."""
        values = [MODEL_ID, self._second.exists][: 2 * ("?" in query)]
        return any(
            [await shelf.reader.read(lambda db: bool(select(db, query, values))) for shelf in self._shelves]
        )

    async def _ready(self) -> bool:
        async with self._preparing:
            return await self._prepare()

    async def _prepare(self) -> bool:
        if self._embeddings is None and not self.problem:
            found = await asyncio.to_thread(load_default)
            if isinstance(found, str):
                self.problem = found
            else:
                await self._second.open()
                self._embeddings = found
        return not self.problem

    async def _adopt(self, patience: float | None) -> None:
        """Prepare the second encoder, if there is one; what its model has no vectors of is computed soon."""
        before = self._second.model_id
        await self._second.adopt(patience)
        if self._second.model_id != before:
            self._pending.set()

    async def _catch_up(self, until: float) -> None:
        """Compute the vectors of the newest entries for a query; half of its time is for the second encoder's part of
        them."""
        if self._second.exists:  # for which somebody may wait, holding the lock
            for shelf in self._shelves:
                await self._embed_missing(shelf, CATCH_UP, (left_until(until) or 0) / 2)
            return
        async with self._lock:
            clock = asyncio.get_running_loop().time
            end = clock() + CATCH_UP_SECONDS
            for shelf in self._shelves:
                while await self._embed_missing(shelf, CATCH_UP) == CATCH_UP and clock() < end:
                    pass

    async def _embed_some(self, shelf: MemoryStore, limit: int) -> int:
        """Compute up to `limit` missing vectors of one store; return how many entries were processed."""
        async with self._lock:
            return await self._embed_missing(shelf, limit)

    async def _embed_missing(self, shelf: MemoryStore, limit: int, patience: float | None = None) -> int:
        assert self._embeddings is not None
        some = await shelf.reader.read(lambda db: pending(db, limit))
        if not some:
            return 0
        try:
            vectors = await asyncio.to_thread(self._embeddings.embed, [text for _, text in some])
        except EmbeddingsUnavailable as error:
            self._give_up(error)
            return 0
        model_id = MODEL_ID
        ((kept,),) = await shelf.reader.read(lambda db: select(db, KEPT_MODEL))
        joins = self._second.joins(kept)
        if joins:
            joined = await self._second.add_to_documents([text for _, text in some], vectors, patience)
            vectors, model_id = (vectors, MODEL_ID) if joined is None else (joined, kept)
        stored = await shelf.writer.write(
            lambda db: store_vectors(db, some, vectors, model_id, keep_queued=not joins)
        )
        if joins and (model_id != kept or (stored or 0) < len(some)):
            self._second.incomplete = True
        if stored is None:
            log.warning("vectors of memories were not kept: another process has another model for them")
        return len(some) if stored else 0

    def _give_up(self, error: EmbeddingsUnavailable) -> None:
        self.problem = str(error)
        log.warning("recall by meaning is off: %s", error)
