"""Memory where it applies: hover, lens, hints and quick fixes; and `AI!` comments in any language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.server.chat.ai_comments import comments, instruction_at
from tests.server.client import Client, eventually

SOURCE = "import os\n\n\ndef retry(call):\n    for _ in range(3):\n        call()\n"


@pytest.fixture
async def anchored(client: Client, folder: Path) -> Client:
    """An open file with a memory on its function."""
    await client.initialize(folder, workspace={"codeLens": {"refreshSupport": True}})
    client.answers["workspace/codeLens/refresh"] = lambda params: None
    path = folder / "net.py"
    path.write_text(SOURCE)
    client.open(path.as_uri(), SOURCE)
    span = {"start": {"line": 3, "character": 0}, "end": {"line": 5, "character": 14}}
    remember = {
        "title": "Three tries are enough",
        "body": "Measured in May.",
        "category": "decision",
        "anchors": [{"uri": path.as_uri(), "range": span}],
    }
    client.memory = (await client.command("mazu.remember", remember))["memory"]
    client.uri = path.as_uri()
    return client


async def hover(client: Client, line: int) -> str | None:
    place = {"textDocument": {"uri": client.uri}, "position": {"line": line, "character": 2}}
    answer = await client.ask("textDocument/hover", place)
    return answer and answer["contents"]["value"]


async def hints(client: Client, wanted: int) -> list[dict[str, Any]]:
    """The hints of the document, once there are so many."""
    note = await client.until(
        lambda m: (
            m.get("method") == "textDocument/publishDiagnostics" and len(m["params"]["diagnostics"]) == wanted
        )
    )
    return note["params"]["diagnostics"]


async def test_hover_and_lens_show_the_memory_at_its_code(anchored: Client):
    shown = await hover(anchored, 4)
    assert shown is not None
    assert shown.startswith("**Three tries are enough**\n\nMeasured in May.")
    assert anchored.memory["id"] in shown
    assert await hover(anchored, 0) is None
    (lens,) = await anchored.ask("textDocument/codeLens", {"textDocument": {"uri": anchored.uri}})
    assert lens["range"]["start"]["line"] == 3
    assert lens["command"]["title"] == "Mazu: Three tries are enough"


async def test_a_memory_follows_its_code_and_needs_a_check_when_that_changes(anchored: Client):
    anchored.change(anchored.uri, "import sys\n", (0, 0))
    await eventually(lambda: hover(anchored, 6))
    anchored.change(anchored.uri, "5", (5, 19), (5, 20))
    (found,) = await hints(anchored, 1)
    assert found["source"] == "mazu"
    assert found["severity"] == 4
    assert found["range"]["start"]["line"] == 4
    assert "needs a check" in (await hover(anchored, 5) or "")
    params = {
        "textDocument": {"uri": anchored.uri},
        "range": found["range"],
        "context": {"diagnostics": [found]},
    }
    actions = await anchored.ask("textDocument/codeAction", params)
    quick = [action for action in actions if action["kind"] == "quickfix"]
    assert [action["title"] for action in quick] == [
        "Mazu: “Three tries are enough” is still true",
        "Mazu: supersede “Three tries are enough” with the code here",
        "Mazu: forget “Three tries are enough”",
    ]
    call = quick[0]["command"]
    await anchored.ask(
        "workspace/executeCommand", {"command": call["command"], "arguments": call["arguments"]}
    )
    (memory,) = (await anchored.command("mazu.memory.list", {}))["memories"]
    assert memory["state"] == "current"
    await hints_gone(anchored)


async def hints_gone(client: Client) -> None:
    last: list[Any] = []

    def gone(message: dict[str, Any]) -> bool:
        if message.get("method") == "textDocument/publishDiagnostics":
            last[:] = [message["params"]["diagnostics"]]
        return last == [[]]

    await client.until(gone)


async def test_the_check_is_over_when_the_code_comes_back(anchored: Client):
    anchored.change(anchored.uri, "5", (4, 19), (4, 20))
    await hints(anchored, 1)
    anchored.change(anchored.uri, "3", (4, 19), (4, 20))
    await hints_gone(anchored)


async def test_a_renamed_file_keeps_its_memories(anchored: Client, folder: Path):
    new = folder / "network.py"
    (folder / "net.py").rename(new)
    anchored.notify("textDocument/didClose", {"textDocument": {"uri": anchored.uri}})
    files = [{"oldUri": anchored.uri, "newUri": new.as_uri()}]
    anchored.notify("workspace/didRenameFiles", {"files": files})
    anchored.open(new.as_uri(), SOURCE)
    anchored.uri = new.as_uri()
    await eventually(lambda: hover(anchored, 4))
    (memory,) = (await anchored.command("mazu.memory.list", {}))["memories"]
    assert memory["anchors"][0]["path"] == "network.py"


async def test_an_ai_comment_is_a_hint(client: Client, folder: Path):
    await client.initialize(folder)
    uri = (folder / "a.py").as_uri()
    client.uri = uri
    client.open(uri, "x = 1\n# AI! make this two\ny = 2\n")
    (found,) = await hints(client, 1)
    assert "make this two" in found["message"]
    client.change(uri, "", (1, 0), (2, 0))
    await hints_gone(client)


COMMENTS = [
    ("# AI! do it", "do it"),
    ("    // do it AI!", "do it"),
    ("x = 1;  /* AI!: do it */", "do it"),
    ("<!-- do it AI! -->", "do it"),
    ("-- AI! do it", "do it"),
    ("(* do it AI! *)", "do it"),
    ("# nothing here", None),
    ('print("AI! is not a comment")', None),
    ("# AI!", None),
    ("# a MAIL!", None),
]


@pytest.mark.parametrize(("line", "instruction"), COMMENTS)
def test_comments_of_any_language_are_seen(line: str, instruction: str | None):
    assert instruction_at(f"before\n{line}\nafter\n") == instruction
    assert instruction_at(f"before\r\n{line}\r\nafter\r\n") == instruction


@given(st.text(alphabet="#/ AI!\r\nxy*-", max_size=80))
def test_no_text_makes_the_search_stumble(text: str):
    for start, end, instruction in comments(text):
        assert "AI!" in text[start:end]
        assert instruction.strip() == instruction
        assert "\n" not in text[start:end]


async def test_what_is_asked_right_after_an_edit_is_about_the_new_text(anchored: Client):
    anchored.change(anchored.uri, "import sys\nimport re\nimport io\n", (0, 0))
    assert await hover(anchored, 3) is None
    assert await hover(anchored, 8) is not None
    (lens,) = await anchored.ask("textDocument/codeLens", {"textDocument": {"uri": anchored.uri}})
    assert lens["range"]["start"]["line"] == 6
