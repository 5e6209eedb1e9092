"""Lets work that a request began wait until that request is answered."""

from __future__ import annotations

import asyncio
from contextvars import Context, ContextVar, copy_context

LONG_SECONDS = 30.0
"""Seconds after which nobody waits for the answer any more."""
SETTLE_SECONDS = 0.1
"""Seconds between an answer and what follows it, so that the client does not read both at once."""


class PendingAnswer:
    """The answer to one request of the client."""

    def __init__(self) -> None:
        self.sent = asyncio.Event()
        self._begun = asyncio.get_running_loop().time()

    def context(self) -> Context:
        """Return a copy of the current context for the task that computes the answer; tasks that it creates inherit it."""
        context = copy_context()
        context.run(_pending.set, self)
        return context

    async def wait(self) -> None:
        """Wait until it is sent, at most `LONG_SECONDS` from the request on."""
        left = self._begun + LONG_SECONDS - asyncio.get_running_loop().time()
        if self.sent.is_set() or left <= 0:
            return
        try:
            async with asyncio.timeout(left):
                await self.sent.wait()
        except TimeoutError:
            return
        await asyncio.sleep(SETTLE_SECONDS)


_pending: ContextVar[PendingAnswer | None] = ContextVar("pending answer", default=None)


async def answer_goes_first() -> None:
    """Wait until the request that began this work, and does not wait for it, is answered.

    jsonrpc.el of Emacs waits for the answer of a command: it forgets a request of ours about which it asks the user meanwhile, and
    eglot reports no edits.
    """
    if (pending := _pending.get()) is not None:
        await pending.wait()
