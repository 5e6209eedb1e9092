"""Unsaved text counts, and is shown, where the file's would be."""

from typing import Any

import pytest

from mazu_ls.checkpoints.models import Checkpoint, FileCounts, OnConflict, RollbackReport
from mazu_ls.checkpoints.restore.keep_reasons import YOUR_FILE
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


START = "one\ntwo\nthree\n"
EDITED = "agent\ntwo\nthree\n"
USERS = "one\ntwo\nthree\nmine\n"


async def undo(
    project: Bed, target: Checkpoint, *buffers: Buffer, choice: OnConflict = "spare", own: bool = True
) -> RollbackReport:
    """Take back what the agent of session "s" did. What the preview says is what is done."""
    more: dict[str, Any] = {"buffers": buffers, "session": "s", "own": own}
    plan = await project.engine.plan(target.id, on_conflict=choice, **more)
    report = await plan.apply(choice, project.type_text)
    assert plan.preview().plan == report.plan
    return report


async def redo(project: Bed, *buffers: Buffer) -> RollbackReport:
    found = await project.engine.last_rollback("s")
    assert found is not None
    return await undo(project, await project.engine.get(found.safety), *buffers, choice="keep", own=False)


async def edit_unsaved(project: Bed, before: str, after: str) -> Buffer:
    """The agent edits a.txt in an editor, which does not save it."""
    await project.engine.record_edit("s", project.root / "a.txt", before, after)
    return typed(project, "a.txt", after)


@pytest.mark.parametrize("step", [False, True], ids=["one-interval", "step-between"])
async def test_undo_leaves_a_file_that_was_saved_beneath_the_agents_unsaved_edit(project: Bed, step: bool):
    project.write("a.txt", START)
    first = await project.take()
    buffer = await edit_unsaved(project, START, EDITED)
    if step:
        await project.take(kind="step", touched=[], buffers=[buffer])
    project.write("a.txt", USERS)
    report = await undo(project, first, buffer)
    assert (report.applied, report.plan.write, report.plan.conflicts) == (True, [], [])
    assert [(one.path, one.reason) for one in report.plan.keep] == [("a.txt", YOUR_FILE)]
    assert project.typed == {buffer.uri: START}
    assert project.read("a.txt") == USERS
    # Redo gives the agent's text back to the editor, and undo takes it again: the file stays in both.
    shown = typed(project, "a.txt", START)
    await redo(project, shown)
    assert (project.typed[buffer.uri], project.read("a.txt")) == (EDITED, USERS)
    await undo(project, first, buffer)
    assert (project.typed[buffer.uri], project.read("a.txt")) == (START, USERS)
    # The editor closes it without saving, so that the user's file is shown.
    closed = await undo(project, first)
    assert (closed.applied, closed.plan.write, project.read("a.txt")) == (True, [], USERS)


async def test_overwriting_takes_the_file_beneath_an_unsaved_edit_too(project: Bed):
    project.write("a.txt", START)
    first = await project.take()
    buffer = await edit_unsaved(project, START, EDITED)
    project.write("a.txt", USERS)
    assert (await undo(project, first, buffer, choice="overwrite")).plan.write == ["a.txt"]
    assert project.read("a.txt") == START


async def test_undo_takes_back_what_the_agent_saved_beneath_its_unsaved_edit(project: Bed):
    project.write("a.txt", START)
    first = await project.take()
    await edit_unsaved(project, START, EDITED)
    project.write("a.txt", EDITED)  # the user saves that text
    buffer = await edit_unsaved(project, EDITED, EDITED + "more\n")
    assert (await undo(project, first, buffer)).plan.write == ["a.txt"]
    assert project.read("a.txt") == START
    assert project.typed == {buffer.uri: START}


async def test_undo_takes_back_what_a_command_wrote_beneath_an_unsaved_edit(project: Bed):
    project.write("a.txt", START)
    first = await project.take()
    buffer = await edit_unsaved(project, START, EDITED)
    command = await project.engine.begin_command("s", [buffer])
    project.write("a.txt", "by a command\n")
    await project.engine.end_command(command, [buffer])
    assert (await undo(project, first, buffer)).plan.write == ["a.txt"]
    assert project.read("a.txt") == START


async def test_what_was_typed_before_the_turn_and_saved_after_it_stays_in_the_file(project: Bed):
    project.write("a.txt", START)
    mine = typed(project, "a.txt", USERS)
    first = await project.take(buffers=[mine])
    await edit_unsaved(project, USERS, EDITED)
    project.write("a.txt", EDITED)  # the user saves that text
    saved = Buffer(mine.uri, mine.path, 2, "text", EDITED, False)
    await undo(project, first, saved)
    assert (project.read("a.txt"), project.typed[mine.uri]) == (USERS, USERS)
    again = await redo(project, Buffer(mine.uri, mine.path, 3, "text", USERS, False))
    assert (again.plan.keep, project.read("a.txt"), project.typed[mine.uri]) == ([], EDITED, EDITED)


async def test_what_the_agent_saved_is_parted_from_what_was_saved_beneath_its_next_edit(project: Bed):
    project.write("a.txt", START)
    first = await project.take()
    await project.agent_writes("a.txt", EDITED)
    await project.take(kind="step", touched=["a.txt"])
    buffer = await edit_unsaved(project, EDITED, EDITED.replace("two", "agents"))
    project.write("a.txt", EDITED + "mine\n")
    asked = await undo(project, first, buffer)
    assert (asked.applied, [one.path for one in asked.plan.conflicts]) == (False, ["a.txt"])
    await undo(project, first, buffer, choice="merge")
    assert (project.read("a.txt"), project.typed) == (USERS, {buffer.uri: START})


async def test_pruning_forgets_neither_who_changed_the_text_nor_who_the_file_beneath(project: Bed):
    project.write("a.txt", START)
    first = await project.take()
    buffer = await edit_unsaved(project, START, EDITED)
    await project.take(touched=[], buffers=[buffer])
    project.write("a.txt", USERS)
    await project.take(kind="step", touched=["a.txt"], buffers=[buffer])
    await project.engine.pin(first.id)
    assert (await project.engine.prune(1)).removed
    report = await undo(project, first, buffer)
    assert [(one.path, one.reason) for one in report.plan.keep] == [("a.txt", YOUR_FILE)]
    assert (project.read("a.txt"), project.typed) == (USERS, {buffer.uri: START})


async def test_two_rollbacks_whose_files_were_saved_again_can_be_pruned(project: Bed):
    """Each interval holds what its rollback left, and no change: the user saved the same text again."""
    project.write("a.txt", START)
    first = await project.take()
    project.write("a.txt", USERS)
    second = await project.take()
    for _ in range(3):
        await project.roll_back(first, "overwrite")
        assert project.read("a.txt") == START
        project.write("a.txt", USERS)
        await project.take()
    for kept in (first, second):
        await project.engine.pin(kept.id)
    assert len((await project.engine.prune(keep=1)).removed) == 4
