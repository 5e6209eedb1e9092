"""Odd endpoints over real sockets: proxies, redirects, TLS where there is none, errors with status 200, no finish reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from mazu_ls.config.config import Config, ModelSettings
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.errors import Kind, MazuError
from mazu_ls.models import sse as sse_reader
from mazu_ls.models.retry import RetryPolicy
from tests.models.talk import Talk

pytestmark = pytest.mark.portable


PROVIDERS = ("anthropic", "openai")
PATIENCE = RetryPolicy(retries=3, base=0.01, cap=0.02, first=40.0, idle=40.0, connect=40.0)


class Endpoint:
    """A server that answers every request with the same bytes; `paths` are those that were asked for."""

    def __init__(self) -> None:
        self.answer = b""
        self.paths: list[str] = []
        self.url = ""


@asynccontextmanager
async def endpoint() -> AsyncIterator[Endpoint]:
    served = Endpoint()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        served.paths.append(head.split(" ", 2)[1])
        length = next(line for line in head.lower().split("\r\n") if line.startswith("content-length"))
        await reader.readexactly(int(length.partition(":")[2]))
        writer.write(served.answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield served


def http(body: Any, status: str = "200 OK", kind: str = "application/json", more: str = "") -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\nconnection: close\r\n{more}\r\n"
    return head.encode() + data


def talk_to(url: str, provider: str, patience: RetryPolicy = PATIENCE, **settings: Any) -> Talk:
    entry = ModelSettings(provider=provider, model="m", base_url=url, **settings)
    return Talk(ModelServer(), "mine", Config(models={"mine": entry}), patience)


async def failure(answer: bytes, provider: str, **settings: Any) -> tuple[MazuError, int]:
    """The error that an answer ends in, and how often it was asked for."""
    async with endpoint() as served:
        served.answer = answer
        error = await talk_to(served.url, provider, **settings).fails("Hello.")
    return error, len(served.paths)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "text/event-stream", "application/problem+json"]
)
@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "The model is asleep.", "type": "server_error"}},
        {"error": "The model is asleep."},
        {"error": {"message": "The model is asleep."}},
    ],
)
async def test_an_error_with_status_200_gives_the_service_s_words(provider, kind, error):
    told, _ = await failure(http(error, kind=kind), provider)
    assert "The model is asleep." in told.message
    assert told.kind is Kind.OVERLOADED


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "body",
    [
        [{"error": {"message": "The model is asleep."}}],
        {"detail": "The model is asleep."},
        {"detail": [{"loc": ["body"], "msg": "The model is asleep."}]},
        {"message": "The model is asleep.", "request_id": "1"},
        {"errors": [{"message": "The model is asleep."}]},
        {"base_resp": {"status_code": 1008, "status_msg": "The model is asleep."}, "choices": None},
    ],
)
async def test_a_gateway_s_own_shape_of_an_error_gives_its_words(provider, body):
    told, _ = await failure(http(body), provider)
    assert "The model is asleep." in told.message


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_circle_of_redirects_is_followed_once(provider):
    told, asked = await failure(http(b"", "307 Temporary", more="location: /again\r\n"), provider)
    assert told.kind is Kind.CONFIG
    assert "circle" in told.message
    assert asked <= 25


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "Add credits.", "code": 402}, Kind.BUDGET),
        ({"message": "No such key.", "code": 401}, Kind.AUTH),
        ({"message": "Bad field.", "type": "invalid_request_error"}, Kind.MODEL),
    ],
)
async def test_an_error_with_status_200_that_says_what_it_is_is_not_tried_again(provider, error, kind):
    told, asked = await failure(http({"error": error}), provider)
    assert (told.kind, asked) == (kind, 1)
    assert error["message"] in told.message


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "body",
    [{"error": {"message": "Insufficient Balance"}}, {"message": "Pay first."}, b"", b"<h1>Payment</h1>"],
)
async def test_402_is_a_matter_of_money_for_every_provider(provider, body):
    told, asked = await failure(http(body, "402 Payment Required"), provider)
    assert (told.kind, asked) == (Kind.BUDGET, 1)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
@pytest.mark.parametrize("other", ["another port", "another host"])
async def test_a_redirect_to_another_host_is_not_followed(provider, status, other):
    async with endpoint() as elsewhere, endpoint() as served:
        address = (
            elsewhere.url if other == "another port" else elsewhere.url.replace("127.0.0.1", "127.0.0.2")
        )
        served.answer = http(b"", status, more=f"location: {address}/v1/x\r\n")
        error = await talk_to(served.url, provider).fails("Hello.")
    assert error.kind is Kind.CONFIG
    assert address in error.message
    assert (len(served.paths), elsewhere.paths) == (1, [])


async def forward(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Pass a request, whose head was read, to the server at a port, and its answer back."""
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    answers, inner = await asyncio.open_connection("127.0.0.1", port)
    inner.write(head + await reader.readexactly(length))
    while piece := await answers.read(65536):
        writer.write(piece)
        if b"0\r\n\r\n" in piece:
            break
    inner.close()


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_redirect_on_the_same_host_is_followed(provider):
    async with ModelServer([{"text": "Here."}]) as server, endpoint() as served:
        del served

        async def moved(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"POST /old"):
                path = head.split(b" ", 2)[1].removeprefix(b"/old")
                writer.write(http(b"", "307 Temporary", more=f"location: {path.decode()}\r\n"))
            else:
                await forward(head, reader, writer, server.port)
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(moved, "127.0.0.1", 0) as front:
            url = f"http://127.0.0.1:{front.sockets[0].getsockname()[1]}/old"
            assert (await talk_to(url, provider).say("Hello.")).message.text == "Here."


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("server", ["silent", "answers in plain HTTP"])
async def test_tls_to_a_plain_port_ends_with_a_sentence_after_one_try(provider, server):
    tries = 0

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        if server == "silent":
            await reader.read(-1)
        else:
            await reader.read(1)
            writer.write(http(b"no", "400 Bad Request"))
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as listening:
        url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        patience = replace(PATIENCE, connect=1.0) if server == "silent" else PATIENCE
        error = await talk_to(url, provider, patience).fails("Hello.")
    assert "write http:// in base_url" in error.hint
    assert url in error.message
    assert tries == 1


