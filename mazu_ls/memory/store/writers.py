"""The writers of each entry since the last checkpoint, so that a rollback can leave the user's changes.

A writer is the user, an agent's session, consolidation, or "automatic": the anchored code changed, the entry decayed. Every change of an
entry goes through `EntryTable`, which records its writer here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw

USER = ""
AUTOMATIC = "automatic"
"""The writer of a change that nobody made: a rollback reverts it, unless the user changed the entry as well."""
CONSOLIDATION = "consolidation"
"""The writer of what consolidation did when it was applied: a rollback reverts it, an undo of a conversation's turns does not."""
_MODEL_SOURCES = ("agent", "extracted")


def writer_of(source: str, session_id: str | None) -> str:
    """Return the writer of an entry with this source: the session of its agent, or the user."""
    return session_id or AUTOMATIC if source in _MODEL_SOURCES else USER


def note_writer(db: apsw.Connection, n: int, scope: str, writer: str) -> None:
    """Record the writer of an existing entry. Call it before and after a change, since that may change the entry's path."""
    if scope == "project":  # global memory is in no checkpoint
        db.execute("INSERT OR IGNORE INTO memory_writer SELECT path, ? FROM memory WHERE n = ?", (writer, n))


def noted_writers(db: apsw.Connection) -> dict[str, set[str]]:
    """Return the writers of each entry that changed since the last checkpoint, by path."""
    found: dict[str, set[str]] = {}
    for path, writer in select(db, "SELECT path, writer FROM memory_writer"):
        found.setdefault(path, set()).add(writer)
    return found


def forget_writers(db: apsw.Connection) -> None:
    """Clear the record: a checkpoint holds the entries and their writers."""
    db.execute("DELETE FROM memory_writer")
