"""Which unsaved texts the user saved between two moments: only what was on disk says so.

That no unsaved text is left says nothing: the document may have been closed without saving, or its editor is gone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mazu_ls.checkpoints.attribution.recorded_writes import UNKNOWN, USER, Shown, Write
from mazu_ls.checkpoints.attribution.same_states import SameStates
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.scan.file_state import State


def saved_places(
    project: CheckpointContext,
    recorded: Sequence[Write],
    restored: Mapping[bytes, State],
    ends: tuple[Shown, Shown],
) -> set[bytes]:
    """Return the places whose unsaved text at the start was saved before the end.

    `recorded`: the writes in between; `restored`: the files that rollbacks left in the meantime.
    """
    same, (old, _) = SameStates(project), ends
    found: set[bytes] = set()
    for place in old.texts:
        trace = _FileTrace(same, place, old)
        if place in restored:
            trace.expected.append(restored[place])
        if _is_saved(project, trace, recorded, ends):
            found.add(place)
    return found


class _FileTrace:
    """What the file at a place is if nobody saved it, and what a save would make of it."""

    def __init__(self, same: SameStates, place: bytes, old: Shown) -> None:
        self.same = same
        self.place = place
        self.expected: list[State] = [same.file_state(old.tree, place)]
        """The states of the file that writes of agents, commands and rollbacks account for."""
        self.held: list[State] = [old.texts[place]]
        """The unsaved text, and what edits made of it."""

    def add_edit(self, edit: Write, *, is_running: bool) -> None:
        """Add an edit of the unsaved text, or of the file. `is_running`: a command that runs may have written before it."""
        if is_held := self.same.among(edit.before, self.held):
            self.held.append(edit.after)
        if self.same.among(edit.before, self.expected) or (is_running and not is_held):
            self.expected.append(edit.after)

    def shows_save(self, state: State, *, is_running: bool) -> bool:
        """Return whether the file is in a state that only a save explains.

        While a command runs, a state that neither accounts for is the command's.
        """
        if state == UNKNOWN or self.same.among(state, self.expected):
            return False
        if not is_running or self.same.among(state, self.held):
            return True
        self.expected.append(state)
        return False


def _is_saved(
    project: CheckpointContext, trace: _FileTrace, recorded: Sequence[Write], ends: tuple[Shown, Shown]
) -> bool:
    """Follow the file through what was recorded; see `saved_places`."""
    commands: list[tuple[float, State]] = []
    """When each command so far ended, as the id of a record, and the file then."""
    for write in recorded:
        running = [state for until, state in commands if write.id <= until]
        if write.commanded is not None:
            before, ended = write.commanded
            if trace.shows_save(trace.same.file_state(before.tree, trace.place), is_running=bool(running)):
                return True
            is_open = ended is None and project.commands.is_open(write.id, write.process)
            state = trace.same.file_state((ended or ends[1]).tree, trace.place)
            if trace.shows_save(state, is_running=True):
                return True
            commands.append((math.inf if is_open else write.until, state))
        elif write.place == trace.place and write.session == USER:
            if trace.shows_save(write.after, is_running=False):
                return True
        elif write.place == trace.place:
            trace.add_edit(write, is_running=bool(running))
    return trace.shows_save(trace.same.file_state(ends[1].tree, trace.place), is_running=False)
