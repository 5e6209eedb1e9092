"""The history of one place since a checkpoint: the intervals in which it changed, and who changed it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.attribution.agent_edits import divide_interval, edits_of
from mazu_ls.checkpoints.attribution.owners import Change, Owner
from mazu_ls.checkpoints.attribution.place_records import PlaceRecords
from mazu_ls.checkpoints.attribution.recorded_writes import rollback_of
from mazu_ls.checkpoints.attribution.restored_places import restored_view
from mazu_ls.checkpoints.attribution.same_states import came_back
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.scan.unsaved_buffers import BufferView, held_texts, place_of, shown_text
from mazu_ls.checkpoints.store import schema

if TYPE_CHECKING:
    import apsw


@dataclass(frozen=True)
class Interval:
    """The time between two scans, and who changed one place in it."""

    before: BufferView
    after: BufferView
    change: Change
    number: int | None = None
    """The checkpoint at its start; None for an interval that starts with what a rollback left."""


@dataclass(frozen=True)
class _End:
    """The end of an interval: the checkpoint there, the place's state, and the intervals that count at that point."""

    number: int
    view: BufferView
    kept: list[Interval]


@dataclass(frozen=True)
class LastInterval:
    """The time since the last checkpoint, and who changed what in it."""

    before: BufferView
    after: BufferView
    changes: dict[bytes, Change]


def merge_changes(intervals: Sequence[Interval]) -> Change:
    """Return who changed a place in any of these intervals."""
    change = Change()
    for interval in intervals:
        change.add(interval.change.sessions, interval.change.stored_user)
    return change


def _removable(change: Change, writer: str | None) -> Owner:
    """Return how a rollback treats a change: "agent" if it reverted it, "user" if it left it, as another session's rollback."""
    if change.is_rollback:
        return "agent" if writer is None or change.rollbacks == {rollback_of(writer)} else "user"
    return change.owner(writer)


