"""A document that is open through a link in the project is the document of the file that the link leads to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.server.chat.rollback_text import rollback_sentence
from mazu_ls.server.documents.documents import OpenDocuments
from mazu_ls.server.rpc.lsp_types import DocumentItem
from mazu_ls.workspace.workspace import Workspace
from tests.checkpoints.bed import git
from tests.server.client import Client
from tests.server.test_turns import edit_call
from tests.server.test_undo_stories import chat, restarted

FILE = "packages/api/src/a.py"
BEFORE, AGENT, MINE = "1\n2\n3\n4\n5\n6\n", "1\ntwo\n3\n4\n5\n6\n", "x = 5\n"
LINKS = {
    "a folder that git ignores": ("packages/web/node_modules/@mono/api", "../../../api", "/src/a.py"),
    "a folder that git tracks": ("packages/web/linked", "../api", "/src/a.py"),
    "a file": ("packages/api/src/other.py", "a.py", ""),
}
linked = pytest.mark.parametrize("kind", LINKS)


def make_project(folder: Path, kind: str) -> tuple[Path, Path]:
    """Make a project with a link in it; return the file, and its name through the link."""
    place, target, inside = LINKS[kind]
    file, link = folder / FILE, folder / place
    file.parent.mkdir(parents=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(BEFORE)
    (folder / ".gitignore").write_text("node_modules\n")
    link.symlink_to(target)
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-qm", "x")):
        git(folder, *arguments)
    return file, folder / (place + inside)


def replies() -> list[dict[str, Any]]:
    read = {"name": "read_file", "arguments": {"path": FILE}}
    return [{"calls": [read]}, {"calls": [edit_call(FILE, "1\n2\n", "1\ntwo\n")]}, {"text": "Done."}]


def save(client: Client, file: Path, uri: str) -> None:
    file.write_text(client.documents[uri].text)
    client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})


@linked
@pytest.mark.parametrize("typed", ["", MINE])
async def test_the_edit_goes_into_the_document_and_is_undone_and_redone_there(
    env: dict[str, str], folder: Path, kind: str, typed: str
):
    file, name = make_project(folder, kind)
    async with ModelServer(replies()) as model, restarted(env, folder, model) as client:
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "allow_once"}
        document = client.open(name.as_uri(), BEFORE)
        if typed:
            client.change(document.uri, BEFORE + typed)
        await chat(client, "edit")
        assert (document.text, file.read_text()) == (AGENT + typed, BEFORE)
        for command, text in (("undo", BEFORE), ("redo", AGENT), ("undo", BEFORE)):
            result = await client.command(f"mazu.{command}")
            assert (result["verified"], result["plan"]["keep"]) == (True, [])
            assert (document.text, file.read_text()) == (text + typed, BEFORE)


@linked
async def test_the_model_reads_the_unsaved_text(env: dict[str, str], folder: Path, kind: str):
    _, name = make_project(folder, kind)
    async with ModelServer(replies()) as model, restarted(env, folder, model) as client:
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "allow_once"}
        client.open(name.as_uri(), BEFORE)
        client.change(name.as_uri(), BEFORE + MINE)
        await chat(client, "edit")
        sent = [str(request.body) for request in model.requests]
        assert f"- {FILE} (unsaved changes)" in sent[0]
        assert MINE.strip() in sent[1]


@linked
@pytest.mark.parametrize("closed", [False, True])
async def test_what_was_saved_through_the_link_is_undone(
    env: dict[str, str], folder: Path, kind: str, closed: bool
):
    file, name = make_project(folder, kind)
    async with ModelServer(replies()) as model, restarted(env, folder, model) as client:
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "allow_once"}
        document = client.open(name.as_uri(), BEFORE)
        await chat(client, "edit")
        save(client, file, document.uri)
        assert file.read_text() == AGENT
        if closed:
            client.notify("textDocument/didClose", {"textDocument": {"uri": document.uri}})
        result = await client.command("mazu.undo")
        assert (result["verified"], result["plan"]["keep"]) == (True, [])
        assert rollback_sentence(result).startswith("Undone: 1 file")
        assert file.read_text() == BEFORE
        assert closed or document.text == BEFORE
        assert name.resolve() == file


@linked
async def test_of_two_documents_of_one_file_the_one_with_its_name_is_edited(
    env: dict[str, str], folder: Path, kind: str
):
    file, name = make_project(folder, kind)
    async with ModelServer(replies()) as model, restarted(env, folder, model) as client:
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "allow_once"}
        through, itself = client.open(name.as_uri(), BEFORE), client.open(file.as_uri(), BEFORE)
        client.change(through.uri, BEFORE + MINE)
        await chat(client, "edit")
        assert (itself.text, through.text, file.read_text()) == (AGENT, BEFORE + MINE, BEFORE)
        assert (await client.command("mazu.undo"))["verified"]
        assert (itself.text, through.text, file.read_text()) == (BEFORE, BEFORE + MINE, BEFORE)


def test_a_link_is_followed_to_a_place_inside_alone(tmp_path: Path):
    real, outside = tmp_path / "real", tmp_path / "outside"
    (real / "src").mkdir(parents=True)
    outside.mkdir()
    root = tmp_path / "root"
    root.symlink_to(real)
    for link, target in (("in", "src"), ("out", outside), ("circle", "circle"), ("chain", "in")):
        (real / link).symlink_to(target)
    workspace = Workspace([root])
    for spelt, place in {
        "in/a.py": "src/a.py", "chain/a.py": "src/a.py", "src/a.py": "src/a.py", "out/a.py": "out/a.py",
        "a\0.py": "a\0.py",
    }.items():  # fmt: skip
        assert workspace.follow(root / spelt) == root / place, spelt
    assert workspace.follow(real / "in/a.py") == root / "src/a.py"
    assert workspace.follow(outside / "a.py") == outside / "a.py"


def test_a_file_is_found_through_a_link_of_another_name(tmp_path: Path):
    file, link, circle = tmp_path / "a.py", tmp_path / "b.py", tmp_path / "c.py"
    file.write_text("x")
    link.symlink_to(file)
    circle.symlink_to(circle)
    documents = OpenDocuments()
    documents.open(DocumentItem(circle.as_uri(), 1, "x"))
    assert documents.at(file) is None
    through = documents.open(DocumentItem(link.as_uri(), 1, "x"))
    assert documents.at(file) is documents.at(link) is through
    itself = documents.open(DocumentItem(file.as_uri(), 1, "x"))
    assert documents.at(file) is itself


@linked
async def test_a_rewrite_in_the_document_is_undone(env: dict[str, str], folder: Path, kind: str):
    file, name = make_project(folder, kind)
    async with ModelServer([{"text": "two\n"}]) as model, restarted(env, folder, model) as client:
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "allow_once"}
        document = client.open(name.as_uri(), BEFORE)
        lines = {"start": {"line": 1, "character": 0}, "end": {"line": 2, "character": 0}}
        asked = {"uri": document.uri, "range": lines, "instruction": "spell it", "wait": True}
        await client.command("mazu.edit", asked, within=60)
        assert document.text == AGENT
        save(client, file, document.uri)
        result = await client.command("mazu.undo")
        assert (result["verified"], result["plan"]["keep"]) == (True, [])
        assert (document.text, file.read_text()) == (BEFORE, BEFORE)
