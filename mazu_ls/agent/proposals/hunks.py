"""An edit cut into hunks that can be accepted or refused one by one, and found again in a text that went on. Pure."""

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
"""Unchanged lines that are kept on either side; never beyond the next hunk, so that its fate does not touch them."""
DIFF_LINES = 4000
"""Above this many lines on either side, after the common start and end, the middle is first divided at the lines that
occur once in both; what is still larger is one change: a finer diff would take longer than it is worth."""
WALKED = 200
"""Hunks of one file up to which they are looked at together."""
TRIES = ((3, 3), (2, 2), (1, 1), (3, 0), (0, 3), (1, 0), (0, 1), (0, 0))
"""How much of the context must be there: lines above and below, the surest first."""

Kind = Literal["edit", "create", "delete"]
Fate = Literal["open", "accepted", "stale"]


class LineChange(Struct, frozen=True):
    """Lines `start` to `end` (excluded) of the old text become `lines`."""

    start: int
    end: int
    lines: list[str]


class Hunk(Struct, frozen=True):
    """From line `line` (zero-based) on, `old` becomes `new`; lines with their ends.

    `size` is the number of lines of the text it was last found in, `base` the SHA-256 of the text it was cut from,
    "" where there was no file. Of a file to be deleted no lines are kept.
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
        """The lines that go and come, marked as in a diff."""
        return "\n".join(
            [*(f"-{line.rstrip(ENDS)}" for line in self.old), *(f"+{line.rstrip(ENDS)}" for line in self.new)]
        )


class HunkStatus(Struct, frozen=True):
    """What has become of a hunk in a text: "open" at `line`, "accepted" there, or "stale" (last seen there)."""

    fate: Fate
    line: int


ENDS = "\r\n"


def digest(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def line_changes(before: list[str], after: list[str]) -> list[LineChange]:
    """The changed runs of lines, in order. Applying all of them to `before` gives `after`."""
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
    """The changes between lines that occur once in both texts and in the same order (a patience diff)."""
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
    """The longest run of lines, unique in both, whose numbers rise in both."""
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
    """The hunks of an edit; None for `before` creates the file, None for `after` deletes it."""
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
    """What has become of `hunk` in a text of now; None where there is no file.

    `others` is how many lines the other hunks of the file may have moved it by. Accepted means that the new lines
    stand where they belong, whoever put them there.
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
    """What has become of edits that were all found in one text, in order, if nothing but they may have changed it.

    None where something else did.
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
        return None  # it changes line ends alone
    return steps(0, 0)


class HunkLocator:
    """Looks for hunks in one text. Line ends count only for a hunk that changes nothing else."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self._keys: list[str] | None = None

    def reads(self, lines: Sequence[str]) -> bool:
        """Whether the whole text is this."""
        return self._keyed(strict=False) == _bare(lines)

    def locate(self, hunk: Hunk, others: int = 0) -> HunkStatus:
        """See the function of this name; for edits."""
        if self._there(hunk, hunk.line):
            return HunkStatus("open", hunk.line)
        grown = hunk.line + len(self.lines) - hunk.size
        if hunk.above and hunk.below and self._there(hunk, grown):
            return HunkStatus("open", grown)
        strict = _bare(hunk.old) == _bare(hunk.new)
        keys, key = self._keyed(strict=strict), _ended if strict else _bare
        old, new, above, below = key(hunk.old), key(hunk.new), key(hunk.above), key(hunk.below)
        reach = abs(len(keys) - hunk.size) + others + abs(len(new) - len(old))
        # The longer side is the better evidence: what is inserted stands there beside all of the old lines.
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
        """Whether the hunk's old lines and all of its context stand at `line`; for where they most likely are."""
        whole = [*hunk.above, *hunk.old, *hunk.below]
        start = line - len(hunk.above)
        if not whole or start < 0 or list(self.lines[start : start + len(whole)]) != whole:
            return False
        # What is added at the end of a text leaves all of that where it was.
        return list(self.lines[line : line + len(hunk.new)]) != list(hunk.new)

    def _keyed(self, *, strict: bool) -> list[str]:
        if strict:
            return _ended(self.lines)
        if self._keys is None:
            self._keys = _bare(self.lines)
        return self._keys


def rebase_hunks(hunk: Hunk, line: int, lines: Sequence[str], stops: tuple[int, int]) -> Hunk:
    """The hunk as it stands at `line` of a text of now; its context reaches from line `stops[0]` to `stops[1]`."""
    end = line + len(hunk.old)
    above = tuple(lines[max(stops[0], line - CONTEXT) : line])
    below = tuple(lines[end : min(stops[1], end + CONTEXT)])
    return Hunk(hunk.kind, line, tuple(lines[line:end]), hunk.new, above, below, len(lines), hunk.base)


def apply_hunks(text: str | None, hunks: Sequence[Hunk]) -> str | None:
    """The text with these hunks made, each of which stands at its `line`."""
    for hunk in hunks:
        if hunk.kind == "create":
            return "".join(hunk.new)
        if hunk.kind == "delete":
            return None
    if text is None:
        return None
    lines = split_lines(text)
    # Some editors unify the line ends of a file that was cut with CRLF.
    unified = "\n" in text and "\r" not in text
    for hunk in sorted(hunks, key=lambda one: one.line, reverse=True):
        new = [line.replace("\r\n", "\n") for line in hunk.new] if unified else hunk.new
        lines[hunk.line : hunk.line + len(hunk.old)] = new
    return "".join(lines)


def _place(
    keys: list[str], pattern: tuple[list[str], list[str], list[str]], line: int, reach: int | None
) -> int | None:
    """Where the middle of a pattern stands, nearest to `line`; without context only if nowhere else as well."""
    over, middle, under = pattern
    whole = [*over, *middle, *under]
    if not whole:
        return 0 if not keys and line == 0 else None
    if not any(whole):
        return None  # empty lines alone say nothing
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
