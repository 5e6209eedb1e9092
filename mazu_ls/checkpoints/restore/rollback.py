"""One rollback: safety checkpoint, staging, one transaction as the commit point, the files, verification."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from mazu_ls.checkpoints.attribution.recorded_writes import record_edit, rollback_of
from mazu_ls.checkpoints.attribution.restored_places import RestoredPlace, record_restored
from mazu_ls.checkpoints.contents import require_known
from mazu_ls.checkpoints.context import CheckpointContext, code_tree
from mazu_ls.checkpoints.create import CheckpointRequest, create_checkpoint
from mazu_ls.checkpoints.git.objects import TreeEntry
from mazu_ls.checkpoints.models import Checkpoint, OnConflict, PathReason, PlanFiles, RollbackReport, Section
from mazu_ls.checkpoints.restore import restore_files, staging, step_journal
from mazu_ls.checkpoints.restore import restore_steps as steps
from mazu_ls.checkpoints.restore.buffers import BufferChange, buffer_changes, leave_cells, protected_buffers
from mazu_ls.checkpoints.restore.conflicts import RollbackDecision
from mazu_ls.checkpoints.restore.pending_buffers import note_pending
from mazu_ls.checkpoints.restore.restore_steps import RestoreStep
from mazu_ls.checkpoints.restore.row_decision import RowDecision, decide_rows
from mazu_ls.checkpoints.restore_selection import RestoreSelection
from mazu_ls.checkpoints.scan.file_state import text_state
from mazu_ls.checkpoints.scan.unsaved_buffers import BufferView, held_texts, open_texts
from mazu_ls.checkpoints.snapshot_part import SnapshotPart
from mazu_ls.checkpoints.store import closed_folders, schema
from mazu_ls.checkpoints.store.unseen_files import note_unseen, unseen_files
from mazu_ls.checkpoints.unheld import renamed_files, unheld_edits
from mazu_ls.checkpoints.unheld.rescued_files import drop_rescued
from mazu_ls.errors import MazuError
from mazu_ls.host import Buffer
from mazu_ls.state.store import select, transaction
from mazu_ls.workspace.visible_text import plural

if TYPE_CHECKING:
    import apsw

log = logging.getLogger(__name__)
NAMED = 20
"""Maximum number of files listed that an incomplete checkpoint may hold in an older state."""
UNHELD = "no checkpoint can hold what is there now"
_SECTIONS: dict[str, Section] = {"memory": "memory", "conversation": "conversation"}


class RollbackRun(Struct):
    """The result of planning a rollback: the report, the steps, the documents and the memories to change."""

    report: RollbackReport
    steps: list[RestoreStep] = field(default_factory=list)
    buffers: list[BufferChange] = field(default_factory=list)
    rows: RowDecision = field(default_factory=RowDecision)


def preview_rollback(
    project: CheckpointContext,
    db: apsw.Connection,
    target: Checkpoint,
    selection: RestoreSelection,
    *,
    buffers: Sequence[Buffer],
    on_conflict: OnConflict | None = None,
) -> RollbackRun:
    """Return what rolling back would do now. Writes only the scanned contents to the checkpoint store.

    Raises MazuError(not_found) if the target was pruned meanwhile; so does `roll_back`.
    """
    target = closed_folders.get_whole(project, db, target.id, selection)
    # Without a watcher that is certain this scans every file; the safety checkpoint then reads what was found here.
    seen, tree = project.present(db, unseen_files(db), whole=True)
    renamed_files.note(project, db, seen)
    before = replace(target, skipped=tuple(seen.skipped.values()))
    decision = RollbackDecision(project, db, target, selection, on_conflict)
    last, now = code_tree(db, schema.state(db, "base")), BufferView(tree, open_texts(buffers))
    decision.add_buffer_changes(BufferView(last, held_texts(project, last)), now)
    return plan_rollback(
        project, decision, before=before, now=now, target=target, selection=selection, buffers=buffers
    )


def plan_rollback(
    project: CheckpointContext,
    decision: RollbackDecision,
    *,
    before: Checkpoint,
    now: BufferView,
    target: Checkpoint,
    selection: RestoreSelection,
    buffers: Sequence[Buffer],
) -> RollbackRun:
    """Plan from a state of the folders (`now`, with what `before` skipped) to the target, as far as `decision` allows."""
    trees, unheld = (now.tree, bytes.fromhex(target.tree)), {*map(project.shown, decision.unheld)}
    named = [path for path in selection.paths if path not in unheld]
    require_known(project, named, *trees)
    found = steps.steps_between(project, before, now.tree, target, selection)
    steps.add_unheld(project, found, trees, decision.unheld, selection)
    files = PlanFiles(keep=found.keep)
    changes: list[BufferChange] = []
    if selection.has("code"):
        files.keep += protected_buffers(project, target, buffers)
        changes = buffer_changes(
            project, target, now.tree, steps=found.steps, buffers=buffers, selection=selection
        )
    found.steps = [step for step in found.steps if step.unheld is None or step.was != step.now]
    files.keep += decision.leave_moved_in(found.steps, now)
    decision.sort(found.steps, changes, files, now)
    files.set_aside = [
        PathReason(step.shown, f"{UNHELD}, so it goes to {project.rescue_folder}")
        for step in found.steps
        if step.aside is not None
    ]
    rows = RowDecision()
    if selection.has("memory"):
        ends = now, BufferView(bytes.fromhex(target.tree), ())
        rows = decide_rows(project, decision, ends, selection, files)
    if selection.has("conversation"):
        files.conversation = bool(changed_conversations(project, now.tree, target, selection))
    report = RollbackReport(target, None, files, problems=leave_cells(changes, files), unheld=unheld)
    asks = decision.choice in (None, "ask") and bool(files.users)
    report.undecided = asks or (decision.choice == "spare" and bool(files.conflicts))
    if selection.has("code"):
        report.problems += [one for one in decision.lost(decision.concerns) if selection.names(one.path)]
    if not target.complete and selection.has("code"):
        report.problems += _not_vouched_for(project, decision)
    return RollbackRun(report, found.steps, changes, rows)


def changed_conversations(
    project: CheckpointContext, now: bytes | None, target: Checkpoint, selection: RestoreSelection
) -> list[str]:
    """Return the selected sessions whose conversation differs between the present and the target."""
    old, new = (project.trees.folder(tree, b"conversation") for tree in (now, bytes.fromhex(target.tree)))
    heads = (path.decode().partition("/") for path, _, _ in project.trees.diff(old, new))
    return sorted({session for session, _, _ in heads if selection.has_conversation(session)})


def _not_vouched_for(project: CheckpointContext, decision: RollbackDecision) -> list[PathReason]:
    """Return the files that may be older than the checkpoint, because it could not scan every file."""
    places = decision.changed_unseen()
    reason = (
        "it may have been changed unseen before this checkpoint was taken, which then holds an older text"
    )
    named = [PathReason(project.shown(place), reason) for place in places[:NAMED]]
    more = plural(len(places) - NAMED, "more file") if len(places) > NAMED else ""
    general = "not every file could be read when this checkpoint was taken"
    return [*named, PathReason(".", f"{general}: {more} may be older, too" if more else general)]


def roll_back(
    project: CheckpointContext,
    db: apsw.Connection,
    target: Checkpoint,
    *,
    selection: RestoreSelection,
    buffers: Sequence[Buffer],
    on_conflict: OnConflict | None,
) -> RollbackRun:
    """Roll back as `on_conflict` says (see `OnConflict`). The report has `applied` False if the user must first decide: then nothing
    was changed."""
    target = closed_folders.get_whole(project, db, target.id, selection)
    if on_conflict in (None, "ask", "spare"):
        looked = preview_rollback(project, db, target, selection, buffers=buffers, on_conflict=on_conflict)
        if looked.report.undecided:
            return looked
    safety = _take_safety(project, db, target, buffers)
    tree = bytes.fromhex(safety.tree)
    found = plan_rollback(
        project,
        RollbackDecision(project, db, target, selection, on_conflict),
        before=safety,
        now=BufferView(tree, open_texts(buffers)),
        target=target,
        selection=selection,
        buffers=buffers,
    )
    found.report.safety = safety
    staged = staging.stage_contents(found.steps, project.repository.read_all)
    try:
        found.report.problems += transaction(
            db,
            lambda d: _commit(project, d, safety=safety, found=found, selection=selection),
        )
    except BaseException:
        staging.discard_staged(staged)
        raise
    finish_rollback(project, db, found.steps, staged, found.report)
    return found


def safety_title(target: Checkpoint) -> str:
    """Return what the checkpoint before a rollback to `target` is called: what the user does, in words of the target."""
    before, _, said = target.title.partition(": ")
    if target.kind == "baseline" and before == "before":
        return f"before undoing: {said}"
    if target.kind == "safety" and said:  # going back to it takes back what it was taken before
        verb = {"before undoing": "redoing", "before redoing": "undoing"}.get(before, "returning from")
        return f"before {verb}: {said}"
    return f"before going back to: {target.title or target.label}"


def _take_safety(
    project: CheckpointContext, db: apsw.Connection, target: Checkpoint, buffers: Sequence[Buffer]
) -> Checkpoint:
    label = f"before rolling back to {target.id}"
    title = safety_title(target)
    return create_checkpoint(
        project,
        db,
        CheckpointRequest("safety", label, title, target.session_id, touched=(), whole=True, buffers=buffers),
    )


def _commit(
    project: CheckpointContext,
    db: apsw.Connection,
    *,
    safety: Checkpoint,
    found: RollbackRun,
    selection: RestoreSelection,
) -> list[PathReason]:
    """The commit point: from here on, only forward. Return what of the tables could not be restored."""
    target, todo = found.report.checkpoint, found.steps
    problems = [
        problem
        for part in project.parts
        if (section := _SECTIONS.get(part.name)) is not None and selection.has(section)
        for problem in restore_part(project, db, part, (safety, found), selection)
    ]
    schema.set_state(db, "current", target.id if selection.whole else safety.id)
    note_unseen(db, [step.mount.full(step.path) for step in todo], project.locate)
    _record_writes(project, db, rollback_of(selection.session), safety, found)
    unheld = [step.unheld for step in todo if step.unheld is not None]
    unheld_edits.record_rollback(project, db, selection.session, unheld)
    note_pending(db, found.buffers)
    _record_rollback(project, db, safety, target, selection)
    db.execute(
        "INSERT OR REPLACE INTO checkpoint_journal VALUES (1, ?, ?, ?, ?)",
        (str(project.repository.path), safety.id, target.id, step_journal.dump(todo)),
    )
    return problems


def _record_rollback(
    project: CheckpointContext,
    db: apsw.Connection,
    safety: Checkpoint,
    target: Checkpoint,
    selection: RestoreSelection,
) -> None:
    """Record what is rolled back, so that a redo can revert it, and nothing else."""
    conversations: list[str] = []
    if selection.has("conversation"):
        conversations = changed_conversations(project, bytes.fromhex(safety.tree), target, selection)
    schema.add_rollback(
        db, selection.session or "", safety.id, target.id,
        (selection.only, selection.paths), of=selection.session, conversations=conversations,
        redone=selection.redo_of is not None,
    )  # fmt: skip
    if selection.redo_of is not None:
        schema.set_redone(db, selection.redo_of.number)


def _record_writes(
    project: CheckpointContext, db: apsw.Connection, writer: str, safety: Checkpoint, found: RollbackRun
) -> None:
    """Record what is about to be written as `writer`'s work, with the state before it."""
    tree, then = bytes.fromhex(safety.tree), bytes.fromhex(found.report.checkpoint.tree)
    bits, texts = project.modes(tree), dict[bytes, str]()
    entries: dict[bytes, TreeEntry | None] = {
        step.place: None if step.state_after(bits) is None else step.now for step in found.steps
    }
    for change in found.buffers:
        if change.place is None:
            continue
        texts[change.place] = change.text
        was = text_state(change.buffer.text)
        if change.buffer.stale:  # no checkpoint holds that text: only the file's state is known
            was = project.state_at(tree, change.place)
        record_edit(db, writer, change.place, was, text_state(change.text))
    for step in found.steps:
        if step.place not in texts:
            record_edit(db, writer, step.place, project.state_at(tree, step.place), step.state_after(bits))

    bits_after = {step.place: step.unusual_bits(bits) for step in found.steps}

    def restored(place: bytes) -> RestoredPlace:
        entry = entries[place] if place in entries else project.trees.at(tree, place)
        is_merge = place in entries and entry is not None and entry != project.trees.at(then, place)
        data = project.repository.read(entry.oid) if is_merge and entry is not None else None
        return RestoredPlace(
            place, entry, data, texts.get(place), bits_after.get(place, bits.unusual_bits(place))
        )

    number = schema.next_number(db)
    record_restored(db, number, map(restored, {**entries, **dict.fromkeys(texts)}))
    rows = found.rows
    record_restored(
        db, number, (RestoredPlace(at, entry, rows.merged.get(at)) for at, entry in rows.restored.items())
    )


