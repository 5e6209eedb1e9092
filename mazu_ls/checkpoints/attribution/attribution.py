"""Attribution: who changed what between checkpoints. Writes of the agent and of rollbacks are recorded; everything else
is the user's.

An edit is recorded before it is made, with the text before and after; a command with the state of the folders right
before and right after it; and what the user saves in an editor during a command, with the text before and after. When a
checkpoint is taken, each changed file is traced through these records: a content that no record explains was made by
the user.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

from msgspec.structs import replace

from mazu_ls.checkpoints.attribution.changed_bits import bits_changed
from mazu_ls.checkpoints.attribution.head_moves import HeadMove, head_move
from mazu_ls.checkpoints.attribution.interrupted_commands import changed_after_end
from mazu_ls.checkpoints.attribution.owners import Change
from mazu_ls.checkpoints.attribution.recorded_writes import USER, Shown, Write, read_heads
from mazu_ls.checkpoints.attribution.same_states import SameStates
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.scan.file_state import EMPTY, State
from mazu_ls.errors import MazuError


class Attribution:
    """Traces places from one state of the folders to another through the records in between.

    Changes made while a command runs, in this process or another, are the agent's. So are those of a command whose
    process was killed, as far as the files' own times show that it still ran then. Later changes, and those after a
    command whose end could not be recorded, are uncertain: the agent, the user or both may have made them.
    """

    def __init__(
        self,
        project: CheckpointContext,
        recorded: Sequence[Write],
        restored: Mapping[bytes, State] = MappingProxyType({}),
    ) -> None:
        """`restored`: the files that rollbacks left in the meantime."""
        self._project = project
        self._restored = restored
        self._recorded = recorded
        self._running = {
            write.id
            for write in recorded
            if write.commanded
            and not write.commanded[1]
            and project.commands.is_open(write.id, write.process)
        }
        self._same = SameStates(project)
        self._moves: dict[int, HeadMove] = {}
        self._edits: dict[bytes, list[Write]] = {}
        self._saves: dict[bytes, list[Write]] = {}
        for write in recorded:
            if write.place is not None:
                listed = self._saves if write.session == USER else self._edits
                listed.setdefault(write.place, []).append(write)
        self._commands = [write for write in recorded if write.commanded]

    def changes(self, old: Shown, new: Shown) -> dict[bytes, Change]:
        """Return every place that differs, and who changed it. A text that was merely saved is nobody's change."""
        places = {*old.texts, *new.texts, *self._project.differing(old.tree, new.tree)}
        found = {place: self._follow(place, old, new) for place in places}
        return {
            place: change
            for place, change in found.items()
            if change.user or change.sessions or change.beneath
        }

    def _follow(self, place: bytes, old: Shown, new: Shown) -> Change:
        change, possible, doubtful = Change(), self._states(old, place), set[str]()
        records = sorted([*self._edits.get(place, ()), *self._commands], key=lambda write: write.id)
        for write in records:
            around = [one for one in self._commands if one.id < write.id <= self._until(one)]
            if write.commanded is None:
                possible += [self._state(one.commanded[0], place) for one in around if one.commanded]
                self._explain(write.before, possible, place, around, change)
                change.sessions.add(write.session)
                change.user |= place in new.texts and self._threw_away(write, old, place)
                possible = [write.before, write.after]
            elif self._may_be_later(write, place):
                self._explain(self._state(write.commanded[0], place), possible, place, around, change)
                possible = self._written_during(write, place, write.commanded[1] or new, change)
                doubtful.add(write.session)
            else:
                self._explain(self._state(write.commanded[0], place), possible, place, around, change)
                possible = self._through(write, place, new, change)
            # The command around this record may have changed the place after it, too.
            possible += [self._state(one.commanded[1] or new, place) for one in around if one.commanded]
        if not self._same.among(self._state(new, place), possible):
            accepted = self._same.accepted(place, possible, old, new)
            change.sessions |= accepted or doubtful
            change.user |= not accepted
            change.uncertain |= bool(doubtful and not accepted)
        edits, ends = self._edits.get(place, ()), [Shown(old.tree)]
        if place not in self._restored and place not in {*old.texts, *new.texts}:
            ends += [one for command in self._commands for one in self._ends(command, new)]
            overlap = any(self._until(one) > other.id for one, other in pairwise(self._commands))
            change.user |= not overlap and bits_changed(self._project, place, edits, [*ends, new])
        change.beneath = place in new.texts and self._changed_beneath(place, old, new)
        return change

    def _threw_away(self, edit: Write, old: Shown, place: bytes) -> bool:
        """Return whether the first edit began with the file below an unsaved text: its user had reverted the document to that.

        Only where the editor shows the edit: if an editor is gone, its text was not thrown away by anybody.
        """
        if place not in old.texts or edit is not self._edits[place][0]:
            return False
        below = self._state(Shown(old.tree), place)
        return self._same.same(edit.before, below) and not self._same.same(edit.before, old.texts[place])

    def _changed_beneath(self, place: bytes, old: Shown, new: Shown) -> bool:
        """Return whether the file on disk differs from every record while an editor shows an unsaved text of it."""
        possible = self._states(old, place)
        possible += [state for edit in self._edits.get(place, ()) for state in (edit.before, edit.after)]
        if any(edit.before is None for edit in self._edits.get(place, ())):
            possible.append(EMPTY)  # an editor makes the file before the agent's text is in it
        if place in self._restored:
            possible.append(self._restored[place])
        for command in self._commands:
            assert command.commanded
            before, after = (self._state(Shown(one.tree), place) for one in self._ends(command, new))
            if not self._same.among(before, possible):
                return True
            possible.append(after)
        return not self._same.among(self._state(Shown(new.tree), place), possible)

    @staticmethod
    def _ends(command: Write, new: Shown) -> tuple[Shown, Shown]:
        """Return the files before and after a command; one without a recorded end counts as running until now."""
        assert command.commanded
        return command.commanded[0], command.commanded[1] or new

    def _may_be_later(self, command: Write, place: bytes) -> bool:
        """Return whether a command's end is unknown and the place may have been changed after it."""
        assert command.commanded
        if command.commanded[1] is not None or command.id in self._running:
            return place in command.later
        return changed_after_end(self._project, command, place)

    def _until(self, command: Write) -> float:
        return math.inf if command.id in self._running else command.until

    def _explain(
        self, state: State, possible: list[State], place: bytes, around: list[Write], change: Change
    ) -> None:
        """Explain the state at a place: left by the earlier records, by running commands, or by the user."""
        if self._same.among(state, possible) or (state is None and self._same.among(EMPTY, possible)):
            return  # where an editor creates a file, it is empty before it has the agent's text
        saves = self._saves.get(place, ())
        change.sessions.update(command.session for command in around)
        change.user |= not around or any(
            command.id < save.id <= self._until(command) for command in around for save in saves
        )

    def _through(self, write: Write, place: bytes, new: Shown, change: Change) -> list[State]:
        """Return what a command may have left at a place; one that still runs made every change until now.

        What the user saved meanwhile, or another session edited, is not its work, unless that was based on what the command wrote.
        """
        assert write.commanded
        before, ended = write.commanded
        after = ended or new
        try:
            files = [self._project.state_at(shown.tree, place) for shown in (before, after)]
        except MazuError:  # the tree is no longer in the store
            change.user = True
            change.sessions.add(write.session)
            return [self._state(after, place)]
        possible = self._written_during(write, place, after, change)
        if files[0] != files[1] and not self._same.among(files[1], possible):
            move = self._head_move(write, new)
            change.moved = place in move.alone
            change.user |= change.moved or place in move.mixed
            if not change.moved:
                change.sessions.add(write.session)
        if place in after.texts and not self._same.among(after.texts[place], [*possible, files[1]]):
            change.user = True  # typed, not saved
        return self._states(after, place)

    def _head_move(self, command: Write, new: Shown) -> HeadMove:
        """Return what git changed because the user moved HEAD while a command ran."""
        if command.id not in self._moves:
            before, after = self._ends(command, new)
            if command.commanded and command.commanded[1] is None:
                after = replace(after, heads=read_heads(self._project))
            move = head_move(self._project, before, after)
            git = (one for one in self._commands if one.commanded and not one.commanded[0].heads)
            overlap = any(one.id < self._until(command) and command.id < self._until(one) for one in git)
            self._moves[command.id] = HeadMove(mixed=move.alone | move.mixed) if overlap else move
        return self._moves[command.id]

    def _written_during(self, command: Write, place: bytes, after: Shown, change: Change) -> list[State]:
        """Return the states that a place may have after a command that did not touch it: the state before it, the last saved one, or
        those around an edit of another session meanwhile, which is recorded before it is made.

        The notification of a save may arrive a little after the command has ended: such a save counts if it leaves the
        state after the command and is based on the state before it.
        """
        assert command.commanded
        possible = self._states(command.commanded[0], place)
        agents = [possible[0], *(edit.after for edit in self._edits.get(place, ()))]
        left = self._states(after, place)[-1]
        edits = [one for one in self._edits.get(place, ()) if one.id <= self._until(command)]
        earlier = next((one for one in reversed(edits) if one.id < command.id), None)
        if earlier is not None and self._same.among(earlier.before, possible):
            possible.append(earlier.after)  # made only after the command began
        for write in sorted([*self._saves.get(place, ()), *edits], key=lambda one: one.id):
            is_late = command.commanded[1] is not None and write.id > command.until
            if write.id < command.id or (
                is_late
                and not (self._same.among(write.before, possible) and self._same.same(write.after, left))
            ):
                continue
            if not self._same.among(write.before, possible):
                change.sessions.add(command.session)
            if write.session != USER:
                possible = [write.before, write.after]
                continue
            if not self._same.among(write.after, [write.before, *agents]):
                change.user = True
            possible = [write.after]
        return possible

    def _states(self, shown: Shown, place: bytes) -> list[State]:
        """Return what the user saw at a place, and the file beneath: showing that again is nobody's change."""
        found = [self._state(shown, place)]
        if place in shown.texts:
            found.append(self._state(Shown(shown.tree), place))
        return found

    def _state(self, shown: Shown, place: bytes) -> State:
        if place in shown.texts:
            return shown.texts[place]
        return self._same.file_state(shown.tree, place)
