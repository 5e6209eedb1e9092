"""The history of one place since a checkpoint: the intervals in which it was changed, and by whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.attribution.owners import Change, Owner
from mazu_ls.checkpoints.attribution.restored_places import restored_view
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.scan.unsaved_buffers import BufferView, held_texts, place_of, shown_text
from mazu_ls.checkpoints.store import schema
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw


@dataclass(frozen=True)
class Interval:
    """The time between two looks at the folders, and who changed one place in it."""

    before: BufferView
    after: BufferView
    change: Change
    number: int | None = None
    """The checkpoint with which it began; None for one that began with what a rollback had left."""


@dataclass(frozen=True)
class _End:
    """The end of an interval: the checkpoint that ends it, what stood there, and the intervals that count then."""

    number: int
    view: BufferView
    kept: list[Interval]


@dataclass(frozen=True)
class LastInterval:
    """The time since the last checkpoint, which no checkpoint ends yet, and who changed what in it."""

    before: BufferView
    after: BufferView
    changes: dict[bytes, Change]


def merge_changes(intervals: Sequence[Interval]) -> Change:
    """Who changed a place in any of these intervals."""
    change = Change()
    for interval in intervals:
        change.add(interval.change.sessions, interval.change.stored_user)
    return change


def _removable(change: Change, writer: str | None) -> Owner:
    """Whose a change is to a rollback: "agent" where it took it away, "user" where it left it."""
    return "agent" if change.is_rollback else change.owner(writer)


class PlaceHistory:
    """Reads what happened since the checkpoint `number`, within one transaction; `last`: the interval that no checkpoint ends.

    `session`: only its agent counts as one, what others did is like the user's.
    """

    def __init__(
        self,
        project: CheckpointContext,
        db: apsw.Connection,
        number: int,
        session: str | None,
        last: LastInterval | None = None,
    ) -> None:
        self._project = project
        self._db = db
        self._number = number
        self._session = session
        self._last = last
        self._views: dict[str, BufferView] = {}
        self._begun: dict[int, int] = {}

    def intervals(self, place: bytes) -> list[Interval]:
        """Those of whose changes what stands at a place now consists, the oldest first.

        A rollback takes away what came after its target: everything, or only what agents did where it left the user's
        work in the file. What led to its target is there again, so that redoing an undo gives the agent its changes back.
        An interval in which somebody changed further what a rollback had left counts as two, where that is known.
        """
        kept: list[Interval] = []
        ends = [_End(self._number, self.view(schema.checkpoint_id(self._number)), kept)]
        for number, interval in self._recorded(place):
            if interval.change.is_rollback:
                kept = self._after_rollback(place, interval, ends)
            else:
                kept = [*kept, interval]
            ends.append(_End(number, interval.after, kept))
        return kept

    def file_owner(self, place: bytes) -> Owner:
        """Whose the changes of a file on disk are, which the user changed beneath an unsaved text: only who changed the file
        itself counts.
        """
        owners: set[Owner] = {
            interval.change.file_owner(self._session)
            for interval in self.intervals(place)
            if self._project.trees.at(interval.before.tree, place)
            != self._project.trees.at(interval.after.tree, place)
        }
        if len(owners) > 1:
            return "both"
        return owners.pop() if owners else "user"

    def _after_rollback(self, place: bytes, interval: Interval, ends: Sequence[_End]) -> list[Interval]:
        """What counts after a rollback, of what counted before it."""
        kept = ends[-1].kept
        led = next(
            (end.kept for end in reversed(ends) if self.same_text(place, end.view, interval.after)), None
        )
        if led is not None:
            return led
        target = schema.rollback_target(self._db, interval.number) if interval.number else None
        writer = next(iter(interval.change.rollbacks)).partition(":")[2] or None
        if target is not None and target.number >= self._number:
            if target.partial:
                return [*kept, replace(interval, change=Change({writer} if writer else set()))]
            led = next(end.kept for end in reversed(ends) if end.number <= target.number)
            later = [(one, _removable(one.change, writer)) for one in kept if one not in led]
            if all(owner != "both" for _, owner in later):
                return [*led, *(one for one, owner in later if owner == "user")]
        # It took away what stood there before the checkpoint that is looked at, or its target is not kept any more.
        if target is not None and self._is_at(place, target.number, interval.after):
            kept = []
        # Rolling back everything takes rollbacks back as it does what agents did; another session's is like the user's.
        if self._session is None or writer not in (None, self._session):
            return [*kept, interval]
        owner = merge_changes(kept).owner(self._session)
        agent, user = target is None and owner == "agent", owner == "user"
        change = Change(set() if user else {self._session}, user=not agent)
        return [*kept, replace(interval, change=change)]

    def _is_at(self, place: bytes, number: int, view: BufferView) -> bool:
        """Whether a place is as at a checkpoint."""
        return self.same_text(place, self.view(schema.checkpoint_id(number)), view)

    def last_change(self, place: bytes) -> Change:
        """Who changed a place in the last interval in which it was changed."""
        if self._last is not None and (found := self._last.changes.get(place)) is not None:
            return found
        ((number,),) = select(
            self._db,
            "SELECT max(number) FROM checkpoint_change WHERE number > ? AND place = ?",
            (self._number, place),
        )
        return Change() if number is None else self._change(place, number)

    def same_text(self, place: bytes, one: BufferView, other: BufferView) -> bool:
        """Whether the user saw the same at a place in both; without unsaved text to the last byte."""
        if any(place_of(self._project, held) == place for view in (one, other) for held in view.unsaved):
            text = shown_text(self._project, one, place)
            return text is not None and text == shown_text(self._project, other, place)
        return self._project.trees.at(one.tree, place) == self._project.trees.at(other.tree, place)

    def view(self, id: str) -> BufferView:
        """The files and unsaved texts that a checkpoint holds."""
        if (found := self._views.get(id)) is None:
            tree = bytes.fromhex(schema.get(self._db, id).tree)
            found = self._views[id] = BufferView(tree, held_texts(self._project, tree))
        return found

    def _before(self, number: int) -> int:
        """The checkpoint with which the interval began that ends with another."""
        if number not in self._begun:
            ((self._begun[number],),) = select(
                self._db, "SELECT max(number) FROM checkpoint WHERE number < ?", (number,)
            )
        return self._begun[number]

    def _recorded(self, place: bytes) -> Iterator[tuple[int, Interval]]:
        """Every interval in which a place was changed, and the number of the checkpoint that ends it."""
        for (number,) in select(
            self._db,
            "SELECT DISTINCT number FROM checkpoint_change WHERE number > ? AND place = ? ORDER BY number",
            (self._number, place),
        ):
            began = self._before(number)
            before, after = (self.view(schema.checkpoint_id(one)) for one in (began, number))
            interval = Interval(before, after, self._change(place, number), began)
            yield from self._split(place, number, interval)
        if self._last is not None and place in self._last.changes:
            base = schema.state(self._db, "base")
            began = schema.checkpoint_number(base) if base else None
            interval = Interval(self._last.before, self._last.after, self._last.changes[place], began)
            yield from self._split(place, schema.next_number(self._db), interval)

    def _split(self, place: bytes, number: int, interval: Interval) -> Iterator[tuple[int, Interval]]:
        """An interval that began with a rollback, as two: what that did, and what came after it."""
        between = None
        if interval.change.rollbacks and not interval.change.is_rollback:
            between = restored_view(self._project, self._db, number, place, interval.before)
        if between is None:
            yield number, interval
            return
        restored, later = interval.change.split()
        yield number, replace(interval, after=between, change=restored)
        yield number, Interval(between, interval.after, later)

    def _change(self, place: bytes, number: int) -> Change:
        change = Change()
        for session, user in select(
            self._db,
            "SELECT session, user FROM checkpoint_change WHERE place = ? AND number = ?",
            (place, number),
        ):
            change.add([session], user)
        return change
