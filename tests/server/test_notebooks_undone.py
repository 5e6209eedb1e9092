"""A notebook that is open as cells is undone in the editor, as any text is, or what stays is named."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.checkpoints.git.merge_cells import merge_cells
from mazu_ls.checkpoints.restore.merging.merge_lines import merge_adjoining
from mazu_ls.server.rpc.lsp_types import ContentChange
from mazu_ls.workspace import ipynb
from tests.server.client import Client
from tests.server.test_notebooks import CELLS, Book, call, notebook
from tests.server.test_turns import ALL, agent

EDITED = CELLS[1].replace("limit = 3", "limit = 99")


class CellEditor(Book):
    """A notebook in an editor that reports edits of cells as VS Code does, and loads or writes its file as a whole."""

    def __init__(self, client: Client, path: Path, cells: list[str] = CELLS) -> None:
        super().__init__(client, path, cells)
        reported = client._changed

        def changed(uri: str, changes: list[ContentChange]) -> None:
            if uri not in self.cells:
                reported(uri, changes)
                return
            client.documents[uri].version += 1
            for change in changes:
                client.documents[uri].apply(change)
            self._report(uri)

        client._changed = changed  # type: ignore[method-assign]

    def _report(self, uri: str) -> None:
        document = self.client.documents[uri]
        identifier = {"uri": uri, "version": document.version}
        self.change({"textContent": [{"document": identifier, "changes": [{"text": document.text}]}]})

    @property
    def texts(self) -> list[str]:
        return [self.client.documents[uri].text for uri in self.cells]

    def save(self) -> None:
        """Write the file as VS Code does: keys in another order, and ids for the cells."""
        whole = json.loads(self.path.read_text())
        for number, (cell, text) in enumerate(zip(whole["cells"], self.texts, strict=True)):
            cell |= {"id": f"id{number}", "source": text.splitlines(keepends=True)}
        whole["cells"] = [dict(sorted(cell.items())) for cell in whole["cells"]]
        self.path.write_text(json.dumps(whole, indent=1) + "\n")
        self.client.notify("notebookDocument/didSave", {"notebookDocument": {"uri": self.uri}})

    @asynccontextmanager
    async def loading(self) -> AsyncIterator[None]:
        """In the meantime the editor loads the file whenever it changes, unless it has unsaved text."""

        async def load() -> None:
            known = sources(self.path)
            while True:
                await asyncio.sleep(0.02)
                found = sources(self.path)
                for number, text in enumerate(found if self.texts == known else ()):
                    if text != known[number]:
                        self.type(number, text)
                known = found

        task = asyncio.create_task(load())
        try:
            yield
        finally:
            task.cancel()

    def add_cell(self, text: str) -> None:
        """The user adds a cell at the end."""
        uri = f"{self.cells[0]}-new"
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        array = {"start": len(self.cells), "deleteCount": 0, "cells": [{"kind": 2, "document": uri}]}
        self.change({"structure": {"array": array, "didOpen": [item], "didClose": []}})


def sources(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]


EDIT: Sequence[dict[str, Any]] = (
    call("edit_file", path="a.ipynb", old="limit = 3", new="limit = 99"),
    {"text": "Done."},
)
ALLOWED = {**ALL, "allow": ["edit_file: a.ipynb"]}


@pytest.mark.parametrize("saved", [False, True])
async def test_the_edit_of_an_open_notebook_is_undone_and_redone(
    env: dict[str, str], folder: Path, saved: bool, monkeypatch: pytest.MonkeyPatch
):
    """No file is parsed on the event loop meanwhile: outputs can make it large."""
    parsing: set[threading.Thread] = set()

    def parsed(text: str) -> list[dict[str, Any]] | None:
        parsing.add(threading.current_thread())
        return cells_of(text)

    cells_of = ipynb.cells_of
    monkeypatch.setattr(ipynb, "cells_of", parsed)
    path = folder / "a.ipynb"
    path.write_text(notebook())
    async with agent(env, folder, EDIT, **ALLOWED) as client:
        book = CellEditor(client, path)
        await client.command("mazu.chat", {"message": "more", "wait": True}, within=60)
        assert book.texts[1] == EDITED
        if saved:
            book.save()
        preview = await client.command("mazu.undo", {"preview": True}, within=60)
        async with book.loading():
            undone = await client.command("mazu.undo", within=60)
        assert (undone["verified"], undone["problems"]) == (True, [])
        for report in (preview, undone):
            assert report["plan"]["buffers"] == [path.as_uri()]
            assert report["plan"]["keep"] == []
        assert book.texts == sources(path) == CELLS
        assert (await client.command("mazu.redo", within=60))["verified"]
        assert book.texts[1] == EDITED
        assert sources(path)[1] == (EDITED if saved else CELLS[1])
    assert parsing
    assert threading.main_thread() not in parsing


@pytest.mark.parametrize("saved", ["never", "before more was typed", "last"])
async def test_what_the_user_typed_in_cells_stays(env: dict[str, str], folder: Path, saved: str):
    path = folder / "a.ipynb"
    path.write_text(notebook())
    async with agent(env, folder, EDIT, **ALLOWED) as client:
        book = CellEditor(client, path)
        await client.command("mazu.chat", {"message": "more", "wait": True}, within=60)
        book.type(1, EDITED + "  # mine")
        if saved == "before more was typed":
            book.save()
        book.type(2, "print(f(), 'mine')")
        if saved == "last":
            book.save()
        async with book.loading():
            undone = await client.command("mazu.undo", {"onConflict": "keep"}, within=60)
        assert (undone["verified"], undone["problems"]) == (True, [])
        mine = [CELLS[0], CELLS[1] + "  # mine", "print(f(), 'mine')"]
        assert book.texts == mine
        assert sources(path) == {"never": CELLS, "last": mine}.get(saved, [*mine[:2], CELLS[2]])


async def test_a_rollback_that_would_remove_unsaved_cells_says_that_they_stay(
    env: dict[str, str], folder: Path
):
    path = folder / "a.ipynb"
    path.write_text(notebook())
    async with agent(env, folder, EDIT, **ALLOWED) as client:
        book = CellEditor(client, path)
        result = await client.command("mazu.chat", {"message": "more", "wait": True}, within=60)
        book.add_cell("x = 1")
        asked = {"id": result["checkpoints"][0], "onConflict": "overwrite"}
        for report in (
            await client.command("mazu.rollback", {**asked, "preview": True}, within=60),
            await client.command("mazu.rollback", asked, within=60),
        ):
            assert [one["path"] for one in report["problems"]] == ["a.ipynb"]
            assert not report["verified"]
        assert sources(path) == CELLS
        assert book.texts[1] == EDITED


async def test_a_rollback_that_would_change_outputs_says_that_they_stay(env: dict[str, str], folder: Path):
    path = folder / "a.ipynb"
    path.write_text(notebook())
    async with agent(env, folder, [], **ALL) as client:
        book = CellEditor(client, path)
        before = (await client.command("mazu.checkpoint", within=60))["id"]
        ran = json.loads(path.read_text())
        ran["cells"][1]["outputs"] = []
        path.write_text(json.dumps(ran))
        client.notify("notebookDocument/didSave", {"notebookDocument": {"uri": book.uri}})
        book.type(1, EDITED)
        wanted = {"id": before, "onConflict": "overwrite"}
        for arguments in ({**wanted, "preview": True}, wanted):
            report = await client.command("mazu.rollback", arguments, within=60)
            (problem,) = report["problems"]
            assert "its outputs and metadata stay as the editor has them" in problem["reason"]
        assert (report["applied"], report["verified"]) == (True, False)
        assert book.texts == sources(path) == CELLS


async def test_a_command_that_changed_the_file_below_an_open_notebook_is_undone(
    env: dict[str, str], folder: Path
):
    path = folder / "a.ipynb"
    path.write_text(notebook())
    replies = [call("run_shell", command="sed -i 's/limit = 3/limit = 99/' a.ipynb"), {"text": "Done."}]
    async with agent(env, folder, replies, **{**ALL, "allow": ["run_shell: sed"]}) as client:
        book = CellEditor(client, path)
        await client.command("mazu.chat", {"message": "more", "wait": True}, within=60)
        assert sources(path)[1] == EDITED
        undone = await client.command("mazu.undo", within=60)
        assert (undone["verified"], undone["problems"], undone["plan"]["keep"]) == (True, [], [])
        assert book.texts == sources(path) == CELLS


async def test_an_edit_below_a_notebook_that_the_editor_has_not_loaded_again_goes_to_the_file(
    env: dict[str, str], folder: Path
):
    """The cells that it shows are those of before: an edit of them would be one of a file that is no more."""
    path = folder / "a.ipynb"
    path.write_text(notebook())
    replies = [
        call("run_shell", command="sed -i 's/limit = 3/limit = 99/' a.ipynb"),
        call("edit_file", path="a.ipynb", old="limit = 99", new="limit = 100"),
        {"text": "Done."},
    ]
    allowed = {**ALL, "allow": ["run_shell: sed", "edit_file: a.ipynb"]}
    async with agent(env, folder, replies, **allowed) as client:
        book = CellEditor(client, path)
        await client.command("mazu.chat", {"message": "more", "wait": True}, within=60)
        assert "limit = 100" in sources(path)[1]
        assert book.texts == CELLS


async def test_each_of_two_open_notebooks_is_undone(env: dict[str, str], folder: Path):
    paths = [folder / "a.ipynb", folder / "b.ipynb"]
    replies = [
        {
            "calls": [
                {"name": "edit_file", "arguments": {"path": name, "old": "limit = 3", "new": "limit = 99"}}
            ]
        }
        for name in ("a.ipynb", "b.ipynb")
    ]
    allowed = {**ALL, "allow": ["edit_file: a.ipynb", "edit_file: b.ipynb"]}
    for path in paths:
        path.write_text(notebook())
    async with agent(env, folder, [*replies, {"text": "Done."}], **allowed) as client:
        books = [CellEditor(client, path) for path in paths]
        await client.command("mazu.chat", {"message": "more", "wait": True}, within=60)
        assert [book.texts[1] for book in books] == [EDITED] * 2
        undone = await client.command("mazu.undo", within=60)
        assert undone["verified"], undone
        assert sorted(undone["plan"]["buffers"]) == [path.as_uri() for path in paths]
        assert [book.texts for book in books] == [CELLS] * 2


def test_notebooks_are_merged_by_cells():
    then, agents = notebook(), notebook([CELLS[0], EDITED, CELLS[2]])
    whole = json.loads(agents)
    whole["cells"].append({"cell_type": "code", "metadata": {}, "outputs": [], "source": ["x = 1"]})
    whole["cells"][1] = dict(sorted({**whole["cells"][1], "id": "b"}.items()))
    mine = json.dumps(whole)
    merge = merge_cells(merge_adjoining, b"code/a.ipynb")
    merged = merge(mine.encode(), agents.encode(), then.encode())
    assert merged is not None
    found = json.loads(merged)["cells"]
    assert ["".join(cell["source"]) for cell in found] == [*CELLS, "x = 1"]
    assert found[1]["id"] == "b"
    texts = b"a\nb\nc\n", b"a\nb\n", b"\nb\n"
    assert merge(*texts) == merge_adjoining(*texts)


def in_style(whole: dict[str, Any], style: dict[str, Any], tail: str = "\n") -> bytes:
    return (json.dumps(whole, **style) + tail).encode()


def with_source(number: int, source: list[str] | str, extra: dict[str, Any] | None = None) -> dict[str, Any]:
    whole: dict[str, Any] = {**json.loads(notebook()), **(extra or {})}
    whole["cells"][number]["source"] = source
    return whole


@pytest.mark.parametrize(
    "style",
    [
        {"indent": "\t", "ensure_ascii": False},
        {"indent": 2, "ensure_ascii": True},
        {"indent": 1, "ensure_ascii": False},
        {"separators": (",", ":"), "ensure_ascii": False},
        {},
    ],
    ids=str,
)
def test_a_merged_notebook_is_written_as_it_was(style: dict[str, Any]):
    said = {"metadata": {"title": "\x1b[0mübung \\u00e9"}}
    then, agents = with_source(1, "limit = 3", said), with_source(1, "limit = 99", said)
    mine = with_source(1, "limit = 99", said)
    mine["cells"][2]["source"] = ["print('mine')\n", "print(f())"]
    merged = merge_cells(merge_adjoining, b"code/a.ipynb")(
        *(in_style(one, style, "\n\n") for one in (mine, agents, then))
    )
    mine["cells"][1]["source"] = "limit = 3"
    assert merged == in_style(mine, style, "\n\n")


MAP = """{
 "name": "level 1",
 "cells": [
  {"x": 0, "tile": "grass"},
  {"x": 1, "tile": "sand"},
  {"x": 2, "tile": "rock"}
 ],
 "speed": 1.50
}
"""
BY_HAND = notebook().replace('"metadata": {},\n "nbformat"', '"metadata": {"speed": 1.50},\n "nbformat"')
DOUBLED = notebook().replace('"nbformat": 4', '"nbformat": 3,\n "nbformat": 4')


@pytest.mark.parametrize(
    ("then", "place", "old", "own"),
    [
        (MAP, b"code/a.json", "grass", "rock"),
        (MAP, b"code/a.ipynb", "grass", "rock"),
        (MAP.replace('"name"', '"nbformat": 4, "name"'), b"code/a.ipynb", "grass", "rock"),
        (notebook().replace('"nbformat"', '"format"').replace("3\\n", "1e400"), b"code/a.ipynb", "limit = 3", "print"),
        (notebook().replace("\n", "\n\n"), b"code/a.json", "limit = 3", "print"),
        (BY_HAND, b"code/a.ipynb", "limit = 3", "print"),
        (DOUBLED, b"code/a.ipynb", "limit = 3", "print"),
    ],
)  # fmt: skip
def test_what_is_no_notebook_or_would_be_written_anew_is_merged_by_lines(
    then: str, place: bytes, old: str, own: str
):
    agents = then.replace(old, "agents")
    merged = merge_cells(merge_adjoining, place)(
        agents.replace(own, "users").encode(), agents.encode(), then.encode()
    )
    assert merged == then.replace(own, "users").encode()


async def test_a_file_with_cells_that_is_no_notebook_is_undone_line_by_line(
    env: dict[str, str], folder: Path
):
    path = folder / "level.json"
    path.write_text(MAP)
    edit = [call("edit_file", path="level.json", old="grass", new="lava"), {"text": "Done."}]
    async with agent(env, folder, edit, **{**ALL, "allow": ["edit_file: level.json"]}) as client:
        await client.command("mazu.chat", {"message": "hot", "wait": True}, within=60)
        path.write_text(path.read_text().replace("rock", "gold"))
        undone = await client.command("mazu.undo", {"onConflict": "keep"}, within=60)
        assert (undone["verified"], undone["problems"]) == (True, [])
        assert path.read_text() == MAP.replace("rock", "gold")
