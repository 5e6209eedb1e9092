"""Compares states of places: a file and a text are the same if the file holds that text; what was away can come back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from mazu_ls.checkpoints.attribution.recorded_writes import UNKNOWN
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.scan.file_state import State
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