def test_connecting_ends_within_ten_seconds():
    assert RetryPolicy().connect <= 10


def sse(*events: Any) -> bytes:
    lines = "".join(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for event in events)
    return http(lines.encode(), kind="text/event-stream")


def chunk(**delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


CALL = {"index": 0, "id": "c1", "function": {"name": "read_file", "arguments": '{"path": "a"}'}}


@pytest.mark.parametrize(
    ("events", "stop"),
    [
        ((chunk(content="Hello."), "[DONE]"), "end_turn"),
        ((chunk(tool_calls=[CALL]), "[DONE]"), "tool_use"),
        (
            (
                chunk(content="Hello."),
                {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1}},
                "[DONE]",
            ),
            "end_turn",
        ),
    ],
)
async def test_a_missing_finish_reason_after_done_is_one_try(events, stop):
    async with endpoint() as served:
        served.answer = sse(*events)
        answer = await talk_to(served.url, "openai").say("Hello.")
    assert (answer.stop, len(served.paths)) == (stop, 1)
    assert answer.message.text == "Hello." or answer.message.calls[0].arguments == {"path": "a"}


async def test_an_empty_answer_without_a_finish_reason_is_one_try():
    error, asked = await failure(sse("[DONE]"), "openai")
    assert (error.kind, asked) == (Kind.MODEL, 1)


async def test_a_stream_that_breaks_off_before_done_is_tried_again():
    error, asked = await failure(sse(chunk(content="Hel")), "openai")
    assert (error.kind, asked) == (Kind.NETWORK, 4)


