"""The scripted model server: one port, all three wire formats, faults, and the strictness of the real services."""

from __future__ import annotations

import asyncio
import json
from types import ModuleType
from typing import Any, Self

from mazu_ls.demo.model_server import (
    anthropic_wire,
    embeddings_wire,
    openai_wire,
    responses_wire,
    strict_anthropic,
    strict_openai,
    strict_responses,
)
from mazu_ls.demo.model_server.http import (
    STREAM_END,
    HttpRequest,
    framed,
    json_answer,
    read_request,
    reset,
    stream_head,
)
from mazu_ls.demo.model_server.script import ModelScript, ScriptedReply
from mazu_ls.demo.model_server.speech import count_tokens

LISTED = ("claude-scripted", "gpt-scripted")


class ConnectionBroken(Exception):
    """The server broke the connection, as a fault asked for."""


class ModelServer:
    """Serves a script on 127.0.0.1; use it with `async with`, or `start` and `close`.

    `script` is what `ModelScript.decode` takes. `strict` answers 400 to a history that the real service would refuse.
    Without `streams` every answer comes whole, as from services that ignore the wish for a stream. `requests` holds what came in on the message, completion and response routes, in order. Replies may be added while it serves.
    `embedded` holds those on the embeddings route, which answers by `synonyms` with `embedding_size` numbers a text, and with an
    error where that is 0.
    """

    def __init__(self, script: Any = (), *, strict: bool = True, streams: bool = True, port: int = 0) -> None:
        self.script = script if isinstance(script, ModelScript) else ModelScript.decode(script)
        self.strict = strict
        self.streams = streams
        self.port = port
        self.requests: list[HttpRequest] = []
        self.embedded: list[HttpRequest] = []
        self.synonyms: dict[str, str] = {}
        self.embedding_size = 96
        self._reasoned: set[str] = set()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The base URL that the Anthropic client takes; the OpenAI client's ends with `/v1`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The decoded bodies of `requests`."""
        return [request.body for request in self.requests]

    async def start(self) -> Self:
        """Listen; `port` is known afterwards."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        request = None
        try:
            while (request := await read_request(reader)) is not None:
                await self._answer(request, reader, writer)
                await writer.drain()
                if request.last:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            if request is not None:
                request.gone.set()
        except (ConnectionBroken, asyncio.CancelledError):
            pass
        except ValueError as error:
            writer.write(json_answer(400, {"error": {"message": f"not a request: {error}"}}))
        finally:
            self._open.discard(task)
            writer.close()

    async def _answer(
        self, request: HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        path, body = request.path, request.body
        if path.endswith("/models"):
            writer.write(json_answer(200, _models()))
        elif path.endswith("/embeddings"):
            self.embedded.append(request)
            down = {"error": {"type": "server_error", "message": "the embedding model is not loaded"}}
            made = (
                embeddings_wire.answer(body, self.synonyms, self.embedding_size)
                if self.embedding_size
                else down
            )
            writer.write(json_answer(200 if self.embedding_size else 500, made))
        elif path.endswith("/messages/count_tokens"):
            writer.write(json_answer(200, {"input_tokens": count_tokens(body)}))
        elif path.endswith("/messages"):
            self.requests.append(request)
            wrong = strict_anthropic.complaint(body) if self.strict else None
            refused = wrong and anthropic_wire.error_body("invalid_request_error", wrong)
            await self._reply(anthropic_wire, refused, request, reader, writer)
        elif path.endswith("/chat/completions"):
            self.requests.append(request)
            wrong = strict_openai.complaint(body, frozenset(self._reasoned)) if self.strict else None
            refused = wrong and openai_wire.error_body("invalid_request_error", None, wrong)
            await self._reply(openai_wire, refused, request, reader, writer)
        elif path.endswith("/responses"):
            self.requests.append(request)
            wrong = strict_responses.complaint(body) if self.strict else None
            refused = wrong and responses_wire.error_body("invalid_request_error", None, wrong)
            await self._reply(responses_wire, refused, request, reader, writer)
        else:
            writer.write(
                json_answer(404, {"error": {"type": "not_found_error", "message": f"no route {path}"}})
            )

    async def _reply(
        self,
        wire: ModuleType,
        refused: Any,
        request: HttpRequest,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        if refused:
            writer.write(json_answer(400, refused))
            return
        reply = self.script.next(str(request.body.get("model", "")), last_user_text(request.body))
        if reply.fault in wire.FAILURES:
            status, body = wire.failure(reply.fault)
            wait = {} if reply.retry_after is None else {"retry-after": f"{reply.retry_after:g}"}
            writer.write(json_answer(status, body, wait))
        elif reply.fault == "reset":
            reset(writer)
            raise ConnectionBroken
        elif request.body.get("stream") and self.streams:
            await self._stream(wire, reply, request, reader, writer)
        else:
            await asyncio.sleep(reply.delay)
            writer.write(json_answer(200, wire.message(reply, request.body)))

    async def _stream(
        self,
        wire: ModuleType,
        reply: ScriptedReply,
        request: HttpRequest,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        deltas = 0
        pending = [stream_head()]
        for data, is_delta in wire.events(reply, request.body):
            self._note_reasoning(reply, request, data)
            if is_delta and deltas >= reply.after and reply.fault in MIDSTREAM:
                break
            deltas += is_delta
            pending.append(framed(data))
            if is_delta and reply.delay:
                writer.writelines(pending)
                pending.clear()
                await asyncio.sleep(reply.delay)
                if reader.at_eof() or writer.is_closing():
                    raise ConnectionResetError
        writer.writelines(pending)
        if reply.fault in MIDSTREAM:
            await self._strike(wire, reply.fault, reader, writer)
        writer.write(STREAM_END)

    async def _strike(
        self, wire: ModuleType, fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await writer.drain()
        if fault == "stall":
            await reader.read(1)
            raise ConnectionResetError
        if fault == "reset_midstream":
            await asyncio.sleep(0.05)  # what was sent must arrive: a reset discards what is still under way
            reset(writer)
            raise ConnectionBroken
        writer.write(framed(wire.OVERLOADED if fault == "overloaded_midstream" else wire.GARBAGE))

    def _note_reasoning(self, reply: ScriptedReply, request: HttpRequest, data: bytes) -> None:
        wants_it_back = "deepseek" in str(request.body.get("model", ""))
        if wants_it_back and reply.thinking and reply.calls and b'"tool_calls"' in data:
            chunk = json.loads(data.removeprefix(b"data: "))
            calls = chunk["choices"][0]["delta"].get("tool_calls", ())
            self._reasoned.update(call["id"] for call in calls if call.get("id"))


MIDSTREAM = frozenset({"overloaded_midstream", "reset_midstream", "stall", "garbage_event"})


def last_user_text(body: dict[str, Any]) -> str:
    """All text since the model last spoke: the user's words and the results of tools."""
    texts: list[str] = []
    for message in reversed(body.get("messages") or body.get("input") or []):
        if message.get("role") == "assistant" or message.get("type") in ("function_call", "reasoning"):
            break
        texts.append(_text_of(message.get("content") or message.get("output")))
    return "\n".join(reversed(texts))


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content or ()
    return "\n".join(part.get("text") or _text_of(part.get("content")) for part in parts)


def _models() -> dict[str, Any]:
    rows = [
        {"id": name, "type": "model", "object": "model", "display_name": name, "owned_by": "scripted"}
        | {"created": 1_760_000_000, "created_at": "2025-10-09T08:53:20Z"}
        for name in LISTED
    ]
    return {"object": "list", "data": rows, "has_more": False, "first_id": LISTED[0], "last_id": LISTED[-1]}
