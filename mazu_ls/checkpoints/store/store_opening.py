"""Opens a project's checkpoints: finds the store, and makes store and database agree after a loss of either."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mazu_ls.checkpoints.attribution.interrupted_commands import close_interrupted
from mazu_ls.checkpoints.attribution.recorded_writes import record_missing
from mazu_ls.checkpoints.context import META, CheckpointContext
from mazu_ls.checkpoints.git.objects import commit_tree
from mazu_ls.checkpoints.git.repository import REFS, StoreRepository
from mazu_ls.checkpoints.git.unsynced_packs import restore_packs
from mazu_ls.checkpoints.git.unwritten_objects import UnwrittenObjects
from mazu_ls.checkpoints.models import Checkpoint, FileCounts, MemoryCounts, SkippedFile
from mazu_ls.checkpoints.restore import rollback
from mazu_ls.checkpoints.scan.roots import CheckpointRoot
from mazu_ls.checkpoints.snapshot_part import SnapshotPart
from mazu_ls.checkpoints.store import schema
from mazu_ls.config.config import CheckpointSettings
from mazu_ls.errors import Kind, MazuError, system_advice
from mazu_ls.state.paths import private_folder, projects_folder, root_key
from mazu_ls.state.store import BUSY_MS, harden, select, transaction

if TYPE_CHECKING:
    import apsw

T = TypeVar("T")
log = logging.getLogger(__name__)


def place_of(state: Path, root: Path) -> Path:
    """Return the folder for the checkpoints of one root."""
    return projects_folder(state) / root_key(root) / "checkpoints"


def open_project(
    place: Path,
    mounts: Sequence[CheckpointRoot],
    parts: Sequence[SnapshotPart],
    settings: CheckpointSettings,
    db: apsw.Connection,
) -> CheckpointContext:
    """Open the project with a store that git can read. `db` holds what is not written to it yet."""
    private_folder(place)
    repository = StoreRepository.open(place / "store.git")
    repository.unwritten = _unwritten(db, repository)
    return CheckpointContext(repository, mounts, parts, settings)


def write_newest(database: Path, repository: StoreRepository) -> None:
    """Write to the store what a database that may be in use holds of it. Raises apsw.Error, OSError."""
    import apsw

    with closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READWRITE)) as db:
        db.set_busy_timeout(BUSY_MS)
        harden(db)
        if select(db, "SELECT 1 FROM sqlite_schema WHERE name = 'checkpoint_unwritten'"):
            _unwritten(db, repository).write_out()


def _unwritten(db: apsw.Connection, repository: StoreRepository) -> UnwrittenObjects:
    return UnwrittenObjects(db, repository.path, lambda number: REFS + schema.checkpoint_id(number))


def _write_objects(project: CheckpointContext, db: apsw.Connection) -> None:
    """Write to the store what the database holds of it. A store without a pack was lost, since its first one was made before anything
    was left in the database: that is dropped."""
    repository = project.repository
    if repository.unwritten is not None and not repository.holds_packs():
        repository.unwritten.drop()
        transaction(db, lambda d: d.execute("DELETE FROM checkpoint_pack"))
    restore_packs(db, repository.packs)
    repository.write_out()


def reconcile(project: CheckpointContext, db: apsw.Connection) -> None:
    """Delete rows without objects; turn refs without a row into rows; give each row its ref. Call it with the lock held, after recovery."""
    rows = schema.newest(db, -1)
    refs = project.repository.refs()
    if not rows:
        if refs:
            _rebuild(project, db, refs)
        return
    missing = project.repository.missing(bytes.fromhex(row.commit) for row in rows)
    lost = [row.id for row in rows if bytes.fromhex(row.commit) in missing]
    if lost:
        log.warning(
            "the checkpoint store misses %d of %d checkpoints; they are no longer listed",
            len(lost),
            len(rows),
        )
        transaction(db, lambda d: _forget(d, lost))
    for row in rows:  # a ref of another commit was left by a step of that number, which was never committed
        if row.id not in lost and refs.get(row.id) != bytes.fromhex(row.commit):
            project.repository.set_ref(REFS + row.id, bytes.fromhex(row.commit))


def _forget(db: apsw.Connection, lost: Sequence[str]) -> None:
    schema.remove(db, lost)
    left = schema.newest(db, 1)
    for key in ("current", "base"):
        if schema.state(db, key) in lost:
            schema.set_state(db, key, left[0].id if left and key == "current" else None)


def _rebuild(project: CheckpointContext, db: apsw.Connection, refs: dict[str, bytes]) -> None:
    """Rebuild the rows of a new database from the checkpoints of an old store."""
    found: list[Checkpoint] = []
    for name, commit in sorted(refs.items()):
        try:
            found.append(_from_store(project, commit))
        except (MazuError, KeyError, ValueError) as error:
            log.warning("checkpoint %s cannot be read from the store: %s", name, error)

    def insert(db: apsw.Connection) -> None:
        for checkpoint in found:
            schema.insert(db, checkpoint)
        # The base stays unset: the parts of a new database hold nothing of what the last checkpoint holds.
        schema.set_state(db, "current", found[-1].id if found else None)

    transaction(db, insert)
    log.warning("%d checkpoints were listed again from the store", len(found))


def _from_store(project: CheckpointContext, commit: bytes) -> Checkpoint:
    tree = commit_tree(project.repository.read(commit))
    meta = json.loads(project.repository.read(project.trees.read(tree)[META].oid))
    return Checkpoint(
        id=meta["id"],
        parent_id=meta["parentId"],
        created_at=datetime.fromisoformat(meta["createdAt"]).astimezone(UTC),
        label=meta["label"],
        kind=meta["kind"],
        session_id=meta["sessionId"],
        turn_id=meta["turnId"],
        commit=commit.hex(),
        tree=tree.hex(),
        files=FileCounts(**meta["files"]),
        memories=MemoryCounts(**meta["memories"]),
        bytes=0,
        skipped=tuple(SkippedFile(**skipped) for skipped in meta["skipped"]),
        title=meta.get("title", ""),
        complete=meta.get("complete", True),
    )


def explain_disk(work: Callable[[], T], place: Path) -> T:
    """Run `work`; translate a failure of the disk into a sentence for the user."""
    try:
        return work()
    except OSError as error:
        raise MazuError(
            Kind.STORAGE,
            f"The checkpoint store could not be used: {error.strerror} ({error.filename or place}).",
            system_advice(error),
        ) from error


def recover(project: CheckpointContext, db: apsw.Connection) -> None:
    """Complete everything unfinished. A rollback that cannot be completed now does not keep the server from starting."""
    _write_objects(project, db)
    try:
        rollback.recover_rollback(project, db)
    except MazuError as error:
        log.error("an interrupted rollback is not complete yet: %s", error)
    reconcile(project, db)
    for look, what in (
        (close_interrupted, "an interrupted command changed"),
        (record_missing, "was missing at the import"),
    ):
        try:
            look(project, db)
        except MazuError as error:
            log.warning("what %s is not known: %s", what, error)