@asynccontextmanager
async def socks_proxy(seen: list[tuple[str, int]]) -> AsyncIterator[int]:
    """A SOCKS5 proxy without authentication (RFC 1928) that notes where it was asked to connect to."""
    pipes: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        await reader.readexactly(count)
        writer.write(b"\x05\x00")
        kind = (await reader.readexactly(4))[3]
        size = 4 if kind == 1 else (await reader.readexactly(1))[0]
        raw = await reader.readexactly(size)
        host = ".".join(map(str, raw)) if kind == 1 else raw.decode()
        port = int.from_bytes(await reader.readexactly(2), "big")
        seen.append((host, port))
        far_reader, far = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        for source, target in ((reader, far), (far_reader, writer)):
            task = asyncio.create_task(pipe(source, target))
            pipes.add(task)
            task.add_done_callback(pipes.discard)

    async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while piece := await source.read(65536):
            target.write(piece)
        target.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def proxies(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    for name in ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def set_them(**given: str) -> None:
        for name, value in given.items():
            monkeypatch.setenv(name, value)

    return set_them


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_a_socks_proxy_of_the_environment_is_used(provider, scheme, proxies):
    seen: list[tuple[str, int]] = []
    async with ModelServer([{"text": "Here."}]) as server, socks_proxy(seen) as port:
        proxies(ALL_PROXY=f"{scheme}://127.0.0.1:{port}", NO_PROXY="example.org,192.168.0.0/16,[::1]")
        answer = await talk_to(f"http://localhost:{server.port}", provider).say("Hello.")
    assert answer.message.text == "Here."
    assert seen == [("localhost", server.port)]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("names", ["127.0.0.1", "localhost,127.0.0.1", "*"])
async def test_no_proxy_is_honoured_beside_a_socks_proxy(provider, names, proxies):
    async with ModelServer([{"text": "Here."}]) as server:
        proxies(ALL_PROXY="socks5://127.0.0.1:1", NO_PROXY=names)
        assert (await talk_to(server.url, provider).say("Hello.")).message.text == "Here."


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("address", ["socks://127.0.0.1:1", "socks4://127.0.0.1:1", "ftp://x"])
async def test_a_proxy_that_cannot_be_used_is_a_matter_of_the_settings(provider, address, proxies):
    proxies(ALL_PROXY=address)
    error = await talk_to("http://127.0.0.1:9", provider).fails("Hello.")
    assert error.kind is Kind.CONFIG
    assert "ALL_PROXY" in error.hint


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
async def test_an_answer_without_an_end_is_refused_once(provider, kind, monkeypatch):
    monkeypatch.setattr(sse_reader, "MOST_EVENT_BYTES", 100_000)
    monkeypatch.setattr(sse_reader, "MOST_BYTES", 300_000)
    error, asked = await failure(http(b"data: " + b"x" * 1_000_000, kind=kind), provider)
    assert (error.kind, asked) == (Kind.MODEL, 1)
    assert "MiB" in error.message


def test_a_line_in_many_pieces_is_put_together_once():
    parser = sse_reader.SseParser()
    assert [parser.feed(piece) for piece in (b"data: a", b"bc", b"", b"d\n", b"\ndata: e\r", b"\n\r\ndata")] == [
        [], [], [], [], [b"abcd"], [b"e"],
    ]  # fmt: skip
    assert parser.feed(b": f\n\n") == [b"f"]


async def test_closing_a_flood_ends_it_where_it_is():
    deltas = 60_000
    flood = f"data: {json.dumps(chunk(content='x' * 20))}\n\n".encode() * deltas
    async with endpoint() as served:
        served.answer = http(flood, kind="text/event-stream")
        talk = talk_to(served.url, "openai")
        saying = asyncio.create_task(talk.say("Hello."))
        while not talk.chunks:  # noqa: ASYNC110
            await asyncio.sleep(0)
        saying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saying
    assert len(talk.chunks) < deltas // 10
