"""Answers of a model service that are wrong in one way each, in all three wire formats, for `provider_faults.py`.

A fault is its name and the steps of an answer: bytes to send, a pause, a reset. Those of the HTTP layer are written here; those of
the events are derived from a good answer of the scripted model: each event is cut after, dropped, doubled, swapped, followed by
garbage, and each of its fields is null or of another type once.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import ModuleType
from typing import Any, Literal, NamedTuple

from mazu_ls.demo.model_server import anthropic_wire, openai_wire, responses_wire
from mazu_ls.demo.model_server.script import ScriptedReply

WIRES: dict[str, ModuleType] = {
    "anthropic": anthropic_wire,
    "chat": openai_wire,
    "responses": responses_wire,
}
Step = bytes | float | Literal["reset", "stall"]


class ProviderFault(NamedTuple):
    """`steps` are sent in place of an answer: bytes, a pause in seconds, a connection reset or silence; then the connection ends.

    `lasting`: every request of the turn gets it; else the first one alone, because the answer is complete. `address` is the
    base URL's beginning where it is another one than the server's.
    """

    name: str
    steps: tuple[Step, ...]
    lasting: bool = True
    address: str = ""


SPEECH = ScriptedReply(text="The beginning of an answer.", thinking="Let me see.", chunk=14)
CALLING = ScriptedReply(
    text="I read it.", calls=({"name": "read_file", "arguments": {"path": "app.py"}},), chunk=9
)
STATUSES = (400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 415, 418, 422, 425, 429, 431, 451, 499, 500, 501, 502, 503, 504, 507, 520, 522, 524, 529, 599)  # fmt: skip
PAGE = b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


def head(status: int | str, more: Sequence[str] = (), kind: str = "application/json") -> bytes:
    """The first lines of an answer."""
    lines = [f"HTTP/1.1 {status}{'' if ' ' in str(status) else ' Some Words'}", f"content-type: {kind}"]
    return "\r\n".join([*lines, "connection: close", *more, "", ""]).encode("latin-1")


def whole(status: int | str, body: Any, more: Sequence[str] = (), kind: str = "application/json") -> bytes:
    """An answer with its length."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head(status, [f"content-length: {len(data)}", *more], kind) + data


def stream(*events: bytes) -> bytes:
    """An event stream that ends with the connection."""
    return head(200, kind="text/event-stream") + b"".join(events)


def faults_of(wire: str) -> Iterator[ProviderFault]:
    """All faults in one wire format."""
    yield from of_status(wire)
    yield from of_waiting(wire)
    yield from of_bodies()
    yield from of_http()
    yield from of_streams(wire)
    yield from of_events(wire)


def error(wire: str, words: str = "It did not work.", kind: str = "some_error") -> Any:
    """An error in the service's own form."""
    made = WIRES[wire].error_body
    return made(kind, words) if wire == "anthropic" else made(kind, None, words)


def of_status(wire: str) -> Iterator[ProviderFault]:
    """Every status that services and gateways send, with their own body, a page, or none."""
    for status in STATUSES:
        yield ProviderFault(f"status {status}", (whole(status, error(wire)),))
    for status in (400, 403, 404, 429, 500, 502, 503, 504, 529):
        yield ProviderFault(f"status {status}, a page", (whole(status, PAGE, kind="text/html"),))
    for status in (200, 204, 206, 400, 401, 429, 500, 502, 503):
        yield ProviderFault(f"status {status}, empty", (whole(status, b""),))
    for words in ("prompt is too long: 210000 tokens > 200000 maximum", "content policy", "invalid image"):
        yield ProviderFault(
            f"status 400, {words[:20]}", (whole(400, error(wire, words, "invalid_request_error")),)
        )


