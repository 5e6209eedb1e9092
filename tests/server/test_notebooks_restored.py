"""LspHost.restore_notebook: when the editor is left to load the file by itself, and when its cells are edited."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mazu_ls.host import Buffer
from mazu_ls.server import host
from tests.server.client import Client
from tests.server.test_host import EDITS
from tests.server.test_notebooks import CELLS, Book, notebook

EDITED = [CELLS[0], CELLS[1].replace("limit = 3", "limit = 99"), CELLS[2]]


@pytest.fixture
async def editor(client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """An editor that has an hour to load a file: who waits for one that it does not load never ends."""
    monkeypatch.setattr(host, "RELOAD_SECONDS", 3600.0)
    client.answers["workspace/applyEdit"] = client.apply_edit
    await client.initialize(folder, **EDITS)
    return client


def held(path: Path | None, text: str, *, dirty: bool) -> Buffer:
    return Buffer("file:///a.ipynb", path, 0, "jupyter", text, dirty, is_notebook=True)


def texts(editor: Client, book: Book) -> list[str]:
    return [editor.documents[uri].text for uri in book.cells]


async def restored(editor: Client, book: Book, buffer: Buffer, text: str) -> bool:
    await editor.settled()
    opened = editor.connection.mazu.editor.notebooks.get(book.uri)
    async with asyncio.timeout(60):
        done: bool = await editor.host.restore_notebook(opened, buffer, text)
    return done


async def test_the_editor_loads_a_file_that_was_restored_by_itself(editor: Client, folder: Path):
    path = folder / "a.ipynb"
    path.write_text(notebook())
    book = Book(editor, path, EDITED)

    async def load() -> None:
        await asyncio.sleep(3 * host.LOOK_SECONDS)
        book.type(1, CELLS[1])

    loading = asyncio.create_task(load())
    assert await restored(editor, book, held(path, notebook(EDITED), dirty=False), notebook())
    await loading
    assert texts(editor, book) == CELLS
    assert editor.notes("workspace/applyEdit") == []


@pytest.mark.parametrize("restored_too", [True, False], ids=["file restored", "file as it was"])
async def test_unsaved_cells_are_edited_at_once(editor: Client, folder: Path, restored_too: bool):
    """An editor loads no file below unsaved text."""
    path = folder / "a.ipynb"
    path.write_text(notebook() if restored_too else notebook([CELLS[0], "saved", CELLS[2]]))
    book = Book(editor, path, EDITED)
    assert await restored(editor, book, held(path, notebook(EDITED), dirty=True), notebook())
    assert texts(editor, book) == CELLS


async def test_a_notebook_whose_file_is_gone_is_edited_at_once(editor: Client, folder: Path):
    path = folder / "a.ipynb"
    book = Book(editor, path, EDITED)
    assert await restored(editor, book, held(path, notebook(EDITED), dirty=False), notebook())
    assert texts(editor, book) == CELLS


async def test_a_notebook_without_a_file_stays(editor: Client, folder: Path):
    book = Book(editor, folder / "a.ipynb", EDITED)
    assert not await restored(editor, book, held(None, notebook(EDITED), dirty=True), notebook())
    assert texts(editor, book) == EDITED
