"""LspHost where an edit is not the usual one: deletions, stale documents, notebooks, edits for review, an editor that refuses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.errors import Kind, MazuError
from tests.server.client import Client
from tests.server.test_host import EDITS
from tests.server.test_notebooks import CELLS, Book, notebook


@pytest.fixture
async def editor(client: Client, folder: Path) -> Client:
    client.answers["workspace/applyEdit"] = client.apply_edit
    await client.initialize(folder, **EDITS)
    return client


@contextlib.contextmanager
def conflict(words: str) -> Iterator[None]:
    with pytest.raises(MazuError, match=words) as caught:
        yield
    assert caught.value.kind is Kind.CONFLICT


def heard(editor: Client) -> list[tuple[str, str, str]]:
    """The edits that the hints are told of from now on."""
    found: list[tuple[str, str, str]] = []
    editor.host.edited = lambda path, before, after: found.append((path.name, before, after))
    return found


async def test_an_open_document_is_deleted_only_as_the_disk_has_it(editor: Client, folder: Path):
    path, told = folder / "a.txt", heard(editor)
    path.write_text("saved\n")
    editor.open(path.as_uri(), "saved\n")
    await editor.settled()
    with conflict("changed in the editor meanwhile"):
        await editor.host.edit(path, "other\n", None)
    editor.change(path.as_uri(), "typed\n")
    await editor.settled()
    with conflict("has unsaved changes in the editor"):
        await editor.host.edit(path, "typed\n", None)
    editor.change(path.as_uri(), "saved\n")
    await editor.settled()
    await editor.host.edit(path, "saved\n", None)
    assert not path.exists() and told == [], "a deletion leaves nothing to give a hint on"


async def test_below_an_older_text_in_the_editor_the_file_is_edited_and_deleted(editor: Client, folder: Path):
    path, told = folder / "a.txt", heard(editor)
    path.write_text("old\n")
    document = editor.open(path.as_uri(), "old\n")
    await editor.settled()
    await editor.host.buffers()
    path.write_text("new\n")
    assert await editor.host.read(path) == "new\n"
    await editor.host.edit(path, "new\n", "newer\n")
    assert (path.read_text(), document.text) == ("newer\n", "newer\n")
    assert told == [("a.txt", "new\n", "newer\n")]
    await editor.host.buffers()
    path.write_text("again\n")
    await editor.host.edit(path, "again\n", None)
    assert (path.exists(), document.text) == (False, "newer\n")


async def test_a_notebook_is_edited_by_its_cells_and_not_otherwise(editor: Client, folder: Path):
    path = folder / "a.ipynb"
    path.write_text(notebook())
    Book(editor, path)
    await editor.settled()
    text = await editor.host.read(path)
    assert await editor.host.save([path]) == []
    with conflict("is open as a notebook"):
        await editor.host.edit(path, text, None)
    with conflict("changed in the editor meanwhile"):
        await editor.host.edit(path, text + "\n", text)
    with conflict("changed in the editor meanwhile"):
        await editor.host.edit(path, None, text)
    await editor.host.edit(path, text, text.replace("limit = 3", "limit = 4"))
    assert "limit = 4" in await editor.host.read(path) and path.read_text() == notebook(CELLS)


async def test_an_edit_for_review_goes_into_the_editor_or_to_the_disk(editor: Client, folder: Path):
    told = heard(editor)
    shown, closed = folder / "a.txt", folder / "b.txt"
    for path in (shown, closed):
        path.write_text("one\n")
    document = editor.open(shown.as_uri(), "one\n")
    await editor.settled()
    propose = editor.host.propose_edit
    assert await propose(shown.as_uri(), "one\n", "two\n", "label") == "two\n"
    assert (document.text, shown.read_text()) == ("two\n", "one\n")
    with conflict("changed in the editor meanwhile"):
        await propose(shown.as_uri(), "one\n", "three\n", "label")
    assert await propose(closed.as_uri(), "one\n", "two\n", "label") == "two\n"
    assert closed.read_text() == "two\n"
    assert told == [("a.txt", "one\n", "two\n"), ("b.txt", "one\n", "two\n")]
    with conflict("b.txt was changed in the meantime"):
        await propose(closed.as_uri(), "one\n", "three\n", "label")
    with conflict("untitled:x is no longer open"):
        await propose("untitled:x", "", "three\n", "label")


@pytest.mark.parametrize(
    ("answer", "shown"), [({"success": True}, True), ({"success": False}, False), (None, False), ("error", False)]
)  # fmt: skip
async def test_a_place_is_shown_where_the_editor_can(editor: Client, folder: Path, answer: Any, shown: bool):
    if answer != "error":
        editor.answers["window/showDocument"] = lambda params: answer
    path = folder / "a.txt"
    assert await editor.host.show(path, 4) is shown
    await editor.host.show(path)
    at = {"line": 4, "character": 0}
    place, whole = editor.notes("window/showDocument")
    assert place == {"uri": path.as_uri(), "takeFocus": True, "selection": {"start": at, "end": at}}
    assert whole == {"uri": path.as_uri(), "takeFocus": True}


async def test_what_the_editor_did_not_save_is_named(client: Client, folder: Path):
    await client.initialize(folder, experimental={"mazu": {"save": True}})
    path, other, book = folder / "a.txt", folder / "b.txt", folder / "gone.ipynb"
    for one in (path, other):
        one.write_text("saved\n")
        client.open(one.as_uri(), "typed\n")
    Book(client, book)
    await client.settled()
    assert await client.host.save([path, other, book]) == [path, other, book], "it cannot save"
    asked = client.notes("mazu/documents/save")[0]["uris"]
    assert asked == [path.as_uri(), other.as_uri(), book.as_uri()]

    def save(params: Any) -> None:
        other.write_text("typed\n")

    client.answers["mazu/documents/save"] = save
    assert await client.host.save([path, other]) == [path]


async def test_where_another_editor_holds_unsaved_text_nothing_is_edited(editor: Client, folder: Path):
    path, heard_of = folder / "a.txt", heard(editor)
    path.write_text("one\n")

    async def refuse(asked: Path) -> None:
        raise MazuError(Kind.CONFLICT, f"{asked.name} has unsaved changes in another editor.", "")

    editor.host.require_editable = refuse
    with conflict("unsaved changes in another editor"):
        await editor.host.edit(path, "one\n", "two\n")
    assert (path.read_text(), heard_of) == ("one\n", [])


async def test_the_text_before_a_file_was_created_is_empty(editor: Client, folder: Path):
    heard_of = heard(editor)
    await editor.host.edit(folder / "new.txt", None, "one\n")
    assert heard_of == [("new.txt", "", "one\n")]
