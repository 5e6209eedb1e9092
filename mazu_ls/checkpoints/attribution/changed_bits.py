"""Permission bits that the user changed on a file that agents edited: an edit leaves them as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.attribution.recorded_writes import ROLLBACK
from mazu_ls.errors import MazuError

if TYPE_CHECKING:
    from mazu_ls.checkpoints.attribution.recorded_writes import Shown, Write
    from mazu_ls.checkpoints.context import CheckpointContext


def bits_changed(
    project: CheckpointContext, place: bytes, edits: Sequence[Write], moments: Sequence[Shown]
) -> bool:
    """Return whether the bits of an edited file changed other than by a command.

    `moments`: the start, before and after each command, and the end. Not known, and so not claimed, of a file that was
    created or replaced meanwhile.
    """
    is_kept = all(edit.before is not None and edit.after is not None for edit in edits)
    if not is_kept or all(edit.session.partition(":")[0] == ROLLBACK for edit in edits):
        return False
    try:
        states = [project.state_at(one.tree, place) for one in moments]
        bits = [project.bits_at(one.tree, place) for one in moments]
    except MazuError:  # a tree is no longer in the store
        return False
    # A command's own changes are between an odd moment and the next one.
    return None not in states and any(bits[at] != bits[at + 1] for at in range(0, len(bits), 2))
