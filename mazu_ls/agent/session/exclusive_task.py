"""Runs one task at a time, which ends in good order when it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from mazu_ls.errors import Kind, MazuError

T = TypeVar("T")


class ExclusiveTask:
    """What a session is doing. The task handles its cancellation, runs to its own end and has a result."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = None
        self._cancelled = False
        self._begun = False

    @property
    def running(self) -> bool:
        """Whether a task is running."""
        return self._task is not None and not self._task.done()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work`. Cancelling the caller, however often, cancels the task once and waits for its end.

        Raises MazuError(busy) while another task runs.
        """
        if self.running:
            work.close()
            raise MazuError(
                Kind.BUSY, "A turn is still running in this session.", "Wait for it, or stop it first."
            )
        self._cancelled = self._begun = False
        self._task = task = asyncio.create_task(self._begin(work))
        return await await_uncancelled(task, self.cancel)

    async def _begin(self, work: Coroutine[Any, Any, T]) -> T:
        """Start the task and wait until it runs: cancelling one that has not started would end it before it could
        handle that."""
        self._begun = True
        if self._cancelled and (task := asyncio.current_task()):
            task.cancel()
        return await work

    def cancel(self) -> bool:
        """Cancel the task; False if none runs, or if it is being cancelled already."""
        if not self.running or self._cancelled or self._task is None:
            return False
        self._cancelled = True
        if self._begun:
            self._task.cancel()
        return True

    async def wait_idle(self, timeout: float | None = None) -> None:
        """Wait, for `timeout` seconds at most, until no task runs."""
        if self._task:
            await asyncio.wait([self._task], timeout=timeout)


async def await_uncancelled(task: asyncio.Task[T], cancelled: Callable[[], object]) -> T:
    """Return the result of `task`, waiting on however often the caller is cancelled; `cancelled` is called each time."""
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
            cancelled()


def raise_if_cancelled() -> None:
    """Raise CancelledError if the running task was cancelled and a library in between swallowed it.

    `asyncio.wait_for` of Python 3.11, for one, loses a cancellation that arrives together with the awaited result.
    """
    if (task := asyncio.current_task()) and task.cancelling():
        raise asyncio.CancelledError


def uncancel() -> None:
    """The running task has handled its cancellation and continues to its orderly end."""
    if task := asyncio.current_task():
        task.uncancel()
