"""JSON-RPC on top of pygls: strict about what comes in, and every request gets exactly one answer.

pygls 2.1 answers nothing to a malformed request, coerces arguments, leaks tracebacks and lets a cancelled command
run on. What it keeps here: the server object, the registration of features and its typed requests to the client.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from pygls.protocol import LanguageServerProtocol

from mazu_ls.errors import InvalidArguments
from mazu_ls.server.errors import (
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    NOT_INITIALIZED,
    PARSE_ERROR,
    REQUEST_CANCELLED,
    RpcError,
    response_error,
)
from mazu_ls.server.rpc.answer_first import PendingAnswer
from mazu_ls.server.rpc.client_requests import ClientRequests
from mazu_ls.server.rpc.framing import BadFrame
from mazu_ls.server.wire.codec import convert

if TYPE_CHECKING:
    from cattrs import Converter
    from pygls.lsp.server import LanguageServer

logger = logging.getLogger(__name__)
MessageId = int | str
_decode = msgspec.json.Decoder().decode


def _read(body: bytes) -> Any:
    """Raises ValueError or RecursionError."""
    try:
        return _decode(body)
    except msgspec.DecodeError as error:
        # Half a surrogate pair, from text cut in an editor, is invalid JSON for msgspec but not for the editor.
        with contextlib.suppress(ValueError):
            return json.loads(body)
        raise error


class ServerProtocol(ClientRequests, LanguageServerProtocol):
    """One connection. `on_exit` is called with the exit code when the client says `exit`."""

    def __init__(self, server: LanguageServer, converter: Converter) -> None:
        super().__init__(server, converter)
        self.parameters: dict[str, Any] = {}
        self.initialized = False
        self.on_exit: Callable[[int], None] = lambda code: None
        self._running: dict[MessageId, asyncio.Task[Any]] = {}
        self._unwanted: set[MessageId] = set()

    def receive(self, item: bytes | BadFrame) -> None:
        """Handle one frame of input; whatever it holds, nothing is raised."""
        if isinstance(item, BadFrame):
            self._answer(None, error=RpcError(PARSE_ERROR, item.reason))
            return
        try:
            message = _read(item)
        except ValueError as error:
            self._answer(None, error=RpcError(PARSE_ERROR, f"The message is not valid JSON: {error}."))
            return
        except RecursionError:
            self._answer(None, error=RpcError(PARSE_ERROR, "The message is nested too deeply."))
            return
        self._dispatch(message)

    def cancel_running(self) -> None:
        """Cancel every request in progress but shutdown; each is answered as cancelled."""
        for message_id, task in list(self._running.items()):
            if task.get_name() != "shutdown":
                self.cancel_request(message_id)

    async def answered(self) -> None:
        """Wait until every request in progress has its answer."""
        while self._running:
            await asyncio.wait(list(self._running.values()))
            await asyncio.sleep(0)

    def _dispatch(self, message: Any) -> None:
        if not isinstance(message, dict):
            kind = "A batch" if isinstance(message, list) else "This"
            self._answer(
                None, error=RpcError(INVALID_REQUEST, f"{kind} is no LSP message: one object is expected.")
            )
            return
        given = message.get("id")
        message_id = given if isinstance(given, int | str) and not isinstance(given, bool) else None
        method = message.get("method")
        if method is None and "id" in message and ("result" in message or "error" in message):
            self.resolve(given, message.get("result"), message.get("error"))
            return
        self.on_unprompted()
        if (
            message.get("jsonrpc") != "2.0"
            or not isinstance(method, str)
            or ("id" in message and message_id is None)
        ):
            reason = 'A message needs jsonrpc "2.0", a method, and an id that is a number or a string.'
            self._answer(message_id, error=RpcError(INVALID_REQUEST, reason))
        elif message_id is not None:
            self._request(message_id, method, message.get("params"))
        else:
            self._notification(method, message.get("params"))

    def _request(self, message_id: MessageId, method: str, params: Any) -> None:
        try:
            self._check_state(message_id, method)
            handler = self.fm.features.get(method)
            if handler is None:
                raise RpcError(METHOD_NOT_FOUND, f"mazu-ls has no method {method!r}.")
            result = handler(self._decoded(method, params))
        except Exception as error:  # noqa: BLE001 - becomes the answer
            self._answer(message_id, error=error, what=method)
            return
        if inspect.iscoroutine(result):
            self._run(message_id, method, result)
        else:
            self._answer(message_id, result, what=method)

    def _check_state(self, message_id: MessageId, method: str) -> None:
        if self._shutdown:
            raise RpcError(INVALID_REQUEST, "The server was shut down; only exit is expected.")
        if self.initialized == (method == "initialize"):
            if self.initialized:
                raise RpcError(INVALID_REQUEST, "The server is initialized already.")
            raise RpcError(NOT_INITIALIZED, f"{method} came before initialize.")
        if message_id in self._running:
            raise RpcError(INVALID_REQUEST, f"Request {message_id!r} is still under way; ids must differ.")

    def _run(self, message_id: MessageId, method: str, work: Coroutine[Any, Any, Any]) -> None:
        pending = PendingAnswer()
        task = asyncio.get_running_loop().create_task(work, name=method, context=pending.context())
        self._running[message_id] = task
        task.add_done_callback(partial(self._finished, message_id, method))
        task.add_done_callback(lambda task: pending.sent.set())

    def _finished(self, message_id: MessageId, method: str, task: asyncio.Task[Any]) -> None:
        del self._running[message_id]
        unwanted = message_id in self._unwanted
        self._unwanted.discard(message_id)
        # A cancelled turn ends in good order with a result, which nobody asks for any more.
        if task.cancelled() or (unwanted and not task.exception()):
            self._answer(message_id, error=RpcError(REQUEST_CANCELLED, f"{method} was cancelled."))
        elif error := task.exception():
            self._answer(message_id, error=error, what=method)
        else:
            self._answer(message_id, task.result(), what=method)

    def _notification(self, method: str, params: Any) -> None:
        if method == "exit":
            self.on_exit(0 if self._shutdown else 1)
            return
        handler = self.fm.features.get(method)
        if handler is None or self._shutdown or not self.initialized:
            return
        try:
            result = handler(self._decoded(method, params))
            if inspect.iscoroutine(result):
                task = asyncio.get_running_loop().create_task(result, name=method)
                task.add_done_callback(partial(self._noted, method))
        except InvalidArguments as error:
            logger.warning("%s was ignored: %s", method, error)
        except Exception:
            logger.exception("%s failed", method)

    def _noted(self, method: str, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()):
            logger.error("%s failed", method, exc_info=error)

    def _decoded(self, method: str, params: Any) -> Any:
        struct = self.parameters.get(method)
        return None if struct is None else convert(params, struct, "params")

    def cancel_request(self, message_id: MessageId) -> None:
        """`$/cancelRequest`: the request is answered as cancelled once its work has stopped."""
        if task := self._running.get(message_id):
            self._unwanted.add(message_id)
            task.cancel()

    @property
    def stopped(self) -> bool:
        """Whether the client has asked for shutdown."""
        return self._shutdown

    def shut_down(self) -> None:
        """From here on only `exit` is accepted."""
        self._shutdown = True

    def _answer(
        self,
        message_id: MessageId | None,
        result: Any = None,
        error: BaseException | None = None,
        what: str = "",
    ) -> None:
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": message_id}
        if error is None:
            try:
                self.send({**answer, "result": result})
                return
            except (TypeError, ValueError) as unsendable:
                error = unsendable
        self.send({**answer, "error": response_error(error, what or "The message")})
