"""A rollback that was planned and not applied yet."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from msgspec import Struct

from mazu_ls.checkpoints.models import Checkpoint, OnConflict, PathReason, RollbackReport
from mazu_ls.checkpoints.restore.pending_buffers import PendingBuffers
from mazu_ls.checkpoints.restore.rollback import RollbackRun
from mazu_ls.errors import MazuError
from mazu_ls.host import Buffer

WriteBuffer = Callable[[Buffer, str], Awaitable[bool]]
log = logging.getLogger(__name__)


class RollbackPlan(Struct, frozen=True):
    """The result of `Checkpoints.plan`: read `preview`, then `apply`."""

    target: Checkpoint
    _report: RollbackReport
    _run: Callable[[OnConflict | None], Awaitable[RollbackRun]]
    _pending: PendingBuffers

    def preview(self) -> RollbackReport:
        """Return what would be written, deleted, kept; which documents change; whose work it is. `applied` is False."""
        return self._report

    async def apply(
        self, on_conflict: OnConflict | None = None, write_buffer: WriteBuffer | None = None
    ) -> RollbackReport:
        """Take the safety checkpoint and roll back.

        `on_conflict`: what happens to the user's own work, see `OnConflict`; None is `ask`.

        Open documents: the disk gets the checkpoint's file first, atomically, whether the editor shows that file or
        not. Then `write_buffer(buffer, text)` must put `text` into the document, against the version the buffer was
        read at, and return whether the document holds it now; True also if the editor reloaded the file by itself. The
        text is what was unsaved at the checkpoint, else the file's. False means that the user typed meanwhile: the
        document stays theirs, and what it held before is in the safety checkpoint.
        """
        found = await self._run(on_conflict)
        if found.report.applied:
            for change in found.buffers:
                if not await _written(write_buffer, change.buffer, change.text):
                    reason = "the editor did not take the text; what it showed is in the safety checkpoint"
                    found.report.problems.append(PathReason(change.buffer.uri, reason))
                    found.report.verified = False
                await self._pending.drop(change.buffer.uri)
        return found.report


async def _written(write_buffer: WriteBuffer | None, buffer: Buffer, text: str) -> bool:
    try:
        return write_buffer is not None and await write_buffer(buffer, text)
    except MazuError as error:
        log.warning("%s was not rolled back: %s", buffer.uri, error)
        return False
