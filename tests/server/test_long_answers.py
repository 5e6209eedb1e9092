"""How much of a long answer is in memory while it is recorded, kept and sent."""

from __future__ import annotations

import asyncio
import json
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mazu_ls import redact
from mazu_ls.agent.session.partial_message import PartialMessage, RedactedDeltas, partial_path, read_partial
from mazu_ls.journal.journal import Event, Journal, ModelSaid, read
from mazu_ls.messages import Message, Text, Usage
from mazu_ls.models.model import ModelAnswer, ModelRequest, ToolSpec
from mazu_ls.models.written_calls.recognition import recognise_written_calls
from mazu_ls.server.rpc.client_requests import ClientRequests, encode_message
from mazu_ls.server.rpc.framing import FrameReader
from mazu_ls.server.rpc.transport import StdioTransport
from tests.server.test_turns import agent

LONG = "some words of it. " * 60_000
ROOM = 1.8  # a copy and its growth by half, but no second copy


@contextmanager
def peak_of(texts: float) -> Iterator[None]:
    """What runs inside must not allocate more than so many times LONG."""
    tracemalloc.start()
    try:
        yield
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < texts * len(LONG), f"{most / len(LONG):.1f} times"


def said(text: str) -> ModelSaid:
    return ModelSaid(Message("assistant", (Text(text), Text("More."))), "end_turn", Usage())


def test_an_event_is_in_memory_once_more_while_it_is_written_and_not_while_it_is_told(tmp_path: Path):
    held: list[int] = []

    def told(session: str, event: Event) -> None:
        held.append(tracemalloc.get_traced_memory()[0])

    journal = Journal(tmp_path / "s_1.jsonl", told)
    with peak_of(ROOM):
        journal.append(said(LONG))
    assert held[0] < len(LONG) / 2
    journal.append(said("a\ud800 b"))
    journal.close()
    first, second = read(journal.path)
    assert first.body == said(LONG) and second.body == said("a\ufffd b")


def test_a_message_is_in_memory_once_more_while_it_waits_to_be_sent():
    with peak_of(ROOM):
        whole = encode_message({"jsonrpc": "2.0", "method": "m", "params": {"text": LONG}})
    header, _, body = bytes(whole).partition(b"\r\n\r\n")
    assert header == b"Content-Length: %d" % len(body) and body.endswith(b'"}}')