def of_waiting(wire: str) -> Iterator[ProviderFault]:
    """`retry-after` in every form."""
    now = datetime.now(UTC)
    given = [
        "0",
        "1",
        "0.2",
        "-1",
        "nan",
        "inf",
        "1e9",
        "3600",
        "",
        "soon",
        "1, 2",
        "0x10",
        "9" * 400,
        "\xb2",
    ]
    given += [format_datetime(now + timedelta(hours=hours), usegmt=True) for hours in (-1, 1)]
    given += ["Thu, 01 Jan 1970", "Mon, 99 Foo 2099 99:99:99 GMT", "Fri, 31 Dec 9999 23:59:59 -2359"]
    for form in given:
        yield ProviderFault(
            f"429, retry-after {form[:32]!r}", (whole(429, error(wire), [f"retry-after: {form}"]),)
        )
    for status, line in (
        (529, "retry-after: 3600"), (402, "retry-after: 1"), (503, "retry-after: 0"), (429, "retry-after-ms: 10"),
        (429, "retry-after-ms: x"), (429, "retry-after: 1\r\nretry-after: 7200"), (429, "x-should-retry: false"), (400, "x-should-retry: true"),
    ):  # fmt: skip
        yield ProviderFault(f"{status}, {line!r}", (whole(status, error(wire), [line]),))


def of_bodies() -> Iterator[ProviderFault]:
    """Status 200, and what is no answer."""
    deep: Any = "too deep"
    for _ in range(700):
        deep = {"message": deep}
    bodies: list[Any] = [
        {"error": "out of order"}, {"error": {"message": "out of order", "code": 429}}, {"error": {"message": "no", "code": "insufficient_quota"}},
        {"error": None}, {"error": {}}, {"error": []}, {"error": 5}, {"detail": [{"msg": "field required"}]}, {"message": "Forbidden"},
        {"success": False, "errors": [{"message": "no such model"}]}, {"base_resp": {"status_msg": "no balance", "status_code": 1008}},
        [{"error": {"message": "wrapped", "status": "INVALID_ARGUMENT"}}], [], {}, "words", 5, None, True, [[]], deep,
        {"choices": []}, {"choices": None}, {"choices": [None]}, {"choices": [{"message": None}]}, {"content": []}, {"content": None, "type": "message"},
        {"type": "message", "content": [None], "stop_reason": "end_turn"}, {"object": "response", "output": None, "status": "completed"}, {"output": [None], "status": "failed"},
        {"object": "response", "status": "incomplete", "output": []}, {"status": "cancelled", "object": "response", "output": []},
    ]  # fmt: skip
    for body in bodies:
        yield ProviderFault(f"200 {json.dumps(body)[:70]}", (whole(200, body),))
    for name, body in (
        ("cut JSON", b'{"id": "x", "choices": [{"mess'), ("NUL", b"\0" * 100), ("not UTF-8", b'{"error": {"message": "caf\xe9"}}'),
        ("BOM", b'\xef\xbb\xbf{"error": {"message": "marked"}}'), ("5,000 brackets", b"[" * 5000), ("NaN", b'{"error": NaN}'), ("two objects", b"{}{}"),
        ("1e999", b'{"usage": {"input_tokens": 1e999}, "content": [], "choices": []}'), ("spaces", b" " * 5000), ("megabytes", b'{"error": "' + b"x" * 3_000_000 + b'"}'),
    ):  # fmt: skip
        for kind in ("application/json", "text/event-stream", "text/plain"):
            yield ProviderFault(f"200 {kind}, {name}", (whole(200, body, kind=kind),))
    yield ProviderFault("200, a page", (whole(200, PAGE, kind="text/html"),))