def restore_part(
    project: CheckpointContext,
    db: apsw.Connection,
    part: SnapshotPart,
    ends: tuple[Checkpoint, RollbackRun],
    selection: RestoreSelection,
) -> list[PathReason]:
    """Restore a part's tables to the target's state, as decided. Damaged entries stay as they are, and are returned."""
    safety, run = ends
    problems: dict[str, str] = {}
    changed: dict[str, bytes | None] = {}
    try:
        old, new = (
            project.trees.folder(bytes.fromhex(one.tree), part.name.encode())
            for one in (safety, run.report.checkpoint)
        )
        differing = list(project.trees.diff(old, new))
    except MazuError as error:
        return [PathReason(part.name, f"the checkpoint store is damaged: {error.message}")]
    for path, _, entry in differing:
        name = path.decode("utf-8", "surrogateescape")
        if part.name == "memory" and (
            not selection.names_memory(name.rpartition(".")[0]) or run.rows.leaves(name)
        ):
            continue
        if part.name == "conversation" and not selection.has_conversation(name.partition("/")[0]):
            continue
        try:
            merged = run.rows.merged.get(f"{part.name}/".encode() + path)
            changed[name] = merged or (project.repository.read(entry.oid) if entry is not None else None)
        except MazuError as error:
            problems[name] = error.message
    if changed:
        problems |= part.restore(db, changed, rollback_of(selection.session))
    return [PathReason(f"{part.name}/{name}", reason) for name, reason in sorted(problems.items())]


