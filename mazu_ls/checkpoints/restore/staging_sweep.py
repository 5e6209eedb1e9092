"""Empties the staging folders in the background, some seconds after a rollback."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.restore.staging import GRAVE_SECONDS, grave_folder, move_to_grave, sweep_staging
from mazu_ls.errors import MazuError

if TYPE_CHECKING:
    import apsw

log = logging.getLogger(__name__)


class StagingSweep:
    """Removes the staging folders of one project. `locked` runs work with the store's lock held."""

    def __init__(
        self, project: CheckpointContext, locked: Callable[[Callable[[apsw.Connection], Any]], Awaitable[Any]]
    ) -> None:
        self._project = project
        self._locked = locked
        self._due = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """A rollback was done, or a killed process left its files: sweep them later."""
        self._due = time.monotonic() + GRAVE_SECONDS + 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def start_if_needed(self) -> None:
        """The project was opened: sweep later what an earlier process left."""
        project = self._project
        folders = [*(mount.work for mount in project.mounts), grave_folder(project.rescue_folder)]
        if any(folder.is_dir() for folder in folders):
            self.start()

    async def close(self) -> None:
        """Sweep what is old enough. The rest waits in the state directory until the project is opened again: a program
        may still be writing to a file that was just replaced, through a descriptor that it had open."""
        if self._task and not self._task.done():
            self._task.cancel()
            await self._sweep(GRAVE_SECONDS)
            project = self._project
            try:
                await self._locked(lambda _: move_to_grave(project.mounts, project.rescue_folder))
            except (MazuError, OSError) as error:
                log.warning("the staging folder stays: %s", error)

    async def _run(self) -> None:
        while (left := self._due - time.monotonic()) > 0:  # again if another rollback was done meanwhile
            await asyncio.sleep(left)
            await self._sweep(GRAVE_SECONDS)

    async def _sweep(self, older_than: float) -> None:
        project = self._project
        try:
            notes = await self._locked(
                lambda _: sweep_staging(project.mounts, project.rescue_folder, older_than=older_than)
            )
        except MazuError as error:
            log.warning("the staging folder was not emptied: %s", error)
        else:
            for note in notes:
                log.warning("%s: %s", note.path, note.reason)