class PlaceHistory:
    """Reads the intervals since checkpoint `number`, within one transaction; `last`: the interval that no checkpoint
    ends yet.

    `session`: only its agent counts as the agent, other sessions count like the user.
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
        self._records = PlaceRecords(db, number)
        self._views: dict[str, BufferView] = {}

    def intervals(self, place: bytes) -> list[Interval]:
        """Return the intervals whose changes make up the present state of a place, the oldest first.

        A rollback reverts what came after its target: everything, or only what agents did if it left the user's work in
        the file. The intervals that led to its target count again, so that redoing an undo gives the agent its changes
        back. An interval in which somebody changed further what a rollback had left counts as two, if that is known.

        Where the user took a text away and it came back, as by a stash or a branch, only what differs afterwards is theirs.
        """
        return self._without_absences(place, self._counted(place, self._then, [*self._moments(place)]) or [])

    def latest_intervals(self, place: bytes) -> list[Interval]:
        """Return the `intervals` after the last of them at whose end the place was as at the checkpoint."""
        later: list[tuple[int, Interval]] = []
        for number, interval in self._moments(place, newest_first=True):
            views = self._then, interval.before, interval.after
            if any(self._is_unsaved(view, place) for view in views):
                break  # the same text need not be the same file
            if self.same_text(place, self._then, interval.after):
                if later and self._is_users(interval) and self._is_users(later[-1][1]):
                    break  # what was away may have come back, and then counts from before
                counted = self._counted(place, interval.after, later[::-1], is_all=False)
                if counted is not None:
                    return self._without_absences(place, counted)
                break
            later.append((number, interval))
        intervals = self.intervals(place)
        ends = (at for at, one in enumerate(intervals, 1) if self.same_text(place, self._then, one.after))
        return intervals[max(ends, default=0) :]

    @property
    def _then(self) -> BufferView:
        return self.view(schema.checkpoint_id(self._number))

    def _counted(
        self, place: bytes, start: BufferView, moments: Sequence[tuple[int, Interval]], *, is_all: bool = True
    ) -> list[Interval] | None:
        """Return which of the intervals since `start` count; None if there are earlier ones that may count, too."""
        kept: list[Interval] = []
        ends = [_End(self._number, start, kept)]
        for number, interval in moments:
            if interval.change.is_rollback:
                # If the place reads as at an earlier moment, the intervals that led there account for it again.
                led = (end.kept for end in reversed(ends) if self.same_text(place, end.view, interval.after))
                if (again := next(led, None)) is None and not is_all:
                    return None
                kept = self._after_rollback(place, interval, ends) if again is None else again
            else:
                kept = [*kept, interval]
            ends.append(_End(number, interval.after, kept))
        return kept

    def _without_absences(self, place: bytes, intervals: Sequence[Interval]) -> list[Interval]:
        """Return the intervals with one for what the user did one after another, where what stood there before came back."""
        found: list[Interval] = []
        for is_users, group in groupby(intervals, self._is_users):
            run = [*group]
            if is_users and len(run) > 1 and self._came_back(place, run):
                run = [replace(run[0], after=run[-1].after, change=merge_changes(run))]
                if self._is_same_file(place, run[0].before, run[0].after):
                    run = []
            found += run
        return found

    def _is_users(self, interval: Interval) -> bool:
        """Return whether the user, or agents that count like the user, made a change, and that is known."""
        change = interval.change
        is_known = not (change.uncertain or change.beneath or change.rollbacks)
        return is_known and change.owner(self._session) == "user"

    def _came_back(self, place: bytes, run: Sequence[Interval]) -> bool:
        """Return whether what stood at a place before these intervals of the user was away in them, and is there again."""
        views = [run[0].before, *(one.after for one in run)]
        if any(self._is_unsaved(view, place) for view in views):
            return False
        start, *between, end = (shown_text(self._project, view, place) for view in views)
        same = self._is_same_file(place, views[0], views[-1])
        return same or any(came_back(start, text, end) for text in between)

    def _is_same_file(self, place: bytes, one: BufferView, other: BufferView) -> bool:
        """Return whether a file has the same content and the same permission bits in two views."""
        if self._project.bits_at(one.tree, place) != self._project.bits_at(other.tree, place):
            return False
        return self.same_text(place, one, other)

    def was_unsaved(self, place: bytes) -> bool:
        """Return whether an unsaved text of the place was shown at the checkpoint, or at the start or end of an interval."""
        views = (view for one in self.intervals(place) for view in (one.before, one.after))
        return any(self._is_unsaved(view, place) for view in (self._then, *views))

    def file_owner(self, place: bytes) -> Owner:
        """Return whose a file's changes on disk are when the user changed it beneath an unsaved text: only writes of
        the file count."""
        owners: set[Owner] = {
            interval.change.file_owner(self._session)
            for interval in self.intervals(place)
            if self._project.state_at(interval.before.tree, place)
            != self._project.state_at(interval.after.tree, place)
        }
        if len(owners) > 1:
            return "both"
        return owners.pop() if owners else "user"

    def _after_rollback(self, place: bytes, interval: Interval, ends: Sequence[_End]) -> list[Interval]:
        """Return the intervals that count after a rollback to a state that no end has."""
        kept = ends[-1].kept
        target = schema.rollback_target(self._db, interval.number) if interval.number else None
        writer = next(iter(interval.change.rollbacks)).partition(":")[2] or None
        if target is not None and (
            target.number >= self._number or self._is_at(place, target.number, self._then)
        ):
            if target.partial:
                # Only some hunks were reverted: the rest remains, so all earlier intervals still count.
                return [*kept, replace(interval, change=Change({writer} if writer else set()))]
            last = max(target.number, self._number)  # an earlier target holds the same here
            led = next(end.kept for end in reversed(ends) if end.number <= last)
            later = [(one, _removable(one.change, writer)) for one in kept if one not in led]
            # It reverted the agent's later intervals and left the user's; of an interval of both that cannot be said.
            if all(owner != "both" for _, owner in later):
                return [*led, *(one for one, owner in later if owner == "user")]
        # It reverted to a state before the checkpoint in question, or its target is no longer kept.
        if target is not None and self._is_at(place, target.number, interval.after):
            kept = []
        # A rollback of everything also reverts rollbacks, like agents' changes; another session's counts like the
        # user's.
        if self._session is None or writer not in (None, self._session):
            return [*kept, interval]
        owner = merge_changes(kept).owner(self._session)
        agent, user = target is None and owner == "agent", owner == "user"
        change = Change(set() if user else {self._session}, user=not agent)
        return [*kept, replace(interval, change=change)]

    def _is_at(self, place: bytes, number: int, view: BufferView) -> bool:
        """Return whether a place is as it was at a checkpoint."""
        return self.same_text(place, self.view(schema.checkpoint_id(number)), view)

    def last_change(self, place: bytes) -> Change:
        """Return who changed a place in the last interval in which it changed."""
        if self._last is not None and (found := self._last.changes.get(place)) is not None:
            return found
        return next(reversed(self._records.changes(place).values()), Change())

    def same_text(self, place: bytes, one: BufferView, other: BufferView) -> bool:
        """Return whether the user saw the same at a place in both views; byte by byte if no unsaved text is involved."""
        if any(self._is_unsaved(view, place) for view in (one, other)):
            text = shown_text(self._project, one, place)
            return text is not None and text == shown_text(self._project, other, place)
        return self._project.state_at(one.tree, place) == self._project.state_at(other.tree, place)

    def _is_unsaved(self, view: BufferView, place: bytes) -> bool:
        return any(place_of(self._project, held) == place for held in view.unsaved)

    def view(self, id: str) -> BufferView:
        """Return the files and unsaved texts of a checkpoint."""
        if (found := self._views.get(id)) is None:
            tree = bytes.fromhex(schema.get(self._db, id).tree)
            found = self._views[id] = BufferView(tree, held_texts(self._project, tree))
        return found

    def _moments(self, place: bytes, *, newest_first: bool = False) -> Iterator[tuple[int, Interval]]:
        """Yield every interval in which a place changed, split, with the number of the checkpoint that ends it."""
        numbers = [*self._records.changes(place)]
        if self._last is not None and place in self._last.changes:
            numbers.append(schema.next_number(self._db))
        for number in reversed(numbers) if newest_first else numbers:
            parts = self._split(place, number, *self._recorded(place, number))
            yield from reversed([*parts]) if newest_first else parts

    def _recorded(self, place: bytes, number: int) -> tuple[Interval, bool]:
        """Return the interval that a checkpoint ends, and whether that one is still to be taken."""
        if (change := self._records.changes(place).get(number)) is None:
            assert self._last is not None
            base = schema.state(self._db, "base")
            began = schema.checkpoint_number(base) if base else None
            return Interval(self._last.before, self._last.after, self._last.changes[place], began), True
        began = self._records.checkpoint_before(number)
        before, after = (self.view(schema.checkpoint_id(one)) for one in (began, number))
        return Interval(before, after, change, began), False

    def _split(
        self, place: bytes, number: int, interval: Interval, is_present: bool
    ) -> Iterator[tuple[int, Interval]]:
        """Split an interval at moments with a known state: after a rollback, and before and after each edit of the agent if
        the user changed the place between two of them.
        """
        for at, one in self._split_rollback(place, number, interval):
            if not is_present and not self._records.is_edited(number, place):
                edits = []
            else:
                edits = edits_of(self._db, place, one.change, None if is_present else number)
            parts = divide_interval(self._project, place, (one.before, one.after), edits) if edits else []
            for before, after, change in parts:
                yield at, replace(one, before=before, after=after, change=change)
            if not parts:
                yield at, one

    def _split_rollback(
        self, place: bytes, number: int, interval: Interval
    ) -> Iterator[tuple[int, Interval]]:
        """Split an interval that started with a rollback in two: the rollback's change, and what came after it."""
        between = None
        is_mixed = interval.change.rollbacks and not interval.change.is_rollback
        if is_mixed and (row := self._records.restored(number, place)) is not None:
            between = restored_view(self._project, self._db, (number, place), interval.before, row)
        if between is None:
            yield number, interval
            return
        restored, later = interval.change.split()
        yield number, replace(interval, after=between, change=restored)
        yield number, Interval(between, interval.after, later)
