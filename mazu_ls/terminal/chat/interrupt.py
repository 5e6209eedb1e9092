"""Ctrl-C: the first one stops the turn, which ends in good order; another one meanwhile ends the program."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")
_handlers: list[Callable[[], object]] = []
"""The handlers of running loops, the innermost last; asyncio itself does not say which one it has."""


@contextlib.contextmanager
def handling_interrupts(handler: Callable[[], object]) -> Iterator[None]:
    """Call `handler` on Ctrl-C within this context, and restore the previous handler afterwards."""
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGINT)
    try:
        loop.add_signal_handler(signal.SIGINT, handler)
    except (NotImplementedError, ValueError):  # Windows, or no main thread
        yield
        return
    _handlers.append(handler)
    try:
        yield
    finally:
        _handlers.remove(handler)
        if _handlers:
            loop.add_signal_handler(signal.SIGINT, _handlers[-1])
        else:
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, before)


async def stoppable(work: Coroutine[Any, Any, T]) -> T:
    """Run `work`, which Ctrl-C cancels. A second Ctrl-C cancels the caller too. Raises CancelledError for either."""
    task = asyncio.ensure_future(work)
    caller = asyncio.current_task()

    def interrupt() -> None:
        if task.cancelling() and caller:
            caller.cancel()
        task.cancel()

    with handling_interrupts(interrupt):
        return await task