def finish_rollback(
    project: CheckpointContext,
    db: apsw.Connection,
    todo: Sequence[RestoreStep],
    staged: staging.Staged,
    report: RollbackReport,
) -> None:
    """Apply the files, verify them, and delete the journal row. Idempotent: run again after a kill, it ends in the same state."""
    problems = restore_files.apply_steps(todo, staged)
    excused = {problem.path for problem in problems}
    right, wrong = restore_files.verify_steps(todo, excused)
    staging.retire_replaced(todo)
    folder = project.rescue_folder / (report.safety.id if report.safety else "")
    moved = staging.rescue_unheld(staged, folder)
    report.plan.set_aside = [PathReason(one.path, f"{UNHELD}: it is {one.reason} now") for one in moved]
    db.execute("DELETE FROM checkpoint_journal")
    failed = {problem.path for problem in (*problems, *wrong)}
    for step in todo:
        if step.source is not None and step.shown not in failed:
            drop_rescued(step.source, project.rescue_folder)
    report.problems += problems + wrong
    report.problems += staging.sweep_staging(project.mounts, project.rescue_folder)
    report.applied, report.undecided = True, False
    report.verified_files = right
    report.verified = not report.problems


def nothing_pending(db: apsw.Connection) -> bool:
    """Return whether no rollback was left unfinished."""
    return not select(db, "SELECT 1 FROM checkpoint_journal")


