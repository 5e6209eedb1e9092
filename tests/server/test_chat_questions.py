"""A question of the agent's in the chat document of its session: read there, answered there, its verdict kept there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.server.client import NO_ANSWER, Client, eventually
from tests.server.test_code_actions import actions, run, shown, span
from tests.server.test_turns import agent, edit_call

EDITS = {"workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}}
REPLIES = [
    {"text": "Looking. ", "calls": [{"name": "read_file", "arguments": {"path": "app.py"}}]},
    {"calls": [edit_call("app.py", "x = 1", "x = 10")]},
    {"text": "All done."},
]


@asynccontextmanager
async def asking(env: dict[str, str], folder: Path, answer: Any = NO_ANSWER) -> AsyncIterator[Client]:
    """A chat in which the agent wants to edit a file; `answer` is the editor's to showMessageRequest, None: it has none."""
    (folder / "app.py").write_text("x = 1\n")
    async with agent(env, folder, REPLIES, **EDITS) as client:
        if answer is not None:
            client.answers["window/showMessageRequest"] = lambda params: answer
        started = await client.command("mazu.chat")
        path = folder / ".mazu" / "chats" / f"{started['sessionId']}.md"
        client.uri = path.as_uri()
        client.chat = client.open(client.uri, path.read_text(), "markdown")
        client.change(client.uri, "Make x ten", (len(client.chat.lines), 0))
        await client.command("mazu.chat", {"attachments": [{"uri": client.uri}]}, within=60)
        yield client


def said(client: Client) -> str:
    return client.chat.text.partition("## Mazu")[2]


async def answered(client: Client, title: str) -> None:
    """Choose a code action in the chat document."""
    line = next(number for number, line in enumerate(client.chat.lines) if line.startswith("## Mazu asks"))
    await run(client, await actions(client, client.uri, span(line, 0, line, 0)), title)


@pytest.mark.parametrize("answer", [NO_ANSWER, None], ids=["says nothing", "cannot ask"])
async def test_a_question_is_answered_in_the_chat(env: dict[str, str], folder: Path, answer: Any):
    async with asking(env, folder, answer) as client:
        await shown(client.chat, "## Mazu asks")
        await shown(client.chat, "+x = 10")
        assert "-x = 1\n" in client.chat.text
        client.change(client.uri, "and then y", (len(client.chat.lines), 0))
        client.change(client.uri, "A note. ", (0, 0))
        assert (folder / "app.py").read_text() == "x = 1\n"
        await answered(client, "Mazu: allow once")
        await shown(client.chat, "*1 file changed +1 -1")
        await eventually(lambda: settled(client))
        assert (folder / "app.py").read_text() == "x = 10\n"
        assert "Edit app.py (allowed once): " in said(client)
        assert client.chat.text.startswith("A note. <!-- mazu session")
        assert "All done.\n\n*1 file changed +1 -1" in said(client)
        assert client.chat.text.endswith("*\n\n## You\n\nand then y")


async def settled(client: Client) -> bool:
    """Whether the question is gone and the next message can be written: the end of the turn is drawn."""
    reply, you, _ = said(client).rpartition("\n\n## You\n")
    return "Mazu asks" not in client.chat.text and bool(you) and "All done." in reply


async def test_a_refusal_in_the_chat_is_one_everywhere(env: dict[str, str], folder: Path):
    async with asking(env, folder) as client:
        await shown(client.chat, "## Mazu asks")
        (request,) = [m for m in client.received if m.get("method") == "window/showMessageRequest"]
        opened = await client.command("mazu.permissions.answer")
        assert opened["open"]["tool"] == "edit_file"
        await answered(client, "Mazu: deny")
        await client.until(lambda m: m.get("params") == {"id": request["id"]})
        late = {"optionId": "allow_once"}
        assert await client.command("mazu.permissions.answer", late) == {"answered": False, "open": None}
        await shown(client.chat, "All done.")
        await eventually(lambda: settled(client))
        assert "(denied)" in said(client)
        assert (folder / "app.py").read_text() == "x = 1\n"


