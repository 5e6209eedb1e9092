"""The records of who changed each place since a checkpoint: read at once, since a rollback asks about many places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.checkpoints.attribution.owners import Change
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw

RestoredRow = tuple[str | None, bool]
"""The file that a rollback left, as `checkpoint_restored` holds it, and whether that has a content or a text besides."""


class PlaceRecords:
    """What is recorded about the intervals after checkpoint `number`, as of the first question. For one transaction."""

    def __init__(self, db: apsw.Connection, number: int) -> None:
        self._db = db
        self._number = number
        self._rows: dict[bytes, list[tuple[int, str, int]]] | None = None
        self._changes: dict[bytes, dict[int, Change]] = {}
        self._restored: dict[tuple[int, bytes], RestoredRow] | None = None
        self._edited: set[tuple[int, bytes]] | None = None
        self._begun: dict[int, int] = {}

    def changes(self, place: bytes) -> dict[int, Change]:
        """Return who changed a place, by the number of the checkpoint that ends the interval, the oldest first."""
        if self._rows is None:
            self._rows = {}
            for number, changed, session, user in select(
                self._db,
                "SELECT number, place, session, user FROM checkpoint_change WHERE number > ? ORDER BY number",
                (self._number,),
            ):
                self._rows.setdefault(bytes(changed), []).append((number, session, user))
        if (found := self._changes.get(place)) is None:
            found = self._changes[place] = {}
            for number, session, user in self._rows.get(place, ()):
                found.setdefault(number, Change()).add([session], user)
        return found

    def checkpoint_before(self, number: int) -> int:
        """Return the checkpoint at the start of the interval that ends with `number`."""
        if number not in self._begun:
            ((self._begun[number],),) = select(
                self._db, "SELECT max(number) FROM checkpoint WHERE number < ?", (number,)
            )
        return self._begun[number]

    def restored(self, number: int, place: bytes) -> RestoredRow | None:
        """Return what is recorded of what a rollback left at a place in an interval."""
        if self._restored is None:
            rows = select(
                self._db,
                "SELECT number, place, entry, data IS NOT NULL OR text IS NOT NULL FROM checkpoint_restored WHERE number > ?",
                (self._number,),
            )
            self._restored = {(at, bytes(path)): (entry, bool(more)) for at, path, entry, more in rows}
        return self._restored.get((number, place))

    def is_edited(self, number: int, place: bytes) -> bool:
        """Return whether texts of an agent's edits of a place are recorded in an interval that a checkpoint ended."""
        if self._edited is None:
            self._edited = self._listed("SELECT number, place FROM checkpoint_edit WHERE number > ?")
        return (number, place) in self._edited

    def _listed(self, query: str) -> set[tuple[int, bytes]]:
        return {(number, bytes(place)) for number, place in select(self._db, query, (self._number,))}
