"""Where each conversation's head is: the part of it that a rollback changes, stored in memory.db with the memories."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from mazu_ls.journal import journal
from mazu_ls.state.store import Migrations, Store

if TYPE_CHECKING:
    import apsw

MIGRATIONS = Migrations(
    "sessions",
    [
        """
        CREATE TABLE session_head (session TEXT PRIMARY KEY, head INTEGER NOT NULL, moved_at INTEGER NOT NULL);
        CREATE TABLE session_taken (session TEXT PRIMARY KEY, head INTEGER NOT NULL, size INTEGER NOT NULL);
        """
    ],
)


class ConversationHead(Struct, frozen=True):
    """What a checkpoint records of one session: the event (seq) at its head."""

    head: int


class ConversationHeads:
    """Reads and moves the heads of a project's sessions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def head(self, session_id: str, last: int) -> int:
        """Return the head of a session whose journal ends at `last`: where it was moved to, unless events were added
        since."""

        def find(db: apsw.Connection) -> int:
            row = db.execute(
                "SELECT head, moved_at FROM session_head WHERE session = ?", (session_id,)
            ).fetchone()
            return row[0] if row and row[1] == last else last

        return await self._store.read(find)

    async def moved_heads(self) -> dict[str, tuple[int, int]]:
        """Return, for each session that was ever moved, its head and the last event of its journal at that time."""

        def find(db: apsw.Connection) -> dict[str, tuple[int, int]]:
            rows = db.execute("SELECT session, head, moved_at FROM session_head")
            return {session: (head, last) for session, head, last in rows}

        return await self._store.read(find)

    async def move(self, session_id: str, head: int, last: int) -> None:
        """End the conversation at `head` from now on; later events of the journal become another branch."""
        await self._store.write(lambda db: _move(db, session_id, head, last))

    async def close(self) -> None:
        """Close the connection."""
        await self._store.close()


