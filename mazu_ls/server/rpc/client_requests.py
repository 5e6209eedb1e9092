"""The outgoing half of the connection: notifications, and requests to the client whose answers are awaited."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from mazu_ls.server.rpc.framing import encode_frame, frame

logger = logging.getLogger(__name__)
WAKE_SECONDS = (1.0, 5.0, 20.0)
"""Seconds after which a client that has not answered is sent something more. jsonrpc.el of Emacs leaves a message that
arrived together with the answer of a command in its buffer until the next bytes come."""


class ClientError(Exception):
    """The client answered a request of ours with an error."""

    def __init__(self, method: str, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{method}: {message} ({code})")
        self.code = code
        self.message = message
        self.data = data


def encode_message(message: dict[str, Any]) -> bytes | bytearray:
    """Encode one message. Raises TypeError for what JSON cannot represent."""
    try:
        return encode_frame(message)
    except UnicodeEncodeError:
        # Half a surrogate pair from a buffer: only an escape can represent it.
        return frame(json.dumps(msgspec.to_builtins(message)).encode())


LONG = 128 * 1024
"""Bytes; a longer message is encoded once more rather than kept as bytes until a client reads."""
MOST_UNREAD = 2 * 2**20
"""Bytes that wait for a client before nothing more is streamed to it: it does not read, and memory is finite."""
MOST_LATE = 16
"""Requests whose late answers still matter: a client may never answer one that was cancelled."""
Late = Callable[[Any], None]
"""Gets an answer that comes when nobody waits for it any more."""


class ClientRequests:
    """Mixed into the protocol in front of pygls's, whose sending it replaces."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.write: Callable[[bytes | bytearray], None] = lambda data: None
        self.write_later: Callable[[Callable[[], bytes | bytearray]], None] = lambda encode: self.write(
            encode()
        )
        self.unread: Callable[[], int] = lambda: 0
        self.on_unprompted: Callable[[], None] = lambda: None
        """Called when the client sends something of its own accord, or an answer that nobody waits for any more."""
        self._asked: dict[str, tuple[str, asyncio.Future[Any]]] = {}
        self._late: dict[str, Late] = {}
        self._numbers = itertools.count(1)

    def send(self, message: dict[str, Any]) -> None:
        """Encode and queue one message. Raises TypeError for what JSON cannot represent.

        A long one for a client that does not read is queued as it is: its texts are in memory once, for all such messages.
        """
        data = encode_message(message)
        if len(data) > LONG and self.unread() > MOST_UNREAD:
            self.write_later(partial(encode_message, message))
        else:
            self.write(data)

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification."""
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    async def ask(
        self, method: str, params: Any, timeout: float | None = None, late: Late | None = None
    ) -> Any:
        """Send a request and wait for its answer.

        Raises ClientError for an error answer and TimeoutError after `timeout` seconds; then, and if the caller is
        cancelled, the client is told that nobody waits any more. It may answer all the same: `late` gets that answer, None
        instead of an error or if there will be none.
        """
        name = f"mazu-{next(self._numbers)}"
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[name] = (method, future)
        loop = asyncio.get_running_loop()
        wakes = [loop.call_later(seconds, self.notify, "$/mazu/wake", {}) for seconds in WAKE_SECONDS]
        try:
            self.send({"jsonrpc": "2.0", "id": name, "method": method, "params": params})
            async with asyncio.timeout(timeout):
                return await future
        except (TimeoutError, asyncio.CancelledError):
            if late:
                self._late[name] = late
                while len(self._late) > MOST_LATE:
                    self._late.pop(next(iter(self._late)))(None)
            self.notify("$/cancelRequest", {"id": name})
            raise
        finally:
            for wake in wakes:
                wake.cancel()
            self._asked.pop(name, None)

    def resolve(self, name: Any, result: Any, error: Any) -> None:
        """The client answered."""
        method, future = self._asked.pop(name, ("", None)) if isinstance(name, str) else ("", None)
        if future is None:
            self.on_unprompted()
        if (late := self._late.pop(name, None) if isinstance(name, str) else None) is not None:
            late(result if error is None else None)
        elif future is None or future.done():
            logger.info("An answer to %r arrived that nobody waits for.", name)
        elif error is None:
            future.set_result(result)
        else:
            fields = error if isinstance(error, dict) else {}
            future.set_exception(
                ClientError(
                    method, fields.get("code", 0), str(fields.get("message", error)), fields.get("data")
                )
            )

    def abandon(self) -> None:
        """The connection is closed: nobody will answer."""
        for method, future in self._asked.values():
            if not future.done():
                future.set_exception(ClientError(method, 0, "the editor is gone"))
        self._asked.clear()
        for late in self._late.values():
            late(None)
        self._late.clear()
