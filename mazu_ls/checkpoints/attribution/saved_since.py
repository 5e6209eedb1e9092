"""Unsaved texts of checkpoints that the user saved since: they belong to the file now. Others were thrown away."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.attribution.intervals import LastInterval
from mazu_ls.checkpoints.attribution.recorded_writes import Shown, writes
from mazu_ls.checkpoints.attribution.restored_places import restored_entries
from mazu_ls.checkpoints.attribution.saved_texts import saved_places
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.scan.unsaved_buffers import held_texts, place_of
from mazu_ls.checkpoints.store import schema
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw


class SavedSince:
    """Reads what became of the unsaved texts of checkpoint `number` and of later ones, within one transaction.

    `last`: the interval that no checkpoint ends yet. A text that nothing on disk shows to be saved counts as thrown away.
    """

    def __init__(
        self, project: CheckpointContext, db: apsw.Connection, number: int, last: LastInterval | None = None
    ) -> None:
        self._project = project
        rows = select(
            db, "SELECT number, tree_id FROM checkpoint WHERE number >= ? ORDER BY number", (number,)
        )
        self._trees = [(at, bytes.fromhex(tree)) for at, tree in rows]
        self._saved: set[tuple[int | None, bytes]] = {
            (at, bytes(place))
            for at, place in select(
                db, "SELECT number, place FROM checkpoint_saved WHERE number > ?", (number,)
            )
        }
        self._held: dict[int, dict[bytes, str]] = {}
        self._last = last
        if last is not None:
            ends = (Shown.from_view(project, last.before), Shown.from_view(project, last.after))
            restored = restored_entries(db, schema.next_number(db))
            self._saved |= {(None, place) for place in saved_places(project, writes(db), restored, ends)}

    def texts(self, places: Collection[bytes]) -> dict[bytes, str]:
        """Return the texts of these places that were unsaved at the checkpoint and were saved since.

        To restore the file as it was would take from it what the user saved.
        """
        number, tree = self._trees[0]
        return {
            place: text
            for place, text in self._texts_at(number, tree).items()
            if place in places and next(self._ends(place), False)
        }

    def was_discarded(self, place: bytes) -> bool:
        """Return whether an unsaved text of the place, at the checkpoint or later, is gone and was not saved."""
        return not all(self._ends(place))

    def _ends(self, place: bytes) -> Iterator[bool]:
        """Yield for each time that the place had unsaved text, and has none any more, whether any of that was saved; and True if some
        that it still has was."""
        was_unsaved = saved = False
        for at, unsaved in self._moments(place):
            saved |= was_unsaved and (at, place) in self._saved
            if was_unsaved and not unsaved:
                yield saved
                saved = False
            was_unsaved = unsaved
        if saved:
            yield True

    def _moments(self, place: bytes) -> Iterator[tuple[int | None, bool]]:
        """Yield each checkpoint, and None for now, with whether the place had unsaved text then."""
        for at, tree in self._trees:
            yield at, place in self._texts_at(at, tree)
        if self._last is not None:
            yield None, any(place_of(self._project, held) == place for held in self._last.after.unsaved)

    def _texts_at(self, number: int, tree: bytes) -> dict[bytes, str]:
        if number not in self._held:
            texts = ((place_of(self._project, held), held) for held in held_texts(self._project, tree))
            self._held[number] = {
                place: held.text for place, held in texts if place is not None and held.path is not None
            }
        return self._held[number]
