"""Streams of an MCP server: already open ones, and the end of its standard error."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
from collections.abc import Callable
from typing import Any

from mazu_ls.platform import open_flags
from mazu_ls.workspace.text import split_lines

log = logging.getLogger(__name__)
STDERR_TAIL = 2000
START_SECONDS = 30.0


class MessageRate:
    """Throttles a server that sends more than a client can use: after BURST messages, RATE of them per second.

    Unread messages stay in the pipe or the connection, which makes the server wait.
    """

    BURST: int = 2_000
    RATE: float = 200.0

    def __init__(self) -> None:
        self._left = float(self.BURST)
        self._looked: float | None = None

    def delay(self, now: float) -> float:
        """Count a message at `now` (seconds, monotonic); return the seconds to wait before the next."""
        passed = 0.0 if self._looked is None else now - self._looked
        self._looked = now
        self._left = min(float(self.BURST), self._left + passed * self.RATE) - 1
        return max(0.0, -self._left / self.RATE)

    async def wait(self) -> None:
        """Count a message, and wait as long as there are too many."""
        if delay := self.delay(asyncio.get_running_loop().time()):
            await asyncio.sleep(delay)


class OpenStreams:
    """Already open streams in the form of the transport that the client opens."""

    def __init__(self, streams: Any) -> None:
        self._streams = streams

    async def __aenter__(self) -> Any:
        received, *others = self._streams
        return (ToolListingStream(received), *others)

    async def __aexit__(self, *_: object) -> None:
        return None


class ToolListingStream:
    """The messages of a server, in which each tool of a list can be read on its own.

    The client library refuses a whole list because one tool's schema names no type, and a result because the tool's output schema
    cannot be resolved; we need neither.
    """

    def __init__(self, received: Any) -> None:
        self._received = received

    def __getattr__(self, name: str) -> Any:
        return getattr(self._received, name)

    async def __aenter__(self) -> ToolListingStream:
        await self._received.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> Any:
        return await self._received.__aexit__(*error)

    def __aiter__(self) -> ToolListingStream:
        return self

    async def __anext__(self) -> Any:
        return repair_listing(await self._received.__anext__())

    async def receive(self) -> Any:
        """Return the next message."""
        return repair_listing(await self._received.receive())


def repair_listing(received: Any) -> Any:
    """Return a message; in a list of tools without output schemas, without entries that are none, each input schema with a type."""
    message = getattr(received, "message", None)
    result = getattr(getattr(message, "root", message), "result", None)
    if isinstance(result, dict) and isinstance(tools := result.get("tools"), list):
        result["tools"] = [repaired for tool in tools if (repaired := _repaired_tool(tool)) is not None]
    return received


def _repaired_tool(tool: Any) -> dict[str, Any] | None:
    if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
        return None
    schema = tool.get("inputSchema")
    schema = schema if isinstance(schema, dict) else {}
    if schema.get("type", "object") != "object":
        log.warning("the MCP tool %.80r takes no object, so it cannot be called", tool["name"])
        return None
    known = {key: value for key, value in tool.items() if key != "outputSchema"}
    made = {**schema, "type": "object"}
    if "properties" in made:
        found = made["properties"] if isinstance(made["properties"], dict) else {}
        made["properties"] = {name: value for name, value in found.items() if isinstance(value, dict)}
    if "required" in made:
        listed = made["required"] if isinstance(made["required"], list) else []
        made["required"] = [name for name in listed if isinstance(name, str)]
    return {**known, "inputSchema": made}


class StderrTail:
    """The last part of what a server writes to its standard error; `ended` is called when it closes it."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._read, write = os.pipe2(open_flags.CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
        os.set_blocking(self._read, False)
        self.file = os.fdopen(write, "w", encoding="utf-8")
        self._ended = ended
        self._data = b""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read, self._take)

    @property
    def text(self) -> str:
        """The last lines."""
        self._take()
        return self._data.decode("utf-8", "replace").strip()

    def close(self) -> None:
        """Close the pipe."""
        self._loop.remove_reader(self._read)
        os.close(self._read)
        self.file.close()

    def _take(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._read, 65536)
            self._data = (self._data + data)[-STDERR_TAIL:]
            if not data:
                self._loop.remove_reader(self._read)
                self._ended()


def connection_lost(error: BaseException) -> bool:
    """Return whether an error of the client means that the server has ended."""
    return type(error).__name__ in (
        "ClosedResourceError",
        "BrokenResourceError",
    ) or "onnection closed" in str(error)


def reason_of(error: BaseException) -> str:
    """Return the innermost message of an exception group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return f"no answer within {START_SECONDS:g} s"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    if connection_lost(error):
        return "it closed the connection"
    return str(error) or type(error).__name__


_TRACEBACK = re.compile(r"([+ |]*)(?:Exception Group )?Traceback \(most recent call last\)")


def why_ended(error: BaseException, written: str) -> str:
    """Return why a server ended, with what it wrote to its standard error. The line behind a Python traceback, which says
    what is wrong, comes first: it is all that is shown in a message."""
    lines = split_lines(written, ends=False)
    begins = [
        (at, match[1].replace("+", "|")) for at, line in enumerate(lines) if (match := _TRACEBACK.match(line))
    ]
    if begins:
        at, margin = begins[-1]  # an exception in a group has one
        inside = (line[len(margin) :] for line in lines[at + 1 :] if line.startswith(margin))
        said = next((line for line in inside if line and not line[0].isspace()), "")
        written = f"{said}\n{written}"
    return f"{reason_of(error)} {written}".strip()
