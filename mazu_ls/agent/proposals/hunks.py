"""Splits an edit into hunks that can be accepted or rejected one by one, and relocates them in a document that changed since. Pure."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from mazu_ls.tools.edit.line_ends import common_ends
from mazu_ls.workspace.text import split_lines

CONTEXT = 3
"""Unchanged lines kept as context on either side; never beyond the next hunk, so that deciding on that one does not change them."""
DIFF_LINES = 4000
"""Above this many lines on either side, after the common start and end, the middle is first divided at the lines that occur once in
both; a part that is still larger is one change, since a finer diff would take too long."""
WALKED = 200
"""Maximum number of hunks of one file that `match_sequentially` searches together."""
TRIES = ((3, 3), (2, 2), (1, 1), (3, 0), (0, 3), (1, 0), (0, 1), (0, 0))
"""How much of the context must match: lines above and below, the surest first."""

Kind = Literal["edit", "create", "delete"]
Fate = Literal["open", "accepted", "stale"]


class LineChange(Struct, frozen=True):
    """Lines `start` to `end` (0-based, exclusive) of the old text become `lines`."""

    start: int
    end: int
    lines: list[str]


class Hunk(Struct, frozen=True):
    """From line `line` (0-based) on, `old` becomes `new`; lines include their line ends.

    `size` is the number of lines of the text in which it was last located, `base` the SHA-256 of the text it was split from ("" for
    no file). For a deleted file no lines are kept.
    """

    kind: Kind
    line: int
    old: tuple[str, ...]
    new: tuple[str, ...]
    above: tuple[str, ...]
    below: tuple[str, ...]
    size: int
    base: str

    @property
    def diff(self) -> str:
        """The removed and added lines, marked as in a unified diff."""
        return "\n".join(
            [*(f"-{line.rstrip(ENDS)}" for line in self.old), *(f"+{line.rstrip(ENDS)}" for line in self.new)]
        )


class HunkStatus(Struct, frozen=True):
    """The state of a hunk in a text: "open" at `line` (0-based), "accepted" there, or "stale" (last seen there)."""

    fate: Fate
    line: int


ENDS = "\r\n"


def digest(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def line_changes(before: list[str], after: list[str]) -> list[LineChange]:
    """Return the changed runs of lines, in order. Applying all of them to `before` gives `after`."""
    head, tail = common_ends(before, after)
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    if not old and not new:
        return []
    if not old or not new:
        return [LineChange(head, head + len(old), new)]
    if max(len(old), len(new)) > DIFF_LINES:
        return [LineChange(head + one.start, head + one.end, one.lines) for one in _divided(old, new)]
    from difflib import SequenceMatcher

    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [LineChange(head + i, head + j, new[k:m]) for tag, i, j, k, m in codes if tag != "equal"]


def _divided(old: list[str], new: list[str]) -> Iterator[LineChange]:
    """Yield the changes between lines that occur once in both texts and in the same order (a patience diff)."""
    at = at_new = 0
    for line, line_new in [*_anchors(old, new), (len(old), len(new))]:
        if line > at or line_new > at_new:
            whole = (at, at_new) == (0, 0) and (line, line_new) == (len(old), len(new))
            inner = (
                [LineChange(0, len(old), new)] if whole else line_changes(old[at:line], new[at_new:line_new])
            )
            for one in inner:
                yield LineChange(at + one.start, at + one.end, one.lines)
        at, at_new = line + 1, line_new + 1


def _anchors(old: list[str], new: list[str]) -> list[tuple[int, int]]:
    """Return the longest increasing sequence of lines that are unique in both texts, as pairs of line numbers."""
    counts, counts_new = Counter(old), Counter(new)
    numbers = {line: n for n, line in enumerate(new) if counts_new[line] == 1}
    pairs = [(n, numbers[line]) for n, line in enumerate(old) if counts[line] == 1 and line in numbers]
    tops: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for n, (_, number) in enumerate(pairs):
        place = bisect_left(tops, number)
        before.append(last[place - 1] if place else -1)
        tops[place : place + 1] = [number]
        last[place : place + 1] = [n]
    found: list[tuple[int, int]] = []
    n = last[-1] if last else -1
    while n >= 0:
        found.append(pairs[n])
        n = before[n]
    return found[::-1]


def split_into_hunks(before: str | None, after: str | None) -> list[Hunk]:
    """Return the hunks of an edit; None for `before` creates the file, None for `after` deletes it."""
    if before is None:
        return [] if after is None else [Hunk("create", 0, (), tuple(split_lines(after)), (), (), 0, "")]
    base = digest(before)
    if after is None:
        return [Hunk("delete", 0, (), (), (), (), 0, base)]
    lines = split_lines(before)
    found = line_changes(lines, split_lines(after))
    ends = [0, *(change.end for change in found)]
    starts = [*(change.start for change in found), len(lines)]
    return [
        Hunk(
            "edit",
            change.start,
            tuple(lines[change.start : change.end]),
            tuple(change.lines),
            tuple(lines[max(ends[n], change.start - CONTEXT) : change.start]),
            tuple(lines[change.end : min(starts[n + 1], change.end + CONTEXT)]),
            len(lines),
            base,
        )
        for n, change in enumerate(found)
    ]


def locate_hunk(hunk: Hunk, text: HunkLocator | None, others: int = 0) -> HunkStatus:
    """Return the state of `hunk` in the current text; `text` is None if there is no file.

    `others` is how many lines the other hunks of the file may have moved it by. "accepted" means that the new lines are at their
    place, no matter who put them there.
    """
    if text is None:
        gone: dict[Kind, Fate] = {"create": "open", "delete": "accepted", "edit": "stale"}
        return HunkStatus(gone[hunk.kind], hunk.line)
    if hunk.kind == "create":
        return HunkStatus("accepted" if text.reads(hunk.new) else "stale" if text.lines else "open", 0)
    if hunk.kind == "delete":
        return HunkStatus("open" if digest("".join(text.lines)) == hunk.base else "stale", 0)
    return text.locate(hunk, others)


def match_sequentially(hunks: Sequence[Hunk], lines: Sequence[str]) -> list[HunkStatus] | None:
    """Return the states of hunks that were all located in one text, if nothing but their acceptance changed it since.

    None if anything else changed. The search tries both states of each hunk in order and must end at the text's last line; that
    identifies each one exactly, even among equal lines, where `HunkLocator` could only guess.
    """
    sizes = {hunk.size for hunk in hunks}
    if len(sizes) != 1 or len(hunks) > WALKED:
        return None
    (size,) = sizes
    dead: set[tuple[int, int]] = set()

    def steps(n: int, shift: int) -> list[HunkStatus] | None:
        if n == len(hunks):
            return [] if len(lines) == size + shift else None
        if (n, shift) in dead:
            return None
        hunk, at = hunks[n], hunks[n].line + shift
        fates: tuple[tuple[Fate, tuple[str, ...]], ...] = (("open", hunk.old), ("accepted", hunk.new))
        for fate, middle in fates:
            whole = [*hunk.above, *middle, *hunk.below]
            start = at - len(hunk.above)
            if _bare(lines[start : start + len(whole)]) == _bare(whole):
                rest = steps(n + 1, shift + len(middle) - len(hunk.old))
                if rest is not None:
                    return [HunkStatus(fate, at), *rest]
        dead.add((n, shift))
        return None

    if any(_bare(hunk.old) == _bare(hunk.new) for hunk in hunks):
        return None  # a hunk that changes line ends alone matches in both states
    return steps(0, 0)


class HunkLocator:
    """Locates hunks in one text. Line ends count only for a hunk that changes nothing else."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self._keys: list[str] | None = None

    def reads(self, lines: Sequence[str]) -> bool:
        """Return whether the whole text consists of these lines, line ends ignored."""
        return self._keyed(strict=False) == _bare(lines)

    def locate(self, hunk: Hunk, others: int = 0) -> HunkStatus:
        """Return the state of an edit hunk; see `locate_hunk`.

        The cheap guesses come first: the hunk did not move, or everything that the text gained is above it. Then the whole text is
        searched with less and less context (TRIES), so that a weak match never wins over a strong one.
        """
        if self._there(hunk, hunk.line):
            return HunkStatus("open", hunk.line)
        grown = hunk.line + len(self.lines) - hunk.size
        if hunk.above and hunk.below and self._there(hunk, grown):
            return HunkStatus("open", grown)
        strict = _bare(hunk.old) == _bare(hunk.new)
        keys, key = self._keyed(strict=strict), _ended if strict else _bare
        old, new, above, below = key(hunk.old), key(hunk.new), key(hunk.above), key(hunk.below)
        reach = abs(len(keys) - hunk.size) + others + abs(len(new) - len(old))
        # The longer side is the better evidence: where lines were only added, the accepted text still contains all
        # of the old ones, so searching for the old side first would report an accepted hunk as open.
        sides: list[tuple[Fate, list[str]]] = [("open", old), ("accepted", new)]
        sides.sort(key=lambda side: len(side[1]), reverse=True)
        tried: set[tuple[int, int]] = set()
        for up, down in TRIES:
            over, under = above[len(above) - up :] if up < len(above) else above, below[:down]
            if (len(over), len(under)) in tried:
                continue
            tried.add((len(over), len(under)))
            for fate, middle in sides:
                at = _place(keys, (over, middle, under), hunk.line, reach if fate == "accepted" else None)
                if at is not None:
                    return HunkStatus(fate, at)
        return HunkStatus("stale", min(hunk.line, max(0, len(keys) - 1)))

    def _there(self, hunk: Hunk, line: int) -> bool:
        """Return whether the hunk's old lines and all of its context are at `line`: the check for likely places."""
        whole = [*hunk.above, *hunk.old, *hunk.below]
        start = line - len(hunk.above)
        if not whole or start < 0 or list(self.lines[start : start + len(whole)]) != whole:
            return False
        # An insertion at the end of a text leaves its context where it was, accepted or not; only the new lines tell.
        return list(self.lines[line : line + len(hunk.new)]) != list(hunk.new)

    def _keyed(self, *, strict: bool) -> list[str]:
        if strict:
            return _ended(self.lines)
        if self._keys is None:
            self._keys = _bare(self.lines)
        return self._keys


