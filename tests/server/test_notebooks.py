"""Notebooks: each cell is a document of its own, and together they are the file that the agent reads and edits."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.errors import MazuError
from mazu_ls.server.documents.documents import OpenDocument, OpenDocuments
from mazu_ls.server.documents.notebooks import OpenNotebooks
from mazu_ls.server.rpc.lsp_types import ContentChange, DocumentItem
from mazu_ls.workspace import ipynb
from tests.server.client import Client, eventually
from tests.server.test_code_actions import actions, run, span
from tests.server.test_turns import ALL, agent

CELLS = ["# A title\n", "import os\nlimit = 3\n\ndef f():\n    return limit", "print(f())"]


def notebook(cells: list[str] = CELLS) -> str:
    """A notebook file as Jupyter writes it; the first cell is text."""
    found: list[dict[str, Any]] = []
    for number, text in enumerate(cells):
        cell: dict[str, Any] = {"cell_type": "code" if number else "markdown", "metadata": {}}
        if number:
            out = {"name": "stdout", "output_type": "stream", "text": ["3\n"]}
            cell |= {"execution_count": number, "outputs": [out]}
        found.append({**cell, "source": text.splitlines(keepends=True)})
    whole = {"cells": found, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


class Book:
    """The client's side of an open notebook."""

    def __init__(self, client: Client, path: Path, cells: list[str] = CELLS) -> None:
        self.client, self.path = client, path
        self.uri = path.as_uri()
        self.cells = [f"vscode-notebook-cell:{path}#W{number}" for number in range(len(cells))]
        items = [
            {"uri": uri, "languageId": "python" if n else "markdown", "version": 1, "text": cells[n]}
            for n, uri in enumerate(self.cells)
        ]
        for item in items:
            given = DocumentItem(item["uri"], 1, item["text"], item["languageId"])
            client.documents[item["uri"]] = OpenDocument(given, client.encoding)
        kinds = [{"kind": 2 if n else 1, "document": uri} for n, uri in enumerate(self.cells)]
        document = {"uri": self.uri, "notebookType": "jupyter-notebook", "version": 1, "cells": kinds}
        client.notify("notebookDocument/didOpen", {"notebookDocument": document, "cellTextDocuments": items})

    def type(self, number: int, text: str) -> None:
        """The user replaces the text of a cell."""
        document = self.client.documents[self.cells[number]]
        document.version += 1
        document.lines = text.splitlines(keepends=True)
        document._text = text
        identifier = {"uri": document.uri, "version": document.version}
        self.change({"textContent": [{"document": identifier, "changes": [{"text": text}]}]})

    def change(self, cells: dict[str, Any]) -> None:
        document = {"uri": self.uri, "version": 2}
        self.client.notify(
            "notebookDocument/didChange", {"notebookDocument": document, "change": {"cells": cells}}
        )


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"calls": [{"name": name, "arguments": arguments}]}


def told(client: Any) -> str:
    return json.dumps(client.model.bodies[-1]["messages"])


async def test_the_agent_reads_unsaved_cells_and_edits_them_in_the_editor(env: dict[str, str], folder: Path):
    path = folder / "a.ipynb"
    path.write_text(notebook())
    replies = [
        call("read_file", path="a.ipynb"),
        call("edit_file", path="a.ipynb", old="limit = 4", new="limit = 40"),
        {"text": "Done."},
    ]
    async with agent(env, folder, replies, **ALL, allow=["edit_file: a.ipynb"]) as client:
        book = Book(client, path)
        book.type(1, CELLS[1].replace("limit = 3", "limit = 4"))
        result = await client.command("mazu.chat", {"message": "more", "wait": True}, within=60)
        assert result["edits"] == [{"uri": path.as_uri(), "added": 1, "removed": 1}]
        assert "limit = 4\\n" in told(client)
        assert client.documents[book.cells[1]].text == CELLS[1].replace("limit = 3", "limit = 40")
        assert client.documents[book.cells[2]].text == CELLS[2]
        assert path.read_text() == notebook()
        undone = await client.command("mazu.undo", within=60)
        assert undone["verified"], undone
        assert client.documents[book.cells[1]].text == CELLS[1].replace("limit = 3", "limit = 4")


async def test_more_than_the_text_of_cells_is_refused_while_the_notebook_is_open(
    env: dict[str, str], folder: Path
):
    path = folder / "a.ipynb"
    path.write_text(notebook())
    replies = [
        call("edit_file", path="a.ipynb", old='"nbformat_minor": 5', new='"nbformat_minor": 4'),
        call("edit_file", path="a.ipynb", old='"limit = 3\\n",', new='limit = 3",'),
        {"text": "I see."},
    ]
    async with agent(env, folder, replies, **ALL, allow=["edit_file: a.ipynb"]) as client:
        Book(client, path)
        result = await client.command("mazu.chat", {"message": "less", "wait": True}, within=60)
        assert (result["edits"], path.read_text()) == ([], notebook())
        assert "only the text of its cells can be edited" in told(client)
        assert "an invalid notebook" in told(client)


