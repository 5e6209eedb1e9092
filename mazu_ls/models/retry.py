"""Capped, jittered, cancellable retries of one model call; the SDKs' own are off (they sleep for as long as the service
says)."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from msgspec import Struct

from mazu_ls.errors import Kind, MazuError
from mazu_ls.models.model import (
    AnswerRestarted,
    ArgumentsDelta,
    Chunk,
    RetryScheduled,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
)
from mazu_ls.models.provider_errors import (
    ContentRefused,
    Endpoint,
    ProviderFailure,
    UnusableAnswer,
    classify_failure,
)

log = logging.getLogger(__name__)
MOST_CHARACTERS = 8 * 2**20
"""Maximum length of one answer, thoughts and arguments of calls included: eight times the largest output of a model. A service that
never stops would fill the memory, six bytes for each character."""


class RetryPolicy(Struct, frozen=True):
    """Timeouts and number of attempts of a call. All times in seconds.

    `first` bounds the wait for the first byte of an answer, `idle` the silence between two pieces, `longest_wait` the
    delay that a service may ask for; if it asks for more, the user is told instead. `connect` bounds connecting, TLS
    included, which is tried once.
    """

    retries: int = 4
    base: float = 0.5
    cap: float = 20.0
    longest_wait: float = 60.0
    first: float = 600.0
    idle: float = 180.0
    connect: float = 9.0

    def wait(self, attempt: int, asked: float | None) -> float:
        """Return the seconds before the `attempt`-th retry: exponential with jitter, never less than the service asked
        for."""
        own = min(self.cap, self.base * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0)
        return max(own, asked + random.uniform(0, self.base)) if asked else own


async def stream_with_retries(
    attempt: Callable[[], AsyncGenerator[Chunk]], endpoint: Endpoint, patience: RetryPolicy
) -> AsyncGenerator[Chunk]:
    """Yield the chunks of the first attempt that succeeds. Raises MazuError when none does.

    Nothing is executed before `ModelAnswer`, so an attempt that failed half-way can always be repeated;
    `AnswerRestarted` tells the reader to drop what it showed.
    """
    tried = 0
    while True:
        shown, size = False, 0
        try:
            async with aclosing(attempt()) as chunks:
                async for chunk in chunks:
                    size += _size(chunk)
                    if size > MOST_CHARACTERS:
                        raise UnusableAnswer(f"it has more than {MOST_CHARACTERS:,} characters")
                    shown = shown or isinstance(chunk, TextDelta | ThinkingDelta | ToolCallDelta)
                    yield chunk
            return
        except Exception as error:
            if isinstance(error, MazuError):
                raise
            failed = classify_failure(error, endpoint)
            if failed is None:
                raise
            tried += 1
            if not failed.passing or tried > patience.retries:
                raise _last_word(failed, tried) from None
            _not_too_long(failed, patience)
            reason, seconds = failed.error, patience.wait(tried, failed.retry_after)
        log.info("%s: %s; retry %d in %.1f s", endpoint.name, reason.kind, tried, seconds)
        if shown:
            yield AnswerRestarted()
        yield RetryScheduled(tried, seconds, reason.message)
        await asyncio.sleep(seconds)


def _size(chunk: Chunk) -> int:
    match chunk:
        case TextDelta(text) | ThinkingDelta(text) | ArgumentsDelta(text):
            return len(text)
        case _:
            return 0


def _last_word(failed: ProviderFailure, tried: int) -> MazuError:
    if not failed.passing or tried == 1:
        return failed.error
    error = failed.error
    last = MazuError(error.kind, f"{error.message} It was tried {tried} times.", error.hint)
    return ContentRefused(last, error.part) if isinstance(error, ContentRefused) else last


def _not_too_long(failed: ProviderFailure, patience: RetryPolicy) -> None:
    asked = failed.retry_after
    if asked is None or asked <= patience.longest_wait:
        return
    kind = failed.error.kind if failed.error.kind is Kind.OVERLOADED else Kind.RATE_LIMIT
    hint = f"It asks for {asked:.0f} s of patience: send the message again then, or choose another model."
    raise MazuError(kind, failed.error.message, hint) from None
