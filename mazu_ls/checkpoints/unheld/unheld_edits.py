"""The agent's edits of files that no checkpoint holds: what was there before each is kept, so that an undo restores it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.checkpoints.attribution.agent_edits import record_texts
from mazu_ls.checkpoints.attribution.owners import Change, Owner
from mazu_ls.checkpoints.attribution.recorded_writes import ROLLBACK, rollback_of
from mazu_ls.checkpoints.attribution.same_states import SameStates
from mazu_ls.checkpoints.context import base_checkpoint
from mazu_ls.checkpoints.git.objects import LINK_MODE, TreeEntry
from mazu_ls.checkpoints.models import SkippedFile
from mazu_ls.checkpoints.scan.file_state import State, entry_state, text_state
from mazu_ls.checkpoints.unheld.kept_files import LOST_CONTENTS, REFS, KeptFile, keep_file, read_file
from mazu_ls.errors import Kind, MazuError
from mazu_ls.state.store import select, transaction

if TYPE_CHECKING:
    from pathlib import Path

    import apsw

    from mazu_ls.checkpoints.context import CheckpointContext
    from mazu_ls.checkpoints.scan.roots import CheckpointRoot

DAY = 86_400
Texts = tuple[str | None, str | None]
"""Of a file before and after an edit; None: no file."""


class UnheldFile(Struct, frozen=True):
    """A file as it is now (`was`) and as it was before the first of the edits since a checkpoint (`now`); None for no file.

    `folders`: the permission bits of each folder on the way then, the outermost first; () if they are not known. `edits`: who made them, with the states of the file before and after each.
    """

    mount: CheckpointRoot
    path: bytes
    was: TreeEntry | None
    now: TreeEntry | None
    permissions: int
    folders: tuple[int, ...]
    edits: tuple[tuple[str, State, State], ...]

    @property
    def place(self) -> bytes:
        """Its place, as those of files in a tree."""
        return self.mount.prefix + b"/" + self.path

    @property
    def shown(self) -> str:
        """Its name in reports."""
        return self.mount.shown(self.path)

    def owner(self, project: CheckpointContext, shown: State, session: str | None) -> Owner:
        """Return the owner of what changed since. `shown`: the state of the file as the user sees it."""
        states, history = SameStates(project), [(self.edits[0][1], Change())]

        def led_to(state: State) -> Change | None:
            """Return who led to a state, the last time that it was there; None for one that nobody known led to."""
            found = (change for one, change in reversed(history) if states.same(one, state))
            change = next(found, None)
            return change and Change({*change.sessions}, user=change.user)

        def by_user() -> Change:
            return Change({*history[-1][1].sessions}, user=True)

        for writer, before, after in self.edits:
            if led_to(before) is None:
                history.append((before, by_user()))
            # A rollback adds no row while a checkpoint holds the file: then `before` is an earlier state.
            change = led_to(after) if writer.partition(":")[0] == ROLLBACK else None
            if change is None:
                change = led_to(before) or by_user()  # what is unknown is the same as nothing
                change.sessions.add(writer)
            history.append((after, change))
        return (led_to(shown) or by_user()).owner(session)


def is_unheld(project: CheckpointContext, db: apsw.Connection, path: Path) -> bool:
    """Return whether a checkpoint leaves a file out: because git ignores it, because of its size, or because a sparse checkout left it out."""
    base, found = base_checkpoint(db), project.locate(path)
    if base is None or found is None or not found[0].scanned:
        return False
    mount, inside = found
    if project.scanners[mount.prefix].is_left_out(inside):
        return True  # a tree may hold it all the same, as it was before that
    if project.trees.at(bytes.fromhex(base.tree), mount.prefix + b"/" + inside) is not None:
        return False
    skipped = {one.path for one in base.skipped}
    return mount.shown(inside) in skipped or bool(project.scanners[mount.prefix].ignored([inside]))


def keep(project: CheckpointContext, db: apsw.Connection, session: str, path: Path, texts: Texts) -> None:
    """Keep what a file holds before an edit of the agent; with the store's lock held. `texts`: before and after it.

    Raises MazuError(unsupported) for a file that is too large for that: then the edit must not be made.
    """
    found = project.locate(path)
    assert found is not None
    place, number = found[0].prefix + b"/" + found[1], _newest(db)
    edit = session, text_state(texts[0]), text_state(texts[1])
    query = "SELECT 1 FROM checkpoint_unheld WHERE number = ? AND place = ?"
    if select(db, query, (number, place)):  # the first of them is what a rollback restores
        _add(db, (number, place), edit)
        return
    file = read_file(project, *found)
    if isinstance(file, SkippedFile):
        raise MazuError(
            Kind.UNSUPPORTED,
            f"{file.path} was not changed: it is {file.reason}, so that its content could not be kept for an undo.",
            "Raise checkpoints.max_tracked_file_bytes, or change it yourself.",
        )
    _add(db, (number, place), edit, keep_file(project, found, file))


def record_if_held(
    project: CheckpointContext, db: apsw.Connection, session: str, path: Path, texts: Texts
) -> bool:
    """Record an edit of a file that checkpoints hold, durably; return False for another one, which `keep` comes before."""
    if is_unheld(project, db, path):  # may start git: not while other processes wait for the transaction
        return False
    transaction(db, lambda d: record_edit(project, d, session, path, texts, kept=False))
    return True


def record_edit(
    project: CheckpointContext,
    db: apsw.Connection,
    session: str,
    path: Path,
    texts: Texts,
    *,
    kept: bool,
) -> None:
    """Record that an agent is about to change a file, after `keep` if no checkpoint holds it (`kept`). `texts`: before and after.

    An edit of a file that checkpoints hold only now is added to the kept ones, too: an undo of all of them then knows who wrote
    the last text, and one to a checkpoint between them needs nothing that was kept.
    """
    place = None if kept else project.place(path)
    query = "SELECT max(number) FROM checkpoint_unheld WHERE place = ?"
    last = select(db, query, (place,))[0][0] if place is not None else None
    if place is not None and last is not None:
        _add(db, (last, place), (session, text_state(texts[0]), text_state(texts[1])))
    record_texts(project, db, session, path, texts)


def edits_since(project: CheckpointContext, db: apsw.Connection, number: int) -> dict[bytes, UnheldFile]:
    """Return the files of which an edit after checkpoint `number` is kept, by place. Those that cannot be read, or of which the first
    content is dropped, are left out."""
    found: dict[bytes, UnheldFile] = {}
    lost: set[bytes] = set()
    for row in select(
        db,
        "SELECT place, session, before, after, entry, permissions, folders FROM checkpoint_unheld WHERE number >= ? ORDER BY id",
        (number,),
    ):
        place, (session, before, after, entry, permissions, folders) = bytes(row[0]), row[1:]
        edit = (session, before, after)
        if place in found:
            found[place] = replace(found[place], edits=(*found[place].edits, edit))
            continue
        mount = next((one for one in project.mounts if place.startswith(one.prefix + b"/")), None)
        lost |= {place} if entry in LOST_CONTENTS else set()
        if mount is None or place in lost:
            continue
        inside = place[len(mount.prefix) + 1 :]
        present = read_file(project, mount, inside)
        if isinstance(present, SkippedFile):
            continue
        mode, _, oid = (entry or "").partition(" ")
        kept = TreeEntry(mode.encode(), bytes.fromhex(oid)) if oid else None
        if kept and present and LINK_MODE not in (kept.mode, present.entry.mode):
            # An edit changes no permission bits: those that differ now were given by somebody else, and stay.
            kept, permissions = TreeEntry(present.entry.mode, kept.oid), present.permissions
        way = tuple(json.loads(folders or "[]"))
        found[place] = UnheldFile(
            mount, inside, present and present.entry, kept, permissions or 0, way, (edit,)
        )
    return found


def record_rollback(
    project: CheckpointContext, db: apsw.Connection, session: str | None, files: Iterable[UnheldFile]
) -> None:
    """Keep what a rollback replaces, within its transaction: going back to its safety checkpoint restores it."""
    for file in files:
        present = read_file(project, file.mount, file.path)
        if isinstance(present, SkippedFile) or (present and present.entry) != file.was:
            continue  # it changed meanwhile, so the rollback leaves it
        edit = rollback_of(session), entry_state(file.was), entry_state(file.now)
        _add(db, (_newest(db), file.place), edit, keep_file(project, (file.mount, file.path), present))


def places_rolled_back(db: apsw.Connection, safety: int) -> set[bytes]:
    """Return the files that no checkpoint holds and that the rollback after a safety checkpoint restored."""
    query = "SELECT place FROM checkpoint_unheld WHERE number = ? AND session LIKE 'rollback%'"
    return {bytes(place) for (place,) in select(db, query, (safety,))}


def drop_unneeded(project: CheckpointContext, db: apsw.Connection) -> None:
    """Drop what no checkpoint is there for any more: none is as old, or it and the days that checkpoints are kept are gone."""
    since = time.time() - project.settings.keep_days * DAY
    unneeded = (
        "number < (SELECT coalesce(min(number), number + 1) FROM checkpoint)"
        " OR (at < ? AND number NOT IN (SELECT number FROM checkpoint))"
    )
    if not select(db, f"SELECT 1 FROM checkpoint_unheld WHERE {unneeded} LIMIT 1", (since,)):
        return
    db.execute(f"DELETE FROM checkpoint_unheld WHERE {unneeded}", (since,))
    delete_unused_refs(project, db)


def delete_unused_refs(project: CheckpointContext, db: apsw.Connection) -> None:
    """Let the contents be collected that no row names any more."""
    rows = select(db, "SELECT DISTINCT entry FROM checkpoint_unheld WHERE entry IS NOT NULL")
    used = {entry.rpartition(" ")[2] for (entry,) in rows}
    project.repository.delete_refs(REFS + name for name in project.repository.refs(REFS) if name not in used)


def _newest(db: apsw.Connection) -> int:
    return select(db, "SELECT coalesce(max(number), 0) FROM checkpoint")[0][0]


def _add(
    db: apsw.Connection,
    at: tuple[int, bytes],
    edit: tuple[str, State, State],
    kept: KeptFile | None = None,
) -> None:
    """Add a row. `at`: the number of the newest checkpoint, and the place."""
    db.execute(
        "INSERT INTO checkpoint_unheld (number, place, session, before, after, entry, permissions, folders, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*at, *edit, *(kept or (None, None, None)), time.time()),
    )