async def test_cells_that_came_and_went_are_what_the_agent_reads(client: Client, folder: Path):
    path = folder / "a.ipynb"
    path.write_text(notebook())
    await client.initialize(folder)
    book = Book(client, path)
    await client.settled()
    assert await client.host.read(path) == notebook()
    assert [(one.path, one.dirty) for one in await client.host.buffers()] == [(path, False)]
    new = {"uri": "cell:new", "languageId": "python", "version": 1, "text": "x = 1\ny = 2"}
    array = {"start": 1, "deleteCount": 1, "cells": [{"kind": 2, "document": "cell:new"}]}
    gone = [{"uri": book.cells[1]}]
    book.change({"structure": {"array": array, "didOpen": [new], "didClose": gone}})
    await client.settled()
    cells = json.loads(await client.host.read(path))["cells"]
    assert [cell["source"] for cell in cells] == [["# A title\n"], ["x = 1\n", "y = 2"], ["print(f())"]]
    assert (cells[1]["outputs"], cells[2]["execution_count"]) == ([], 2)
    client.notify(
        "notebookDocument/didClose", {"notebookDocument": {"uri": book.uri}, "cellTextDocuments": []}
    )
    await client.settled()
    assert await client.host.read(path) == notebook()


async def test_memories_are_anchored_and_shown_in_cells(client: Client, folder: Path):
    path = folder / "a.ipynb"
    path.write_text(notebook())
    await client.initialize(folder)
    book = Book(client, path)
    uri = book.cells[1]
    found = await actions(client, uri, span(4, 4, 4, 4))
    await run(client, found, "Mazu: remember this")
    (memory,) = (await client.command("mazu.memory.list"))["memories"]
    (anchor,) = memory["anchors"]
    assert (memory["title"], anchor["path"]) == ("a.ipynb cell 2: def f():", "a.ipynb")
    assert notebook().split("\n")[anchor["range"]["start"]["line"]].strip() == '"def f():\\n",'

    async def shown(cell: str, line: int) -> Any:
        at = {"textDocument": {"uri": cell}, "position": {"line": line, "character": 0}}
        return await client.ask("textDocument/hover", at)

    assert "def f():" in (await shown(uri, 4))["contents"]["value"]
    assert await shown(uri, 0) is None
    assert await shown(book.cells[2], 0) is None
    (lens,) = await client.ask("textDocument/codeLens", {"textDocument": {"uri": uri}})
    assert lens["range"]["start"]["line"] == 3
    book.type(1, CELLS[1].replace("return limit", "raise ValueError"))

    async def doubted() -> Any:
        notes = client.notes("textDocument/publishDiagnostics")
        return [note for note in notes if note["uri"] == uri and note["diagnostics"]]

    (hint,) = (await eventually(doubted))[-1]["diagnostics"]
    assert hint["message"].startswith("Needs a check: a.ipynb cell 2: def f():")
    assert hint["range"]["start"]["line"] == 3


async def test_a_cell_is_rewritten_as_any_document(env: dict[str, str], folder: Path):
    path = folder / "a.ipynb"
    path.write_text(notebook())
    async with agent(env, folder, [{"text": "```\nlimit = 30\n```"}], **ALL) as client:
        book = Book(client, path)
        asked = {"uri": book.cells[1], "range": span(1, 0, 2, 0), "instruction": "tenfold", "wait": True}
        result = await client.command("mazu.edit", asked, within=60)
        assert result["edits"] == [{"uri": book.cells[1], "added": 1, "removed": 1}]
        assert "in a.ipynb cell 2" in told(client)
        assert client.documents[book.cells[1]].text == CELLS[1].replace("limit = 3", "limit = 30")


@given(st.lists(st.text(st.sampled_from('ab"\\\n\r\té ')), max_size=4), st.integers(0, 2))
def test_what_the_editor_shows_is_what_the_file_would_hold(texts: list[str], indent: int):
    on_disk = notebook(["x"] * len(texts))
    if indent != 1:
        on_disk = json.dumps(json.loads(on_disk), indent=indent or None)
    shown = [ipynb.ShownCell(2 if number else 1, text, number) for number, text in enumerate(texts)]
    text = ipynb.composed(on_disk, shown)
    assert [ipynb.source_of(cell) for cell in ipynb.cells_of(text) or []] == texts
    changed = {number: text for number, text in enumerate(texts) if text != "x"}
    assert ipynb.new_sources(on_disk, text, "a.ipynb") == changed
    for source, cell in zip(ipynb.sources(text) or [], texts, strict=False):
        for number, line in enumerate(cell.splitlines(keepends=True) if "\r" not in cell else []):
            assert json.loads(text.split("\n")[source.line_of(number)].strip().rstrip(",")) == line


async def test_outputs_saved_while_the_file_is_read_are_seen(tmp_path: Path):
    path = tmp_path / "a.ipynb"
    path.write_text(notebook(["", "x = 1"]))
    documents = OpenDocuments()
    notebooks = OpenNotebooks(documents)
    for number, text in enumerate(["", "x = 1"]):
        documents.open(DocumentItem(f"cell:{number}", 1, text))
    notebooks.open(path.as_uri(), [("cell:0", 1), ("cell:1", 2)])
    book = notebooks.get(path.as_uri())
    assert book is not None
    await notebooks.state(book, path, Path.read_text)
    documents.change("cell:1", 2, [ContentChange("x = 2")])
    is_read, go_on = threading.Event(), threading.Event()

    def read(file: Path) -> str:
        text = file.read_text()
        is_read.set()
        go_on.wait(60)
        return text

    reading = asyncio.create_task(notebooks.state(book, path, read))
    assert await asyncio.to_thread(is_read.wait, 60)
    path.write_text(notebook(["", "x = 2"]).replace('"3\\n"', '"of the second\\n"'))
    notebooks.saved(book.uri)
    documents.change("cell:1", 3, [ContentChange("x = 3")])
    go_on.set()
    await reading
    state = await notebooks.state(book, path, Path.read_text)
    assert state.text == path.read_text().replace("x = 2", "x = 3")


def test_a_file_that_is_no_notebook_says_so():
    with pytest.raises(MazuError, match="not a notebook"):
        ipynb.composed("{}", [])
