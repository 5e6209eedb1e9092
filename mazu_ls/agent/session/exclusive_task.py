"""One piece of work at a time, which ends in good order when it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from mazu_ls.errors import Kind, MazuError

T = TypeVar("T")


class ExclusiveTask:
    """What a session does at present. The work takes note of its cancellation, goes on to its end and has a result."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = None
        self._cancelled = False
        self._begun = False

    @property
    def running(self) -> bool:
        """Whether something is being done."""
        return self._task is not None and not self._task.done()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Carry `work` out. Cancelling the caller, however often, cancels it once and waits for its end.

        Raises MazuError(busy) while something else is being done.
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
        """Cancelling a task that has not begun would end it before it could take note of that."""
        self._begun = True
        if self._cancelled and (task := asyncio.current_task()):
            task.cancel()
        return await work

    def cancel(self) -> bool:
        """Stop it; False where nothing is being done, or where it is being stopped already."""
        if not self.running or self._cancelled or self._task is None:
            return False
        self._cancelled = True
        if self._begun:
            self._task.cancel()
        return True

    async def wait_idle(self, timeout: float | None = None) -> None:
        """Wait, for `timeout` seconds at most, until nothing is being done."""
        if self._task:
            await asyncio.wait([self._task], timeout=timeout)


async def await_uncancelled(task: asyncio.Task[T], cancelled: Callable[[], object]) -> T:
    """The result of `task`, waited for however often the caller is cancelled meanwhile; `cancelled` is called each time."""
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
            cancelled()


def raise_if_cancelled() -> None:
    """Raises CancelledError where the running work was cancelled and a library in between took no note of it.

    `asyncio.wait_for` of Python 3.11, for one, forgets a cancellation that comes together with what it waits for.
    """
    if (task := asyncio.current_task()) and task.cancelling():
        raise asyncio.CancelledError


def uncancel() -> None:
    """The running work has taken note of its cancellation and goes on to its orderly end."""
    if task := asyncio.current_task():
        task.uncancel()