async def test_long_messages_that_nobody_reads_are_not_in_memory_as_bytes():
    """They share their text, and come whole and in order to a client that reads at last."""
    source, sink = os.pipe()
    transport = StdioTransport(os.open(os.devnull, os.O_RDONLY), sink)
    server = ClientRequests()
    server.write, server.write_later = transport.write, transport.write_later
    server.unread = lambda: transport.unread
    with peak_of(6):  # what a client may leave unread, and one that is encoded
        for number in range(20):
            server.notify("reply", {"number": number, "text": LONG})
            server.notify("small", {"number": number})
    frames, came = FrameReader(), list[Any]()
    while len(came) < 40:
        data = await asyncio.to_thread(os.read, source, 1 << 20)
        came += [json.loads(frame) for frame in frames.feed(data) if isinstance(frame, bytes)]
    await transport.close()
    assert [one["params"]["number"] for one in came] == [n // 2 for n in range(40)]
    assert [one["method"] for one in came] == ["reply", "small"] * 20
    assert all(one["params"]["text"] == LONG for one in came[::2])
    os.close(source)


async def test_an_unfinished_answer_is_kept_without_a_copy(tmp_path: Path):
    journal = Journal(tmp_path / "s_1.jsonl")
    journal.append(said("before"))
    unfinished = PartialMessage(journal)
    unfinished.add("a\ud800 b\r\n" + LONG)
    assert unfinished.text
    with peak_of(ROOM):
        unfinished._keep()
    assert read_partial(journal) == f"a? b\r\n{LONG}".strip()
    unfinished.clear()
    await asyncio.sleep(0)
    journal.close()


@pytest.mark.parametrize("thought", ["", "hm"])
async def test_a_text_that_a_thought_interrupts_is_searched_again(tmp_path: Path, thought: str):
    journal = Journal(tmp_path / "s_1.jsonl")
    unfinished = PartialMessage(journal)
    deltas = RedactedDeltas(lambda delta: None, unfinished)
    deltas.add("message", "key = sk-ant-api03-")
    if thought:
        deltas.add("thought", thought)
    deltas.add("message", "ab" * 45)
    deltas.flush()
    assert unfinished.is_searched == (thought == "")
    assert unfinished.is_searched == ("sk-ant" not in unfinished.text)
    unfinished.clear()
    assert unfinished.is_searched
    journal.close()


def test_a_search_for_written_calls_takes_one_copy():
    tool = ToolSpec("read_file", "", {"type": "object"})
    request = ModelRequest((), tools=(tool,))
    answer = ModelAnswer(Message("assistant", (Text(LONG),)), "end_turn", Usage())
    with peak_of(ROOM):
        assert recognise_written_calls(answer, request) is answer


async def test_a_stopped_answer_is_not_searched_for_secrets_again(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    """It was searched as it came, so that a long one is stopped as soon as a short one. Nothing of it is lost."""
    searched: list[int] = []
    named = redact._NAMED_HINT

    class Counted:
        def search(self, text: str) -> object:
            searched.append(len(text))
            return named.search(text)

    monkeypatch.setattr(redact, "_NAMED_HINT", Counted())
    begin = "The key is ghp_" + "a1B2" * 9 + ", as you see. "
    stalled = {"text": begin + LONG, "chunk": 4000, "fault": "stall", "after": 60}
    async with agent(env, folder, [stalled]) as client:
        shown: list[str] = []

        def is_long(message: dict[str, Any]) -> bool:
            update = message.get("params", {}).get("update", {})
            shown.extend([update["text"]] if update.get("kind") == "message" else [])
            return sum(map(len, shown)) > 200_000

        said = {"message": "Speak.", "wait": True}
        _, waiting = client.start("workspace/executeCommand", {"command": "mazu.chat", "arguments": [said]})
        await client.until(is_long)
        assert await client.command("mazu.cancel") == {"cancelled": True}
        result = await asyncio.wait_for(waiting, 60)
        told = await client.command("mazu.session.show", {"sessionId": result["sessionId"]})
    assert result["stopReason"] == "cancelled"
    assert result["reply"] == told["turns"][0]["reply"]
    assert result["reply"].startswith("".join(shown))
    assert result["reply"].startswith("The key is [redacted: github token], as you see. some words")
    assert max(searched) < 20_000


async def test_what_is_stored_of_an_unfinished_answer_is_not_written_again(tmp_path: Path):
    journal = Journal(tmp_path / "s_1.jsonl")
    journal.append(said("before"))
    place = partial_path(journal.path)
    unfinished = PartialMessage(journal)
    for piece in ("one ", "two ", "three"):
        unfinished.add(piece)
        unfinished._keep()
        assert read_partial(journal) == unfinished.text.strip()
    place.write_text(place.read_text().replace("one", "ONE"))
    unfinished.add(" four")
    unfinished._keep()
    assert read_partial(journal) == "ONE two three four"
    journal.append(said("between"))  # what the file says it follows is wrong now
    assert read_partial(journal) == ""
    unfinished.add(" five")
    unfinished._keep()
    assert read_partial(journal) == "one two three four five"
    unfinished.clear()
    assert not place.exists()
    journal.close()


async def test_a_full_disk_is_told_once_for_each_unfinished_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    journal = Journal(tmp_path / "s_1.jsonl")
    journal.append(said("before"))
    place = partial_path(journal.path)
    place.mkdir()  # nothing can be written there
    unfinished = PartialMessage(journal)
    for piece in ("one ", "two ", "three "):
        unfinished.add(piece)
        unfinished._keep()
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "the unfinished reply cannot be saved while it streams"
    ]
    place.rmdir()
    unfinished.add("four")
    unfinished._keep()
    assert read_partial(journal) == "one two three four"
    unfinished.clear()
    journal.close()
