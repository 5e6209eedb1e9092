"""Virtual documents: transcripts, checkpoint diffs, memory as Markdown, the next model call."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from mazu_ls.server import uris
from tests.server.client import Client, RpcFailure
from tests.server.test_code_actions import shown
from tests.server.test_turns import ALL, agent, edit_call

DECLARED = {**ALL, "workspace": {**ALL["workspace"], "textDocumentContent": {"dynamicRegistration": True}}}
REPLIES = [
    {"calls": [edit_call("app.py", "x = 1", "x = 2")]},
    {"text": "Done: x is two."},
    {"text": "Yes.", "repeat": True},
]


async def read(client: Client, uri: str) -> str:
    return (await client.ask("workspace/textDocumentContent", {"uri": uri}))["text"]


async def chatted(client: Client, folder: Path, message: str = "Make x two") -> dict[str, Any]:
    (folder / "app.py").write_text("x = 1\n")
    return await client.command("mazu.chat", {"message": message, "wait": True}, within=60)


async def test_what_is_no_file_can_be_read(env: dict[str, str], folder: Path):
    async with agent(env, folder, REPLIES, **DECLARED, allow=["edit_file: app.py"]) as client:
        remembered = await client.command("mazu.remember", {"title": "x is a constant", "body": "Since May."})
        result = await chatted(client, folder)
        transcript = await read(client, f"mazu:/session/{result['sessionId']}.md")
        assert transcript.startswith("# Make x two\n")
        assert "## You\n\nMake x two\n\n## Mazu\n\n- `edit_file`: edited app.py" in transcript
        assert "Done: x is two." in transcript
        diff = await read(client, f"mazu:/checkpoint/{result['checkpoints'][0]}.diff")
        assert "-x = 1\n+x = 2" in diff
        both = "mazu:/checkpoint/{}.diff?against={}".format(*[result["checkpoints"][n] for n in (1, 0)])
        assert "-x = 2\n+x = 1" in await read(client, both)
        memory = await read(client, f"mazu:/memory/{remembered['memory']['id']}.md")
        assert "# x is a constant\n\nSince May.\n" in memory
        assert memory in await read(client, "mazu:/memory/all.md")


@pytest.mark.parametrize("declares", [True, False])
async def test_a_file_of_a_checkpoint_is_a_document(env: dict[str, str], folder: Path, declares: bool):
    (folder / "a b").mkdir()
    (folder / "a b" / "ä.py").write_text("saved\n")
    async with agent(
        env, folder, REPLIES, **(DECLARED if declares else {}), allow=["edit_file: app.py"]
    ) as client:
        client.answers["window/showDocument"] = lambda params: {"success": True}
        document = client.open((folder / "a b" / "ä.py").as_uri(), "saved\n")
        client.change(document.uri, "typed\n")
        taken = await client.command("mazu.checkpoint")
        client.change(document.uri, "later\n")
        uri = f"mazu:/checkpoint/{taken['id']}/file/{quote('a b/ä.py')}"
        if declares:
            assert await read(client, uri) == "typed\n"
        shown_at = (await client.command("mazu.view", {"uri": uri}))["uri"]
        assert shown_at == uri or uris.to_path(shown_at).read_text() == "typed\n"
        with pytest.raises(RpcFailure, match="was no file"):
            await client.command("mazu.view", {"uri": f"mazu:/checkpoint/{taken['id']}/file/none.py"})


async def test_the_next_call_is_shown_byte_for_byte(env: dict[str, str], folder: Path):
    async with agent(env, folder, REPLIES, **DECLARED, allow=["edit_file: app.py"]) as client:
        result = await chatted(client, folder)
        session = result["sessionId"]
        chat = folder / ".mazu" / "chats" / f"{session}.md"
        client.answers["window/showDocument"] = lambda params: {"success": True}
        await client.command("mazu.chat", {"sessionId": session})
        text = chat.read_text() + "Is it really?"
        client.open(chat.as_uri(), text, "markdown")
        await client.settled()
        shown = await read(client, f"mazu:/next-call/{session}.json")
        assert len(client.model.bodies) == 2
        send = {"attachments": [{"uri": chat.as_uri()}], "wait": True}
        await client.command("mazu.chat", send, within=60)
        sent = client.model.bodies[2]
        assert json.dumps(json.loads(shown)) == json.dumps(sent)
        assert "Is it really?" in shown


async def test_the_editor_is_told_to_read_again(env: dict[str, str], folder: Path):
    async with agent(env, folder, REPLIES, **DECLARED, allow=["edit_file: app.py"]) as client:
        result = await chatted(client, folder)
        uri = f"mazu:/session/{result['sessionId']}.md"
        await read(client, uri)
        refreshed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        client.answers["workspace/textDocumentContent/refresh"] = refreshed.set_result
        await client.command("mazu.chat", {"message": "Thanks", "wait": True}, within=60)
        async with asyncio.timeout(60):
            assert await refreshed == {"uri": uri}
        assert "Thanks" in await read(client, uri)


@pytest.mark.parametrize("capabilities", [ALL, DECLARED], ids=["files", "scheme"])
async def test_a_view_is_shown_where_the_editor_can_show_it(
    env: dict[str, str], folder: Path, capabilities: dict[str, Any]
):
    async with agent(env, folder, REPLIES, **capabilities, allow=["edit_file: app.py"]) as client:
        shown: list[str] = []
        client.answers["window/showDocument"] = lambda params: {"success": not shown.append(params["uri"])}
        result = await chatted(client, folder)
        wanted = f"mazu:/session/{result['sessionId']}.md"
        answer = await client.command("mazu.view", {"uri": wanted})
        assert shown == [answer["uri"]]
        if capabilities is DECLARED:
            assert answer["uri"] == wanted
        else:
            path = folder / ".mazu" / "view" / "session" / f"{result['sessionId']}.md"
            assert answer["uri"] == path.as_uri()
            assert path.read_text() == await read(client, wanted)


async def test_one_of_the_views_is_chosen_where_no_argument_can_be_given(env: dict[str, str], folder: Path):
    async with agent(env, folder, REPLIES, allow=["edit_file: app.py"]) as client:
        await chatted(client, folder)
        offered: list[str] = []

        def choose(params: Any) -> Any:
            offered.extend(action["title"] for action in params["actions"])
            return {"title": "Changes since the last checkpoint"}

        client.answers["window/showMessageRequest"] = choose
        answer = await client.command("mazu.view")
        assert offered == ["Memory", "Transcript", "Next model call", "Changes since the last checkpoint"]
        assert Path(urlsplit(answer["uri"]).path).read_text().startswith("From cp_")


async def test_ids_in_a_chat_document_are_links(env: dict[str, str], folder: Path):
    async with agent(env, folder, REPLIES, allow=["edit_file: app.py"]) as client:
        remembered = await client.command("mazu.remember", {"title": "x is a constant"})
        memory = remembered["memory"]["id"]
        chat = folder / ".mazu" / "chats" / "mine.md"
        chat.parent.mkdir(parents=True)
        chat.write_text(f"## You\n\nWhy {memory}?\n")
        client.open(chat.as_uri(), chat.read_text(), "markdown")
        (link,) = await client.ask("textDocument/documentLink", {"textDocument": {"uri": chat.as_uri()}})
        assert link["range"]["start"] == {"line": 2, "character": 4}
        resolved = await client.ask("documentLink/resolve", link)
        assert "# x is a constant" in Path(urlsplit(resolved["target"]).path).read_text()


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("mazu:/session/s_none.md", -32803),
        ("mazu:/checkpoint/cp_999999.diff", -32803),
        ("mazu:/memory/m_999999.md", -32803),
        ("mazu:/checkpoint/cp_999999/file/app.py", -32803),
        ("mazu:/checkpoint/cp_000001/file/../../app.py", -32602),
        ("mazu:/checkpoint/cp_000001/file/%2e%2e/app.py", -32602),
        ("mazu:/checkpoint/cp_000001/file//etc/passwd", -32602),
        ("mazu:/session/../../etc.md", -32602),
        ("mazu:/session/s_1.json", -32602),
        ("file:///etc/passwd", -32602),
    ],
)
async def test_what_is_not_there_is_said(env: dict[str, str], folder: Path, uri: str, code: int):
    async with agent(env, folder, REPLIES, **DECLARED, allow=["edit_file: app.py"]) as client:
        with pytest.raises(RpcFailure) as failure:
            await read(client, uri)
        assert failure.value.code == code


async def test_a_call_in_a_chat_has_its_diff_behind_a_link(env: dict[str, str], folder: Path):
    (folder / "app.py").write_text("x = 1\n")
    replies = [{"calls": [edit_call("app.py", "x = 1", "x = 2")]}, {"text": "All done."}]
    async with agent(env, folder, replies, allow=["edit_file: app.py"]) as client:
        started = await client.command("mazu.chat")
        path = folder / ".mazu" / "chats" / f"{started['sessionId']}.md"
        chat = client.open(path.as_uri(), path.read_text(), "markdown")
        client.change(path.as_uri(), "Make it two", (len(chat.lines), 0))
        await client.command("mazu.chat", {"attachments": [{"uri": path.as_uri()}]}, within=60)
        await shown(chat, "All done.")
        links = await client.ask("textDocument/documentLink", {"textDocument": {"uri": path.as_uri()}})
        (link,) = [one for one in links if one.get("data", "").startswith("mazu:/call/")]
        line = link["range"]["start"]["line"]
        assert "edited app.py ([diff](" in chat.lines[line]
        target = (await client.ask("documentLink/resolve", link))["target"]
        assert "-x = 1\n+x = 2\n" in Path(target.removeprefix("file://")).read_text()
        with pytest.raises(RpcFailure, match="changed a file"):
            await client.command("mazu.view", {"uri": f"mazu:/call/{started['sessionId']}.none.diff"})
