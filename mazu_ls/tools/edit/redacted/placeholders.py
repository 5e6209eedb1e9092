"""Restores secrets: where a model writes the placeholder of a secret, the file keeps its value.

A placeholder is replaced only if its value is unambiguous: the only one of its kind, the one after the same name, the
one in the same context, or the only one left. Otherwise the edit is refused, since a placeholder that is written to a
file destroys the secret. A value at a place where no pattern would recognise it again would be shown by the next read,
so that is refused, too.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mazu_ls.errors import ToolError
from mazu_ls.redact import find_secrets
from mazu_ls.tools.edit.redacted.altered_placeholders import (
    find_placeholder,
    refuse_lost_secrets,
    repair_placeholders,
)
from mazu_ls.tools.edit.shown_text import Placeholder, ShownText
from mazu_ls.workspace.text import REPLACEMENT

CONTEXT_CHARS = 2000
"""Characters of context that are compared."""
MOST_COMPARED = 2000
"""Pairs of placeholders whose context is compared; beyond that it counts as ambiguous."""
_WORD = re.compile(r"[^\W_]+")
_STATEMENT = re.compile(r"[^\n,;{}]*\Z")


class RestoredText(NamedTuple):
    """A text with the values of secrets in place of their placeholders, and where in it they are."""

    text: str
    secrets: tuple[tuple[int, int], ...]


def restore_secrets(
    new: str, shown: ShownText, path: str, span: tuple[int, int] | None = None, where: str = ""
) -> RestoredText:
    """Return `new` with the values of `shown` in place of their placeholders.

    `span` is the part of the shown text that `new` replaces (absent: all of it). Raises ToolError for a placeholder
    without a value in the file, or with several.
    """
    passage = shown.placeholders if span is None else shown.within(*span)
    new = repair_placeholders(new, shown, passage)
    marks = list(shown.marks.finditer(new))
    values: dict[int, str] = {}
    for mark in dict.fromkeys(match[0] for match in marks):
        asked = [match.span() for match in marks if match[0] == mark]
        held = [one for one in passage if one.mark == mark]
        everywhere = [one for one in shown.placeholders if one.mark == mark]
        if not everywhere:
            raise ToolError(
                f"{where}{mark!r} is a placeholder for a secret that you are not shown, and {path} holds no such value, so "
                "nothing was written. Leave it out, read the secret from the environment, or ask the user to put it in."
            )
        found = _values(new, shown, asked, held or everywhere)
        if found is None:
            raise ToolError(
                f"{where}{mark!r} stands for {_meaning(mark)} of {path} that you are not shown, and it is not clear which of its "
                f"{len({one.value for one in everywhere})} values you mean, so nothing was written. Keep the lines with "
                "such placeholders unchanged, in their place, and change the lines around them with edit_file."
            )
        values |= zip((start for start, _ in asked), found, strict=True)
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    at = length = 0
    for match in marks:
        value = values[match.start()]
        start = length + match.start() - at
        pieces += [new[at : match.start()], value]
        at, length = match.end(), start + len(value)
        if value != match[0] and match[0] != REPLACEMENT:
            spans.append((start, length))
    restored = "".join([*pieces, new[at:]])
    refuse_lost_secrets(new, Counter(values.values()), passage, shown, path, where=where)
    return RestoredText(restored, tuple(spans))


def require_hidden(text: str, secrets: Iterable[tuple[int, int]], path: str, where: str = "") -> None:
    """Raise ToolError unless each of these parts of a file's new text is within a redacted one."""
    hidden = None
    for start, end in secrets:
        if hidden is None:
            hidden = find_secrets(text)
        index = bisect_right(hidden, start, key=lambda one: one.start) - 1
        if index < 0 or hidden[index].end < end:
            raise ToolError(
                f"{where}{path} holds a secret that you are not shown, and with this edit it would stand where it is not recognized "
                "as one any more, so nothing was written. Keep its name and the characters around its placeholder as they are, "
                "or ask the user to make this change."
            )


def _meaning(mark: str) -> str:
    return "a byte that is no text" if mark == REPLACEMENT else "a secret"