def rebase_hunks(hunk: Hunk, line: int, lines: Sequence[str], stops: tuple[int, int]) -> Hunk:
    """Return the hunk as it is at `line` of the current text; its context stays within lines `stops[0]` to `stops[1]`."""
    end = line + len(hunk.old)
    above = tuple(lines[max(stops[0], line - CONTEXT) : line])
    below = tuple(lines[end : min(stops[1], end + CONTEXT)])
    return Hunk(hunk.kind, line, tuple(lines[line:end]), hunk.new, above, below, len(lines), hunk.base)


def apply_hunks(text: str | None, hunks: Sequence[Hunk]) -> str | None:
    """Apply these hunks, each of which was located at its `line`; None if the file is deleted or absent."""
    for hunk in hunks:
        if hunk.kind == "create":
            return "".join(hunk.new)
        if hunk.kind == "delete":
            return None
    if text is None:
        return None
    lines = split_lines(text)
    # Some editors unify the line ends of a file; a hunk that was split from CRLF text then has to follow.
    unified = "\n" in text and "\r" not in text
    for hunk in sorted(hunks, key=lambda one: one.line, reverse=True):
        new = [line.replace("\r\n", "\n") for line in hunk.new] if unified else hunk.new
        lines[hunk.line : hunk.line + len(hunk.old)] = new
    return "".join(lines)


