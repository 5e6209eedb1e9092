"""Three-way merges of one file's content, by `git merge-file`, and the user's changes separated from the agent's by them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from mazu_ls.checkpoints.attribution.owners import Owner
from mazu_ls.checkpoints.context import CheckpointContext

Merge = Callable[[bytes, bytes, bytes], bytes | None]
"""Merges mine, ancestor and theirs; None if they conflict."""


def merged(project: CheckpointContext, mine: bytes, ancestor: bytes, theirs: bytes) -> bytes | None:
    """Return both changes of the ancestor in one text; None if they overlap, or if one is binary."""
    with tempfile.TemporaryDirectory(dir=project.repository.path) as folder:
        files = []
        for name, data in (("mine", mine), ("ancestor", ancestor), ("theirs", theirs)):
            file = Path(folder) / name
            file.write_bytes(data)
            files.append(str(file))
        status, clean = project.repository.run_unchecked("merge-file", "-p", "-q", *files)
    return clean if status == 0 else None  # 1 to 127: the number of conflicts; 255: not mergeable


def replay_users_changes(
    then: bytes | None, intervals: Iterable[tuple[bytes | None, bytes | None, Owner]], merge: Merge
) -> bytes | None:
    """Return the content `then` with the user's changes since and without the agent's; None if they cannot be separated.

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
