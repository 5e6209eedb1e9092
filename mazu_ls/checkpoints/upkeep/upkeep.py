"""Background maintenance after a checkpoint: scan indexes, packs, the size cap, the retention policy."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.git.unwritten_objects import MOST
from mazu_ls.checkpoints.models import Checkpoint, PruneResult, readable_size
from mazu_ls.checkpoints.store import lock
from mazu_ls.checkpoints.unheld import kept_limit
from mazu_ls.checkpoints.upkeep import gc, retention
from mazu_ls.errors import MazuError
from mazu_ls.workspace.visible_text import plural

if TYPE_CHECKING:
    import apsw

log = logging.getLogger(__name__)
_SLACK = 0.9  # a store that reached its cap is reduced to this share of it
QUIET_SECONDS = 60.0
"""Seconds without a checkpoint after which what only the database holds is written to the store."""
_TIDY_EVERY = 16  # checkpoints; reading every pack after each one costs more than a small checkpoint does


class Upkeep:
    """Maintains the store of one project and keeps it below its cap. `locked` runs work with the store's lock held."""

    def __init__(
        self, project: CheckpointContext, locked: Callable[[Callable[[apsw.Connection], Any]], Awaitable[Any]]
    ) -> None:
        self._project = project
        self._locked = locked
        self._pruned = False
        self._untidied = 0
        self._room: int | None = None
        self._pruning = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()
        self._quiet: asyncio.TimerHandle | None = None
        self.named_by_undo: Callable[[], Awaitable[Collection[str]]] | None = None
        """Returns the checkpoints that undoing the last turn of each session needs; set by the owner of the sessions."""
        self.on_warning: Callable[[str], object] | None = None
        """Called with a notice for the user about background work."""

    def after_checkpoint(self, checkpoint: Checkpoint, *, scanned: bool) -> None:
        """A checkpoint was taken: maintain the store if that pays."""
        self._untidied += 1
        self._write_out_later()
        if self._room is not None:
            self._room -= checkpoint.bytes
        if self._room is None or self._room < 0 or scanned or self._untidied >= _TIDY_EVERY:
            self._untidied = 0
            self._tidy()

    def _write_out_later(self) -> None:
        """Write the newest steps to the store once no checkpoint was taken for a while: it then has them even if the database is lost."""
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = asyncio.get_running_loop().call_later(
            QUIET_SECONDS, lambda: self._start(self._written_out())
        )

    async def _written_out(self) -> None:
        try:
            await self._locked(lambda _: self._project.repository.write_out())
        except (MazuError, OSError) as error:
            log.warning("the newest checkpoints stay in the database: %s", error)

    async def close(self) -> None:
        """Start nothing new, and wait for the background work."""
        if self._quiet is not None:
            self._quiet.cancel()
        await self.idle()

    async def idle(self) -> None:
        """Wait for the background work."""
        while self._background:
            await asyncio.gather(*self._background, return_exceptions=True)

    async def prune(
        self,
        keep: int | None = None,
        older_than_days: int | None = None,
        *,
        labelled: bool = False,
    ) -> PruneResult:
        """Prune, see `Checkpoints.prune`."""
        named = await self.named_by_undo() if self.named_by_undo else ()
        # One at a time: while packs are replaced the store looks twice as large as it is.
        async with self._pruning:
            return await self._prune(keep, older_than_days, labelled, named)

    async def _prune(
        self, keep: int | None, older_than_days: int | None, labelled: bool, named: Collection[str]
    ) -> PruneResult:
        policy, shed = keep is None and older_than_days is None, 0
        repository, cap = self._project.repository, self._project.settings.max_bytes
        before = await asyncio.to_thread(repository.bytes)
        gone = await self._locked(
            lambda db: retention.prune(
                self._project,
                db,
                datetime.now(UTC),
                keep=keep,
                older_than_days=older_than_days,
                labelled=labelled,
                named=named,
            )
        )
        room = await self._collect() if gone else True
        if policy and room and await asyncio.to_thread(repository.bytes) > cap:
            most = cap // kept_limit.SHARE
            if await self._locked(lambda db: kept_limit.drop_oldest(self._project, db, most, named)):
                room = await self._collect()
        while policy and room and await asyncio.to_thread(repository.bytes) > (cap * _SLACK if gone else cap):
            taken, needed = await self._locked(lambda db: retention.drop_for_size(self._project, db, named))
            if not taken:
                break
            shed += len(taken) if needed else 0
            room = await self._collect()
            gone += taken
        freed = max(0, before - await asyncio.to_thread(repository.bytes))
        if shed:
            self._warn(
                f"The checkpoint store reached its limit of {readable_size(cap)}: {plural(shed, 'checkpoint')} that an undo "
                f"might have needed {'was' if shed == 1 else 'were'} removed. Raise checkpoints.max_bytes to keep more."
            )
        return PruneResult(tuple(gone), freed, shed)

    def _warn(self, text: str) -> None:
        log.warning(text)
        if self.on_warning:
            self.on_warning(text)

    def _tidy(self) -> None:
        """Run the maintenance after a checkpoint; the caller does not wait for it."""
        self._start(self._tidied())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _tidied(self) -> None:
        """Update scan indexes and packs; enforce the size cap and, once per process, the retention policy."""
        try:
            await self._locked(self._project.refresh)
            await self._locked(self._consolidate)
            size = await asyncio.to_thread(self._project.repository.bytes)
            self._room = self._project.settings.max_bytes - size
            if not self._pruning.locked() and (not self._pruned or self._room < 0):
                self._pruned = True
                await self.prune()
        except (MazuError, OSError) as error:
            log.warning("the checkpoint store was not tidied: %s", error)

    def _consolidate(self, _: apsw.Connection) -> None:
        self._project.repository.write_out(MOST)
        self._project.repository.consolidate()

    async def _collect(self) -> bool:
        """Free the space of pruned checkpoints; others may take checkpoints meanwhile. False if there is no room to do
        so."""
        repository = self._project.repository
        with ExitStack() as held:
            await asyncio.to_thread(held.enter_context, lock.lock_exclusively(repository.collecting))
            collection = await self._locked(lambda _: gc.begin_collection(repository))
            if collection is not None:
                names = await asyncio.to_thread(gc.repack, repository, collection)
                await self._locked(lambda _: gc.finish_collection(repository, collection, names))
        return collection is not None