async def test_an_answer_of_the_editor_takes_the_question_out_of_the_chat(env: dict[str, str], folder: Path):
    async with asking(env, folder, {"title": "Allow once"}) as client:
        await shown(client.chat, "All done.")
        await eventually(lambda: settled(client))
        assert "allowed once" in said(client)
        assert (folder / "app.py").read_text() == "x = 10\n"
        found = await actions(client, client.uri, span(0, 0, 0, 0))
        assert "Mazu: deny" not in [action["title"] for action in found]


async def test_a_chat_that_is_opened_after_the_question_shows_it_and_its_lenses_answer(
    env: dict[str, str], folder: Path
):
    (folder / "app.py").write_text("x = 1\n")
    async with agent(env, folder, REPLIES, **EDITS) as client:
        client.answers["window/showMessageRequest"] = lambda params: NO_ANSWER
        started = await client.command("mazu.chat", {"message": "Make x ten"})
        await client.until(lambda m: m.get("method") == "window/showMessageRequest", within=60)
        await client.command("mazu.chat", {"sessionId": started["sessionId"]})
        path = folder / ".mazu" / "chats" / f"{started['sessionId']}.md"
        chat = client.open(path.as_uri(), path.read_text(), "markdown")
        await shown(chat, "## Mazu asks")
        lenses = await client.ask("textDocument/codeLens", {"textDocument": {"uri": path.as_uri()}})
        titles = [lens["command"]["title"] for lens in lenses]
        assert titles == [
            "Mazu: allow once", "Mazu: allow for this session", "Mazu: always allow in this project", "Mazu: deny",
        ]  # fmt: skip
        assert chat.lines[lenses[0]["range"]["start"]["line"]].startswith("## Mazu asks")
        await client.ask("workspace/executeCommand", lenses[0]["command"])
        await shown(chat, "allowed once")
        await eventually(lambda: asyncio.to_thread(lambda: (folder / "app.py").read_text() == "x = 10\n"))
        assert await client.ask("textDocument/codeLens", {"textDocument": {"uri": path.as_uri()}}) == []


async def test_a_question_of_an_undo_has_its_own_answers_and_no_debris(env: dict[str, str], folder: Path):
    (folder / "app.py").write_text("x = 1\ny = 1\n")
    async with agent(env, folder, [*REPLIES, {"text": "More.", "repeat": True}], **EDITS) as client:
        app = client.open((folder / "app.py").as_uri(), "x = 1\ny = 1\n")
        client.answers["window/showMessageRequest"] = lambda params: {"title": "Allow once"}
        started = await client.command("mazu.chat")
        path = folder / ".mazu" / "chats" / f"{started['sessionId']}.md"
        client.uri = path.as_uri()
        client.chat = client.open(client.uri, path.read_text(), "markdown")

        async def say(text: str) -> None:
            client.change(client.uri, text, (len(client.chat.lines), 0))
            await client.command("mazu.chat", {"attachments": [{"uri": client.uri}]}, within=60)

        await say("Make x ten")
        await eventually(lambda: settled(client))
        client.answers["window/showMessageRequest"] = lambda params: None  # closed without an answer
        client.change(app.uri, "x = 10  # mine\n", (0, 0), (1, 0))
        asked = asyncio.create_task(say("/undo"))
        await shown(client.chat, "## Mazu asks")
        titles = ["keep mine", "take the earlier text", "leave it as it is"]
        names = ", ".join(f"*Mazu: {title}*" for title in titles)
        await shown(client.chat, f"Answer with a code action here: {names}.")
        await client.until(lambda m: "such as Mazu: keep mine." in str(m.get("params")))
        section = client.chat.text.partition("## Mazu asks")[2].partition(names)[0]
        line = next(
            number for number, line in enumerate(client.chat.lines) if line.startswith("## Mazu asks")
        )
        found = [action["title"] for action in await actions(client, client.uri, span(line, 0, line, 0))]
        assert [f"Mazu: {title}" for title in titles] == found[:3]
        await client.command(
            "mazu.chat", {"message": "more", "sessionId": started["sessionId"], "wait": True}, within=60
        )
        await shown(client.chat, "More.")
        assert client.chat.text.count(section) == 1, client.chat.text
        await answered(client, "Mazu: leave it as it is")
        await asked
        await eventually(lambda: asyncio.sleep(0, "Mazu asks" not in client.chat.text))
        assert "Answer with a code action" not in client.chat.text, client.chat.text
        assert app.text == "x = 10  # mine\ny = 1\n"
