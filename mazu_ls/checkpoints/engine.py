"""Checkpoints and rollback for the rest of the product: asynchronous, on a worker thread of their own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mazu_ls import gitcmd
from mazu_ls.checkpoints import diff
from mazu_ls.checkpoints.attribution import recorded_writes, stored_changes
from mazu_ls.checkpoints.attribution.owners import Owner, owners_between
from mazu_ls.checkpoints.attribution.recorded_writes import HeadAt, Shown
from mazu_ls.checkpoints.contents import CheckpointContents, LostTexts, lost_texts, read_contents
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.create import CheckpointRequest, create_checkpoint
from mazu_ls.checkpoints.models import (
    Checkpoint,
    CheckpointDiff,
    CheckpointKind,
    OnConflict,
    PruneResult,
    RollbackReport,
    Section,
    StoreStats,
)
from mazu_ls.checkpoints.restore import rollback, staging_folder
from mazu_ls.checkpoints.restore.pending_buffers import PendingBuffers
from mazu_ls.checkpoints.restore.rollback_plan import RollbackPlan
from mazu_ls.checkpoints.restore.staging_sweep import StagingSweep
from mazu_ls.checkpoints.restore_selection import RestoreSelection
from mazu_ls.checkpoints.scan import roots as mounts
from mazu_ls.checkpoints.scan.file_state import text_state
from mazu_ls.checkpoints.scan.reported_writes import ReportedWrites
from mazu_ls.checkpoints.scan.unsaved_buffers import file_text, held_buffers, saved_bytes
from mazu_ls.checkpoints.snapshot_part import SnapshotPart
from mazu_ls.checkpoints.store import lock, schema, store_opening
from mazu_ls.checkpoints.store.editor_knowledge import EditorKnowledge
from mazu_ls.checkpoints.store.stats import store_stats
from mazu_ls.checkpoints.unheld import unheld_edits
from mazu_ls.checkpoints.unheld.unheld_views import with_unheld
from mazu_ls.checkpoints.upkeep.upkeep import Upkeep
from mazu_ls.config.config import CheckpointSettings
from mazu_ls.errors import Kind, MazuError
from mazu_ls.host import Buffer
from mazu_ls.redact import redact
from mazu_ls.state.store import Store

if TYPE_CHECKING:
    import apsw

T = TypeVar("T")
log = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints of one project (its workspace folders together). Several processes may share a project."""

    def __init__(self, store: Store, project: CheckpointContext, places: Sequence[Path]) -> None:
        self._store = store
        self._project = project
        self._locks = [place / "lock" for place in places]
        self._written = ReportedWrites()
        self._dropping: set[asyncio.Task[None]] = set()
        self._sweep = StagingSweep(project, self._locked)
        self.pending = PendingBuffers(store)
        self.upkeep = Upkeep(project, self._locked)
        """Maintenance and pruning in the background."""

    @classmethod
    async def open(
        cls,
        roots: Sequence[Path],
        database: Path,
        state: Path,
        parts: Sequence[SnapshotPart],
        settings: CheckpointSettings,
    ) -> Checkpoints:
        """Open or create the store, and complete what a killed process left unfinished.

        `roots`: the workspace folders, the project's own first. `database`: its memory.db. `state`: the state directory
        (`paths.state_home()`). Raises MazuError: git if it is missing, unsupported for a folder that is too broad.
        """
        gitcmd.require_git()
        place = store_opening.place_of(state, roots[0]) if roots else state
        found = await asyncio.to_thread(
            lambda: mounts.find_roots(
                roots, store_opening.explain_disk(lambda: staging_folder.folder_name(place), place)
            )
        )
        store = await Store.open(database, [schema.MIGRATIONS, *(part.migrations for part in parts)])
        try:
            project = await store.read(
                lambda db: store_opening.explain_disk(
                    lambda: store_opening.open_project(place, found, parts, settings, db), place
                )
            )
            engine = cls(
                store, project, [store_opening.place_of(state, m.directory) for m in found if m.scanned]
            )
            await engine._locked(lambda db: store_opening.recover(project, db), recovering=True)
            engine._sweep.start_if_needed()
        except BaseException:
            await store.close()
            raise
        return engine

    async def take(
        self,
        *,
        kind: CheckpointKind,
        label: str = "",
        title: str = "",
        session_id: str | None = None,
        turn_id: str | None = None,
        touched: Sequence[Path] | None = None,
        buffers: Sequence[Buffer] = (),
    ) -> Checkpoint:
        """Take a checkpoint; when this returns it survives a power failure.

        `touched` None scans every file. With paths (absolute) it does so too, unless a file watcher knows what changed: then it
        reads that, the paths, the files named by `note_written` and, unless there are many files, each whose status changed.
        `buffers`: all open documents; the unsaved ones are kept with their text.
        """
        written, named = self._written.mark(), self._written.named()
        if touched is not None:
            touched = None if named is None else [*touched, *named]
        texts = redact(label), redact(title)

        def take(db: apsw.Connection) -> Checkpoint:
            held = held_buffers(self._project, buffers)
            request = CheckpointRequest(kind, *texts, session_id, turn_id, touched, held)
            return create_checkpoint(self._project, db, request)

        checkpoint = await self._locked(take)
        self._written.forget(written)
        self.upkeep.after_checkpoint(checkpoint, scanned=self._project.dirty.scanned)
        return checkpoint

    @property
    def editors(self) -> EditorKnowledge:
        """What only editors know of files; its functions are set where the project is opened."""
        return self._project.editors

    @property
    def looked_everywhere(self) -> bool:
        """Whether the last checkpoint of this process scanned every file, instead of trusting the file watcher."""
        return self._project.dirty.looked_everywhere

    async def list(
        self, limit: int = 50, session_id: str | None = None
    ) -> tuple[list[Checkpoint], str | None]:
        """Return the newest checkpoints first, and the id of the current one: the parent of the next."""
        return await self._store.read(
            lambda db: (schema.newest(db, limit, session_id), schema.state(db, "current"))
        )

    async def get(self, id: str) -> Checkpoint:
        """Return one checkpoint. Raises MazuError(not_found)."""
        return await self._store.read(lambda db: schema.get(db, id))

    async def has(self, id: str) -> bool:
        """Return whether it is kept."""
        return await self._store.read(lambda db: schema.exists(db, id))

    async def plan(
        self,
        id: str | None = None,
        *,
        only: Sequence[Section] = (),
        paths: Sequence[str] = (),
        buffers: Sequence[Buffer] = (),
        session: str | None = None,
        own: bool = False,
        memories: Sequence[str] = (),
        on_conflict: OnConflict | None = None,
        redo_of: schema.PastRollback | None = None,
    ) -> RollbackPlan:
        """Return what rolling back to a checkpoint (default: the newest) would do. Nothing is changed before `apply`.

        `only`: sections to restore; `paths`: files or folders, as reports show them. Neither: everything. `session`: of the
        conversations only this one; with `own` of the files only what its agent changed. `memories`: of the memories only these.
        `on_conflict`: the answer that the preview assumes. `redo_of`: the rollback to revert.
        """
        selection = RestoreSelection(tuple(only), tuple(paths), session, own, tuple(memories), redo_of)
        target = await (self.get(id) if id is not None else self._newest())

        def preview(db: apsw.Connection) -> tuple[RollbackReport, tuple[Buffer, ...]]:
            held = held_buffers(self._project, buffers)
            found = rollback.preview_rollback(
                self._project, db, target, selection, buffers=held, on_conflict=on_conflict
            )
            return found.report, held

        report, held = await self._locked(preview)
        return RollbackPlan(
            target,
            report,
            lambda choice: self._roll_back(target, selection, held, choice),
            self.pending,
        )

    async def diff(
        self,
        id: str,
        against: str = "now",
        paths: Sequence[str] = (),
        buffers: Sequence[Buffer] = (),
        *,
        reverse: bool = False,
        unheld: bool = False,
    ) -> CheckpointDiff:
        """Return what changed from a checkpoint to another one, or to the present, or the `reverse`. Raises MazuError(not_found).
        `buffers`: the documents that are open now. Unsaved text counts in place of the file's. `unheld`: also files of `paths` that
        no checkpoint holds and that are kept, from a checkpoint to now."""
        project = self._project

        def differing(db: apsw.Connection) -> CheckpointDiff:
            new = diff.present_view(project, db, buffers) if against == "now" else None
            ends = diff.view_of(project, db, id), new or diff.view_of(project, db, against)
            ends = with_unheld(project, db, id, ends, paths) if unheld else ends
            ends = (ends[1], ends[0]) if reverse else ends
            return diff.diff_checkpoints(project, *ends, tuple(paths))

        return await self._locked(differing)

    async def count_changes(self, ends: tuple[str, str], session: str, most: int) -> diff.Counted:
        """Return the changed files with line counts, see `diff.count_changes`."""
        return await self._locked(lambda db: diff.count_changes(self._project, db, ends, session, most))

    async def owners(
        self, since: str, until: str | None = None, session: str | None = None
    ) -> dict[str, Owner]:
        """Return who changed which file between two checkpoints, by path. Raises MazuError(not_found).

        Until None: edits since the last one count, too. `session`: other agents' changes count as the user's. A path without an entry
        was changed by the user alone.
        """
        return await self._locked(lambda db: owners_between(self._project, db, (since, until), session))

    async def file_text(self, id: str, path: str) -> tuple[str | None, bool, bool]:
        """Return one file as the user saw it at a checkpoint: text (unsaved text first), whether it is binary, whether it existed. `path`:
        as reports show it. Raises MazuError(not_found) for the checkpoint."""
        return await self._locked(lambda db: file_text(self._project, schema.get(db, id).tree, path))

    async def file_bytes(self, id: str, path: str) -> bytes | None:
        """Return one file's bytes at a checkpoint, None if it had none. `path`, errors: see `file_text`."""
        return await self._locked(lambda db: saved_bytes(self._project, schema.get(db, id).tree, path))

    async def contents(self, id: str) -> CheckpointContents:
        """Return everything that a checkpoint holds. Raises MazuError(not_found)."""
        return await self._locked(lambda db: read_contents(self._project, db, id))

    async def lost_texts(self, session_id: str, buffers: Sequence[Buffer]) -> LostTexts:
        """Return the unsaved texts that a session's last checkpoint held and that are nowhere else now."""
        return await self._locked(lambda db: lost_texts(self._project, db, session_id, buffers))

    async def prune(
        self, keep: int | None = None, older_than_days: int | None = None, *, labelled: bool = False
    ) -> PruneResult:
        """Delete checkpoints: all but the newest `keep`, those older than so many days, or what the policy names. Pinned ones and what
        undoing a session's last turn needs stay, labelled ones too unless `labelled`."""
        return await self.upkeep.prune(keep, older_than_days, labelled=labelled)

    async def pin(self, id: str, pinned: bool = True) -> Checkpoint:
        """Pin or unpin a checkpoint; a pinned one is never pruned. Raises MazuError(not_found)."""
        await self._store.write(lambda db: schema.pin(db, id, pinned))
        return await self.get(id)

    def note_written(self, path: Path) -> None:
        """A file was written outside (watched file, didSave): the next checkpoint reads it."""
        self._written.add(path)

    async def record_save(self, path: Path, texts: tuple[str, str] | None) -> None:
        """Record that the user saved a file in an editor, so that no running command of any process is taken to have changed it.

        `texts`: what the editor showed when it last agreed with the file, and what was saved; None: not known.
        """
        states = tuple(map(text_state, texts)) if texts else (recorded_writes.UNKNOWN,) * 2

        def record(db: apsw.Connection) -> None:
            if (place := self._project.place(path)) is not None:
                recorded_writes.record_save(db, place, *states)

        await self._store.write(record)

    async def record_edit(self, session_id: str, path: Path, before: str | None, after: str | None) -> None:
        """Record that the agent is about to change a file or an open document; None: no file. What no checkpoint holds is kept."""
        project, edit = self._project, (session_id, path, (before, after))
        if await self._store.read(lambda db: unheld_edits.record_if_held(project, db, *edit)):
            return
        await self._locked(lambda db: unheld_edits.keep(project, db, *edit))
        await self._store.write(lambda db: unheld_edits.record_edit(project, db, *edit, kept=True))

    async def begin_command(self, session: str, buffers: Sequence[Buffer], *, runs_git: bool = False) -> int:
        """Record that the agent is about to run something that may change any file; return the number for `end_command`.

        `runs_git`: it may move the user's HEAD; otherwise the user does, if it moves. A cancelled call leaves no record.
        """
        before = await self._shown(buffers, None if runs_git else "before")
        recording = asyncio.create_task(
            self._store.write(lambda db: recorded_writes.record_command(self._project, db, session, before))
        )
        try:
            return await asyncio.shield(recording)
        except asyncio.CancelledError:
            dropping = asyncio.create_task(self._drop_command(recording))
            self._dropping.add(dropping)
            dropping.add_done_callback(self._dropping.discard)
            raise

    async def _drop_command(self, recording: asyncio.Task[int]) -> None:
        try:
            id = await recording
            self.forget_command(id)
            await self._store.write(lambda db: recorded_writes.drop_command(db, id))
        except MazuError as error:
            log.warning("a command that did not run stays recorded until the next checkpoint: %s", error)

    async def follows_own_work(self, command: int) -> bool:
        """Return whether the user changed files between the last checkpoint and the start of a command."""
        return await self._locked(lambda db: stored_changes.follows_own_work(self._project, db, command))

    async def end_command(self, id: int, buffers: Sequence[Buffer]) -> None:
        """Record the end of a command: what changed since its start is the agent's, except what the user typed and saved. If that cannot
        be recorded (MazuError), changes until the next checkpoint count as everybody's."""
        try:
            after = await self._shown(buffers, "after")
            await self._store.write(lambda db: recorded_writes.close_command(db, id, after))
        finally:
            self.forget_command(id)

    def forget_command(self, id: int) -> None:
        """Mark the command as no longer running, whether or not `end_command` could record that."""
        self._project.commands.discard(id)

    async def _shown(self, buffers: Sequence[Buffer], heads: HeadAt) -> Shown:
        project, written = self._project, self._written.named()
        return await self._locked(lambda db: Shown.scan(project, db, buffers, written, heads))

    async def note_rollback(self, session_id: str, report: RollbackReport, paths: Sequence[str]) -> None:
        """Record that parts of these files were reverted by edits, after the report's safety checkpoint: `redo` restores them."""
        ends = report.safety.id if report.safety else "", report.checkpoint.id
        await self._store.write(
            lambda db: schema.add_rollback(
                db, session_id, *ends, (("code",), tuple(paths)), of=session_id, partial=True
            )
        )

    async def last_rollback(self, *session_ids: str) -> schema.PastRollback | None:
        """Return the last rollback or undo of these sessions, or of none, that was not reverted."""
        found = await self._store.read(lambda db: schema.last_rollback(db, session_ids))
        return found if found and await self.has(found.safety) else None

    async def stats(self) -> StoreStats:
        """Return counts and sizes."""
        return await self._store.read(lambda db: store_stats(self._project, db, self._store.path))

    async def close(self) -> None:
        """Finish background work and release everything."""
        await self.upkeep.close()
        await self._sweep.close()
        await asyncio.gather(*self._dropping, return_exceptions=True)
        await self._store.read(lambda _: self._project.close())
        await self._store.close()

    async def _newest(self) -> Checkpoint:
        found, _ = await self.list(1)
        if not found:
            raise MazuError(Kind.NOT_FOUND, "There is no checkpoint yet.", "Take one with mazu.checkpoint.")
        return found[0]

    async def _locked(self, work: Callable[[apsw.Connection], T], *, recovering: bool = False) -> T:
        """Run `work` on the worker thread while no other process uses the store; first recover if one was killed."""

        def locked(db: apsw.Connection) -> T:
            with lock.lock_store(self._locks) as clean:
                if not recovering and not (clean and rollback.nothing_pending(db)):
                    rollback.recover_rollback(self._project, db)
                return work(db)

        return await self._store.read(
            lambda db: store_opening.explain_disk(lambda: locked(db), self._locks[0].parent)
        )

    async def _roll_back(
        self,
        target: Checkpoint,
        selection: RestoreSelection,
        buffers: tuple[Buffer, ...],
        on_conflict: OnConflict | None,
    ) -> rollback.RollbackRun:
        wanted = partial(rollback.roll_back, selection=selection, buffers=buffers, on_conflict=on_conflict)
        done = await self._locked(lambda db: wanted(self._project, db, target))
        self._sweep.start()
        return done
