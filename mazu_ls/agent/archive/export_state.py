"""Exports a project's state to one file while the project is open: what it holds at this moment."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mazu_ls import __version__
from mazu_ls.agent.archive import archive_writer, state_archive
from mazu_ls.agent.archive.archived_tables import count_rows
from mazu_ls.checkpoints.git.repository import StoreRepository, lines
from mazu_ls.checkpoints.store import lock
from mazu_ls.checkpoints.store.store_opening import place_of, write_newest
from mazu_ls.checkpoints.unheld.kept_files import DROPPED, NOT_IMPORTED
from mazu_ls.errors import Kind, MazuError
from mazu_ls.state import paths
from mazu_ls.state.store import harden, select

if TYPE_CHECKING:
    import apsw

EXCLUDED = (
    "checkpoint_journal", "checkpoint_write", "checkpoint_buffer", "checkpoint_restored", "checkpoint_pack", "checkpoint_unwritten", "checkpoint_renamed",
    "memory_forgotten", "memory_consolidation",
    "memory_shared", "memory_shared_rejected", "memory_shared_setting",
)  # fmt: skip
"""Tables whose rows concern only this moment or this user: emptied in an archive, and again on import."""


class ExportedState(NamedTuple):
    """What an archive holds, and its size in bytes."""

    path: Path
    bytes: int
    memories: int
    sessions: int
    checkpoints: int
    not_included: int
    """Files that checkpoints leave out, whose kept content an undo here restores and the archive does not hold."""


def export_state(
    root: Path, target: Path, env: Mapping[str, str], *, overwrite: bool = False
) -> ExportedState:
    """Write memory, conversations and checkpoints of the project at `root` to `target`. Blocks.

    Not exported: the kept content of files that no checkpoint holds (ignored or too large), pending proposals, forgotten memories, results of consolidation, trust and grants, and the user's own
    memory, settings and keys. Raises MazuError: conflict if `target` exists, storage if it cannot be written, not_found
    if there is nothing to export.
    """
    state = paths.root_state(root, env)
    if target.resolve().is_relative_to(state):
        raise MazuError(Kind.UNSUPPORTED, f"{target} lies in the state itself.", "Choose another place.")
    try:
        with tempfile.TemporaryDirectory(prefix="archive-", dir=paths.private_folder(state)) as scratch:
            left_out = _count_unheld(state / "memory.db")
            sources, counted = _collect(root, state, Path(scratch), env)
            if not any(counted.values()) and state_archive.ONE_SHOTS not in sources:
                raise MazuError(
                    Kind.NOT_FOUND,
                    f"{root} has no memories, conversations or checkpoints: no file was written.",
                    "Check that this is the project that you mean (--folder).",
                )
            facts = {
                "format": state_archive.FORMAT, "version": __version__, "project": str(root),
                "created_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"), **counted,
            }  # fmt: skip
            key = archive_writer.signing_key(env)
            archive_writer.write_archive(target, sources, facts, key, overwrite=overwrite)
    except OSError as error:
        said = ": ".join(str(part) for part in (error.filename, error.strerror or error) if part)
        raise MazuError(
            Kind.STORAGE, f"The state was not exported: {said}.", "Choose another place."
        ) from error
    return ExportedState(target, target.stat().st_size, **counted, not_included=left_out)


def _collect(
    root: Path, state: Path, scratch: Path, env: Mapping[str, str]
) -> tuple[dict[str, Path], dict[str, int]]:
    """Collect the entries' files: the database first, because what a checkpoint holds of a conversation is in its
    journal by then."""
    database = scratch / state_archive.DATABASE
    store = place_of(paths.state_home(env), root) / "store.git"
    sources = {state_archive.DATABASE: database}
    if (store / "HEAD").exists():
        repository = StoreRepository(store)
        # While the lock is held, nobody removes objects: those that the rows name stay.
        with lock.lock_exclusively(repository.collecting):
            commits = _copy_database(state / "memory.db", database)
            write_newest(state / "memory.db", repository)
            if commits and (pack := _pack(repository, commits, scratch)) is not None:
                sources[state_archive.PACK] = pack
    else:
        _copy_database(state / "memory.db", database)
    for journal in sorted((state / "journal").glob("*.jsonl")):
        sources[f"{state_archive.JOURNALS}{journal.name}"] = journal
    if (one_shots := state / state_archive.ONE_SHOTS).is_file():
        sources[state_archive.ONE_SHOTS] = one_shots
    sessions = sum(name.startswith(state_archive.JOURNALS) for name in sources)
    return sources, {**count_rows(database), "sessions": sessions}


def forget_unheld(db: apsw.Connection) -> None:
    """Leave of each file that no checkpoint holds only that an agent edited it: an undo then says what it cannot restore, and why."""
    db.execute(
        "UPDATE checkpoint_unheld SET before = NULL, after = NULL, permissions = NULL,"
        " entry = iif(entry IS NULL, NULL, ?)",
        (NOT_IMPORTED,),
    )


def _count_unheld(database: Path) -> int:
    """Return how many files have content that is kept beside the checkpoints, which an archive does not hold."""
    import apsw

    with closing(_open(database, apsw.SQLITE_OPEN_READONLY)) as db:
        if not select(db, "SELECT 1 FROM sqlite_schema WHERE name = 'checkpoint_unheld'"):
            return 0
        query = "SELECT count(DISTINCT place) FROM checkpoint_unheld WHERE entry NOT IN ('', ?, ?)"
        return select(db, query, (DROPPED, NOT_IMPORTED))[0][0]


def _copy_database(source: Path, target: Path) -> list[str]:
    """Copy a database that is in use, consistently; return the commits of its checkpoints."""
    import apsw

    with closing(_open(source, apsw.SQLITE_OPEN_READONLY)) as original, closing(_open(target)) as copy:
        with copy.backup("main", original, "main") as backup:
            while not backup.done:
                backup.step(1000)
        copy.execute("PRAGMA journal_mode = delete").fetchall()
        made = {name for (name,) in select(copy, "SELECT name FROM sqlite_schema WHERE type = 'table'")}
        for table in made.intersection(("proposed_hunk", *EXCLUDED)):
            copy.execute(f"DELETE FROM {table}")
        if "checkpoint_unheld" in made:
            forget_unheld(copy)
        copy.execute("VACUUM")
        if "checkpoint" not in made:
            return []
        return [commit for (commit,) in select(copy, "SELECT commit_id FROM checkpoint")]


def _open(path: Path, flags: int | None = None) -> apsw.Connection:
    import apsw

    usual = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    connection = apsw.Connection(str(path), flags=usual if flags is None else flags)
    connection.set_busy_timeout(10_000)
    harden(connection)
    return connection


def _pack(repository: StoreRepository, commits: list[str], scratch: Path) -> Path | None:
    """Write all objects of these checkpoints as one pack."""
    wanted = [bytes.fromhex(commit) for commit in commits]
    gone = repository.missing(wanted)
    if not (kept := [oid for oid in wanted if oid not in gone]):
        return None
    options = ("pack-objects", "-q", "--delta-base-offset", "--revs")
    name = repository.run(*options, str(scratch / "pack"), input=lines(kept)).decode().strip()
    return scratch / f"pack-{name}.pack"
