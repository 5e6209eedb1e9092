"""Decides what a rollback reverts, keeps or asks about: only the agent's changes are reverted without a question."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mazu_ls.checkpoints.attribution.attribution import Attribution
from mazu_ls.checkpoints.attribution.intervals import Interval, LastInterval, PlaceHistory, merge_changes
from mazu_ls.checkpoints.attribution.owners import AttributedChanges, Change, Owner, changes_by, changes_since
from mazu_ls.checkpoints.attribution.recorded_writes import Shown, writes
from mazu_ls.checkpoints.attribution.restored_places import places_restored, restored_entries
from mazu_ls.checkpoints.attribution.saved_since import SavedSince
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.git.objects import BLOB
from mazu_ls.checkpoints.models import Checkpoint, OnConflict, PathReason, PlanFiles
from mazu_ls.checkpoints.restore import keep_reasons
from mazu_ls.checkpoints.restore.buffers import BufferChange
from mazu_ls.checkpoints.restore.merging.replay import Merge
from mazu_ls.checkpoints.restore.merging.separation import Separation
from mazu_ls.checkpoints.restore.restore_steps import RestoreStep
from mazu_ls.checkpoints.restore_selection import RestoreSelection
from mazu_ls.checkpoints.scan.file_state import entry_state, text_state
from mazu_ls.checkpoints.scan.unsaved_buffers import BufferView, file_bytes, place_of, shown_text
from mazu_ls.checkpoints.store import schema
from mazu_ls.checkpoints.unheld import unheld_edits
from mazu_ls.checkpoints.unheld.kept_limit import lost_since
from mazu_ls.checkpoints.unheld.moved_files import moved_in
from mazu_ls.checkpoints.unheld.outgrown_files import changed_since_outgrown
from mazu_ls.checkpoints.unheld.renamed_files import first_name
from mazu_ls.checkpoints.unheld.renamed_texts import renamed_texts
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw


class RollbackDecision:
    """Decides about each place between a checkpoint and the present. `choice`: the user's answer, if they were asked.

    `selection`: says whose changes are rolled back, and of which places.
    """

    def __init__(
        self,
        project: CheckpointContext,
        db: apsw.Connection,
        target: Checkpoint,
        selection: RestoreSelection,
        choice: OnConflict | None,
    ) -> None:
        self._project = project
        self._db = db
        self._target = target
        self._number = schema.checkpoint_number(target.id)
        self._session = selection.owner
        redone = selection.redo_of
        self._places = places_restored(project, db, redone) if redone else None
        self.unheld = unheld_edits.edits_since(project, db, self._number)
        """The files that no checkpoint holds and that agents edited since the target."""
        self.lost = partial(lost_since, project, db, self._number, self._session)
        if redone and self._places is not None:
            safety = schema.checkpoint_number(redone.safety)
            self._places |= unheld_edits.places_rolled_back(db, safety)
        self.choice = choice
        self._changes: AttributedChanges = changes_since(project, db, self._number)
        self._live: LastInterval | None = None
        self._saved: dict[bytes, str] = {}
        self._since = SavedSince(project, db, self._number)
        self._outgrown: set[bytes] = set()
        """The places whose file the user changed where no checkpoint could hold it: nothing can be merged."""
        self._in_the_way: set[str] = set()
        """The files, as reports show them, in whose place, or in that of whose folder, the user put something else."""
        self._deleted: set[bytes] = set()
        self._renamed: dict[bytes, bytes] = {}
        """Files of the user's that hold the text of one which is deleted, with its name."""
        self._history = PlaceHistory(project, db, self._number, self._session)
        self._separate(BufferView(None, ()))

    def concerns(self, place: bytes | None) -> bool:
        """Return whether a place may change: of a redo only what the rollback that it reverts had changed."""
        return self._places is None or place is None or place in self._places

    def add_buffer_changes(self, last: BufferView, now: BufferView) -> None:
        """Add what changed since the last checkpoint, which no checkpoint holds yet."""
        restored = restored_entries(self._db, schema.next_number(self._db))
        found = Attribution(self._project, writes(self._db), restored).changes(
            Shown.from_view(self._project, last), Shown.from_view(self._project, now)
        )
        found.update(changes_by(self._project.row_writers(self._db)))
        self._live = LastInterval(last, now, found)
        self._history = PlaceHistory(self._project, self._db, self._number, self._session, self._live)
        self._since = SavedSince(self._project, self._db, self._number, self._live)
        for place, change in found.items():
            self._changes.add(place, change.sessions, user=change.stored_user)

    def _separate(self, now: BufferView) -> None:
        self._unsaved = {place_of(self._project, held) for held in now.unsaved}
        self._now = now
        self._separation = Separation(
            self._project, self._target.id, self._session, self._history, self._changes, self._since,
            now, self._unsaved, self.choice == "keep",
        )  # fmt: skip

    def changed_unseen(self) -> list[bytes]:
        """Return the places with unobserved changes before the first full scan after the target."""
        rows = select(
            self._db, "SELECT min(number) FROM checkpoint WHERE number > ? AND complete", (self._number,)
        )
        if rows[0][0] is None:
            live = self._live.changes if self._live else {}
            return sorted(at for at, change in live.items() if change.user and self._project.shown(at))
        found = select(
            self._db,
            "SELECT DISTINCT place FROM checkpoint_change WHERE number = ? AND user & 3 ORDER BY place",
            rows[0],
        )
        return [bytes(place) for (place,) in found if self._project.shown(bytes(place))]

    def owner(self, place: bytes, now: BufferView) -> Owner:
        """Return the owner of a place's changes since the target.

        A rollback that restored a checkpoint's state also restored its ownership. If both changed the place, intervals before a
        moment at which it was as at the target do not count. And if the present state is one that a checkpoint holds, with no work of
        the user's before that, it is the agent's. No work can be lost in any of these cases, nor for a file that is still missing
        since the state was imported.
        """
        if (file := self.unheld.get(place)) is not None:
            texts = (text_state(held.text) for held in now.unsaved if place_of(self._project, held) == place)
            return file.owner(self._project, next(texts, entry_state(file.was)), self._session)
        if self._changes.was_missing(place) and self._history.last_change(place).is_missing:
            return "agent"
        found = self._changes.owner(place, self._session)
        simple = found != "both" and not self._changes.rolled_back(place)
        if simple or self._changes.unknown:
            return found
        intervals = self._history.latest_intervals(place)
        if (found := merge_changes(intervals).owner(self._session)) != "both":
            return found
        shown, bits = shown_text(self._project, now, place), self._project.bits_at(now.tree, place)
        for at, interval in enumerate(intervals):
            if merge_changes(intervals[: at + 1]).owner(self._session) != "agent":
                return "both"
            if shown is not None and shown_text(self._project, interval.after, place) == shown:
                return "agent" if self._project.bits_at(interval.after.tree, place) == bits else "both"
        return "both"

    def sort(
        self, steps: list[RestoreStep], buffers: list[BufferChange], plan: PlanFiles, now: BufferView
    ) -> None:
        """Reduce both lists to what is done, and list in the plan what is written, deleted, kept, and in conflict."""
        steps[:] = [step for step in steps if self.concerns(step.place)]
        buffers[:] = [change for change in buffers if self.concerns(change.place)]
        open_places = {change.place for change in buffers if change.place}
        places = open_places | {step.place for step in steps}
        owners: dict[bytes, Owner] = {place: self.owner(place, now) for place in places}
        blocked = keep_reasons.blocked_steps(steps, owners)
        if self.choice == "agents":
            owners |= {place: "both" for places in blocked.values() for place in places}
        writer = self._project.repository.writer()
        self._separate(now)
        if self.choice != "overwrite":
            self._saved = self._since.texts({step.place for step in steps if step.unheld is None})
        self._outgrown = changed_since_outgrown(self._db, self._target, steps)
        self._find_renamed(steps, owners, open_places)
        kept: dict[str, str] = {}
        done: list[RestoreStep] = []
        for step in steps:
            owner = owners[step.place]
            if self._changes.beneath(step.place) and not self._changes.unknown:
                owner = self._owner_below(step)
            elif owner == "user" and self._is_reverted_above(step.place, buffers):
                owner = "agent"
            if owner == "agent" and step.place in self._outgrown:
                owner = "both"
            self._note(plan, step.shown, owner)
            bits = self._project.bits_at(now.tree, step.place)
            result = self._step(step, owner, writer.add, bits)
            if result is not None and (result is step or result.changes(bits)):
                done.append(result)
                if step.place in self._separation.same_lines:
                    kept[step.shown] = self._separation.same_lines[step.place]
            elif (
                result is None or owner != "agent"
            ):  # a merge that changes nothing leaves only the user's work
                kept[step.shown] = self.reason("user" if result else owner, step.place)
                saved = result is not None and owner == "both" and step.place in open_places
                if saved or owner == "user" != owners[step.place]:
                    kept[step.shown] = keep_reasons.YOUR_FILE
        writer.finish()
        doing = {step.place for step in done}
        for step in [step for step in done if not blocked.get(step.place, set()) <= doing]:
            done.remove(step)
            self._in_the_way.add(step.shown)
            inside = min(self._project.shown(place) for place in blocked[step.place])
            kept[step.shown] = f"{keep_reasons.IN_THE_WAY}: {inside}"
        of_files = dict(kept)
        typed = self._changed_buffers(buffers, owners, plan, kept)
        steps[:], buffers[:] = done, typed
        undecided = self._in_the_way if self.choice != "keep" else set[str]()
        also = [
            PathReason(shown, reason)
            for shown, reason in sorted(of_files.items())
            if reason in keep_reasons.LEFT and kept[shown] != reason and shown not in undecided
        ]
        keep_reasons.list_in_plan(plan, (done, typed), kept, undecided, also)

    def _changed_buffers(
        self,
        buffers: Sequence[BufferChange],
        owners: Mapping[bytes, Owner],
        plan: PlanFiles,
        kept: dict[str, str],
    ) -> list[BufferChange]:
        """Return what changes in open documents; say in `kept` what stays in them."""
        typed: list[BufferChange] = []
        for change in buffers:
            outside: Owner = "user" if change.users else "agent"
            owner = owners[change.place] if change.place else outside
            self._note(plan, change.shown, owner)
            if (result := self._buffer(change, owner)) is not None and result.text != change.buffer.text:
                typed.append(result)
                if change.place in self._separation.same_lines:
                    kept[change.shown] = self._separation.same_lines[change.place]
            elif result is None or owner != "agent":
                reason = self.reason("user" if result else owner, change.place)
                if reason not in keep_reasons.LEFT:
                    reason = kept.get(change.shown, reason)
                kept[change.shown] = reason  # that the agent's change stays outweighs the rest
        return typed

    def _owner_below(self, step: RestoreStep) -> Owner:
        """Return whose a file is that changed beneath an unsaved text: the user's alone if nothing of the agent's was saved with it."""
        owner, place = self._history.file_owner(step.place), step.place
        if owner == "user" and self.choice != "overwrite":
            is_theirs = self._separation.of_file(step) == file_bytes(self._project, self._now.tree, place)
            return "user" if is_theirs and place not in self._separation.same_lines else "both"
        return owner

    def _is_reverted_above(self, place: bytes, buffers: list[BufferChange]) -> bool:
        """Return whether the editor shows, not saved yet, what the target holds, and only this agent changed the file: a part
        of a turn was undone in the editor, and the file still holds the agent's text."""
        shown = place in self._unsaved and all(change.place != place for change in buffers)
        return shown and self._changes.owner(place, self._session) == "agent"

    @staticmethod
    def _note(plan: PlanFiles, shown: str, owner: Owner) -> None:
        if shown not in plan.users and shown not in plan.agents:
            (plan.agents if owner == "agent" else plan.users).append(shown)

    def leave_moved_in(self, steps: list[RestoreStep], now: BufferView) -> list[PathReason]:
        """Remove the steps that would delete a file which a command only moved here; return these files."""
        moved = moved_in(self._project, self._db, self._target, now.tree, steps)
        if self.choice != "overwrite":  # the user's own stay anyway, and are named as theirs
            moved = {place for place in moved if self.owner(place, now) != "user"}
        left = [PathReason(step.shown, keep_reasons.MOVED_IN) for step in steps if step.place in moved]
        steps[:] = [step for step in steps if step.place not in moved]
        return left

    def reason(self, owner: Owner, place: bytes | None) -> str:
        """Return why a place stays as it is."""
        another = self._session is not None and place is not None and self._changes.only_agents(place)
        another = another and place not in self._outgrown
        if place in self._separation.same_lines:
            return self._separation.same_lines[place]
        if owner == "user":
            moved = place is not None and self._changes.moved(place)
            return (
                keep_reasons.ONLY_ANOTHERS
                if another
                else keep_reasons.GITS_WORK
                if moved
                else self._users_reason(place)
            )
        if place in self.unheld and not another:
            return keep_reasons.KEPT_UNHELD if self.choice == "keep" else keep_reasons.UNHELD_CHANGED
        uncertain = place is not None and self._changes.uncertain(place)
        if place in self._deleted and not uncertain and not another:
            return keep_reasons.KEPT_DELETED if self.choice == "keep" else keep_reasons.DELETED
        if self.choice == "keep":
            return keep_reasons.KEPT_UNCERTAIN if uncertain else keep_reasons.KEPT
        if uncertain:
            return keep_reasons.UNCERTAIN
        return keep_reasons.ANOTHER_ON_TOP if another else keep_reasons.BOTH

    def _users_reason(self, place: bytes | None) -> str:
        if place is None:
            return keep_reasons.ONLY_YOURS
        first = first_name(self._project, self._db, self._number, place)
        name = self._renamed.get(place)
        if name is None and first is not None:
            if first.place is not None and self._changes.owner(first.place) == "user":
                return keep_reasons.ONLY_YOURS
            name = first.place
        old_name = None if name is None else self._project.shown(name)
        return keep_reasons.of_users_file(old_name, is_renamed=name is not None or first is not None)

    def _find_renamed(
        self, steps: Sequence[RestoreStep], owners: Mapping[bytes, Owner], shown: Collection[bytes]
    ) -> None:
        """Find what the user deleted of the agent's work, and where its text is now."""
        added = [one.place for one in steps if one.now is None and owners[one.place] == "user"]
        gone = (one.place for one in steps if one.was is None and owners[one.place] == "both")
        self._deleted = {place for place in gone if place not in shown}
        texts = {place: self._last_text(place) for place in self._deleted} if added else {}
        self._renamed = renamed_texts(self._project, self._now.tree, added, texts)

    def _last_text(self, place: bytes) -> bytes | None:
        """Return the last content of a file that is gone."""
        views = (one.before for one in reversed(self._history.intervals(place)))
        held = (file_bytes(self._project, view.tree, place) for view in views)
        return next((data for data in held if data is not None), None)

    def takes_all(self, owner: Owner) -> bool:
        """Return whether a place of this owner is restored as it was, without a question."""
        return self.choice == "overwrite" or owner == "agent" or (owner == "both" and self.choice == "agents")

    @property
    def merges(self) -> bool:
        """Whether the agent's changes are separated from the user's if both changed a place."""
        return self.choice in ("keep", "merge")

    def _step(
        self, step: RestoreStep, owner: Owner, add: Callable[[str, bytes], bytes], bits: bytes
    ) -> RestoreStep | None:
        project, place = self._project, step.place
        self._separation.same_lines.pop(place, None)
        text = self._saved.get(place)
        if self.takes_all(owner):
            if text is None:
                return step
            entry = step.now or step.was
            return step.with_content(add(BLOB, self._separation.encoded(entry, text)), step.bits_after(bits))
        if owner == "user" or not self.merges or place in self._outgrown or step.unheld is not None:
            return None
        if (data := self._separation.of_file(step)) is None:
            return None
        own = self._separation.without_agent(
            place, lambda view: project.bits_at(view.tree, place), Change.file_owner, lambda *_: None
        )
        content = add(BLOB, data)
        if (
            own is None
            and int(bits, 8) != step.permissions
            and step.was is not None
            and step.was.oid == content
        ):
            return None  # both changed the permission bits, which cannot be divided, and nothing else is left
        return step.with_content(content, own or bits)

    def _buffer(self, change: BufferChange, owner: Owner) -> BufferChange | None:
        place = change.place
        self._separation.same_lines.pop(place or b"", None)
        if self.takes_all(owner):
            return change
        if owner == "user" or not self.merges or place is None or place in self.unheld:
            return None
        is_file = place not in self._unsaved and self._history.was_unsaved(place)
        text = self._separation.text_of_file(place) if is_file else self._separation.of_document(place)
        return None if text is None else replace(change, text=text)

    def row_owner(self, place: bytes, now: BufferView) -> Owner:
        """Return the owner of a part's row; "agent" if that is not recorded (checkpoints of earlier versions)."""
        return self.owner(place, now) if place in self._changes else "agent"

    def is_automatic(self, place: bytes) -> bool:
        """Return whether nobody changed a part's row since the target."""
        return self._changes.is_automatic(place)

    def users_intervals(self, place: bytes) -> list[Interval]:
        """Return the intervals since the target in which the user changed a place, alone or not."""
        return [one for one in self._history.intervals(place) if one.change.owner(self._session) != "agent"]

    def row_without_agent(
        self, place: bytes, read: Callable[[BufferView], bytes | None], merge: Merge
    ) -> bytes | None:
        """Return a part's row without the agent's changes; None if they cannot be separated. `merge`: the part's own."""
        return self._separation.without_agent(place, read, Change.owner, merge)