class ConversationPart:
    """The conversations in a checkpoint: each session's head, and the journal's lines as segments that only grow.

    `boundary` caps a session at the start of its running turn while the checkpoint before that turn is taken.
    """

    name = "conversation"
    migrations = MIGRATIONS

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.boundary: dict[str, int] = {}
        self._seen: dict[str, tuple[int, int]] = {}
        self._ends: dict[str, tuple[tuple[int, ...], int]] = {}
        """Of each journal what changes whenever it is written, and its last event then: a project has hundreds of them, and one is
        written."""

    def changed(self, db: apsw.Connection) -> dict[str, bytes | None]:
        """Return a new head and a new segment for each session with new events or a moved head; None for a deleted one."""
        taken = {row[0]: row[1:] for row in db.execute("SELECT session, head, size FROM session_taken")}
        return self._since(db, taken)

    def everything(self, db: apsw.Connection) -> dict[str, bytes]:
        """Return every session, its journal as one segment."""
        return {name: data for name, data in self._since(db, {}).items() if data is not None}

    def mark_taken(self, db: apsw.Connection) -> None:
        """Remember what the checkpoint holds: what `changed` saw, not what was appended since."""
        known = {row[0]: row[1:] for row in db.execute("SELECT session, head, size FROM session_taken")}
        gone = [(id,) for id in known.keys() - self._seen.keys()]
        changed = [(id, *state) for id, state in self._seen.items() if known.get(id) != state]
        db.executemany("DELETE FROM session_taken WHERE session = ?", gone)
        db.executemany("INSERT OR REPLACE INTO session_taken VALUES (?, ?, ?)", changed)

    def restore(
        self, db: apsw.Connection, files: Mapping[str, bytes | None], writer: str = ""
    ) -> dict[str, str]:
        """Move heads back. The journal itself never changes: segments are there for a journal that was lost."""
        problems: dict[str, str] = {}
        for name, data in sorted(files.items(), key=lambda item: item[1] is not None):
            session, _, file = name.partition("/")
            if file == "head.json":
                try:
                    head = msgspec.json.decode(data, type=ConversationHead).head if data else 0
                except (ValueError, RecursionError) as error:
                    problems[name] = f"the conversation position in the checkpoint is damaged ({error})"
                    continue
                self._restore_head(db, session, head)
            else:
                start = int(file.removesuffix(".jsonl"))
                size = "min(size, ?)" if data is None else "max(size, ?)"
                _note_taken(db, session)
                end = start + len(data or b"")
                db.execute(f"UPDATE session_taken SET size = {size} WHERE session = ?", (end, session))
        return problems

    def readable(self, path: str, data: bytes) -> tuple[str, bytes]:
        """Return it unchanged: a conversation is no part of a patch."""
        return path, data

    def _restore_head(self, db: apsw.Connection, session: str, head: int) -> None:
        path = self._path(session)
        if path.exists():
            _move(db, session, head, _last(path))
        # The next checkpoint may follow the target or, after a partial rollback, the safety one: so it records the head
        # again.
        _note_taken(db, session)
        db.execute("UPDATE session_taken SET head = -1 WHERE session = ?", (session,))

    def _since(self, db: apsw.Connection, taken: dict[str, tuple[int, int]]) -> dict[str, bytes | None]:
        files: dict[str, bytes | None] = {}
        self._seen = {}
        moved = {row[0]: row[1:] for row in db.execute("SELECT session, head, moved_at FROM session_head")}
        for session, status in _journals(self._folder):
            head, size = self._seen[session] = self._state(session, status, moved.get(session))
            known_head, known_size = taken.pop(session, (0, 0))
            if size > known_size:
                with self._path(session).open("rb") as lines:
                    lines.seek(known_size)
                    files[f"{session}/{known_size:012d}.jsonl"] = lines.read(size - known_size)
            if head != known_head:
                files[f"{session}/head.json"] = msgspec.json.encode(ConversationHead(head))
        self._ends = {session: known for session, known in self._ends.items() if session in self._seen}
        return files | {f"{session}/head.json": None for session in taken}

    def _state(self, session: str, status: os.stat_result, moved: tuple[int, int] | None) -> tuple[int, int]:
        """Return head and size in bytes of a journal; of the part before the running turn if a boundary is set. `moved`: its head, and
        its last event when that was set."""
        if (cap := self.boundary.get(session)) is not None:
            return cap, _size_until(self._path(session), cap)
        seen = status.st_ino, status.st_size, status.st_mtime_ns
        known, last = self._ends.get(session, (None, 0))
        size = status.st_size
        if known != seen:
            path = self._path(session)
            last = _last(path)
            size = path.stat().st_size  # afterwards: what is read from here holds the last event
            self._ends[session] = seen, last
        return (moved[0] if moved and moved[1] == last else last), size

    def _path(self, session: str) -> Path:
        return self._folder / f"{session}.jsonl"


def _move(db: apsw.Connection, session_id: str, head: int, last: int) -> None:
    db.execute(
        "INSERT INTO session_head VALUES (?, ?, ?) ON CONFLICT (session) DO UPDATE SET head = excluded.head, moved_at = excluded.moved_at",
        (session_id, head, last),
    )


def _note_taken(db: apsw.Connection, session_id: str) -> None:
    db.execute("INSERT OR IGNORE INTO session_taken VALUES (?, 0, 0)", (session_id,))


def _journals(folder: Path) -> list[tuple[str, os.stat_result]]:
    """Return the sessions that have a journal, in order, and the status of each."""
    found: list[tuple[str, os.stat_result]] = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # deleted just now
                if entry.name.endswith(".jsonl"):
                    found.append((entry.name.removesuffix(".jsonl"), entry.stat()))
    return sorted(found, key=lambda one: one[0])


def _last(path: Path) -> int:
    """Return the seq of the last whole event, read from the end of the file."""
    with path.open("rb") as file:
        return journal.last_seq(file.fileno())


def _size_until(path: Path, seq: int) -> int:
    """Return the bytes of the journal up to and including event `seq`."""
    size = 0
    with path.open("rb") as lines:
        for line in lines:
            event = journal.decode(line)
            if event and event.seq > seq:
                break
            size += len(line)
    return size
