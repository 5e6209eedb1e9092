"""The user's changes of one file, separated from the agent's by three-way merges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from mazu_ls.checkpoints.attribution.owners import Owner

Merge = Callable[[bytes, bytes, bytes], bytes | None]
"""Merges mine, ancestor and theirs; None if they conflict."""
MOST_PAIRS = 50_000
"""Above this many pairs of equal lines, after the common start and end, finding the changed ones would take too long."""
LineEdit = tuple[int, int, list[bytes]]
"""Lines from one (0-based) to another (exclusive) of the ancestor, and what they became."""


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


def merge_adjoining(mine: bytes, ancestor: bytes, theirs: bytes) -> bytes | None:
    """Merge changes of lines that adjoin but do not overlap, which `git merge-file` takes for a conflict: a line that one changed,
    and those that the other added right below it. None if they overlap, if both added lines at the same place, or if a line without
    a line end would get others behind it."""
    if b"\0" in mine + ancestor + theirs:
        return None
    base = _lines(ancestor)
    changes: list[LineEdit] = []
    for side in (mine, theirs):
        found = _line_edits(base, _lines(side))
        if found is None:
            return None
        changes += [one for one in found if one not in changes]
    result: list[bytes] = []
    at = 0
    last: LineEdit = (-1, -1, [])
    for start, end, lines in sorted(changes, key=lambda one: one[:2]):
        if start < at or (start, end) == last[:2]:
            return None
        result += base[at:start] + lines
        at, last = end, (start, end, lines)
    result += base[at:]
    return b"".join(result) if all(line.endswith(b"\n") for line in result[:-1]) else None


def _lines(data: bytes) -> list[bytes]:
    *lines, last = data.split(b"\n")
    return [line + b"\n" for line in lines] + ([last] if last else [])


def _line_edits(old: list[bytes], new: list[bytes]) -> Iterator[LineEdit] | None:
    """Return what was changed, in order; None if that takes too long to find out."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    was, now = old[head : len(old) - tail], new[head : len(new) - tail]
    if not was and not now:
        return iter(())
    if not was or not now:
        return iter([(head, head + len(was), now)])
    counts = Counter(now)
    if sum(counts[line] for line in was) > MOST_PAIRS:
        return None
    from difflib import SequenceMatcher

    codes = SequenceMatcher(None, was, now, autojunk=False).get_opcodes()
    return ((head + i, head + j, now[k:m]) for tag, i, j, k, m in codes if tag != "equal")