def _place(
    keys: list[str], pattern: tuple[list[str], list[str], list[str]], line: int, reach: int | None
) -> int | None:
    """Return where the middle of a pattern is, nearest to `line`; without context only if it occurs nowhere else."""
    over, middle, under = pattern
    whole = [*over, *middle, *under]
    if not whole:
        return 0 if not keys and line == 0 else None
    if not any(whole):
        return None  # empty lines alone are no evidence
    if over or under:
        near = line - len(over)
        found = min(_found(keys, whole, near, reach), key=lambda at: abs(at - near), default=None)
        return None if found is None else found + len(over)
    places = list(_found(keys, whole, line, reach))
    return places[0] if len(places) == 1 else None


def _found(keys: list[str], whole: list[str], near: int, reach: int | None) -> Iterator[int]:
    first = 0 if reach is None else max(0, near - reach)
    last = len(keys) - len(whole) if reach is None else min(len(keys) - len(whole), near + reach)
    at = first - 1
    while at < last:
        try:
            at = keys.index(whole[0], at + 1, last + 1)
        except ValueError:
            return
        if keys[at : at + len(whole)] == whole:
            yield at


def _bare(lines: Sequence[str]) -> list[str]:
    return [line.rstrip(ENDS) for line in lines]


def _ended(lines: Sequence[str]) -> list[str]:
    return [line.rstrip(ENDS) + "\n" if line.endswith(("\r", "\n")) else line for line in lines]
