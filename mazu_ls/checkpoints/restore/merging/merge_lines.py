"""Three-way merges by lines, where those of git leave a conflict."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

MOST_PAIRS = 50_000
"""Above this many pairs of equal lines, after the common start and end, finding the changed ones would take too long."""
LineEdit = tuple[int, int, list[bytes]]
"""Lines from one (0-based) to another (exclusive) of the ancestor, and what they became."""


class KeptLines(Struct, frozen=True):
    """A text in which `mine` stays in the lines that both changed. `whole_blocks`: lines of the ancestor stay beside these, which the
    other side had changed and `mine` had not."""

    text: bytes
    whole_blocks: bool


def merge_keeping_mine(mine: bytes, ancestor: bytes, theirs: bytes) -> KeptLines | None:
    """Merge; of lines that both changed, those of `mine` stay. None if that takes too long to find out, or for a binary file.

    Where a side replaced lines by as many others, each line stands for itself: the rest of such a block is merged. Where it replaced
    them by more or fewer, nothing says which line became which: if the other side changed one of them, the block stays as in `mine`.
    """
    if b"\0" in mine + ancestor + theirs:
        return None
    base = _lines(ancestor)
    edits = [_line_edits(base, _lines(side)) for side in (mine, theirs)]
    if edits[0] is None or edits[1] is None:
        return None
    ours, others = (sorted(_each_line(side), key=_place) for side in edits if side is not None)
    starts, kept, left = [start for start, _, _ in ours], list[LineEdit](), list[LineEdit]()
    for other in others:
        at = max(bisect_left(starts, other[0]) - 1, 0)  # the one before may reach into it
        near = ours[at : bisect_right(starts, other[1])]
        if not any(_collide(one, other) for one in near):
            kept.append(other)
        elif other not in near:
            left.append(other)
    covered = {line for start, end, _ in ours for line in range(start, end)}
    result, at = list[bytes](), 0
    for start, end, lines in sorted([*ours, *kept], key=_place):
        result += base[at:start] + lines
        at = end
    result += base[at:]
    if not all(line.endswith(b"\n") for line in result[:-1]):
        return None
    return KeptLines(
        b"".join(result), any(not covered.issuperset(range(start, end)) for start, end, _ in left)
    )


def _place(edit: LineEdit) -> tuple[int, int]:
    return edit[:2]


def _each_line(edits: Iterator[LineEdit]) -> Iterator[LineEdit]:
    """Return an edit for each line, where a block became as many lines."""
    for start, end, lines in edits:
        if len(lines) == end - start:
            yield from ((start + at, start + at + 1, [line]) for at, line in enumerate(lines))
        else:
            yield start, end, lines


def _collide(one: LineEdit, other: LineEdit) -> bool:
    """Return whether two edits change the same lines, or add lines at the same place or inside of what the other replaces."""
    (start, end), (first, last) = _place(one), _place(other)
    if start == end or first == last:
        return (start, end) == (first, last) or first < start < last or start < first < end
    return start < last and first < end


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
