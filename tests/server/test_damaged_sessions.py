"""A session file that is damaged opens with what can be read, says what could not, and is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.server.client import Client, connected
from tests.server.test_turns import ALL, agent

SAID = ["Say 0", "Say 1", "Say 2"]


def with_garbage(lines: list[bytes], other: list[bytes]) -> bytes:
    middle = next(n for n, line in enumerate(lines) if b"Reply 1." in line)
    return b"".join([*lines[:middle], b"\x00\xff garbage \n", b"{half\n", *lines[middle + 2 :]])


DAMAGES: dict[str, tuple[Callable[[list[bytes], list[bytes]], bytes], list[str], str]] = {
    "garbage in the middle": (with_garbage, SAID, "of its entries cannot be read"),
    "zeros at the end": (
        lambda lines, other: b"".join([*lines[:-2], b"\x00" * 300 + b"\n", b"\x00" * 20]),
        SAID,
        "1 of its entries cannot be read",
    ),
    "empty": (lambda lines, other: b"", [], "nothing of it can be read. The file is kept"),
    "reversed": (lambda lines, other: b"".join(lines[::-1]), SAID, "not in the order"),
    "sorted": (lambda lines, other: b"".join(sorted(lines)), SAID, "not in the order"),
    "first line cut": (
        lambda lines, other: b"".join([lines[0][9:], *lines[1:]]), SAID, "1 of its entries cannot be read",
    ),
    "a byte that is not UTF-8": (
        lambda lines, other: b"".join([lines[0].replace(b'"name":"', b'"name":"\xff', 1), *lines[1:]]),
        SAID,
        "1 of its entries cannot be read",
    ),
    "nested too deeply": (
        lambda lines, other: b"".join([lines[0][:-2] + b',"body":' + b"[" * 100_000 + b"\n", *lines]),
        SAID,
        "1 of its entries cannot be read",
    ),
    "every line twice": (
        lambda lines, other: b"".join(line + line for line in lines), SAID, "entries are there twice",
    ),
    "itself twice": (lambda lines, other: b"".join(lines * 2), SAID, "entries are there twice"),
    "another session after it": (
        lambda lines, other: b"".join(lines + other), [*SAID, "Other"], "parts of two conversations",
    ),
    "another session before it": (
        lambda lines, other: b"".join(other + lines), ["Other", *SAID], "parts of two conversations",
    ),
}  # fmt: skip


async def two_sessions(client: Client) -> tuple[str, str]:
    other = await client.command("mazu.chat", {"message": "Other", "wait": True}, within=60)
    id = (await client.command("mazu.session.new"))["id"]
    for said in SAID:
        await client.command("mazu.chat", {"message": said, "sessionId": id, "wait": True}, within=60)
    return id, other["sessionId"]


def bodies_of(client: Any) -> list[dict[str, Any]]:
    return client.model.bodies


async def said_in(client: Client, id: str) -> list[str]:
    shown = await client.command("mazu.session.show", {"sessionId": id}, within=60)
    return [turn["message"] for turn in shown["turns"]]


async def test_what_can_be_read_is_shown_and_the_rest_is_said(env: dict[str, str], folder: Path):
    replies: list[dict[str, Any]] = [{"text": f"Reply {n}."} for n in (9, 0, 1, 2)]
    async with agent(env, folder, replies) as client:
        id, other = await two_sessions(client)
    (place,) = {path.parent for path in Path(env["MAZU_STATE_HOME"]).rglob("s_*.jsonl")}
    lines, others = ((place / f"{one}.jsonl").read_bytes().splitlines(keepends=True) for one in (id, other))
    ids = {name: f"s_damaged{n}" for n, name in enumerate(DAMAGES)}
    for name, (damage, _, _) in DAMAGES.items():
        (place / f"{ids[name]}.jsonl").write_bytes(damage(lines, others))
    fine = {"s_fine1": b"\xef\xbb\xbf" + b"".join(lines), "s_fine2": b"".join(lines).replace(b"\n", b"\r\n")}
    for name, data in fine.items():  # a byte order mark and other line ends are no damage
        (place / f"{name}.jsonl").write_bytes(data)
    async with connected(env) as client:
        await client.initialize(folder, **ALL)
        for name, (damage, said, what) in DAMAGES.items():
            before = len(client.notes("window/showMessage"))
            assert await said_in(client, ids[name]) == said, name
            told = [m["message"] for m in client.notes("window/showMessage")[before:]]
            assert len(told) == 1 and what in told[0] and "he file is kept" in told[0], (name, told)
            page = await client.command("mazu.session.events", {"sessionId": ids[name]})
            assert all(event["live"] for event in page["events"]), name
            path = place / f"{ids[name]}.jsonl"
            assert path.read_bytes().startswith(damage(lines, others)), name
        for name in fine:
            before = len(client.notes("window/showMessage"))
            assert await said_in(client, name) == SAID
            assert client.notes("window/showMessage")[before:] == []


@pytest.mark.parametrize("name", ["reversed", "another session after it"])
async def test_a_conversation_out_of_order_is_continued_at_its_end(
    env: dict[str, str], folder: Path, name: str
):
    damage, said, _ = DAMAGES[name]
    replies: list[dict[str, Any]] = [{"text": f"Reply {n}."} for n in range(6)]
    async with agent(env, folder, replies) as client:
        id, other = await two_sessions(client)
    (place,) = {path.parent for path in Path(env["MAZU_STATE_HOME"]).rglob("s_*.jsonl")}
    lines, others = ((place / f"{one}.jsonl").read_bytes().splitlines(keepends=True) for one in (id, other))
    (place / f"{id}.jsonl").write_bytes(damage(lines, others))
    async with agent(env, folder, replies[:1]) as client:
        await client.command("mazu.chat", {"message": "More", "sessionId": id, "wait": True}, within=60)
        (body,) = bodies_of(client)
        assert [m["role"] for m in body["messages"]] == ["user", "assistant"] * len(said) + ["user"]
    async with connected(env) as client:
        await client.initialize(folder, **ALL)
        assert await said_in(client, id) == [*said, "More"]
