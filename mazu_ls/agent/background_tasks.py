"""Short background tasks: each is referenced until it ends, failures are logged, and all are cancelled together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from mazu_ls.errors import MazuError

log = logging.getLogger(__name__)


class BackgroundTasks:
    """The tasks of one owner, who closes them. `what` names the work in the log."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any], name: str | None = None) -> asyncio.Task[Any]:
        """Start `work` without waiting for it, and return its task. `name` is the task's name."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def drain(self, *, without: str | None = None) -> None:
        """Wait until all tasks have ended, including those started meanwhile; not for tasks named `without`."""
        while tasks := [task for task in self._tasks if task.get_name() != without]:
            await asyncio.wait(tasks)

    async def close(self) -> None:
        """Cancel all and wait until they have stopped."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or not (error := task.exception()):
            return
        if isinstance(error, MazuError):
            log.warning("%s: %s %s", self._what, error.message, error.hint)
        else:
            log.error("%s failed", self._what, exc_info=error)
