"""Secrets that come in pieces, and texts made to keep redaction busy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mazu_ls.redact import StreamRedactor, redact
from tests.server.test_turns import agent

KEY = "sk-ant-api03-" + "Ab1_" * 10
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKCAQ\n-----END RSA PRIVATE KEY-----"
SECRETS = [
    KEY, PEM, "password = hunter2secret1", "Authorization: Bearer abcdef1234567890ABCDEF", "the password is hunter22x",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "postgres://user:s3cretpw@host/db",
]  # fmt: skip
WORDS = [
    "the",
    "--",
    "-----",
    "-----BEGIN CERTIFICATE-----",
    "你好。",
    "`code`",
    "password",
    "is",
    "=",
    "\n",
    "```",
    "eyJ",
    "token:",
    "...",
]
TEXTS = st.lists(st.sampled_from(SECRETS + WORDS), max_size=20).map(" ".join)


@given(TEXTS, st.lists(st.integers(1, 40), min_size=1, max_size=30))
@example(KEY, [1])
@example(PEM, [1])
def test_pieces_give_what_the_whole_would(text: str, sizes: list[int]):
    stream, shown, at = StreamRedactor(), "", 0
    for number in range(len(text)):
        if at < len(text):
            size = sizes[number % len(sizes)]
            shown += stream.feed(text[at : at + size])
            at += size
    assert shown + stream.flush() == redact(text)


@pytest.mark.parametrize("updates", [True, False], ids=["our client", "any editor"])
async def test_a_key_split_over_two_deltas_never_reaches_the_client(
    env: dict[str, str], folder: Path, updates: bool
):
    replies = [
        {
            "text": f"The key is {KEY} as you see. ",
            "thinking": f"I read {KEY} there.",
            "calls": [{"name": "list_dir", "arguments": {"path": "."}}],
        },
        {"text": "Done."},
    ]
    capabilities: dict[str, Any] = {"experimental": {"mazu": {"updates": updates}}}
    async with agent(env, folder, replies, **capabilities) as client:
        started = await client.command("mazu.chat")
        path = folder / ".mazu" / "chats" / f"{started['sessionId']}.md"
        chat = client.open(path.as_uri(), path.read_text(), "markdown")
        client.change(path.as_uri(), "Show me", (len(chat.lines), 0))
        send = {"attachments": [{"uri": path.as_uri()}], "wait": True}
        await client.command("mazu.chat", send, within=60)
        streamed = "".join(
            str(note["update"].get("text", "")) for note in client.notes("mazu/session/update")
        )
        if updates:
            assert "The key is [redacted: anthropic key] as you see." in streamed
        for part in (KEY, KEY[:20], KEY[-20:]):
            assert part not in str(client.received) and part not in chat.text


async def test_output_that_is_split_within_a_key_is_redacted(env: dict[str, str], folder: Path):
    script = f"printf 'key: {KEY[:18]}'; sleep 0.4; printf '{KEY[18:]}\\n'; echo end"
    replies = [{"calls": [{"name": "run_shell", "arguments": {"command": script}}]}, {"text": "Done."}]
    async with agent(env, folder, replies, allow=["run_shell: printf"]) as client:
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        notes = [note["update"] for note in client.notes("mazu/session/update")]
        output = "".join(one["text"] for one in notes if one["kind"] == "tool_output")
        assert output == "key: [redacted: anthropic key]\nend\n"


ATTACKS = [
    "-eyJ", "eyJaaaaaaaa-", "eyJaaaaaaaa.", "-----BEGIN RSA PRIVATE KEY-----\n", "-----BEGIN A ", "password is a1.", "secret is ", "token=",
    "Bearer ", "Authorization: ", "a://a:", "AccountKey=", "SG.a", "api_key=\"", "glpat-", "sk-a", "Ma.",
]  # fmt: skip
SLOW = """
import sys
from mazu_ls.redact import StreamRedactor, redact
for attack in sys.argv[1:]:
    redact("secret secret secret is " + attack * (400_000 // len(attack)))
    redact("secret secret secret is a1" + attack[-1] * 300_000 + "(")
    stream = StreamRedactor()
    for _ in range(3_000):
        stream.feed(attack)
"""


def test_no_text_keeps_it_busy_for_long():
    """400 KB of each: a second or so, also where the machine is busy. What took quadratic time took an hour."""
    subprocess.run([sys.executable, "-c", SLOW, *ATTACKS], check=True, timeout=300)
