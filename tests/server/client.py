"""A small LSP client of ours for the tests: it sees every byte, answers what it is told to, and hides nothing."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from mazu_ls.server.documents.documents import OpenDocument
from mazu_ls.server.rpc.connection import ServerConnection
from mazu_ls.server.rpc.framing import BadFrame, FrameReader, frame
from mazu_ls.server.rpc.lsp_types import ContentChange, DocumentItem, LspPosition, LspRange
from tests.plain_host import by_tool

Answer = Callable[[Any], Any]


class RpcFailure(Exception):
    """The server answered with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: int = error["code"]
        self.message: str = error["message"]
        self.data: dict[str, Any] = error.get("data", {})


class Pipe:
    """The server's transport, in memory: what the client writes is read, what the server writes is handed over."""

    def __init__(self, deliver: Callable[[bytes], None]) -> None:
        self._input: asyncio.Queue[bytes] = asyncio.Queue()
        self._deliver = deliver

    def feed(self, data: bytes) -> None:
        """Bytes from the client; empty is the end of input."""
        self._input.put_nowait(data)

    async def read(self) -> bytes:
        return await self._input.get()

    def write(self, data: bytes | bytearray) -> None:
        self._deliver(bytes(data))

    unread = 0

    def write_later(self, encode: Callable[[], bytes | bytearray]) -> None:
        self.write(encode())

    async def close(self) -> None:
        return


