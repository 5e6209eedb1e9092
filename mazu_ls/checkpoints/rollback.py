"""One rollback: safety checkpoint, staging, one transaction that is the commit point, the files, the proof."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.checkpoints import disk, merge, schema, steps
from mazu_ls.checkpoints.buffers import BufferChange, buffer_changes
from mazu_ls.checkpoints.project import Project, Request, Seen, base_checkpoint, count_memories
from mazu_ls.checkpoints.records import Checkpoint, OnConflict, PlanFiles, Reasoned, RollbackReport, Section
from mazu_ls.checkpoints.steps import Selection, Step
from mazu_ls.host import Buffer
from mazu_ls.store import transaction

if TYPE_CHECKING:
    import apsw

log = logging.getLogger(__name__)
_SECTIONS: dict[str, Section] = {"memory": "memory", "conversation": "conversation"}


@dataclass
class Rollback:
    """What a rollback found out: the report, the steps to take, the documents to change."""

    report: RollbackReport
    steps: list[Step] = field(default_factory=list)
    buffers: list[BufferChange] = field(default_factory=list)


def preview(
    project: Project, db: apsw.Connection, target: Checkpoint, selection: Selection, buffers: Sequence[Buffer]
) -> Rollback:
    """What rolling back would do now. Only the checkpoint store is written: the contents that were looked at."""
    seen, now = present(project, db)
    before = replace(target, skipped=tuple(seen.skipped.values()))
    return plan(project, _tree_of(db, schema.state(db, "current")), before, now, target, selection, buffers)


def present(project: Project, db: apsw.Connection) -> tuple[Seen, bytes | None]:
    """The folders and parts as they are now, as a tree in the store that no checkpoint names."""
    base = base_checkpoint(db)
    writer = project.repository.writer()
    try:
        seen = project.look(base, None, writer.add)
        seen.changes.update(project.part_changes(db, base, writer))
        now = project.trees.update(bytes.fromhex(base.tree) if base else None, seen.changes, writer.add)
        writer.finish()
    except BaseException:
        writer.discard()
        project.capture.forget()
        raise
    return seen, now


def plan(
    project: Project,
    last: bytes | None,
    before: Checkpoint,
    before_tree: bytes | None,
    target: Checkpoint,
    selection: Selection,
    buffers: Sequence[Buffer],
) -> Rollback:
    """From a state of the folders (`before_tree`, with what `before` skipped) to the target.

    What differs from `last`, the tree of the last checkpoint, is the user's own work.
    """
    found = steps.steps_between(project, before, before_tree, target, selection)
    users = _users_work(project, last, before_tree)
    files = PlanFiles(
        write=[s.shown for s in found.steps if s.now is not None],
        delete=[s.shown for s in found.steps if s.now is None],
        keep=found.keep,
        users=[s.shown for s in found.steps if s.place in users],
        agents=[s.shown for s in found.steps if s.place not in users],
    )
    files.conflicts = [Reasoned(path, "you changed it since the last checkpoint") for path in files.users]
    changes: list[BufferChange] = []
    if selection.has("code"):
        changes = buffer_changes(project, target, found.steps, buffers, selection)
        files.buffers = [change.buffer.uri for change in changes]
    if selection.has("memory"):
        files.memories = count_memories(project, before_tree, bytes.fromhex(target.tree))
    if selection.has("conversation"):
        folders = [
            project.trees.folder(t, b"conversation") for t in (before_tree, bytes.fromhex(target.tree))
        ]
        files.conversation = folders[0] != folders[1]
    return Rollback(RollbackReport(target, None, files), found.steps, changes)


def _tree_of(db: apsw.Connection, id: str | None) -> bytes | None:
    return bytes.fromhex(schema.get(db, id).tree) if id is not None else None


def _users_work(project: Project, last: bytes | None, now: bytes | None) -> set[bytes]:
    """Places that differ from the last checkpoint: nobody but the user wrote there since."""
    found: set[bytes] = set()
    for mount in project.mounts:
        before, after = (project.trees.folder(tree, mount.prefix) for tree in (last, now))
        found |= {mount.prefix + b"/" + path for path, _, _ in project.trees.diff(before, after)}
    return found


def roll_back(
    project: Project,
    db: apsw.Connection,
    target: Checkpoint,
    selection: Selection,
    buffers: Sequence[Buffer],
    on_conflict: OnConflict,
) -> Rollback:
    """Do it. The report says `applied` False where `ask` found conflicts: nothing was touched then."""
    if on_conflict == "ask":
        looked = preview(project, db, target, selection, buffers)
        if looked.report.plan.conflicts:
            return looked
    label = f"before rolling back to {target.id}"
    safety = project.take(db, Request("safety", label, target.session_id, None, None, buffers))
    last = _tree_of(db, safety.parent_id)
    found = plan(project, last, safety, bytes.fromhex(safety.tree), target, selection, buffers)
    found.report.safety = safety
    if on_conflict == "keep":
        merge.keep_users_work(project, last, found.steps, found.report.plan)
    staged = disk.stage(found.steps, project.repository.read)
    try:
        transaction(db, lambda d: _commit(project, d, safety, target, selection, found.steps))
    except BaseException:
        disk.unstage(staged)
        raise
    finish(project, db, found.steps, staged, found.report)
    return found


def _commit(
    project: Project,
    db: apsw.Connection,
    safety: Checkpoint,
    target: Checkpoint,
    selection: Selection,
    todo: Sequence[Step],
) -> None:
    """The commit point: from here on, only forward."""
    for part in project.parts:
        section = _SECTIONS.get(part.name)
        if section is None or not selection.has(section):
            continue
        old, new = (project.trees.folder(bytes.fromhex(c.tree), part.name.encode()) for c in (safety, target))
        changed = {
            path.decode(): project.repository.read(now.oid) if now is not None else None
            for path, _, now in project.trees.diff(old, new)
        }
        if changed:
            part.restore(db, changed)
    schema.set_state(db, "current", target.id if selection.whole else safety.id)
    unseen = [os.path.join(os.fsencode(step.mount.directory), step.path).hex() for step in todo]
    schema.set_state(db, "unseen", json.dumps(unseen))
    db.execute(
        "INSERT OR REPLACE INTO checkpoint_journal VALUES (1, ?, ?, ?, ?)",
        (str(project.repository.path), safety.id, target.id, steps.dump(todo)),
    )


def finish(
    project: Project,
    db: apsw.Connection,
    todo: Sequence[Step],
    staged: dict[Step, bytes],
    report: RollbackReport,
) -> None:
    """The files, the proof, and the journal's end. Run again after a kill, it ends in the same state."""
    problems = disk.apply(todo, staged)
    excused = {problem.path for problem in problems}
    right, wrong = disk.verify(todo, excused)
    disk.settle(todo)
    db.execute("DELETE FROM checkpoint_journal")
    rescued = disk.sweep(project.mounts, rescue_folder(project))
    report.problems += problems + wrong
    report.problems += [Reasoned(str(path), "written during the rollback; saved here") for path in rescued]
    report.applied = True
    report.verified_files = right
    report.verified = not report.problems


def rescue_folder(project: Project) -> Path:
    """Where files go that somebody wrote while they were being replaced."""
    return project.repository.path.parent / "rescue"


def recover(project: Project, db: apsw.Connection) -> RollbackReport | None:
    """Roll an interrupted rollback forward. Returns its report, or None if there was none."""
    project.repository.sweep()
    row = db.execute("SELECT safety_id, target_id, steps FROM checkpoint_journal").fetchone()
    if row is None:
        disk.sweep(project.mounts, rescue_folder(project))
        return None
    todo = list(steps.load(row[2], project.mounts))
    report = RollbackReport(schema.get(db, row[1]), schema.get(db, row[0]), PlanFiles())
    staged = disk.stage(todo, project.repository.read)
    finish(project, db, todo, staged, report)
    log.warning(
        "a rollback to %s was interrupted; it is complete now: %s", row[1], report.problems or "no problems"
    )
    return report
