"""Reads the events of a streamed answer from the SDK's response as bytes.

Not the SDK's iterator: it builds a typed object for every delta, and what a service sends outside of its types
(arguments as objects, missing fields) should arrive unchanged. Format:
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import msgspec

from mazu_ls.models.provider_errors import NotAModelEndpoint, StreamEnded, UnusableAnswer
from mazu_ls.models.retry import RetryPolicy
from mazu_ls.models.sdk.connection_words import web_page

DONE = b"[DONE]"
DONE_EVENT: dict[str, Any] = {"type": "mazu.done"}
"""The service's marker that its answer is complete."""
LAST = frozenset({"message_stop", "response.completed", "response.incomplete", "response.failed"})
DRAIN_SECONDS = 0.5
STRAY_BYTES = 64 * 1024
MOST_EVENT_BYTES = 16 * 2**20
MOST_BYTES = 128 * 2**20
"""Maximum bytes of one answer. The largest outputs of models are below one MiB; a stream of deltas repeats much around
each."""
BREATH = 64
"""Number of events after which other tasks, such as a cancellation, get a turn."""
_FIELDS = (b":", b"event", b"id", b"retry")
_decode = msgspec.json.Decoder().decode


async def read_events(response: Any, patience: RetryPolicy) -> AsyncGenerator[dict[str, Any]]:
    """Yield every JSON object of a streamed HTTP response; ends at the provider's last event or with the stream.

    A service that ignores the request for a stream answers with one object. Closing this closes the connection. Raises
    StreamEnded if nothing arrives for too long or what arrives is no object, ValueError for invalid JSON,
    NotAModelEndpoint if the answer is not a model's. `[DONE]` is passed on as DONE_EVENT.
    """
    content = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if content in ("application/json", "text/html"):
            yield _whole(await _all(response, patience), content)
            return
        lines, seen = SseParser(), 0
        async with aclosing(_timely(response, patience)) as pieces:
            async for piece in pieces:
                for data in lines.feed(piece):
                    seen += 1
                    if seen % BREATH == 0:  # a burst that is already buffered suspends nowhere else
                        await asyncio.sleep(0)
                    event = None if data == DONE else _decoded(data)
                    yield DONE_EVENT if event is None else event
                    kind = event and event.get("type")
                    if event is None or (isinstance(kind, str) and kind in LAST):
                        await _drained(pieces)
                        return
        if not seen and lines.stray:  # no event stream, whatever the response headers said
            yield _whole(lines.stray, content or "unknown")
    finally:
        await response.aclose()


OF_AN_ANSWER = ("choices", "content", "output", "type", "error")
OF_AN_ERROR = (
    "message",
    "detail",
    "msg",
    "errors",
    "error_message",
    "error_description",
    "base_resp",
    "status_msg",
    "title",
)


async def _timely(response: Any, patience: RetryPolicy) -> AsyncGenerator[bytes]:
    """Yield the bytes as they arrive; raises StreamEnded when none arrive in time."""
    size = 0
    waiting = _Waiting(patience.first)
    try:
        async with aclosing(response.aiter_bytes()) as chunks, waiting.limit:
            while True:
                waiting.since = waiting.loop.time()
                chunk = await anext(chunks, None)
                waiting.end(patience.idle)
                if chunk is None:
                    return
                size += len(chunk)
                if size > MOST_BYTES:
                    raise UnusableAnswer(f"it has more than {MOST_BYTES >> 20} MiB")
                yield chunk
    except TimeoutError:
        raise StreamEnded(f"nothing came for {waiting.seconds:g} s") from None
    finally:
        waiting.timer.cancel()


