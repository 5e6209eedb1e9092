"""SIGTERM and SIGINT, delivered to an event loop.

Windows has no signal handlers of the loop: there the handler runs between two bytecodes of the main thread and is passed on
to the loop, which wakes up for it.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

END_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def call_at_end_signal(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    """Call `callback` in the loop whenever the process is asked to end; replaces what was set before. Main thread only."""
    for number in END_SIGNALS:
        try:
            loop.add_signal_handler(number, callback)
        except NotImplementedError:
            signal.signal(number, lambda number, frame: loop.call_soon_threadsafe(callback))
