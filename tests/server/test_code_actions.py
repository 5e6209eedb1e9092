"""What any editor offers on a selection, on diagnostics and in a chat document, with no plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mazu_ls.server.documents.documents import OpenDocument
from tests.server.client import Client, RpcFailure, eventually
from tests.server.test_turns import agent

SOURCE = "def f():\n    return 1\n\n\ndef g():\n    return x\n"


def span(*numbers: int) -> dict[str, Any]:
    line, character, end_line, end_character = numbers
    return {
        "start": {"line": line, "character": character},
        "end": {"line": end_line, "character": end_character},
    }


async def actions(client: Client, uri: str, where: dict[str, Any], **context: Any) -> list[dict[str, Any]]:
    params = {"textDocument": {"uri": uri}, "range": where, "context": {"diagnostics": [], **context}}
    return await client.ask("textDocument/codeAction", params)


async def test_a_selection_offers_everything_with_its_arguments(client: Client, folder: Path):
    await client.initialize(folder)
    uri = (folder / "a.py").as_uri()
    client.open(uri, SOURCE)
    found = await actions(client, uri, span(0, 0, 2, 0))
    assert [action["title"] for action in found] == [
        "Mazu: explain", "Mazu: rewrite…", "Mazu: document", "Mazu: write tests", "Mazu: chat about this",
        "Mazu: what do we know about this?", "Mazu: remember this", "Mazu: ask the council", "Mazu: checkpoint now",
        "Mazu: undo the last turn", "Mazu: roll back…", "Mazu: restore this file to…",
    ]  # fmt: skip
    assert {action["kind"] for action in found} == {"source", "refactor.rewrite", "source.mazu"}
    remember = next(action for action in found if action["title"] == "Mazu: remember this")
    (arguments,) = remember["command"]["arguments"]
    assert arguments["title"] == "a.py: def f():"
    assert arguments["anchors"] == [{"uri": uri, "range": span(0, 0, 1, 12)}]
    await client.command("mazu.remember", arguments)
    said = [note["message"] for note in client.notes("window/showMessage")]
    assert "Mazu: remembered “a.py: def f():”." in said
    with pytest.raises(RpcFailure, match=r"`range` begins in line 90, but the document has \d+"):
        await client.command("mazu.edit", {"uri": uri, "range": span(89, 0, 98, 0), "instruction": "shorter"})


async def test_a_cursor_means_the_definition_round_it_and_a_blank_line_offers_nothing(
    client: Client, folder: Path
):
    await client.initialize(folder)
    uri = (folder / "a.py").as_uri()
    client.open(uri, "class A:\n    def f(self):\n        return 1\n\n    size = 2\n\n\nprint(A)\n")

    async def about(line: int, character: int) -> dict[str, Any]:
        found = await actions(client, uri, span(line, character, line, character))
        return found[0]["command"]["arguments"][0]["attachments"][0]["range"]

    assert await about(2, 10) == span(1, 0, 2, 16)
    assert await about(1, 0) == span(1, 0, 2, 16)
    assert await about(0, 3) == span(0, 0, 4, 12)
    assert await about(7, 2) == span(7, 0, 7, 8)
    assert {action["kind"] for action in await actions(client, uri, span(6, 0, 6, 0))} == {"source.mazu"}
    assert await actions(client, "file:///not/open.py", span(0, 0, 0, 0)) == []


async def test_with_the_cursor_in_a_function_it_can_be_kept_as_a_skill_and_rewritten(
    client: Client, folder: Path
):
    await client.initialize(folder)
    uri = (folder / "a.py").as_uri()
    client.open(uri, 'def twice(n: int) -> int:\n    """Twice as much."""\n    return 2 * n\n')
    found = await actions(client, uri, span(2, 6, 2, 6))
    (skill,) = [one for one in found if one["title"] == "Mazu: save twice as a skill"]
    assert skill["command"]["arguments"][0]["source"].startswith("def twice")
    with pytest.raises(RpcFailure, match="instruction"):
        await client.command("mazu.edit")


async def test_an_ai_comment_is_about_the_function_round_it_or_below_it(client: Client, folder: Path):
    await client.initialize(folder)
    uri = (folder / "a.py").as_uri()
    client.open(
        uri, 'def f():\n    # loop AI!\n    return "# no AI!"\n\n\n# AI! be quick\ndef g():\n    return 2\n'
    )

    async def about(line: int) -> dict[str, Any]:
        found = await actions(client, uri, span(line, 0, line, 0))
        assert found[0]["title"] == "Mazu: do what the AI! comment says"
        return found[0]["command"]["arguments"][0]["range"]

    assert await about(1) == span(0, 0, 2, 21)
    assert await about(5) == span(5, 0, 7, 12)
    assert (await actions(client, uri, span(2, 12, 2, 12)))[0]["title"] == "Mazu: explain"


async def test_diagnostics_are_fixed_with_what_they_say(client: Client, folder: Path):
    await client.initialize(folder)
    uri = (folder / "a.py").as_uri()
    client.open(uri, SOURCE)
    problem = {
        "range": span(5, 11, 5, 12),
        "message": "undefined name x",
        "source": "ruff",
        "code": "F821",
        "severity": 1,
    }
    ours = {"range": span(5, 0, 5, 1), "message": "check me", "source": "mazu"}
    found = await actions(client, uri, span(5, 11, 5, 12), diagnostics=[problem, ours])
    fix = found[0]
    assert (fix["title"], fix["kind"]) == ("Mazu: fix", "quickfix")
    assert [diagnostic["message"] for diagnostic in fix["diagnostics"]] == ["undefined name x"]
    arguments = fix["command"]["arguments"][0]
    assert fix["command"]["command"] == "mazu.edit"
    assert "line 6: undefined name x (ruff F821)" in arguments["instruction"]
    assert arguments["range"] == span(5, 0, 5, 12)


async def test_only_the_kinds_asked_for_are_offered(client: Client, folder: Path):
    await client.initialize(folder)
    uri = (folder / "a.py").as_uri()
    client.open(uri, SOURCE)
    rewriting = await actions(client, uri, span(0, 0, 1, 0), only=["refactor"])
    assert {action["title"] for action in rewriting} == {"Mazu: rewrite…", "Mazu: document"}
    assert await actions(client, uri, span(0, 0, 1, 0), only=["quickfix"]) == []


async def test_an_ai_comment_can_be_run(client: Client, folder: Path):
    await client.initialize(folder)
    uri = (folder / "a.py").as_uri()
    client.open(uri, "def f():\n    # use a loop AI!\n    return 1\n")
    found = await actions(client, uri, span(1, 0, 1, 0))
    assert found[0]["title"] == "Mazu: do what the AI! comment says"
    assert found[0]["command"]["arguments"][0]["instruction"].startswith("use a loop")


async def test_every_action_runs_a_command_that_exists(client: Client, folder: Path):
    result = await client.initialize(folder)
    uri = (folder / "a.py").as_uri()
    client.open(uri, SOURCE)
    commands = result["capabilities"]["executeCommandProvider"]["commands"]
    for action in await actions(client, uri, span(0, 0, 5, 0)):
        assert action["command"]["command"] in commands


async def test_chatting_in_a_document_by_code_actions_alone(env: dict[str, str], folder: Path):
    """What a person does in Helix: chat about a selection, write, send, read on, while typing the next message."""
    source = folder / "a.py"
    source.write_text(SOURCE)
    answer = "Because it is **one**.\n\n```python\nreturn 1\n```\n\nEnd."
    replies = [
        {"text": "Looking. ", "calls": [{"name": "read_file", "arguments": {"path": "a.py"}}]},
        {"text": answer, "delay": 0.02},
        {"text": "Second reply."},
    ]
    async with agent(env, folder, replies, workspace={"applyEdit": True}) as client:
        client.open(source.as_uri(), SOURCE)
        found = await actions(client, source.as_uri(), span(0, 0, 2, 0))
        await run(client, found, "Mazu: chat about this")
        uri = client.notes("window/showDocument")[0]["uri"]
        chat = Path(uri.removeprefix("file://"))
        assert chat.parent == folder / ".mazu" / "chats"
        document = client.open(uri, chat.read_text(), "markdown")
        assert "@a.py#L1-L2" in document.text

        client.change(uri, "Why one?", (len(document.lines), 0))
        lens = await client.ask("textDocument/codeLens", {"textDocument": {"uri": uri}})
        assert lens[0]["command"]["title"] == "Mazu: send"
        await run(client, await actions(client, uri, span(0, 0, 0, 0)), "Mazu: send")
        end = "## You\n\n"
        await client.until(
            lambda m: m.get("method") == "workspace/applyEdit" and "Looking" in str(m), within=60
        )
        client.change(uri, "My next question", (len(document.lines), 0))
        client.change(uri, "A note. ", (0, 0))
        await shown(document, " tokens")
        assert document.text.startswith("A note. <!-- mazu session")
        assert document.text.endswith(f"*\n\n{end}My next question")
        assert answer in document.text
        assert f"- Read a.py: {len(SOURCE.splitlines())} lines\n" in document.text
        sent = str(client.model.requests[0].body)
        assert "Why one?" in sent
        assert "def f():" in sent

        await client.until(
            lambda m: m.get("params", {}).get("what") is None and m.get("method") == "workspace/applyEdit"
        )
        await run(client, await actions(client, uri, span(0, 0, 0, 0)), "Mazu: send")
        await shown(document, "Second reply.")
        assert "My next question" in str(client.model.requests[-1].body)
        assert (await client.command("mazu.session.show"))["turnCount"] == 2


async def shown(document: OpenDocument, text: str) -> None:
    """The editor shows a text."""

    async def found() -> bool:
        return text in document.text

    await eventually(found)


async def run(client: Client, found: list[dict[str, Any]], title: str) -> Any:
    action = next(action for action in found if action["title"] == title)
    params = {"command": action["command"]["command"], "arguments": action["command"]["arguments"]}
    return await client.ask("workspace/executeCommand", params, within=60)
