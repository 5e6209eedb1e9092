"""Open documents that a rollback has yet to change in the editor, stored until that is done, so that a kill loses none
of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

from mazu_ls.checkpoints.scan.file_state import State, text_state
from mazu_ls.state.store import Store, select

if TYPE_CHECKING:
    import apsw

    from mazu_ls.checkpoints.restore.buffers import BufferChange


class PendingBuffer(Struct, frozen=True):
    """A document that should get `text`, if it still shows what it showed when it was rolled back."""

    uri: str
    text: str
    before: State

    def shows_before(self, text: str) -> bool:
        """Return whether this is the text that was to be replaced."""
        return text_state(text) == self.before


def note_pending(db: apsw.Connection, changes: Iterable[BufferChange]) -> None:
    """Store the pending changes within the rollback's transaction; those of an earlier rollback are void, since it read
    the documents again."""
    db.execute("DELETE FROM checkpoint_buffer")
    db.executemany(
        "INSERT OR REPLACE INTO checkpoint_buffer VALUES (?, ?, ?)",
        [
            (change.buffer.uri, change.text.encode("utf-8", "surrogatepass"), text_state(change.buffer.text))
            for change in changes
        ],
    )


class PendingBuffers:
    """The pending changes of open documents."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(self) -> list[PendingBuffer]:
        """Return the documents that were not changed yet."""

        def read(db: apsw.Connection) -> list[PendingBuffer]:
            rows = select(db, "SELECT uri, text, before FROM checkpoint_buffer")
            return [
                PendingBuffer(uri, bytes(text).decode("utf-8", "surrogatepass"), before)
                for uri, text, before in rows
            ]

        return await self._store.read(read)

    async def drop(self, uri: str) -> None:
        """Delete one: it is done, or the user changed the document."""
        await self._store.write(lambda db: db.execute("DELETE FROM checkpoint_buffer WHERE uri = ?", (uri,)))
