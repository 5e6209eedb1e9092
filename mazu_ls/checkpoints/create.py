"""Taking a checkpoint (a snapshot): scan, pack, sync, ref, row, COMMIT. The commit is the commit point."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.checkpoints.attribution.recorded_writes import Shown, has_edits
from mazu_ls.checkpoints.attribution.stored_changes import attribute
from mazu_ls.checkpoints.context import BUFFERS, META, SPARSE, CheckpointContext, base_checkpoint
from mazu_ls.checkpoints.git.objects import (
    BLOB,
    COMMIT,
    FILE_MODE,
    FOLDER_MODE,
    TreeEntry,
    format_commit,
)
from mazu_ls.checkpoints.git.pack import NewObject, PackWriter
from mazu_ls.checkpoints.git.repository import REFS
from mazu_ls.checkpoints.models import (
    UNSAVED_ELSEWHERE,
    Checkpoint,
    CheckpointKind,
    FileCounts,
    SkippedFile,
)
from mazu_ls.checkpoints.restore import staging
from mazu_ls.checkpoints.scan.roots import SKILLS
from mazu_ls.checkpoints.scan.scan_result import ScanResult
from mazu_ls.checkpoints.scan.unsaved_buffers import (
    BufferView,
    carried_buffers,
    held_texts,
    open_texts,
    place_of,
    same_lines,
    shown_text,
    shown_trees,
    text_digest,
)
from mazu_ls.checkpoints.store import schema
from mazu_ls.checkpoints.store.unseen_files import note_unseen, unseen_files
from mazu_ls.checkpoints.unheld import renamed_files
from mazu_ls.errors import Kind, MazuError
from mazu_ls.host import Buffer
from mazu_ls.state.store import transaction

if TYPE_CHECKING:
    import apsw

log = logging.getLogger(__name__)
_TITLES: dict[CheckpointKind, str] = {
    "manual": "your checkpoint",
    "step": "a step of the agent",
    "baseline": "before a turn",
    "safety": "before a rollback",
    "compaction": "before the conversation was shortened",
}


class CheckpointRequest(Struct, frozen=True):
    """What to take: `touched` None means scan every file. `title`: the request in the user's words. `whole`: fail rather than
    take a checkpoint that is not complete."""

    kind: CheckpointKind
    label: str = ""
    title: str = ""
    session_id: str | None = None
    turn_id: str | None = None
    touched: Sequence[Path] | None = None
    buffers: Sequence[Buffer] = ()
    elsewhere: frozenset[bytes] = frozenset()
    """Places of which an editor of another process holds unsaved text; found when the checkpoint is taken."""
    typed: frozenset[bytes] = frozenset()
    """Those of them whose text the user changed since the base."""
    whole: bool = False


def create_checkpoint(
    project: CheckpointContext, db: apsw.Connection, request: CheckpointRequest
) -> Checkpoint:
    """Take a checkpoint. If the base cannot be read (a damaged store), it is dropped and everything captured again."""
    try:
        return _take(project, db, request, base_checkpoint(db))
    except MazuError as error:
        if error.kind != Kind.STORAGE or schema.state(db, "base") is None:
            raise
        log.warning("the last checkpoint cannot be read (%s); everything is captured again", error)
        schema.set_state(db, "base", None)
        return _take(project, db, request, None)


def _take(
    project: CheckpointContext, db: apsw.Connection, request: CheckpointRequest, base: Checkpoint | None
) -> Checkpoint:
    touched = [*request.touched, *unseen_files(db)] if request.touched is not None else None
    writer = project.repository.writer()
    try:
        seen = project.scan(base, touched, writer.add, whole=request.whole)
        checkpoint = transaction(db, lambda d: _commit(project, d, request, base, (seen, writer)))
    except BaseException:
        writer.discard()
        project.capture.forget()
        project.repository.forget_objects()
        raise
    project.dirty.mark_taken(seen)
    project.trees.updates = {}
    if seen.everywhere:
        for note in staging.sweep_staging(project.mounts, project.rescue_folder):
            log.warning("%s: %s", note.path, note.reason)
    return checkpoint


def _commit(
    project: CheckpointContext,
    db: apsw.Connection,
    request: CheckpointRequest,
    base: Checkpoint | None,
    found: tuple[ScanResult, PackWriter],
) -> Checkpoint:
    seen, writer = found
    base_tree = bytes.fromhex(base.tree) if base else None
    renamed_files.note(project, db, seen)
    request = _with_unsaved_elsewhere(project, db, request, seen, base)
    changes: dict[bytes, TreeEntry | None] = {
        **seen.changes,
        **project.part_changes(db, base, writer),
        BUFFERS: _buffers(project, request.buffers, writer),
    }
    changes.update(_left_out(project, base_tree, seen, writer))
    changes.update(project.mode_changes(base, seen, writer))
    content = project.trees.update(base_tree, changes, writer.add, project.trees.updates.copy())
    checkpoint = Checkpoint(
        id=schema.checkpoint_id(schema.next_number(db)),
        parent_id=schema.state(db, "current"),
        created_at=datetime.now(UTC),
        label=request.label,
        kind=request.kind,
        session_id=request.session_id,
        turn_id=request.turn_id,
        commit="",
        tree="",
        files=_count_files(project, base_tree, content, request.buffers, writer),
        memories=project.count_memories(base_tree, content),
        bytes=0,
        skipped=tuple(sorted(seen.skipped.values(), key=lambda skipped: skipped.path)),
        complete=seen.complete,
        title=request.title or request.label or _TITLES[request.kind],
    )
    rows = project.row_writers(db)
    checkpoint = _publish(project, db, checkpoint, content, writer)
    return _attributed(project, db, checkpoint, base, request, rows=rows)


def _left_out(
    project: CheckpointContext, base_tree: bytes | None, seen: ScanResult, writer: PackWriter
) -> dict[bytes, TreeEntry | None]:
    """Return how the list of files changes that a sparse checkout leaves out: one that was written is there now."""
    listed = seen.sparse
    if listed is None:
        known = project.trees.read(base_tree).get(SPARSE) if seen.changes else None
        if known is None:
            return {}
        places = project.repository.read(known.oid).split(b"\0")
        listed = b"\0".join(place for place in places if seen.changes.get(place) is None)
    return {SPARSE: TreeEntry(FILE_MODE, writer.add(BLOB, listed)) if listed else None}


def _with_unsaved_elsewhere(
    project: CheckpointContext,
    db: apsw.Connection,
    request: CheckpointRequest,
    seen: ScanResult,
    base: Checkpoint | None,
) -> CheckpointRequest:
    """Add the unsaved texts that editors of other processes hold of files that did not change.

    Where an agent's edit is not attributed yet, or the text was shared before the base was taken, only that editor knows
    what stands there now: the last known text is held again, and whose it is remains for the next checkpoint of that process
    to say. Texts that are not held are named among what the checkpoint does not include.
    """
    own = {place_of(project, buffer) for buffer in request.buffers if buffer.dirty}
    base_tree = bytes.fromhex(base.tree) if base else None
    then = BufferView(base_tree, held_texts(project, base_tree))
    known = {place_of(project, held): held.text for held in then.unsaved}
    since = base.created_at.timestamp() if base else 0.0
    elsewhere: set[bytes] = set()
    typed: set[bytes] = set()
    texts: dict[bytes, Buffer] = {}
    for path, document in project.editors.unsaved_elsewhere().items():
        place = project.place(path)
        if place is None or place in own:
            continue
        if place not in seen.changes:
            elsewhere.add(place)
            if document.text is not None and document.at > since and not has_edits(db, place):
                texts[place] = Buffer(document.uri, path, 0, "", document.text, True)
                if not same_lines(shown_text(project, then, place), document.text):
                    typed.add(place)
                continue
        if place in seen.changes or place not in known or text_digest(known[place]) != document.hash:
            shown = project.shown(place)
            seen.skipped.setdefault(shown, SkippedFile(shown, UNSAVED_ELSEWHERE))
    carried = carried_buffers(project, base_tree, elsewhere - texts.keys())
    buffers = [*request.buffers, *carried, *texts.values()]
    return replace(request, buffers=buffers, elsewhere=frozenset(elsewhere), typed=frozenset(typed))


def _attributed(
    project: CheckpointContext,
    db: apsw.Connection,
    checkpoint: Checkpoint,
    base: Checkpoint | None,
    request: CheckpointRequest,
    *,
    rows: Mapping[bytes, set[str]],
) -> Checkpoint:
    """Store who changed what since the base (`rows`: of the parts); a first checkpoint has nothing before it."""
    number = schema.checkpoint_number(checkpoint.id)
    checkpoint = replace(checkpoint, attributed=base is not None or schema.count(db) == 0)
    schema.insert(db, checkpoint)
    if base is None:
        db.execute("DELETE FROM checkpoint_write")
        return checkpoint
    trees = [bytes.fromhex(one.tree) for one in (base, checkpoint)]
    old = Shown.from_view(project, BufferView(trees[0], held_texts(project, trees[0])))
    new = Shown.from_view(project, BufferView(trees[1], open_texts(request.buffers)))
    attribute(
        project,
        db,
        number,
        (old, new),
        rows=rows,
        open_places=request.elsewhere - request.typed,
        typed=request.typed,
    )
    return checkpoint


def _publish(
    project: CheckpointContext,
    db: apsw.Connection,
    checkpoint: Checkpoint,
    content: bytes | None,
    writer: PackWriter,
) -> Checkpoint:
    meta = TreeEntry(FILE_MODE, writer.add(BLOB, _meta(project, checkpoint)))
    tree = project.trees.update(content, {META: meta}, writer.add)
    assert tree is not None
    message = f"{checkpoint.id} {checkpoint.kind} {checkpoint.label}".rstrip()
    commit = writer.add(COMMIT, format_commit(tree, int(checkpoint.created_at.timestamp()), message))
    size = _store_objects(project, db, checkpoint.id, commit, writer)
    checkpoint = replace(checkpoint, commit=commit.hex(), tree=tree.hex(), bytes=size)
    schema.set_state(db, "current", checkpoint.id)
    schema.set_state(db, "base", checkpoint.id)
    note_unseen(db, (), project.locate)
    for part in project.parts:
        part.mark_taken(db)
    return checkpoint


def _store_objects(
    project: CheckpointContext, db: apsw.Connection, id: str, commit: bytes, writer: PackWriter
) -> int:
    """Make the new objects durable, at the latest with the transaction that is open; return their size in bytes."""
    unwritten, kept = project.repository.unwritten, False

    def keep(objects: Collection[NewObject]) -> None:
        nonlocal kept
        assert unwritten is not None
        unwritten.keep(schema.checkpoint_number(id), commit, objects)
        kept = True

    first = unwritten is None or schema.state(db, "base") is None
    size = writer.finish() if first else writer.finish_for(keep)
    if not kept:
        project.repository.set_ref(REFS + id, commit)
    return size


def _meta(project: CheckpointContext, checkpoint: Checkpoint) -> bytes:
    """Return everything that the database row holds, so that rows can be rebuilt from the store alone."""
    users = ((mount, project.users[mount.prefix]) for mount in project.mounts)
    meta: dict[str, Any] = {
        "id": checkpoint.id,
        "parentId": checkpoint.parent_id,
        "createdAt": checkpoint.created_at.isoformat(),
        "label": checkpoint.label,
        "kind": checkpoint.kind,
        "sessionId": checkpoint.session_id,
        "turnId": checkpoint.turn_id,
        "files": checkpoint.files,
        "memories": checkpoint.memories,
        "skipped": checkpoint.skipped,
        "title": checkpoint.title,
        "complete": checkpoint.complete,
        "folders": {mount.prefix.decode(): str(mount.directory) for mount in project.mounts if mount.scanned},
        "user": {mount.prefix.decode(): user.state() for mount, user in users if user is not None},
    }
    return msgspec.json.encode(meta, order="sorted")


def _buffers(project: CheckpointContext, buffers: Sequence[Buffer], writer: PackWriter) -> TreeEntry | None:
    """Return a folder with the unsaved text of every dirty document, and a list of the documents they belong to."""
    entries: dict[bytes, TreeEntry | None] = {}
    index: list[dict[str, Any]] = []
    for buffer in buffers:
        if not buffer.dirty:
            continue
        text = buffer.text.encode("utf-8", "surrogatepass")
        name = hashlib.sha256(text).hexdigest()[:32]
        entries[name.encode()] = TreeEntry(FILE_MODE, writer.add(BLOB, text))
        index.append(
            {
                "uri": buffer.uri,
                "path": str(buffer.path) if buffer.path is not None else None,
                "version": buffer.version,
                "languageId": buffer.language_id,
                "text": name,
            }
        )
    if not index:
        return None
    entries[b"index.json"] = TreeEntry(FILE_MODE, writer.add(BLOB, json.dumps(index, indent=1).encode()))
    folder = project.trees.update(None, entries, writer.add)
    assert folder is not None
    return TreeEntry(FOLDER_MODE, folder)


def _count_files(
    project: CheckpointContext,
    old: bytes | None,
    new: bytes | None,
    buffers: Sequence[Buffer],
    writer: PackWriter,
) -> FileCounts:
    """Count files as the user saw them: an unsaved change counts as one."""
    views = BufferView(old, held_texts(project, old)), BufferView(new, open_texts(buffers))
    old, new = shown_trees(project, *views, add=lambda *_: None, fresh=writer)
    added = modified = deleted = 0
    other_bits = project.other_bits(old, new)
    for mount in project.mounts:
        if mount.prefix == SKILLS:
            continue
        before, after = project.trees.folder(old, mount.prefix), project.trees.folder(new, mount.prefix)
        for _, was, now in project.trees.diff(before, after):
            added += was is None
            deleted += now is None
            modified += was is not None and now is not None
        modified += sum(place.startswith(mount.prefix + b"/") for place in other_bits)
    return FileCounts(added, modified, deleted)