def refuse_placeholders(text: str, use: str) -> None:
    """Raise ToolError if `text`, which is no edit of a file, holds the placeholder of a secret. `use` names its
    purpose."""
    if found := find_placeholder(text):
        raise ToolError(
            f"{found!r} is a placeholder for a secret that you are not shown; {use} would hold the placeholder instead. "
            "Move or copy a file with a command (mv, cp), let the program read the secret from its file, or ask the user."
        )


def _values(
    new: str, shown: ShownText, asked: Sequence[tuple[int, int]], held: Sequence[Placeholder]
) -> list[str] | None:
    """Return the value of each placeholder of one kind; None if that is ambiguous."""
    if len({one.value for one in held}) == 1:
        return [held[0].value for _ in asked]
    if len(asked) > len(held):
        return None  # one of them is a copy, and which one would be a guess
    names = [_name(new, start) for start, _ in asked]
    known = [_name(shown.text, one.start) for one in held]
    if names == known and (len(set(names)) == len(names) or not _moved(new, shown.text)):
        return [one.value for one in held]
    by_name: dict[str, list[Placeholder]] = {}
    for one, name in zip(held, known, strict=True):
        by_name.setdefault(name, []).append(one)
    candidates = [by_name.get(name, []) for name in names]
    if sum(len(named) for named in candidates if len(named) > 1) > MOST_COMPARED:
        return None
    chosen = [
        _most_alike(new, start, end, shown, named)
        for (start, end), named in zip(asked, candidates, strict=True)
    ]
    _fill_last(chosen, held)
    found = [one for one in chosen if one is not None]
    if len(found) < len(chosen) or len({one.start for one in found}) < len(found):
        return None
    return [one.value for one in found]


def _name(text: str, at: int) -> str:
    """Return what precedes a placeholder in its line or entry, without quotes, spaces and case."""
    match = _STATEMENT.search(text[max(0, at - 200) : at].replace("\r", "\n"))
    return re.sub(r"[\W_]+", "", match[0] if match else "").casefold()


def _moved(new: str, old: str) -> bool:
    """Return whether entries that occur once in both texts are in another order."""
    ours, theirs = _entries(new), _entries(old)
    places = [theirs[entry] for entry in sorted(ours.keys() & theirs.keys(), key=lambda entry: ours[entry])]
    return places != sorted(places)


def _entries(text: str) -> dict[str, int]:
    """Return the lines and parts of lines that occur once, and where."""
    found: dict[str, list[int]] = {}
    for number, entry in enumerate(re.split(r"[\n\r,;{}]+", text)):
        if entry.strip():
            found.setdefault(entry.strip(), []).append(number)
    return {entry: places[0] for entry, places in found.items() if len(places) == 1}


def _most_alike(
    new: str, start: int, end: int, shown: ShownText, held: Sequence[Placeholder]
) -> Placeholder | None:
    """Return the one whose context agrees a word further than that of every other one, and nowhere a word less."""
    if len(held) < 2:
        return held[0] if held else None
    before, behind = (
        _lf(new[max(0, start - CONTEXT_CHARS) : start])[::-1],
        _lf(new[end : end + CONTEXT_CHARS]),
    )
    alike = [
        (
            _common_words(before, shown.text[max(0, one.start - CONTEXT_CHARS) : one.start][::-1]),
            _common_words(behind, shown.text[one.end : one.end + CONTEXT_CHARS]),
        )
        for one in held
    ]
    for one, likeness in zip(held, alike, strict=True):
        others = [other for other in alike if other is not likeness]
        if all(_exceeds(likeness, other) and not _exceeds(other, likeness) for other in others):
            return one
    return None


def _exceeds(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] > other[0] or one[1] > other[1]


def _fill_last(chosen: list[Placeholder | None], held: Sequence[Placeholder]) -> None:
    """Assign the last value if only one placeholder and one value are left."""
    if chosen.count(None) == 1:
        taken = {one.start for one in chosen if one is not None}
        left = [one for one in held if one.start not in taken]
        if len({one.value for one in left}) == 1:
            chosen[chosen.index(None)] = left[0]


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _common_words(one: str, other: str) -> int:
    """Return how many whole words the common start of two texts holds."""
    size = next(
        (index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(other)),
    )
    common = one[:size]
    if any(text[size : size + 1].isalnum() for text in (one, other)):
        common = re.sub(r"[^\W_]+\Z", "", common)
    return len(_WORD.findall(common))