def recover_rollback(project: CheckpointContext, db: apsw.Connection) -> RollbackReport | None:
    """Complete an interrupted rollback. Return its report, or None if there was none.

    Raises MazuError if the disk does not allow it: the journal stays, and the next process that takes the lock tries again.
    """
    project.repository.sweep()
    row = next(iter(select(db, "SELECT safety_id, target_id, steps FROM checkpoint_journal")), None)
    if row is None:
        for note in staging.sweep_staging(project.mounts, project.rescue_folder):
            log.warning("%s: %s", note.path, note.reason)
        return None
    report = RollbackReport(schema.get(db, row[1]), schema.get(db, row[0]), PlanFiles())
    todo = list(step_journal.load(row[2], project.mounts))
    held = [step for step in todo if step.now is not None and step.source is None]
    lost = project.repository.missing({step.now.oid for step in held if step.now is not None})
    for step in [step for step in todo if step.source is not None and not step.source.exists()]:
        report.problems.append(PathReason(step.shown, f"{step.source} is gone"))
        todo.remove(step)
    for step in [step for step in held if step.now is not None and step.now.oid in lost]:
        report.problems.append(PathReason(step.shown, "the damaged checkpoint store no longer contains it"))
        todo.remove(step)
    staged = staging.stage_contents(todo, project.repository.read_all)
    finish_rollback(project, db, todo, staged, report)
    log.warning(
        "a rollback to %s was interrupted; it is complete now: %s", row[1], report.problems or "no problems"
    )
    return report
