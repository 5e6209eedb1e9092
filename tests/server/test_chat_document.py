"""A chat document in the editor: completion, folding, symbols, links, `/command`; and its text as pure functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.server import uris
from mazu_ls.server.chat import markdown
from tests.server.client import Client, RpcFailure, eventually
from tests.server.test_code_actions import shown
from tests.server.test_turns import agent

TEXT = """<!-- mazu session s_1 -->

## You

Look at @src/app.py#L2-L3 and @nothing/there.py

## Mazu <!-- t_1 -->

It is fine.

## You

"""
EDITS = {"workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}}


@pytest.fixture
async def chat(client: Client, folder: Path) -> Client:
    """An open chat document in a project with a few files."""
    (folder / "src").mkdir()
    (folder / "src" / "app.py").write_text("one\ntwo\nthree\n")
    (folder / "README.md").write_text("read me\n")
    path = folder / ".mazu" / "chats" / "talk.md"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT)
    client.answers["workspace/applyEdit"] = client.apply_edit
    await client.initialize(folder, **EDITS)
    client.chat = client.open(path.as_uri(), TEXT, "markdown")
    client.uri = path.as_uri()
    return client


async def complete(client: Client, typed: str) -> list[str]:
    """What is offered behind `typed` at the end of the document."""
    client.change(client.uri, typed, (len(client.chat.lines), 0))
    line = len(client.chat.lines) - 1
    place = {"textDocument": {"uri": client.uri}, "position": {"line": line, "character": len(typed)}}
    found = await client.ask("textDocument/completion", place)
    client.change(client.uri, "", (line, 0), (line, len(typed)))
    return [item["label"] for item in found or []]


async def test_paths_commands_and_memories_are_completed(chat: Client):
    assert await complete(chat, "see @") == ["@src/", "@README.md"]
    assert await complete(chat, "see @src/a") == ["@src/app.py"]
    assert await complete(chat, "see @../") == []
    assert await complete(chat, "me@example") == []
    assert {"/undo", "/remember", "/task"} <= set(await complete(chat, "/"))
    assert await complete(chat, "a / b") == []
    memory = (await chat.command("mazu.remember", {"title": "Known"}))["memory"]
    assert await complete(chat, "as m_") == [memory["id"]]


@pytest.mark.parametrize("folder_open", [True, False])
async def test_a_chat_without_a_place_in_the_project_is_kept_elsewhere_and_goes_on(
    env: dict[str, str], folder: Path, folder_open: bool
):
    (folder / ".mazu").write_text("in the way")
    async with agent(env, folder if folder_open else None, [{"text": "Hello to you."}]) as client:
        started = await client.command("mazu.chat", {})
        (shown,) = [m["params"] for m in client.received if m.get("method") == "window/showDocument"]
        path = uris.to_path(shown["uri"])
        assert path is not None and path.is_relative_to(env["MAZU_STATE_HOME"])
        path.write_text(path.read_text() + "Hello.\n")
        result = await client.command(
            "mazu.chat", {"attachments": [{"uri": shown["uri"]}], "wait": True}, within=60
        )
        assert (result["sessionId"], result["reply"]) == (started["sessionId"], "Hello to you.")

        async def written() -> bool:
            return "Hello to you." in path.read_text()

        await eventually(written)


async def test_headings_fold_and_are_symbols_and_files_are_links(chat: Client):
    document = {"textDocument": {"uri": chat.uri}}
    assert [
        (one["startLine"], one["endLine"]) for one in await chat.ask("textDocument/foldingRange", document)
    ] == [(2, 4), (6, 8)]
    symbols = await chat.ask("textDocument/documentSymbol", document)
    assert [symbol["name"] for symbol in symbols] == [
        "You: Look at @src/app.py#L2-L3 and @nothing/there.py", "Mazu: It is fine.", "You: …",
    ]  # fmt: skip
    (link,) = await chat.ask("textDocument/documentLink", document)
    assert link["target"].endswith("/src/app.py#L2")


async def test_other_documents_have_none_of_it(chat: Client, folder: Path):
    uri = (folder / "README.md").as_uri()
    chat.open(uri, "## You\n@src/app.py\n", "markdown")
    for method in ("foldingRange", "documentSymbol", "documentLink"):
        assert await chat.ask(f"textDocument/{method}", {"textDocument": {"uri": uri}}) is None


async def test_a_client_that_can_is_asked_about_chats_only(client: Client, folder: Path):
    asked: list[Any] = []
    client.answers["client/registerCapability"] = asked.append
    dynamic = {name: {"dynamicRegistration": True} for name in ("completion", "foldingRange")}
    result = await client.initialize(folder, textDocument=dynamic)
    assert "completionProvider" not in result["capabilities"]
    assert "documentSymbolProvider" in result["capabilities"]
    await client.until(lambda message: message.get("method") == "client/registerCapability")
    (sent,) = client.notes("client/registerCapability")
    by_method = {one["method"]: one["registerOptions"] for one in sent["registrations"]}
    assert by_method["textDocument/completion"]["documentSelector"][0]["pattern"] == "**/.mazu/chats/*.md"
    assert set(by_method) == {"textDocument/completion", "textDocument/foldingRange"}


async def test_a_command_is_run_and_its_answer_written_below(chat: Client):
    await chat.command("mazu.session.new", {"name": "here"})
    session = (await chat.command("mazu.session.list"))["current"]
    chat.change(chat.uri, f"<!-- mazu session {session} -->\n\n## You\n\n/remember Tabs, not spaces")
    await chat.command("mazu.chat", {"attachments": [{"uri": chat.uri}]})
    await shown(chat.chat, "created: m_")
    assert chat.chat.text.endswith("\n\n## You\n\n")
    assert (await chat.command("mazu.memory.list", {}))["memories"][0]["title"] == "Tabs, not spaces"
    chat.change(chat.uri, "/fly", (len(chat.chat.lines), 0))
    with pytest.raises(RpcFailure, match="no command /fly"):
        await chat.command("mazu.chat", {"attachments": [{"uri": chat.uri}]})
    await shown(chat.chat, "There is no command /fly")  # the next message is another one
    assert chat.chat.text.endswith("\n\n## You\n\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/mode fast", "no mode 'fast'"),
        ("/mode bypass", "Mode bypass asks about nothing"),
        ("/mode bypass yes", "/mode was not run"),
        ("/remember", "/remember was not run"),
    ],
)
async def test_what_a_command_lacks_is_said_in_words_for_people(chat: Client, line: str, said: str):
    await chat.command("mazu.session.new", {"name": "here"})
    session = (await chat.command("mazu.session.list"))["current"]
    chat.change(chat.uri, f"<!-- mazu session {session} -->\n\n## You\n\n{line}")
    with pytest.raises(RpcFailure, match=said) as failure:
        await chat.command("mazu.chat", {"attachments": [{"uri": chat.uri}]})
    assert "workspace/executeCommand" not in str(failure.value)
    assert (await chat.command("mazu.status"))["mode"] == "ask"


async def test_a_shell_command_is_run_and_its_output_written_below(env: dict[str, str], folder: Path):
    async with agent(env, folder, [], **EDITS) as client:
        client.answers["window/showMessageRequest"] = lambda params: {"title": "Allow once"}
        started = await client.command("mazu.chat")
        path = folder / ".mazu" / "chats" / f"{started['sessionId']}.md"
        client.uri = path.as_uri()
        document = client.open(client.uri, path.read_text(), "markdown")
        client.change(client.uri, "!echo four $((2+2))", (len(document.lines), 0))
        await client.command("mazu.chat", {"attachments": [{"uri": client.uri}]}, within=60)
        await shown(document, "```\nfour 4")
        assert client.model.requests == []


async def test_nothing_to_send_is_said(chat: Client):
    with pytest.raises(RpcFailure, match="no message to send"):
        await chat.command("mazu.chat", {"attachments": [{"uri": chat.uri}]})


def test_the_next_message_is_what_stands_under_the_last_heading():
    assert markdown.pending_message(TEXT) == ""
    assert markdown.pending_message(TEXT + "Do it\n\nnow\n") == "Do it\n\nnow"
    assert markdown.pending_message("no headings") == ""
    assert markdown.pending_message("## You\n\nhi\n\n## Mazu\n\nhello\n") == ""
    assert markdown.session_of(TEXT) == "s_1"


def test_mentions_are_paths_with_lines():
    found = markdown.mentions("see @a/b.py#L3-L9, (@c.py#L4) and @d.py. not me@x.org or `@code`")
    assert [(m.path, m.first, m.last) for m in found] == [
        ("a/b.py", 3, 9),
        ("c.py", 4, None),
        ("d.py", None, None),
    ]
    assert markdown.mention_of("a.py", 2, 9) == "@a.py#L3-L9"
    assert markdown.mention_of("a.py", 2, 3) == "@a.py#L3"


PIECES = st.lists(st.text(alphabet="ab \n#You", min_size=1, max_size=12), max_size=8)


@given(PIECES, st.text(alphabet="xy\n ", max_size=10))
def test_pieces_of_a_reply_come_out_in_order_whatever_is_typed_below(pieces: list[str], typed: str):
    """The same insertions as the writer makes, with the user's words in the section below."""
    text = "## You\n\nhello" + markdown.opening("t_9") + typed
    pending, whole = "", ""
    for piece in pieces:
        pending += piece
        ready = pending.rstrip("\n")
        place = markdown.reply_end(text, "t_9")
        assert place is not None
        started = bool(markdown.reply_so_far(text, "t_9"))
        new = ready if started else ready.lstrip("\n")
        if not new or markdown.quoted(whole + new) != whole + new:
            continue
        text = text[:place] + new + text[place:]
        whole, pending = whole + new, pending[len(ready) :]
    assert markdown.reply_so_far(text, "t_9") == whole.strip("\r\n")
    assert text.endswith(f"\n\n## You\n\n{typed}")
