"""The checkpoint tables of memory.db: rows, `current`, the base tree, the redo journal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from mazu_ls.checkpoints.models import Checkpoint, FileCounts, MemoryCounts, Section, SkippedFile
from mazu_ls.errors import Kind, MazuError
from mazu_ls.state.store import Migrations, select

if TYPE_CHECKING:
    import apsw

MIGRATIONS = Migrations(
    "checkpoints",
    (
        """
        CREATE TABLE checkpoint (
            number INTEGER PRIMARY KEY AUTOINCREMENT, parent_id TEXT, created_at TEXT NOT NULL, label TEXT NOT NULL,
            kind TEXT NOT NULL, session_id TEXT, turn_id TEXT, commit_id TEXT NOT NULL, tree_id TEXT NOT NULL,
            files TEXT NOT NULL, memories TEXT NOT NULL, bytes INTEGER NOT NULL, skipped TEXT NOT NULL,
            pinned INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX checkpoint_by_session ON checkpoint (session_id, number);
        CREATE TABLE checkpoint_state (key TEXT PRIMARY KEY, value TEXT NOT NULL);
        CREATE TABLE checkpoint_journal (
            id INTEGER PRIMARY KEY CHECK (id = 1), store TEXT NOT NULL, safety_id TEXT NOT NULL,
            target_id TEXT NOT NULL, steps BLOB NOT NULL);
        """,
        # Who changed what since the checkpoint before: `session` is the agent's, "" if only the user did.
        # `checkpoint_write`: what the agent and rollbacks wrote since the last checkpoint, before it is attributed.
        """
        ALTER TABLE checkpoint ADD COLUMN title TEXT NOT NULL DEFAULT '';
        ALTER TABLE checkpoint ADD COLUMN complete INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE checkpoint ADD COLUMN attributed INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE checkpoint_change (
            number INTEGER NOT NULL, place BLOB NOT NULL, session TEXT NOT NULL, user INTEGER NOT NULL,
            PRIMARY KEY (number, place, session)) WITHOUT ROWID;
        CREATE TABLE checkpoint_write (
            id INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL, place BLOB, before TEXT, after TEXT);
        CREATE TABLE checkpoint_rollback (
            id INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL, safety_id TEXT NOT NULL,
            target_id TEXT NOT NULL, sections TEXT NOT NULL, redone INTEGER NOT NULL DEFAULT 0);
        """,
        "CREATE TABLE checkpoint_buffer (uri TEXT PRIMARY KEY, text BLOB NOT NULL, before TEXT NOT NULL)",
        # What a rollback left at a place that somebody changed again before checkpoint `number`: see restored_places.py.
        """
        CREATE TABLE checkpoint_restored (
            number INTEGER NOT NULL, place BLOB NOT NULL, entry TEXT, data BLOB, text BLOB,
            PRIMARY KEY (number, place)) WITHOUT ROWID;
        """,
        # The texts before and after each edit of an agent; those of a checkpoint's interval in which the user changed the
        # place, too, are kept in `checkpoint_edit`: see agent_edits.py.
        """
        ALTER TABLE checkpoint_write ADD COLUMN texts BLOB;
        CREATE TABLE checkpoint_edit (
            number INTEGER NOT NULL, place BLOB NOT NULL, id INTEGER NOT NULL, session TEXT NOT NULL, texts BLOB NOT NULL,
            PRIMARY KEY (number, place, id)) WITHOUT ROWID;
        """,
        # The places whose unsaved text of the checkpoint before was saved in the interval that ends with checkpoint `number`.
        """
        CREATE TABLE checkpoint_saved (
            number INTEGER NOT NULL, place BLOB NOT NULL, PRIMARY KEY (number, place)) WITHOUT ROWID;
        """,
        # Packs whose files were not synced yet: see unsynced_packs.py.
        "CREATE TABLE checkpoint_pack (name TEXT PRIMARY KEY, pack BLOB NOT NULL, pack_index BLOB NOT NULL)",
        # Edits after checkpoint `number` of files that no checkpoint holds, and what was there: see unheld_edits.py.
        """
        CREATE TABLE checkpoint_unheld (
            id INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL, place BLOB NOT NULL, session TEXT NOT NULL,
            before TEXT, after TEXT, entry TEXT, permissions INTEGER, at REAL NOT NULL);
        """,
        # The permission bits of the folders on the way to what was there.
        "ALTER TABLE checkpoint_unheld ADD COLUMN folders TEXT",
        # Older files that got a new name after checkpoint `number`, and the name that they had: see renamed_files.py.
        """
        CREATE TABLE checkpoint_renamed (
            id INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL, place BLOB NOT NULL, inode INTEGER NOT NULL,
            born REAL NOT NULL, source BLOB);
        CREATE INDEX checkpoint_renamed_by_inode ON checkpoint_renamed (inode);
        """,
        # The objects of the newest steps, which are not in the store yet: see unwritten_objects.py.
        "CREATE TABLE checkpoint_unwritten (number INTEGER PRIMARY KEY, commit_id BLOB NOT NULL, objects BLOB NOT NULL)",
    ),
)
_COLUMNS = (
    "number, parent_id, created_at, label, kind, session_id, turn_id, commit_id, tree_id, files, memories, bytes,"
    " skipped, pinned, title, complete, attributed"
)


def checkpoint_id(number: int) -> str:
    """Return the id of a row, such as `cp_000001`."""
    return f"cp_{number:06d}"


def checkpoint_number(id: str) -> int:
    """Return the row's number. Raises MazuError(not_found) for what is no id."""
    if id.startswith("cp_") and id[3:].isascii() and id[3:].isdigit() and len(id) < 20:
        return int(id[3:])
    raise _unknown(id)


def _unknown(id: str) -> MazuError:
    return MazuError(
        Kind.NOT_FOUND, f"There is no checkpoint {id!r}.", "List them with mazu.checkpoint.list."
    )


def next_number(db: apsw.Connection) -> int:
    """Return the number of the next row; numbers of pruned checkpoints are not reused."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'checkpoint'").fetchone()
    return (row[0] if row else 0) + 1


def insert(db: apsw.Connection, checkpoint: Checkpoint) -> None:
    """Insert one row."""
    db.execute(
        f"INSERT INTO checkpoint ({_COLUMNS}) VALUES ({', '.join('?' * 17)})",
        (
            checkpoint_number(checkpoint.id),
            checkpoint.parent_id,
            checkpoint.created_at.isoformat(),
            checkpoint.label,
            checkpoint.kind,
            checkpoint.session_id,
            checkpoint.turn_id,
            checkpoint.commit,
            checkpoint.tree,
            _dump(checkpoint.files),
            _dump(checkpoint.memories),
            checkpoint.bytes,
            _dump(checkpoint.skipped),
            checkpoint.pinned,
            checkpoint.title,
            checkpoint.complete,
            checkpoint.attributed,
        ),
    )


def get(db: apsw.Connection, id: str) -> Checkpoint:
    """Return one checkpoint. Raises MazuError(not_found)."""
    number = checkpoint_number(id)
    row = db.execute(f"SELECT {_COLUMNS} FROM checkpoint WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise _unknown(id)
    return _record(row)


def exists(db: apsw.Connection, id: str) -> bool:
    """Return whether a row with this id exists. Raises MazuError(not_found) for what is no id."""
    return bool(select(db, "SELECT 1 FROM checkpoint WHERE number = ?", (checkpoint_number(id),)))


def newest(db: apsw.Connection, limit: int, session_id: str | None = None) -> list[Checkpoint]:
    """Return the newest first; `limit` -1 for all."""
    where, values = ("WHERE session_id = ?", [session_id]) if session_id is not None else ("", [])
    query = f"SELECT {_COLUMNS} FROM checkpoint {where} ORDER BY number DESC LIMIT ?"
    return [_record(row) for row in db.execute(query, (*values, limit))]


def count(db: apsw.Connection) -> int:
    """Return the number of checkpoints."""
    return select(db, "SELECT count(*) FROM checkpoint")[0][0]


def pin(db: apsw.Connection, id: str, pinned: bool) -> None:
    """Keep one permanently, or no longer. Raises MazuError(not_found)."""
    get(db, id)
    db.execute("UPDATE checkpoint SET pinned = ? WHERE number = ?", (pinned, checkpoint_number(id)))


def remove(db: apsw.Connection, ids: Sequence[str]) -> None:
    """Delete rows; their children get the nearest remaining ancestor as parent, so the tree stays connected."""
    parents = dict(db.execute("SELECT printf('cp_%06d', number), parent_id FROM checkpoint"))
    gone = set(ids)
    for id, parent in parents.items():
        kept = parent
        while kept in gone:
            kept = parents.get(kept)
        if kept != parent and id not in gone:
            db.execute("UPDATE checkpoint SET parent_id = ? WHERE number = ?", (kept, checkpoint_number(id)))
    for number in sorted(map(checkpoint_number, ids)):
        _merge_into_next(db, number)
        db.execute("DELETE FROM checkpoint WHERE number = ?", (number,))


def _merge_into_next(db: apsw.Connection, number: int) -> None:
    """Add the attribution of a deleted checkpoint's interval to the next one's. Call it before the row is deleted."""
    rows = select(db, "SELECT number FROM checkpoint WHERE number > ? ORDER BY number LIMIT 1", (number,))
    if rows:
        _merge_restored(db, number, rows[0][0])
        db.execute(
            "INSERT OR IGNORE INTO checkpoint_saved SELECT ?, place FROM checkpoint_saved WHERE number = ?",
            (rows[0][0], number),
        )
        # An interval that grows by changes of which the edits are not known cannot be divided by them any more.
        db.execute(
            "DELETE FROM checkpoint_edit WHERE number = ?"
            " AND place IN (SELECT place FROM checkpoint_change WHERE number = ?)",
            (rows[0][0], number),
        )
        db.execute(
            "INSERT INTO checkpoint_change SELECT ?, place, session, user FROM checkpoint_change WHERE number = ?"
            " ON CONFLICT DO UPDATE SET user = max(user & 3, excluded.user & 3) | ((user | excluded.user) & 12)",
            (rows[0][0], number),
        )
        db.execute(
            "UPDATE checkpoint SET attributed = 0 WHERE number = ?"
            " AND NOT (SELECT attributed FROM checkpoint WHERE number = ?)",
            (rows[0][0], number),
        )
    for table in ("checkpoint_change", "checkpoint_restored", "checkpoint_edit", "checkpoint_saved"):
        db.execute(f"DELETE FROM {table} WHERE number = ?", (number,))


def _merge_restored(db: apsw.Connection, number: int, later: int) -> None:
    """Merge two intervals into one: what a rollback left is known only if nothing happened to the place before it, and no other
    rollback after it; of two rollbacks that left a row each, the later one's counts."""
    db.execute(
        "DELETE FROM checkpoint_restored WHERE number = ? AND place IN (SELECT place FROM checkpoint_change WHERE number = ?)",
        (later, number),
    )
    db.execute(
        "INSERT OR IGNORE INTO checkpoint_restored SELECT ?, place, entry, data, text FROM checkpoint_restored WHERE number = ?"
        " AND place NOT IN (SELECT place FROM checkpoint_change WHERE number = ?"
        " AND (session = 'rollback' OR session LIKE 'rollback:%'))",
        (later, number, later),
    )


def state(db: apsw.Connection, key: str) -> str | None:
    """Return one value: `current` (an id), `base` (id of the checkpoint whose tree is the last known state), `unseen`, `imported`
    (set until the first scan after a project's state was imported)."""
    row = db.execute("SELECT value FROM checkpoint_state WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def set_state(db: apsw.Connection, key: str, value: str | None) -> None:
    """Set or, with None, remove one value."""
    if value is None:
        db.execute("DELETE FROM checkpoint_state WHERE key = ?", (key,))
    else:
        db.execute("INSERT OR REPLACE INTO checkpoint_state VALUES (?, ?)", (key, value))


def _dump(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _record(row: Any) -> Checkpoint:
    return Checkpoint(
        id=checkpoint_id(row[0]),
        parent_id=row[1],
        created_at=datetime.fromisoformat(row[2]),
        label=row[3],
        kind=row[4],
        session_id=row[5],
        turn_id=row[6],
        commit=row[7],
        tree=row[8],
        files=FileCounts(**json.loads(row[9])),
        memories=MemoryCounts(**json.loads(row[10])),
        bytes=row[11],
        skipped=tuple(SkippedFile(**skipped) for skipped in json.loads(row[12])),
        pinned=bool(row[13]),
        title=row[14],
        complete=bool(row[15]),
        attributed=bool(row[16]),
    )


class PastRollback(NamedTuple):
    """A rollback that was done: its number, the safety checkpoint that reverts it, what it restored.

    `session`: the only one whose turns it reverted; None for those of all. `conversations`: the sessions that it changed; None if an
    earlier version recorded it, which did not say so.
    """

    number: int
    safety: str
    only: tuple[Section, ...]
    paths: tuple[str, ...]
    session: str | None
    conversations: tuple[str, ...] | None


def add_rollback(
    db: apsw.Connection,
    session: str,
    safety_id: str,
    target_id: str,
    chosen: tuple[Sequence[str], Sequence[str]],
    *,
    of: str | None = None,
    conversations: Sequence[str] = (),
    redone: bool = False,
    partial: bool = False,
) -> None:
    """Record a rollback of the `chosen` sections and paths, so that it can be reverted.

    `session`: whose `mazu.redo` reverts it, "" for anybody's. `of` and `conversations`: see `PastRollback`. `redone`: it reverts one
    itself. `partial`: only parts of the agent's changes in files were reverted.
    """
    sections = json.dumps(
        {"only": chosen[0], "paths": chosen[1], "partial": partial, "of": of, "conversations": conversations}
    )
    db.execute(
        "INSERT INTO checkpoint_rollback (session, safety_id, target_id, sections, redone) VALUES (?, ?, ?, ?, ?)",
        (session, safety_id, target_id, sections, redone),
    )


class RollbackTarget(NamedTuple):
    """The target of a rollback: a checkpoint's number, and whether only parts of files were reverted."""

    number: int
    partial: bool


def rollback_target(db: apsw.Connection, safety: int) -> RollbackTarget | None:
    """Return the target of the rollback whose safety checkpoint is `safety`; None if it is no longer kept."""
    rows = select(
        db,
        "SELECT target_id, sections FROM checkpoint_rollback WHERE safety_id = ? ORDER BY id DESC LIMIT 1",
        (checkpoint_id(safety),),
    )
    if not rows or not exists(db, rows[0][0]):
        return None
    return RollbackTarget(checkpoint_number(rows[0][0]), bool(json.loads(rows[0][1]).get("partial")))


def last_rollback(db: apsw.Connection, sessions: Sequence[str]) -> PastRollback | None:
    """Return the last rollback of these sessions, or of the whole project to a checkpoint of no session, that was not reverted."""
    rows = select(
        db,
        "SELECT id, safety_id, sections, session FROM checkpoint_rollback WHERE NOT redone "
        "AND (session = '' OR session IN (SELECT value FROM json_each(?))) ORDER BY id DESC LIMIT 1",
        (json.dumps(sessions),),
    )
    if not rows:
        return None
    id, safety, sections, owner = rows[0]
    chosen = json.loads(sections)
    of = chosen.get("of", owner or None)
    conversations = tuple(chosen["conversations"]) if "conversations" in chosen else None
    return PastRollback(id, safety, tuple(chosen["only"]), tuple(chosen["paths"]), of, conversations)


def set_redone(db: apsw.Connection, id: int) -> None:
    """Mark a rollback as reverted."""
    db.execute("UPDATE checkpoint_rollback SET redone = 1 WHERE id = ?", (id,))
