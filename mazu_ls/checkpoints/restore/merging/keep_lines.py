"""The merges by which a rollback separates the agent's lines from the user's."""

from __future__ import annotations

from collections.abc import Callable

from mazu_ls.checkpoints.git.merge_cells import merge_cells
from mazu_ls.checkpoints.git.merge_file import merge_file
from mazu_ls.checkpoints.git.repository import StoreRepository
from mazu_ls.checkpoints.restore.keep_reasons import SAME_BLOCK, SAME_LINES
from mazu_ls.checkpoints.restore.merging.merge_lines import merge_adjoining, merge_keeping_mine
from mazu_ls.checkpoints.restore.merging.replay import Merge


def separate_lines(repository: StoreRepository, mine: bytes, ancestor: bytes, theirs: bytes) -> bytes | None:
    """Merge what does not overlap; None for a conflict."""
    merged = merge_file(repository, mine, ancestor, theirs)
    return merge_adjoining(mine, ancestor, theirs) if merged is None else merged


def keep_users_lines(
    repository: StoreRepository, place: bytes, replay: Callable[[Merge], bytes | None]
) -> tuple[bytes | None, str]:
    """Replay with merges in which the user's text stays in lines that both changed; return also what is to be said of that."""
    whole_blocks = False

    def merge(mine: bytes, ancestor: bytes, theirs: bytes) -> bytes | None:
        nonlocal whole_blocks
        if (merged := separate_lines(repository, mine, ancestor, theirs)) is not None:
            return merged
        if (kept := merge_keeping_mine(mine, ancestor, theirs)) is not None:
            whole_blocks |= kept.whole_blocks
            return kept.text
        whole_blocks = True
        return merge_file(repository, mine, ancestor, theirs, prefer_mine=True)

    result = replay(merge_cells(merge, place))
    return result, SAME_BLOCK if whole_blocks else SAME_LINES
