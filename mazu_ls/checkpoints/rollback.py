"""One rollback: safety checkpoint, staging, one transaction that is the commit point, the files, the proof."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mazu_ls.checkpoints import disk, merge, schema, stage, steps
from mazu_ls.checkpoints.buffers import BufferChange, buffer_changes, keep_typed, only_saved, spare_typed
from mazu_ls.checkpoints.part import Part
from mazu_ls.checkpoints.project import Project, tree_of
from mazu_ls.checkpoints.records import Checkpoint, OnConflict, PlanFiles, Reasoned, RollbackReport, Section
from mazu_ls.checkpoints.steps import Selection, Step
from mazu_ls.checkpoints.take import Request, take
from mazu_ls.errors import MazuError
from mazu_ls.host import Buffer
from mazu_ls.store import select, transaction

if TYPE_CHECKING:
    import apsw

log = logging.getLogger(__name__)
EARLIER = 20
"""How many checkpoints back a text counts as known."""
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
    """What rolling back would do now. Only the checkpoint store is written: the contents that were looked at.

    Raises MazuError(not_found) if the target was pruned meanwhile; so does `roll_back`.
    """
    target = schema.get(db, target.id)
    seen, now = project.present(db)
    before = replace(target, skipped=tuple(seen.skipped.values()))
    return plan(
        project,
        last=Last.of(db),
        before=before,
        before_tree=now,
        target=target,
        selection=selection,
        buffers=buffers,
    )


def plan(
    project: Project,
    *,
    last: Last,
    before: Checkpoint,
    before_tree: bytes | None,
    target: Checkpoint,
    selection: Selection,
    buffers: Sequence[Buffer],
) -> Rollback:
    """From a state of the folders (`before_tree`, with what `before` skipped) to the target.

    What differs from the last checkpoint is the user's own work.
    """
    steps.require_known(project, selection.paths, before_tree, bytes.fromhex(target.tree))
    found = steps.steps_between(project, before, before_tree, target, selection)
    users = _users_work(project, last, before_tree)
    files = PlanFiles(
        write=[s.shown for s in found.steps if s.now is not None],
        delete=[s.shown for s in found.steps if s.now is None],
        keep=found.keep,
        users=[s.shown for s in found.steps if s.place in users],
        agents=[s.shown for s in found.steps if s.place not in users],
    )
    changes: list[BufferChange] = []
    if selection.has("code"):
        changes = buffer_changes(
            project,
            target,
            (last.tree, *last.earlier),
            steps=found.steps,
            buffers=buffers,
            selection=selection,
        )
        files.buffers = [change.buffer.uri for change in changes]
        files.users += [c.shown for c in changes if c.users and c.shown not in files.users]
        files.agents = [path for path in files.agents if path not in files.users]
    files.conflicts = [Reasoned(path, "you changed it since the last checkpoint") for path in files.users]
    if selection.has("memory"):
        files.memories = project.count_memories(before_tree, bytes.fromhex(target.tree))
    if selection.has("conversation"):
        folders = [
            project.trees.folder(t, b"conversation") for t in (before_tree, bytes.fromhex(target.tree))
        ]
        files.conversation = folders[0] != folders[1]
    return Rollback(RollbackReport(target, None, files), found.steps, changes)


@dataclass(frozen=True)
class Last:
    """What the last checkpoint knew: its tree, what a rollback of a part wrote after it, which is nobody's work, and
    the trees of the checkpoints before it: text that one of them holds cannot be lost."""

    tree: bytes | None
    wrote: Mapping[bytes, bytes | None]
    earlier: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, db: apsw.Connection) -> Last:
        """As of now."""
        current = schema.state(db, "current")
        noted = json.loads(schema.state(db, "wrote") or "{}")
        places = noted.get("places", {}) if noted.get("after") == current else {}
        wrote = {bytes.fromhex(place): bytes.fromhex(oid) if oid else None for place, oid in places.items()}
        return cls(tree_of(db, current), wrote, tuple(_ancestors(db, current)))


def _ancestors(db: apsw.Connection, checkpoint_id: str | None) -> Iterator[bytes]:
    """Trees of the checkpoints that came before, the nearest first."""
    for _ in range(EARLIER):
        checkpoint_id = schema.get(db, checkpoint_id).parent_id if checkpoint_id else None
        if checkpoint_id is None or (tree := tree_of(db, checkpoint_id)) is None:
            return
        yield tree


def _users_work(project: Project, last: Last, now: bytes | None) -> set[bytes]:
    """Places that differ from the last checkpoint: nobody but the user wrote there since. Saving what was unsaved
    then is no work of its own."""
    found = _changed(project, last.tree, now)
    if not found:
        return found
    for place, oid in last.wrote.items():
        entry = project.trees.at(now, place)
        if (entry.oid if entry else None) == oid:
            found.discard(place)
    return found - only_saved(project, last.tree, now)


def _changed(project: Project, old: bytes | None, new: bytes | None) -> set[bytes]:
    """Places that differ between two trees."""
    found: set[bytes] = set()
    for mount in project.mounts:
        before, after = (project.trees.folder(tree, mount.prefix) for tree in (old, new))
        found |= {mount.prefix + b"/" + path for path, _, _ in project.trees.diff(before, after)}
    return found


def roll_back(
    project: Project,
    db: apsw.Connection,
    target: Checkpoint,
    *,
    selection: Selection,
    buffers: Sequence[Buffer],
    on_conflict: OnConflict | None,
) -> Rollback:
    """Do it. The report says `applied` False where conflicts have to be decided: nothing was touched then.

    `ask` stops at everything the user changed since the last checkpoint; None and `spare` only where an earlier
    checkpoint's text would replace both the agent's work and the user's on top of it. `spare` leaves out what only the
    user changed; `keep` merges it.
    """
    target, last = schema.get(db, target.id), Last.of(db)
    both = _changed(project, bytes.fromhex(target.tree), last.tree)
    if on_conflict not in ("overwrite", "keep"):
        looked = preview(project, db, target, selection, buffers)
        files = looked.report.plan
        mixed = _mixed(looked, both)
        if on_conflict != "ask":
            files.conflicts = [conflict for conflict in files.conflicts if conflict.path in mixed]
        if files.conflicts:
            return looked
    safety = _take_safety(project, db, target, buffers)
    found = plan(
        project,
        last=last,
        before=safety,
        before_tree=bytes.fromhex(safety.tree),
        target=target,
        selection=selection,
        buffers=buffers,
    )
    found.report.safety = safety
    unseen = [step.mount.full(step.path).hex() for step in found.steps]
    if on_conflict == "keep":
        merge.keep_users_work(project, last.tree, found.steps, found.report.plan)
        keep_typed(project, found.buffers, found.report.plan)
    elif on_conflict == "spare":
        merge.spare_users_work(found.steps, found.report.plan, _mixed(found, both))
        spare_typed(found.buffers, found.report.plan)
    found.report.plan.buffers = [change.buffer.uri for change in found.buffers]
    staged = stage.stage(found.steps, project.repository.read_all)
    try:
        found.report.problems += transaction(
            db,
            lambda d: _commit(
                project, d, safety=safety, target=target, selection=selection, todo=found.steps, unseen=unseen
            ),
        )
    except BaseException:
        stage.unstage(staged)
        raise
    finish(project, db, found.steps, staged, found.report)
    return found


def _take_safety(
    project: Project, db: apsw.Connection, target: Checkpoint, buffers: Sequence[Buffer]
) -> Checkpoint:
    label, title = f"before rolling back to {target.id}", f"before rolling back to: {target.title}"
    return take(project, db, Request("safety", label, title, target.session_id, buffers=buffers))


def _mixed(found: Rollback, both: set[bytes]) -> set[str]:
    """What the user changed on top of what changed between the target and the last checkpoint, as it is shown."""
    files = {step.shown for step in found.steps if step.place in both}
    return files | {change.shown for change in found.buffers if change.mixed}


def _commit(
    project: Project,
    db: apsw.Connection,
    *,
    safety: Checkpoint,
    target: Checkpoint,
    selection: Selection,
    todo: Sequence[Step],
    unseen: Sequence[str],
) -> list[Reasoned]:
    """The commit point: from here on, only forward. Returns what of the tables could not be restored."""
    problems = [
        problem
        for part in project.parts
        if (section := _SECTIONS.get(part.name)) is not None and selection.has(section)
        for problem in restore_part(project, db, part, safety, target)
    ]
    schema.set_state(db, "current", target.id if selection.whole else safety.id)
    schema.set_state(db, "unseen", json.dumps(unseen))
    places = {step.place.hex(): step.now.oid.hex() if step.now else None for step in todo}
    schema.set_state(db, "wrote", json.dumps({"after": safety.id, "places": places}))
    db.execute(
        "INSERT OR REPLACE INTO checkpoint_journal VALUES (1, ?, ?, ?, ?)",
        (str(project.repository.path), safety.id, target.id, steps.dump(todo)),
    )
    return problems


def restore_part(
    project: Project, db: apsw.Connection, part: Part, safety: Checkpoint, target: Checkpoint
) -> list[Reasoned]:
    """Make a part's tables say what the target holds. What is damaged stays as it is, and is returned."""
    problems: dict[str, str] = {}
    changed: dict[str, bytes | None] = {}
    try:
        old, new = (project.trees.folder(bytes.fromhex(c.tree), part.name.encode()) for c in (safety, target))
        differing = list(project.trees.diff(old, new))
    except MazuError as error:
        return [Reasoned(part.name, f"the checkpoint store is damaged: {error.message}")]
    for path, _, entry in differing:
        name = path.decode("utf-8", "surrogateescape")
        try:
            changed[name] = project.repository.read(entry.oid) if entry is not None else None
        except MazuError as error:
            problems[name] = error.message
    if changed:
        problems |= part.restore(db, changed)
    return [Reasoned(f"{part.name}/{name}", reason) for name, reason in sorted(problems.items())]


