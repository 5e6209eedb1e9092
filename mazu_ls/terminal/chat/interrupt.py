"""Ctrl-C: the first one stops the turn, which ends in good order; one more while it ends leaves the program."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def stoppable(work: Coroutine[Any, Any, T]) -> T:
    """Run `work`, which Ctrl-C cancels. A second Ctrl-C cancels the caller too. Raises CancelledError for either."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    caller = asyncio.current_task()

    def interrupt() -> None:
        if task.cancelling() and caller:
            caller.cancel()
        task.cancel()

    before = signal.getsignal(signal.SIGINT)
    with contextlib.suppress(NotImplementedError, ValueError):
        loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        return await task
    finally:
        with contextlib.suppress(NotImplementedError, ValueError):
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, before)