class Client:
    """Speaks to one server. `answers` maps methods of the server's requests to functions that answer them."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._frames = FrameReader()
        self._ids = itertools.count(1)
        self._waiting: dict[Any, asyncio.Future[Any]] = {}
        self.connection: Any = None
        self.process: Any = None
        self.model: Any = None
        self.received: list[dict[str, Any]] = []
        self.stray: list[dict[str, Any]] = []
        self.answers: dict[str, Answer] = {}
        self.unexpected: list[str] = []
        self.options: dict[str, Any] = {}
        self.more_folders: Sequence[Path] = ()
        """Workspace folders beside the one that `initialize` is given."""
        self.documents: dict[str, OpenDocument] = {}
        self.encoding: Any = "utf-16"
        self.checks_versions = True
        self._arrived = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def deliver(self, data: bytes) -> None:
        """Bytes from the server."""
        for item in self._frames.feed(data):
            assert not isinstance(item, BadFrame), item
            self._handle(json.loads(item))

    def _handle(self, message: dict[str, Any]) -> None:
        assert message["jsonrpc"] == "2.0", message
        self.received.append(message)
        self._arrived.set()
        if "method" in message:
            if "id" in message:
                task = asyncio.ensure_future(self._reply(message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            return
        future = self._waiting.pop(message["id"], None)
        if future is None:
            self.stray.append(message)
        elif "error" in message:
            future.set_exception(RpcFailure(message["error"]))
        else:
            future.set_result(message["result"])

    async def _reply(self, message: dict[str, Any]) -> None:
        answer = self.answers.get(message["method"])
        if answer is None:
            error = {"code": -32601, "message": f"no {message['method']} here"}
            self.raw({"jsonrpc": "2.0", "id": message["id"], "error": error})
            return
        result = answer(message.get("params"))
        if asyncio.iscoroutine(result):
            result = await result
        if result is not NO_ANSWER:
            self.raw({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def raw(self, message: Any) -> None:
        """Send any JSON value as a message."""
        self._send(frame(json.dumps(message).encode()))

    def bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._send(data)

    def start(self, method: str, params: Any = None) -> tuple[int, asyncio.Future[Any]]:
        """Send a request; its id, and its answer to be."""
        number = next(self._ids)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self.raw({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return number, future

    async def ask(self, method: str, params: Any = None, within: float = 90) -> Any:
        """Send a request and wait for its result. Raises RpcFailure."""
        _, future = self.start(method, params)
        async with asyncio.timeout(within):
            return await future

    def allow(self, *questions: str, refuse: Sequence[str] = ()) -> None:
        """Allow once, or refuse, what is asked in words that begin so ("edit_file: app.py"); any other question fails the test.

        The offer to continue an interrupted turn stands there until somebody takes it: it is left alone, as users may.
        """

        def answer(params: Any) -> Any:
            if params["tool"] == "mazu.resume":
                return NO_ANSWER
            title = by_tool(params["tool"], params["title"].removeprefix("Another editor: "))
            if title.startswith(questions):
                return {"optionId": "allow_once"}
            if not title.startswith(tuple(refuse)):
                self.unexpected.append(title)
            return {"optionId": "deny"}

        self.answers["mazu/permission/request"] = answer

    def check_questions(self) -> None:
        """At the end of a test: nothing was asked that it does not name."""
        assert self.unexpected == []

    @property
    def host(self) -> Any:
        """The server's Host, as the agent has it."""
        return self.connection.mazu.host

    async def settled(self) -> None:
        """The server has read everything sent so far."""
        with contextlib.suppress(RpcFailure):
            await self.ask("no/such")

    async def command(self, name: str, arguments: dict[str, Any] | None = None, within: float = 90) -> Any:
        """`workspace/executeCommand`."""
        params = {"command": name, "arguments": [] if arguments is None else [arguments]}
        return await self.ask("workspace/executeCommand", params, within)

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification."""
        self.raw({"jsonrpc": "2.0", "method": method, "params": params})

    async def until(self, found: Callable[[dict[str, Any]], bool], within: float = 90) -> dict[str, Any]:
        """The first message received, before or from now on, for which `found` holds."""
        async with asyncio.timeout(within):
            seen = 0
            while True:
                while seen < len(self.received):
                    if found(self.received[seen]):
                        return self.received[seen]
                    seen += 1
                self._arrived.clear()
                await self._arrived.wait()

    def notes(self, method: str) -> list[Any]:
        """The params of all notifications and requests of one method so far."""
        return [message.get("params") for message in self.received if message.get("method") == method]

    async def initialize(self, folder: Path | None = None, **capabilities: Any) -> Any:
        """The whole handshake; the server opens its project now."""
        result = await self.shake_hands(folder, **capabilities)
        self.notify("initialized", {})
        return result

    async def shake_hands(self, folder: Path | None = None, **capabilities: Any) -> Any:
        """`initialize` alone."""
        opened = [folder, *self.more_folders] if folder else []
        folders = [{"uri": one.as_uri(), "name": one.name} for one in opened] or None
        params = {
            "processId": None,
            "rootUri": None,
            "workspaceFolders": folders,
            "capabilities": capabilities,
            **({"initializationOptions": {"mazu": self.options}} if self.options else {}),
        }
        result = await self.ask("initialize", params)
        self.encoding = result["capabilities"]["positionEncoding"]
        return result

    def open(self, uri: str, text: str, language: str = "python") -> OpenDocument:
        """Open a document here and there."""
        item = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})
        self.documents[uri] = OpenDocument(DocumentItem(uri, 1, text, language), self.encoding)
        return self.documents[uri]

    def change(
        self, uri: str, text: str, start: tuple[int, int] | None = None, end: tuple[int, int] | None = None
    ) -> None:
        """The user types: replace a range, or the whole text."""
        span = LspRange(LspPosition(*start), LspPosition(*(end or start))) if start else None
        self._changed(uri, [ContentChange(text, span)])

    def _changed(self, uri: str, changes: list[ContentChange]) -> None:
        document = self.documents[uri]
        document.version += 1
        plain: list[dict[str, Any]] = []
        for change in changes:
            document.apply(change)
            item: dict[str, Any] = {"text": change.text}
            if change.range:
                item["range"] = {
                    "start": {"line": change.range.start.line, "character": change.range.start.character},
                    "end": {"line": change.range.end.line, "character": change.range.end.character},
                }
            plain.append(item)
        identifier = {"uri": uri, "version": document.version}
        self.notify("textDocument/didChange", {"textDocument": identifier, "contentChanges": plain})

    def apply_edit(self, params: Any) -> Any:
        """An honest editor's answer to `workspace/applyEdit`: all or nothing, versions checked, bottom edits first."""
        for change in params["edit"]["documentChanges"]:
            document = self.documents.get(change["textDocument"]["uri"])
            if document is None or (
                self.checks_versions and change["textDocument"]["version"] != document.version
            ):
                return {"applied": False, "failureReason": "the document changed"}
        for change in params["edit"]["documentChanges"]:
            edits = [
                ContentChange(
                    edit["newText"],
                    LspRange(LspPosition(**edit["range"]["start"]), LspPosition(**edit["range"]["end"])),
                )
                for edit in change["edits"]
            ]
            edits.sort(key=lambda edit: edit.range.start if edit.range else LspPosition(0, 0), reverse=True)
            self._changed(change["textDocument"]["uri"], edits)
        return {"applied": True}


async def eventually(check: Callable[[], Awaitable[Any]], within: float = 90) -> Any:
    """What `check` gives once it gives something; for what no message tells."""
    async with asyncio.timeout(within):
        while not (found := await check()):  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.05)
    return found


NO_ANSWER = object()
"""A client that never answers."""


@contextlib.asynccontextmanager
async def connected(env: dict[str, str]) -> AsyncIterator[Client]:
    """A server in this process and a client at its other end."""
    pipe: Pipe
    client = Client(lambda data: pipe.feed(data))  # noqa: PLW0108 - the pipe comes after
    pipe = Pipe(client.deliver)
    connection = ServerConnection(env)
    client.connection = connection
    running = asyncio.create_task(connection.run(pipe))
    try:
        yield client
    finally:
        pipe.feed(b"")
        async with asyncio.timeout(90):
            await running
    client.check_questions()
