"""Checks the database of an archive: its schema must be one of mazu-ls, and each row one that mazu-ls could have
written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mazu_ls.agent.proposals.proposal_store import MIGRATIONS as PROPOSALS
from mazu_ls.agent.session.branches import MIGRATIONS as SESSIONS
from mazu_ls.checkpoints.store import schema
from mazu_ls.checkpoints.store.schema import MIGRATIONS as CHECKPOINTS
from mazu_ls.errors import InvalidArguments, MazuError
from mazu_ls.memory.io import imports
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.memory.store.schema import MIGRATIONS as MEMORY
from mazu_ls.state.store import Migrations, foreign_objects, harden, has_version_table, select

if TYPE_CHECKING:
    import apsw

OWNERS = {one.owner: one for one in (MEMORY, SESSIONS, CHECKPOINTS, PROPOSALS)}
STATE_KEYS = frozenset(("current", "base", "unseen", "imported"))
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NEVER = frozenset((b"", b".", b"..", b".git", b".mazu"))


class NotOurs(Exception):
    """A database, or a row in it, that mazu-ls would not have written; the text says what is wrong."""


@contextmanager
def open_untrusted(path: Path) -> Iterator[apsw.Connection]:
    """Open a read-only connection that runs no code from the file. Raises NotOurs if the file cannot be read."""
    import apsw

    try:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as db:
            harden(db)
            db.execute("PRAGMA query_only = on").fetchall()
            yield db
    except apsw.Error as error:
        raise NotOurs(str(error)) from error


class ArchivedCheckpoint(NamedTuple):
    """A checkpoint as its row names it: its id, and the commit and the tree (40 hex digits each) that hold it."""

    id: str
    commit: str
    tree: str


def require_schema(path: Path) -> None:
    """Raise NotOurs unless the tables are exactly those of this version or of an earlier one.

    Call it before any row is read, so that no trigger, view or function of the file ever runs.
    """
    with open_untrusted(path) as db:
        _require_schema(db)
        ((found,),) = select(db, "PRAGMA integrity_check(1)")
        if found != "ok" or select(db, "PRAGMA foreign_key_check"):
            raise NotOurs(f"it is damaged: {str(found)[:200]}")


def require_rows(db: apsw.Connection, *, own: bool) -> list[ArchivedCheckpoint]:
    """Return the checkpoints of a database that was migrated to the newest schema. Raises NotOurs for rows mazu-ls
    never writes.

    The texts of memories are checked unless this machine wrote the file (`own`).
    """
    _require_memories(db, own=own)
    return _require_checkpoints(db)


def count_rows(path: Path) -> dict[str, int]:
    """Return how many memories and checkpoints a database of ours holds."""
    with open_untrusted(path) as db:
        made = {name for (name,) in select(db, "SELECT name FROM sqlite_schema WHERE type = 'table'")}
        # Without git, or in a folder that is too broad, no checkpoint was ever taken and there is no table of them.
        memories = select(db, "SELECT count(*) FROM memory")[0][0] if "memory" in made else 0
        return {"memories": memories, "checkpoints": schema.count(db) if "checkpoint" in made else 0}


def _require_schema(db: apsw.Connection) -> None:
    if not has_version_table(db):
        raise NotOurs("it is no database of mazu-ls")
    versions = dict(select(db, "SELECT owner, version FROM schema_version"))
    if unknown := versions.keys() - OWNERS.keys():
        raise NotOurs(f"it holds tables of {sorted(map(str, unknown))}")
    made: list[Migrations] = []
    for owner, migrations in OWNERS.items():
        if owner not in versions:  # an earlier version, which had no such tables
            continue
        version = versions[owner]
        if not isinstance(version, int) or not 0 < version <= len(migrations.steps):
            raise NotOurs(f"its {owner} have schema {version}; update mazu-ls if it is newer")
        made.append(Migrations(owner, migrations.steps[:version]))
    if strange := foreign_objects(db, made):
        raise NotOurs(f"its schema is not ours: {strange}")


def _require_memories(db: apsw.Connection, *, own: bool) -> None:
    try:
        for entry in EntryTable(db, "project").entries("1"):
            if not own:
                imports.checked(entry, f"entry {entry.n}")
    except (InvalidArguments, TypeError, ValueError, AttributeError) as error:
        raise NotOurs(f"a memory: {error}") from error


def _require_checkpoints(db: apsw.Connection) -> list[ArchivedCheckpoint]:
    try:
        rows = schema.newest(db, -1)
        ids = {row.id for row in rows}
        for row in rows:
            if not (_COMMIT.fullmatch(row.commit) and _COMMIT.fullmatch(row.tree)):
                raise NotOurs(f"the checkpoint {row.id} names no commit")
            msgspec.convert(msgspec.to_builtins(row), type(row))
        named = "SELECT place FROM checkpoint_change UNION SELECT place FROM checkpoint_unheld"
        for (place,) in select(db, named):
            if not isinstance(place, bytes) or not all(map(is_safe_name, place.split(b"/"))):
                raise NotOurs(f"a change of {place!r:.100}")
        held = dict(select(db, "SELECT key, value FROM checkpoint_state"))
    except (MazuError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise NotOurs(f"a checkpoint: {error}") from error
    if held.keys() - STATE_KEYS or {held.get("current"), held.get("base")} - {None, *ids}:
        raise NotOurs("its checkpoints stand at one that it does not hold")
    if any(
        select(db, f"SELECT 1 FROM {table} LIMIT 1") for table in ("checkpoint_journal", "checkpoint_buffer")
    ):
        raise NotOurs("it holds a rollback that was not finished")
    return [ArchivedCheckpoint(row.id, row.commit, row.tree) for row in rows]


def is_safe_name(name: bytes) -> bool:
    """Return whether a file or folder in a checkpoint may have this name."""
    return name.lower() not in _NEVER and b"/" not in name
