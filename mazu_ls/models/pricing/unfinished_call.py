"""The usage of a model call, or of one attempt at it, that ended too early: the service's counts so far, the rest estimated."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import aclosing

import msgspec

from mazu_ls.errors import Kind, MazuError
from mazu_ls.messages import BYTES_PER_TOKEN, Usage
from mazu_ls.models.model import (
    AnswerRestarted,
    ArgumentsDelta,
    Chunk,
    Model,
    ModelAnswer,
    ModelRequest,
    ModelSpec,
    RetryScheduled,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageReported,
)
from mazu_ls.models.pricing.call_cost import with_cost
from mazu_ls.models.pricing.missing_counts import counts_prompt
from mazu_ls.models.pricing.tokens import estimate_request


class UnfinishedCall:
    """Tracks one call by its chunks. Times are of the monotonic clock.

    `broke_off` is called with the usage of each attempt whose answer had begun and that is repeated: it is paid for, too.
    """

    def __init__(self, request: ModelRequest, spec: ModelSpec, broke_off: Callable[[Usage], object]) -> None:
        self._request = request
        self._spec = spec
        self._broke_off = broke_off
        self._reported: Usage | None = None
        self._written = 0  # bytes
        self._began = False
        self._waits_until = 0.0

    def take(self, chunk: Chunk) -> None:
        """Add one more chunk."""
        match chunk:
            case TextDelta(text) | ThinkingDelta(text) | ArgumentsDelta(text):
                self._written += len(text.encode("utf-8", "surrogatepass"))
                self._began = True
            case ToolCallDelta(_, name):
                self._written += len(name.encode("utf-8", "surrogatepass"))
                self._began = True
            case UsageReported(usage):
                self._reported, self._began = usage, True
            case RetryScheduled(_, seconds):
                self._waits_until = time.monotonic() + seconds
                self._forget()
            case AnswerRestarted():
                self._forget()
            case _:
                pass

    def _forget(self) -> None:
        if self._began and (used := self.usage(failed=True)) is not None:
            self._broke_off(used)
        self._reported, self._began = None, False
        self._written = 0

    def usage(self, *, failed: bool) -> Usage | None:
        """Return its usage so far; None if nothing was requested from the service.

        `failed`: the call ended with an error, so that it has used nothing unless an answer had begun. A call that was
        stopped before its answer began has used its prompt, as far as is known.
        """
        if not self._began and (failed or time.monotonic() < self._waits_until):
            return None
        written = math.ceil(self._written / BYTES_PER_TOKEN)
        said = self._reported or Usage()
        if not counts_prompt(said):
            said = msgspec.structs.replace(said, input_tokens=estimate_request(self._request))
        used = msgspec.structs.replace(
            said, output_tokens=max(said.output_tokens, written), model_calls=1, estimated=True
        )
        # An estimate counts towards the limits of cost: nothing would let a run that is often cut off exceed them.
        return with_cost(used, self._spec.prices)


async def await_answer(
    model: Model,
    request: ModelRequest,
    cut_short: Callable[[Usage], object],
    on_chunk: Callable[[Chunk], object] = lambda chunk: None,
) -> ModelAnswer:
    """Return the answer to a call. Raises MazuError.

    `cut_short` is called with the usage of a call that failed or was cancelled, and of each attempt that broke off, `on_chunk`
    with each chunk before the answer.
    """
    call = UnfinishedCall(request, model.spec, cut_short)
    try:
        async with aclosing(model.stream(request)) as chunks:
            async for chunk in chunks:
                if isinstance(chunk, ModelAnswer):
                    return chunk
                call.take(chunk)
                on_chunk(chunk)
        raise MazuError(Kind.NETWORK, f"{model.name} ended its answer without a finish reason.", "Try again.")
    except (MazuError, asyncio.CancelledError) as error:
        failed = not isinstance(error, asyncio.CancelledError)
        if (used := call.usage(failed=failed)) is not None:
            cut_short(used)
        raise
