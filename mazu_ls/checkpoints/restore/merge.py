"""The user's changes of one file, separated from the agent's by three-way merges."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mazu_ls.checkpoints.attribution.owners import Owner

Merge = Callable[[bytes, bytes, bytes], bytes | None]
"""Merges mine, ancestor and theirs; None if they conflict."""


def replay_users_changes(
    then: bytes | None, intervals: Iterable[tuple[bytes | None, bytes | None, Owner]], merge: Merge
) -> bytes | None:
    """Return the content `then` with the user's changes since and without the agent's; None if `merge` cannot separate them.

    `intervals`: the content before and after each, and whose its change is, the oldest first.
    """
    # Skip the agent's intervals, apply each of the user's as a three-way merge whose ancestor is the interval's start.
    # An interval of both has no state between the two to start from.
    result = then
    for was, now, owner in intervals:
        if was == now or owner == "agent":
            continue
        if owner == "both" or was is None or now is None or result is None:
            return None
        result = now if result == was else merge(now, was, result)
    return result
