"""Compares states of places: a file and a text are the same if the file holds that text; what was away can come back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from mazu_ls.checkpoints.attribution.recorded_writes import UNKNOWN, Shown
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.scan.file_state import State, text_state
from mazu_ls.checkpoints.scan.unsaved_buffers import BufferView, shown_text
from mazu_ls.errors import MazuError
from mazu_ls.workspace.text import split_lines


class SameStates:
    """Compares states of places in the trees of one project."""

    def __init__(self, project: CheckpointContext) -> None:
        self._project = project

    def file_state(self, tree: bytes | None, place: bytes) -> State:
        """Return the state of the file at a place; UNKNOWN if the tree is no longer in the store."""
        try:
            return self._project.state_at(tree, place)
        except MazuError:
            return UNKNOWN

    def among(self, state: State, states: Iterable[State]) -> bool:
        """Return whether a state is the same as one of the others."""
        return any(self.same(state, other) for other in states)

    def same(self, one: State, other: State) -> bool:
        """Return whether two states are the same; what is unknown is the same as nothing."""
        if one == other:
            return one != UNKNOWN
        if one is None or other is None or one[0] == other[0]:
            return False
        return self._text(one) == self._text(other)

    def accepted(self, place: bytes, possible: Sequence[State], old: Shown, new: Shown) -> set[str]:
        """Return the sessions whose edits the user accepted, if those lead from one of the `possible` states to the `new` one.

        Nothing may be recorded of them yet: their server learns of files that an editor wrote, and never opened, only in time.
        """
        if (path := self._project.path_of(place)) is None:
            return set()
        texts = (
            None if place in shown.texts else shown_text(self._project, BufferView(shown.tree, ()), place)
            for shown in (old, new)
        )
        state = new.texts[place] if place in new.texts else self.file_state(new.tree, place)
        return {
            session
            for edit in self._project.editors.accepted_edits(path, *texts)
            if self.among(text_state(edit.before), possible) and self.same(text_state(edit.after), state)
            for session in edit.sessions
        }

    def _text(self, state: str) -> State:
        """Return the state as that of a text, if it is one."""
        if not state.startswith("e"):
            return state
        return self._project.text_states.state_of(bytes.fromhex(state.rpartition(" ")[2])) or state


def came_back(start: str | None, meanwhile: str | None, end: str | None) -> bool:
    """Return whether a text came back that was away for a while, as by a stash or on another branch; None for no file.

    It did where most of the lines that went away are there again, or most of those that came have gone again.
    """
    first, between, last = (Counter(split_lines(text or "")) for text in (start, meanwhile, end))
    gone, came = first - between, between - first
    if gone:
        return 2 * (gone & (last - between)).total() > gone.total()
    return 2 * (came - last).total() > came.total()
