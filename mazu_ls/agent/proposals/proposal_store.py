"""One proposed hunk, and the rows of memory.db that keep such hunks until the user has decided on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from mazu_ls.agent.proposals.hunks import Hunk, HunkStatus
from mazu_ls.state.store import Migrations, select

if TYPE_CHECKING:
    import apsw

MIGRATIONS = Migrations(
    "proposals",
    [
        """
        CREATE TABLE proposed_hunk (
            id TEXT PRIMARY KEY, path TEXT NOT NULL, session TEXT NOT NULL, state TEXT NOT NULL, note TEXT NOT NULL,
            body BLOB NOT NULL
        );
        """
    ],
)


MOST_WITHDRAWN = 500


class ProposedHunk(Struct, frozen=True):
    """One proposed hunk: number `number` of the `of` hunks that its file had when it was proposed.

    `path` is the file as the workspace names it.
    """

    id: str
    path: str
    number: int
    of: int
    session_id: str
    turn_id: str
    created_at: str
    hunk: Hunk

    @property
    def name(self) -> str:
        """The hunk's name in messages."""
        if self.hunk.kind != "edit":
            return f"{'the new file' if self.hunk.kind == 'create' else 'the deletion of'} {self.path}"
        return f"hunk {self.number} of {self.path}" if self.of > 1 else f"the edit of {self.path}"


def changed(db: apsw.Connection, known: int) -> tuple[int, list[ProposedHunk] | None]:
    """Return the open hunks if another connection wrote to the database since version `known`, else None, and the
    current version."""
    ((version,),) = select(db, "PRAGMA data_version")
    if version == known:
        return version, None
    rows = select(db, "SELECT body FROM proposed_hunk WHERE state = 'open'")
    return version, [msgspec.json.decode(body, type=ProposedHunk) for (body,) in rows]


def put(db: apsw.Connection, one: ProposedHunk) -> None:
    """Store an open hunk, or its final state."""
    db.execute(
        "INSERT INTO proposed_hunk VALUES (?, ?, ?, 'open', '', ?)"
        " ON CONFLICT (id) DO UPDATE SET path = excluded.path, body = excluded.body",
        (one.id, one.path, one.session_id, msgspec.json.encode(one)),
    ).fetchall()


def save_open_hunks(
    db: apsw.Connection, seen: Sequence[tuple[str, str]], again: Sequence[ProposedHunk]
) -> None:
    """Store decisions that were observed, and hunks that are open again."""
    delete(db, [one.id for one in again])
    for one in again:
        put(db, one)
    record_decision(db, seen, "")


def record_decision(db: apsw.Connection, decided: Iterable[tuple[str, str]], note: str) -> None:
    """Store the user's decision on open hunks: ids and their new state."""
    db.executemany(
        "UPDATE proposed_hunk SET state = ?, note = ? WHERE id = ? AND state = 'open'",
        [(state, note, one) for one, state in decided],
    ).fetchall()


def load_decisions(db: apsw.Connection, session_id: str) -> list[tuple[ProposedHunk, str, str]]:
    """Return the decisions on a session's hunks that its model does not know yet: hunk, state, note."""
    rows = select(
        db,
        "SELECT body, state, note FROM proposed_hunk WHERE session = ? AND state NOT IN ('open', 'withdrawn')"
        " ORDER BY path, rowid",
        (session_id,),
    )
    return [(msgspec.json.decode(body, type=ProposedHunk), state, note) for body, state, note in rows]


def load_withdrawn(db: apsw.Connection, session_id: str) -> list[ProposedHunk]:
    """Return a session's hunks that were open when their turn left the conversation."""
    rows = select(
        db,
        "SELECT body FROM proposed_hunk WHERE session = ? AND state = 'withdrawn' ORDER BY rowid",
        (session_id,),
    )
    return [msgspec.json.decode(body, type=ProposedHunk) for (body,) in rows]


def withdraw(db: apsw.Connection, gone: Sequence[str], back: Sequence[str]) -> None:
    """Withdraw open hunks, and open withdrawn ones again. Of the withdrawn ones only the last MOST_WITHDRAWN are kept."""
    moves = [("withdrawn", one, "open") for one in gone] + [("open", one, "withdrawn") for one in back]
    db.executemany("UPDATE proposed_hunk SET state = ? WHERE id = ? AND state = ?", moves).fetchall()
    db.execute(
        "DELETE FROM proposed_hunk WHERE state = 'withdrawn' AND rowid NOT IN"
        " (SELECT rowid FROM proposed_hunk WHERE state = 'withdrawn' ORDER BY rowid DESC LIMIT ?)",
        (MOST_WITHDRAWN,),
    ).fetchall()


def delete(db: apsw.Connection, ids: Sequence[str]) -> None:
    """Delete hunks that are decided and reported."""
    db.executemany("DELETE FROM proposed_hunk WHERE id = ?", [(one,) for one in ids]).fetchall()


class LocatedHunk(Struct, frozen=True):
    """An open hunk and its place in the current text."""

    proposed: ProposedHunk
    standing: HunkStatus
