"""A chat document shows what its session is: after undo, rewind, branch, reopening, restart; the user's lines stay."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.server.chat.merge import redrawn
from mazu_ls.server.documents.documents import OpenDocument
from tests.server.client import Client, connected, eventually
from tests.server.test_code_actions import shown
from tests.server.test_turns import ALL, agent, edit_call

REPLIES = [
    {"text": "I will. ", "calls": [edit_call("app.py", "x = 1", "x = 2")]},
    {"text": "It is two."},
    {"text": "Nothing to do."},
]


async def open_chat(client: Client, folder: Path, session: str | None = None) -> OpenDocument:
    """The chat document of a session, open in the editor."""
    started = await client.command("mazu.chat", {"sessionId": session} if session else {})
    path = folder / ".mazu" / "chats" / f"{started['sessionId']}.md"
    return client.open(path.as_uri(), path.read_text(), "markdown")


async def say(client: Client, chat: OpenDocument, message: str, until: str) -> None:
    """Write a message and send it; wait until the reply stands there whole and its turn has ended."""
    client.change(chat.uri, message, (len(chat.lines), 0))
    started = await client.command("mazu.chat", {"attachments": [{"uri": chat.uri}]}, within=60)
    await shown(chat, until)

    async def idle() -> bool:
        return (await client.command("mazu.session.show", {"sessionId": started["sessionId"]}, within=60))[
            "state"
        ] == "idle"

    await eventually(idle, 60)


async def gone(chat: OpenDocument, text: str) -> None:
    async def check() -> bool:
        return text not in chat.text

    await eventually(check)


def saving(client: Client) -> list[str]:
    """An editor that saves what it is asked to."""
    saved: list[str] = []

    def save(params: Any) -> Any:
        for uri in params["uris"]:
            Path(uri.removeprefix("file://")).write_text(client.documents[uri].text)
            client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
            saved.append(uri)
        return {"saved": params["uris"], "failed": []}

    client.answers["mazu/documents/save"] = save
    return saved


async def test_undo_after_a_chat_turn_asks_nothing_and_the_document_follows(
    env: dict[str, str], folder: Path
):
    (folder / "app.py").write_text("x = 1\n")
    async with agent(env, folder, REPLIES, allow=["edit_file: app.py"]) as client:
        saved = saving(client)
        chat = await open_chat(client, folder)
        await say(client, chat, "Make it two", "*1 file changed +1 -1")
        await eventually(lambda: _true(saved))
        assert re.search(r"## Mazu <!-- t_\w+ --> \d\d \w+ \d\d:\d\d · claude\S+ · mode ask\n", chat.text), (
            chat.text
        )
        assert re.search(
            r"\*1 file changed \+1 -1 · 2 checkpoints · \$\d\.\d+ · \S+ tokens · 1 % of the context\*",
            chat.text,
        ), chat.text
        client.change(chat.uri, "my draft", (len(chat.lines), 0))
        asked = len(client.notes("mazu/permission/request"))
        undone = await client.command("mazu.undo", within=60)
        assert undone["applied"] and undone["verified"] and undone["plan"]["conflicts"] == [], undone
        assert (folder / "app.py").read_text() == "x = 1\n"
        assert len(client.notes("mazu/permission/request")) == asked
        assert not [m for m in client.received if m.get("method") == "window/showMessageRequest"]
        await gone(chat, "It is two.")
        assert "*1 turn undone*" in chat.text
        assert chat.text.endswith("## You\n\nmy draft")


async def _true(value: Any) -> bool:
    return bool(value)


async def test_a_rewind_to_the_middle_and_going_on_is_drawn_as_a_branch(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": f"Reply {n}."} for n in range(4)]) as client:
        chat = await open_chat(client, folder)
        for number in range(3):
            await say(client, chat, f"Say {number}", f"Reply {number}.\n\n*$")
        at = chat.text.index("## Mazu", chat.text.index("Reply 0."))
        line = chat.position_at(at).line
        client.change(chat.uri, "My own note.\n\n", (line, 0))
        await client.command("mazu.session.rewind", {"turns": 2})
        await gone(chat, "Reply 1.")
        assert "*2 turns undone*" in chat.text and "My own note." in chat.text
        await say(client, chat, "Say again", "Reply 3.\n\n*$")
        text = chat.text
        assert text.index("Reply 0.") < text.index("*2 turns undone*") < text.index("Say again")
        assert text.count("Reply 3.") == 1 and text.count("My own note.") == 1


async def test_a_document_that_was_closed_unsaved_shows_everything_when_it_is_opened_again(
    env: dict[str, str], folder: Path
):
    async with agent(env, folder, [{"text": "First."}, {"text": "Second."}]) as client:
        chat = await open_chat(client, folder)
        await say(client, chat, "One", "First.\n\n*$")
        stale = chat.text
        await say(client, chat, "Two", "Second.\n\n*$")
        session = (await client.command("mazu.session.list"))["current"]
        client.notify("textDocument/didClose", {"textDocument": {"uri": chat.uri}})
        again = client.open(chat.uri, stale, "markdown")
        await shown(again, "Second.")
        whole = again.text
    async with connected(env) as client:
        client.answers["workspace/applyEdit"] = client.apply_edit
        await client.initialize(folder, **ALL)
        late = client.open(chat.uri, stale, "markdown")
        await shown(late, "Second.")
        assert late.text == whole
        started = await client.command("mazu.session.show", {"sessionId": session})
        assert len(started["turns"]) == 2


async def test_a_turn_from_elsewhere_stands_in_the_document_too(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "From the side."}]) as client:
        chat = await open_chat(client, folder)
        client.change(chat.uri, "half a thought", (len(chat.lines), 0))
        await client.command("mazu.chat", {"message": "Hello", "wait": True}, within=60)
        await shown(chat, "From the side.")
        assert "## You\n\nHello\n\n## Mazu" in chat.text and chat.text.endswith("## You\n\nhalf a thought")


DRAWN = "## You\n\nhello\n\n## Mazu <!-- t_1 -->\n\nIt is fine.\n\n- Read a: x\n\nDone.\n\n"
HEAD = "<!-- mazu session s_1 -->\n\n"


@pytest.mark.parametrize("cut", range(7, len(DRAWN), 7))
def test_whatever_of_a_reply_stands_there_it_is_whole_afterwards(cut: int):
    before = f"{HEAD}{DRAWN[:cut]}\n\n## You\n\ndraft"
    after = redrawn(before, DRAWN, DRAWN.splitlines())
    assert after == f"{HEAD}{DRAWN}## You\n\ndraft"
    assert redrawn(after, DRAWN, DRAWN.splitlines()) == after


@given(
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["NOTE a", "NOTE b", "NOTE c"])), max_size=4),
    st.text("xy\n"),
)
def test_no_line_of_the_users_is_lost_whatever_is_drawn(notes: list[tuple[int, str]], draft: str):
    lines = DRAWN.splitlines()
    for place, note in notes:
        lines.insert(min(place, len(lines)), note)
    text = f"{HEAD}{chr(10).join(lines)}\n\n## You\n\n{draft}"
    for drawn in (DRAWN, "*1 turn undone*\n\n", ""):
        after = redrawn(text, drawn, [*DRAWN.splitlines(), "*1 turn undone*"])
        kept = [line for line in after.splitlines() if line.startswith("NOTE")]
        assert sorted(kept) == sorted(note for _, note in notes)
        assert after.endswith(f"## You\n\n{draft}" if draft.strip() else "## You\n\n")
        assert redrawn(after, drawn, [*DRAWN.splitlines(), "*1 turn undone*"]) == after


async def test_a_turn_from_elsewhere_is_drawn_while_it_runs_also_where_the_document_is_opened_late(
    env: dict[str, str], folder: Path
):
    slow = {"text": "word " * 400, "delay": 0.05}
    async with agent(env, folder, [slow]) as client:
        chat = await open_chat(client, folder)
        client.change(chat.uri, "half a thought", (len(chat.lines), 0))
        started = await client.command("mazu.chat", {"message": "Tell me"}, within=60)
        await shown(chat, "word word")
        assert "## You\n\nTell me\n\n## Mazu" in chat.text and chat.text.endswith("## You\n\nhalf a thought")
        stale = client.documents.pop(chat.uri).text
        client.notify("textDocument/didClose", {"textDocument": {"uri": chat.uri}})
        late = client.open(chat.uri, f"{stale.partition('## You')[0]}## You\n\n", "markdown")
        await shown(late, "Tell me")
        await shown(late, "word word")
        await client.command("mazu.cancel", {"sessionId": started["sessionId"]})
        await shown(late, "*cancelled: Stopped.*")
        assert late.text.count("Tell me") == 1 and late.text.count("## Mazu") == 1