class _Waiting:
    """Expires `limit` once the stream was waited for longer than `seconds`.

    One timer for a whole answer, which looks when it fires how long was waited: arming one for each piece costs more than reading it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.since: float | None = None
        """When the present wait began; None while what came is worked on, which is not limited."""
        self.limit = asyncio.timeout(None)
        self.loop = asyncio.get_running_loop()
        self.timer = self.loop.call_later(seconds, self._look)

    def end(self, seconds: float) -> None:
        """What was waited for is there; the next one may take `seconds`."""
        self.since = None
        if self.limit.when() is not None:  # it came in the moment in which the wait was found too long
            self.limit.reschedule(None)
        if seconds != self.seconds:
            self.seconds = seconds
            self.timer.cancel()
            self.timer = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        left = self.seconds if self.since is None else self.since + self.seconds - self.loop.time()
        if left > 0:
            self.timer = self.loop.call_later(left, self._look)
        else:
            self.limit.reschedule(self.loop.time())


async def _all(response: Any, patience: RetryPolicy) -> bytes:
    async with asyncio.timeout(patience.first), aclosing(_timely(response, patience)) as pieces:
        return b"".join([piece async for piece in pieces])


def _whole(body: bytes, kind: str) -> dict[str, Any]:
    if not body.strip():
        raise NotAModelEndpoint("nothing")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        page = web_page(body[:STRAY_BYTES].decode("utf-8", "replace")) or f"a page of type {kind}"
        raise NotAModelEndpoint(page) from None
    if isinstance(answer, list) and answer:
        answer = answer[0]  # as Google's endpoints wrap an error
    if not isinstance(answer, dict):
        raise NotAModelEndpoint("something else")
    if any(answer.get(name) for name in OF_AN_ANSWER):
        return answer
    if words := _error_words(answer):
        return {"error": {"message": words}}
    if answer.keys().isdisjoint(OF_AN_ANSWER):
        raise NotAModelEndpoint("JSON that is no answer of a model")
    return answer


def _error_words(body: Any, depth: int = 4) -> str:
    """What a body says that is no answer: gateways put their words under many names, a few levels deep."""
    if isinstance(body, list):
        body = body[0] if body else None
    if not isinstance(body, dict) or not depth:
        return body if isinstance(body, str) else ""
    return next((words for name in OF_AN_ERROR if (words := _error_words(body.get(name), depth - 1))), "")


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        try:
            event = _decode(data)
        except ValueError:
            # accepts half characters, which services send when they cut between them
            event = json.loads(data)
    except RecursionError:
        raise UnusableAnswer("a part of it is nested too deeply to be read") from None
    if not isinstance(event, dict):
        raise StreamEnded("an event is not an object")
    return event


async def _drained(chunks: AsyncGenerator[bytes]) -> None:
    """Read to the end, so that the connection can be reused; not for long."""
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in chunks:
                pass
    except TimeoutError:
        return


class SseParser:
    """Parses server-sent events from pieces of bytes cut anywhere, in time linear in the bytes."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._size = 0
        self._data: list[bytes] = []
        self._data_size = 0
        self._stray: list[bytes] = []
        self._stray_size = 0

    @property
    def stray(self) -> bytes:
        """Return what was outside of any event, up to a limit: an error in place of a stream, or a page."""
        return b"\n".join([*self._stray, b"".join(self._rest)]).strip()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of each event that `chunk` completes. Raises UnusableAnswer for an event without an end."""
        first, *lines = chunk.split(b"\n")
        self._rest.append(first)
        self._size += len(first)
        if self._size + self._data_size > MOST_EVENT_BYTES:
            raise UnusableAnswer(f"one event of it has more than {MOST_EVENT_BYTES >> 20} MiB")
        if not lines:
            return []
        lines.insert(0, b"".join(self._rest))
        self._rest = [lines.pop()]
        self._size = len(self._rest[0])
        return self._completed(lines)

    def _completed(self, lines: list[bytes]) -> list[bytes]:
        complete: list[bytes] = []
        for line in lines:
            line = line.removesuffix(b"\r")  # noqa: PLW2901
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
                self._data_size += len(line)
            elif not line and self._data:
                complete.append(b"\n".join(self._data) if len(self._data) > 1 else self._data[0])
                self._data.clear()
                self._data_size = 0
            elif line and not line.startswith(_FIELDS) and self._stray_size < STRAY_BYTES:
                self._stray.append(line)
                self._stray_size += len(line)
        return complete
