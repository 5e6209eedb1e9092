"""Unsaved text counts, and is shown, where the file's would be."""

from typing import Any

from mazu_ls.checkpoints.models import FileCounts
from mazu_ls.host import Buffer
from tests.checkpoints.bed import Bed


def typed(project: Bed, path: str, text: str, **more: Any) -> Buffer:
    return Buffer(more.get("uri", f"file://{path}"), project.root / path, 1, "text", text, True)


async def test_an_unsaved_change_counts_until_it_is_taken_back(project: Bed):
    project.write("a.txt", "one\n")
    first = await project.take()
    buffer = typed(project, "a.txt", "one\ntwo\n")
    changed = await project.take(touched=[], buffers=[buffer])
    assert changed.files == FileCounts(modified=1)
    assert (await project.take(touched=[], buffers=[buffer])).files == FileCounts()
    shown = await project.engine.diff(first.id, changed.id)
    assert [(f.path, f.status, f.added, f.removed) for f in shown.files] == [("a.txt", "modified", 1, 0)]
    assert "+two" in shown.patch
    now = await project.engine.diff(changed.id, buffers=[typed(project, "a.txt", "one\ntwo\nthree\n")])
    assert [(f.path, f.added, f.removed) for f in now.files] == [("a.txt", 1, 0)]
    assert (await project.engine.diff(changed.id, buffers=[buffer])).files == ()
    assert (await project.take(touched=[])).files == FileCounts(modified=1)


async def test_saving_is_no_change(project: Bed):
    project.write("a.txt", b"one\r\n")
    first = await project.take()
    buffer = typed(project, "a.txt", "two\r\n")
    held = await project.take(touched=[], buffers=[buffer])
    project.write("a.txt", b"two\r\n")
    saved = await project.take(touched=["a.txt"])
    assert (held.files, saved.files) == (FileCounts(modified=1), FileCounts())
    assert (await project.engine.diff(held.id, saved.id)).files == ()
    assert len((await project.engine.diff(first.id)).files) == 1


async def test_a_file_that_changed_below_its_unsaved_text_is_a_change(project: Bed):
    project.write("a.txt", "one\n")
    buffer = typed(project, "a.txt", "mine\n")
    first = await project.take(buffers=[buffer])
    project.write("a.txt", "theirs\n")
    again = await project.take(touched=["a.txt"], buffers=[buffer])
    assert again.files == FileCounts(modified=1)
    assert "+theirs" in (await project.engine.diff(first.id, again.id)).patch


async def test_new_and_untitled_documents_count_as_added_and_ignored_ones_not_at_all(project: Bed):
    project.write(".gitignore", "secret.env\n")
    project.write("secret.env", "KEY=1\n")
    first = await project.take()
    buffers = [
        typed(project, "new.py", "x = 1\n"),
        Buffer("untitled:Untitled-1", None, 1, "text", "a note\n", True),
        typed(project, "secret.env", "KEY=2\n"),
        typed(project, ".mazu/chats/one.md", "## You\n"),
        Buffer("output:log", None, 1, "text", "noise\n", True),
    ]
    assert (await project.take(touched=[], buffers=buffers)).files == FileCounts(added=2)
    found = await project.engine.diff(first.id, buffers=buffers)
    assert [(f.path, f.status) for f in found.files] == [
        ("new.py", "added"),
        ("untitled:Untitled-1", "added"),
    ]