def of_http() -> Iterator[ProviderFault]:
    """Faults of the connection and of HTTP itself."""
    raw: list[tuple[str, tuple[Step, ...]]] = [
        ("closed at once", ()), ("reset at once", ("reset",)), ("silent", ("stall",)), ("not HTTP", (b"SSH-2.0-OpenSSH_9.9\r\n",)),
        ("half a head", (b"HTTP/1.1 200 OK\r\ncontent-ty",)), ("HTTP/0.9", (b"Hello there.\n",)), ("status 999", (b"HTTP/1.1 999 \r\ncontent-length: 0\r\n\r\n",)),
        ("status line alone", (b"HTTP/1.1 200\r\n\r\n",)), ("no status", (b"HTTP/1.1\r\n\r\n",)), ("status of words", (b"HTTP/1.1 two OK\r\n\r\n",)),
        ("100 and the end", (b"HTTP/1.1 100 Continue\r\n\r\n",)), ("101", (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",)),
        ("longer than it is", (head(200, ["content-length: 5000"]) + b"{}",)), ("shorter than it is", (head(200, ["content-length: 2"]) + b"{}and more",)),
        ("negative length", (head(200, ["content-length: -5"]) + b"{}",)), ("length of words", (head(200, ["content-length: many"]) + b"{}",)),
        ("two lengths", (head(200, ["content-length: 2", "content-length: 3"]) + b"{}",)),
        ("bad chunk", (head(200, ["transfer-encoding: chunked"]) + b"zz\r\n{}\r\n0\r\n\r\n",)), ("cut chunk", (head(200, ["transfer-encoding: chunked"]) + b"ff\r\n{}",)),
        ("no gzip", (whole(200, b"not compressed", ["content-encoding: gzip"]),)), ("unknown encoding", (whole(200, b"?", ["content-encoding: zz"]),)),
        ("no brotli", (whole(200, b"not compressed", ["content-encoding: br"]),)), ("no zstd", (whole(200, b"not it", ["content-encoding: zstd"]),)),
        ("header of 1 MB", (head(200, ["x-long: " + "y" * 1_000_000]) + b"{}",)), ("1,000 headers", (whole(200, {}, [f"x-{n}: y" for n in range(1000)]),)),
        ("header without colon", (b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n{}",)), ("head in drops", tuple(part for byte in b"HTTP/1.1 500 X\r\n" for part in (bytes([byte]), 0.002))),
        ("silent after the head", (head(200, kind="text/event-stream"), "stall")), ("comments, then silence", (stream(b": wait\n\n" * 3), "stall")),
    ]  # fmt: skip
    for name, steps in raw:
        yield ProviderFault(f"HTTP: {name}", steps)
    for status in (300, 301, 302, 303, 304, 307, 308):
        for name, place in (
            ("another host", "http://127.0.0.2:9/v1"), ("the same", "/v1/chat/completions"), ("nothing", ""), ("words", "http://[no"), ("a file", "file:///etc/passwd"),
        ):  # fmt: skip
            yield ProviderFault(f"{status} to {name}", (whole(status, b"", [f"location: {place}"]),))
        yield ProviderFault(f"{status} without a place", (whole(status, b""),))
    yield ProviderFault("TLS to a plain port", (b"HTTP/1.1 400 Bad Request\r\n\r\n",), address="https")


def good_events(wire: str, reply: ScriptedReply) -> list[bytes]:
    """A whole good answer, event by event."""
    body = {"model": "scripted", "messages": [], "stream_options": {"include_usage": True}}
    return [event for event, _ in WIRES[wire].events(reply, body)]


def of_streams(wire: str) -> Iterator[ProviderFault]:
    """Good events in a wrong stream: cut, reset, doubled, missing, in another order, with garbage between."""
    module = WIRES[wire]
    for what, reply in (("text", SPEECH), ("call", CALLING)):
        good = good_events(wire, reply)
        for at in range(len(good)):
            place = f"{what}, event {at + 1} of {len(good)}"
            before, after = good[:at], good[at + 1 :]
            half = good[at][: len(good[at]) // 2]
            yield ProviderFault(f"{place}: cut before it", (stream(*before),))
            yield ProviderFault(f"{place}: cut within it", (stream(*before, half),))
            yield ProviderFault(f"{place}: garbage", (stream(*before, module.GARBAGE, *good[at:]),))
            yield ProviderFault(f"{place}: an error event", (stream(*before, module.OVERLOADED),))
            yield ProviderFault(f"{place}: missing", (stream(*before, *after),), lasting=False)
            yield ProviderFault(
                f"{place}: twice", (stream(*before, good[at], good[at], *after),), lasting=False
            )
            swapped = [*before, *after[:1], good[at], *after[1:]]
            yield ProviderFault(f"{place}: after the next", (stream(*swapped),), lasting=False)
        yield ProviderFault(f"{what}: reset in the middle", (stream(*good[: len(good) // 2]), 0.05, "reset"))
        yield ProviderFault(f"{what}: silence in the middle", (stream(*good[: len(good) // 2]), "stall"))
        yield ProviderFault(f"{what}: backwards", (stream(*reversed(good)),))
        yield ProviderFault(f"{what}: twice", (stream(*good, *good),), lasting=False)
        slow = tuple(part for event in good for part in (event, 0.01))
        yield ProviderFault(f"{what}: slowly", (stream(), *slow), lasting=False)
        joined = b"".join(good)
        drops = tuple(joined[at : at + 7] for at in range(0, len(joined), 7))
        yield ProviderFault(f"{what}: in drops", (stream(), *drops), lasting=False)
        for name, text in (
            ("CRLF", joined.replace(b"\n", b"\r\n")), ("CR", joined.replace(b"\n", b"\r")), ("BOM", b"\xef\xbb\xbf" + joined),
            ("no last blank line", joined.rstrip()), ("pings", (b": ping\n\n" * 5000) + joined), ("no space after data", joined.replace(b"data: ", b"data:")),
            ("no blank lines", joined.replace(b"\n\n", b"\n")),
        ):  # fmt: skip
            yield ProviderFault(f"{what}: {name}", (stream(text),), lasting=name in ("CR", "no blank lines"))
    for data in (b"", b"{", b"[]", b'"x"', b"5", b"null", b"{}", b'{"type": 5}', b'{"type": "unheard.of"}', b"[DONE]", b"[done]", b"\xff\xfe", b"x" * 200_000, b"[" * 3000, b'{"error": null}', b'{"error": "busy"}', b'{"error": {"message": "busy", "code": 503}}'):  # fmt: skip
        yield ProviderFault(f"data {data[:40]!r}", (stream(b"data: " + data + b"\n\n"),))
    yield ProviderFault("an event of 20 MB", (stream(b"data: " + b"x" * 20_000_000 + b"\n\n"),))
    yield ProviderFault("2 MB without a line end", (stream(b"y" * 2_000_000),))


WRONG: tuple[tuple[str, Any], ...] = (
    ("null", None), ("a number", -7), ("words", "\ud800 \x00 words"), ("a list", [None]), ("an object", {"a": {}}), ("huge", 10**30), ("true", True),
)  # fmt: skip


def of_events(wire: str) -> Iterator[ProviderFault]:
    """Each field of each event of an answer, once null or of another type (which one goes round)."""
    turn = 0
    for what, reply in (("text", SPEECH), ("call", CALLING)):
        good = good_events(wire, reply)
        for at, event in enumerate(good):
            if b"[DONE]" in event:
                continue
            decoded = json.loads(event.partition(b"data: ")[2])
            for path in _paths(decoded):
                turn += 1
                for name, value in (WRONG[0], WRONG[1 + turn % (len(WRONG) - 1)]):
                    changed = copy.deepcopy(decoded)
                    _set(changed, path, value)
                    made = b"data: " + json.dumps(changed).encode() + b"\n\n"
                    place = f"{what}, event {at + 1}, {'.'.join(map(str, path))}: {name}"
                    yield ProviderFault(place, (stream(*good[:at], made, *good[at + 1 :]),), lasting=False)


def _paths(value: Any, before: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*before, key)
        if len(before) < 4:
            yield from _paths(one, (*before, key))


def _set(value: Any, path: tuple[str | int, ...], new: Any) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new