def finish(
    project: Project,
    db: apsw.Connection,
    todo: Sequence[Step],
    staged: stage.Staged,
    report: RollbackReport,
) -> None:
    """The files, the proof, and the journal's end. Run again after a kill, it ends in the same state."""
    problems = disk.apply(todo, staged)
    excused = {problem.path for problem in problems}
    right, wrong = disk.verify(todo, excused)
    stage.settle(todo)
    db.execute("DELETE FROM checkpoint_journal")
    rescued = stage.sweep(project.mounts, project.rescue)
    report.problems += problems + wrong
    report.problems += [Reasoned(str(path), "written during the rollback; saved here") for path in rescued]
    report.applied = True
    report.verified_files = right
    report.verified = not report.problems


def nothing_pending(db: apsw.Connection) -> bool:
    """Whether no rollback was left unfinished."""
    return not select(db, "SELECT 1 FROM checkpoint_journal")


def recover(project: Project, db: apsw.Connection) -> RollbackReport | None:
    """Roll an interrupted rollback forward. Returns its report, or None if there was none.

    Raises MazuError where the disk does not let it: the journal stays, and the next one who takes the lock tries again.
    """
    project.repository.sweep()
    row = next(iter(select(db, "SELECT safety_id, target_id, steps FROM checkpoint_journal")), None)
    if row is None:
        stage.sweep(project.mounts, project.rescue)
        return None
    report = RollbackReport(schema.get(db, row[1]), schema.get(db, row[0]), PlanFiles())
    todo = list(steps.load(row[2], project.mounts))
    lost = project.repository.missing({step.now.oid for step in todo if step.now is not None})
    for step in [step for step in todo if step.now is not None and step.now.oid in lost]:
        report.problems.append(Reasoned(step.shown, "the damaged checkpoint store does not hold it any more"))
        todo.remove(step)
    staged = stage.stage(todo, project.repository.read_all)
    finish(project, db, todo, staged, report)
    log.warning(
        "a rollback to %s was interrupted; it is complete now: %s", row[1], report.problems or "no problems"
    )
    return report
