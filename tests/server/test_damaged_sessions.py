"""A session file that is damaged opens with what can be read, says what could not, and is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.client import connected
from tests.server.test_turns import ALL, agent


@pytest.mark.parametrize("damage", ["garbage in the middle", "zeros at the end", "empty"])
async def test_what_can_be_read_is_shown_and_the_rest_is_said(env: dict[str, str], folder: Path, damage: str):
    async with agent(env, folder, [{"text": f"Reply {n}."} for n in range(4)]) as client:
        for number in range(3):
            done = await client.command("mazu.chat", {"message": f"Say {number}", "wait": True}, within=60)
    (path,) = Path(env["MAZU_STATE_HOME"]).rglob("s_*.jsonl")
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    if damage == "garbage in the middle":
        middle = next(n for n, line in enumerate(lines) if b"Reply 1." in line)
        lines[middle : middle + 2] = [b"\x00\xff garbage \n", b"{half\n"]
        path.write_bytes(b"".join(lines))
    elif damage == "zeros at the end":
        path.write_bytes(b"".join([*lines[:-2], b"\x00" * 300 + b"\n", b"\x00" * 20]))
    else:
        path.write_bytes(b"")
    before = path.read_bytes()
    async with connected(env) as client:
        await client.initialize(folder, **ALL)
        shown = await client.command("mazu.session.show", {"sessionId": done["sessionId"]}, within=60)
        said = [turn["message"] for turn in shown["turns"]]
        assert said == ([] if damage == "empty" else ["Say 0", "Say 1", "Say 2"])
        (told,) = [m["message"] for m in client.notes("window/showMessage") if "is damaged" in m["message"]]
        assert "the file is kept" in told
        page = await client.command("mazu.session.events", {"sessionId": done["sessionId"]})
        assert all(event["live"] for event in page["events"])
    assert path.read_bytes().startswith(before)
