"""Replaces passages of a text as the model was shown it, or all of it; nothing else of the file changes."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import PurePosixPath
from typing import Annotated

from msgspec import Meta, Struct

from mazu_ls.errors import ToolError
from mazu_ls.redact import PLACEHOLDER, find_secrets
from mazu_ls.tools.edit.elisions import find_elision
from mazu_ls.tools.edit.line_ends import line_ends, with_line_ends
from mazu_ls.tools.edit.omitted_text import find_omission
from mazu_ls.tools.edit.redacted.placeholders import require_hidden, restore_secrets
from mazu_ls.tools.edit.shown_text import WHOLE_CHARS, ShownText
from mazu_ls.workspace.text import split_lines

NEAR = 0.6  # similarity below which a passage is not worth showing
COMPARED = 4000  # lines up to which a missed passage is looked for
SURROUNDINGS = 20_000  # characters around an edit of a long text that are searched for secrets
COMPARED_CHARACTERS = (
    3 * 10**10
)  # of the passage, times those of all places it is compared with: about a second

TYPOGRAPHY = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-"),
    **dict.fromkeys(map(ord, "\u00a0\u2002\u2003\u2007\u2009\u202f"), " "),
    ord("\u2026"): "...",
}
"""Characters that look like others, with what is typed on a keyboard for them."""


class Replacement(Struct, forbid_unknown_fields=True):
    """One passage and its replacement."""

    old: Annotated[str, Meta(min_length=1, description="Text to replace; it must occur once.")]
    new: Annotated[str, Meta(description="The replacement text.")]
    all: Annotated[bool, Meta(description="Replace every occurrence instead.")] = False


def replace_passages(text: str, edits: Sequence[Replacement], path: str) -> str:
    """Return the text with all edits made. Raises ToolError if one does not match exactly."""
    for number, edit in enumerate(edits, 1):
        where = f"edit {number} of {len(edits)}: " if len(edits) > 1 else ""
        text = replace_passage(text, edit, path, where)
    return text


def replace_passage(text: str, edit: Replacement, path: str, where: str = "") -> str:
    """Return the text with one edit made. Raises ToolError if `old` does not occur, occurs more than once, or cuts a
    placeholder."""
    marked = PLACEHOLDER.search(edit.old) or PLACEHOLDER.search(edit.new)
    shown = ShownText.from_source(text, secrets=bool(marked) or len(text) <= WHOLE_CHARS)
    old = _lf(edit.old)
    starts = find_overlapping(shown.text, old)
    if not starts and edit.old in text:  # a secret in plain text, which the model knows from elsewhere
        shown, old = ShownText(text, text, (), ()), edit.old
        starts = find_overlapping(text, old)
    if not starts:
        seen = ShownText.from_source(text).text  # of a long text `shown` may still hold the secrets
        miss = _miss(seen, old)
        raise ToolError(f"{where}`old` does not occur in {path}{miss}", path if "\n" in miss else None)
    if _overlap(starts, len(old)):
        raise ToolError(
            f"{where}`old` occurs {len(starts)} times in {path}, and the occurrences overlap; quote more context",
        )
    if len(starts) > 1 and not edit.all:
        raise ToolError(f"{where}`old` occurs {len(starts)} times in {path}; quote more context")
    _refuse_elision(edit.new, shown.text, path, old, where)
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    secrets: list[tuple[int, int]] = []  # the restored ones, in the new text
    at = length = 0
    for start in starts:
        span = shown.source_span(start, start + len(old))
        if span is None:
            raise ToolError(
                f"{where}`old` begins or ends within a placeholder such as '[redacted: ...]'; quote it whole, or leave it out"
            )
        new = _as_in_file(edit.new, shown, (start, start + len(old)), span)
        restored = restore_secrets(new, shown, path, (start, start + len(old)), where)
        length += span[0] - at
        secrets += [(length + first, length + last) for first, last in restored.secrets]
        pieces += [text[at : span[0]], restored.text]
        length += len(restored.text)
        at = span[1]
        spans.append(span)
    result = "".join([*pieces, text[at:]])
    _refuse_uncovered(text, result, (spans, pieces), secrets, path=path, where=where)
    return result


def _refuse_uncovered(
    text: str,
    result: str,
    edited: tuple[Sequence[tuple[int, int]], Sequence[str]],
    restored: Sequence[tuple[int, int]],
    *,
    path: str,
    where: str,
) -> None:
    """Raise ToolError if an edit uncovers a secret: one that was restored, or one next to it.

    `edited` are the replaced parts of `text`, and the texts before and in place of each. Of a long text only the
    surroundings are searched.
    """
    spans, pieces = edited
    long = len(text) > WHOLE_CHARS
    low = max(0, spans[0][0] - SURROUNDINGS) if long else 0
    high = min(len(text), spans[-1][1] + SURROUNDINGS) if long else len(text)
    kept = list(restored)
    begins = [0, *(end for _, end in spans)]  # kept parts, in the old text
    ends = [*(start for start, _ in spans), len(text)]
    moved = [0, *accumulate(len(piece) for piece in pieces)][::2]  # and where they begin in the new one
    for secret in find_secrets(text[low:high]):
        first, last = secret.start + low, secret.end + low
        index = bisect_right(begins, first) - 1
        if last <= ends[index]:
            shift = moved[index] - begins[index]
            kept.append((first + shift, last + shift))
    shown = result[low : high + len(result) - len(text)]
    require_hidden(shown, [(first - low, last - low) for first, last in kept], path, where)


def replace_all_text(content: str, before: str, path: str) -> str:
    """Return the text of a file for `content`, which the model wrote in place of `before`: secrets and line ends are
    kept."""
    _refuse_elision(content, before, path, before)
    marked = "acted" in content.lower()  # a placeholder, also an altered one
    shown = ShownText.from_source(before, secrets=marked or len(before) <= WHOLE_CHARS)
    if "\r" in before and "\r" not in content:
        content = with_line_ends(content, shown.text, _shown_ends(shown, 0, len(shown.text)), "\n")
    restored = restore_secrets(content, shown, path)
    require_hidden(restored.text, restored.secrets, path)
    return restored.text


def find_overlapping(text: str, old: str) -> list[int]:
    """Return where `old` occurs, including occurrences that overlap."""
    starts, at = [], text.find(old)
    while at >= 0:
        starts.append(at)
        at = text.find(old, at + 1)
    return starts


def _overlap(starts: Sequence[int], length: int) -> bool:
    return any(later - earlier < length for earlier, later in pairwise(starts))


def _as_in_file(new: str, shown: ShownText, part: tuple[int, int], span: tuple[int, int]) -> str:
    """Return `new` with the line ends of the passage that it replaces, or of the file if that has none."""
    if "\r" not in shown.source:
        return new
    if "\r" not in shown.source[slice(*span)] and "\r" in new:
        return new
    usual = with_line_ends("\n", "", line_ends(shown.source), "\n")
    return with_line_ends(_lf(new), shown.text[slice(*part)], _shown_ends(shown, *part), usual)


def _shown_ends(shown: ShownText, start: int, end: int) -> list[str]:
    """Return the line ends in the file of a part of the shown text."""
    ends = {part.start: shown.source[part.source_start : part.source_end] for part in shown.parts}
    return [ends.get(at, "\n") for at in range(start, end) if shown.text[at] == "\n"]


def _refuse_elision(new: str, before: str, path: str, replaced: str, where: str = "") -> None:
    """Raise ToolError if a line of `new` only stands for text of the file; `replaced` is the part that would be
    removed."""
    suffix = PurePosixPath(path).suffix.lower()
    elision = find_elision(new, split_lines(before), len(split_lines(replaced)), suffix)
    if elision := elision or find_omission(_lf(new), _lf(replaced), suffix):
        raise ToolError(
            f"{where}the line {elision!r} is a placeholder for omitted text; writing it to {path} would delete that text. "
            "Write the whole text, or change only the passage you mean with edit_file."
        )


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _miss(text: str, old: str) -> str:
    """Explain why `old` was not found: the most similar text, with its line number."""
    lines, wanted = split_lines(text, ends=False), split_lines(old, ends=False)
    loose = [line.strip() for line in lines]
    target = [line.strip() for line in wanted]
    for start in range(len(lines) - len(wanted) + 1):
        if loose[start : start + len(wanted)] == target:
            return f": at line {start + 1} it differs only in white space. There it reads:\n" + _quoted(
                lines, start, wanted
            )
    plain = [line.translate(TYPOGRAPHY).strip() for line in lines]
    plain_target = [line.translate(TYPOGRAPHY).strip() for line in wanted]
    for start in range(len(lines) - len(wanted) + 1):
        if plain[start : start + len(wanted)] == plain_target:
            shown = _quoted(lines, start, wanted)
            return (
                f": at line {start + 1} it differs only in {_differing(shown, old)}. There it reads:\n{shown}"
            )
    if len(lines) > COMPARED or len(wanted) > 60:
        return "; read that part of the file again"
    from rapidfuzz import fuzz

    joined = "\n".join(target)
    if len(joined) * len(wanted) * sum(map(len, loose)) > COMPARED_CHARACTERS:
        return "; read that part of the file again"
    best, at = 0.0, 0
    for start in range(max(1, len(lines) - len(wanted) + 1)):
        ratio = (
            fuzz.ratio("\n".join(loose[start : start + len(wanted)]), joined, score_cutoff=100 * best) / 100
        )
        if ratio > best:
            best, at = ratio, start
    if best < NEAR:
        return ", nor anything like it; read the file again"
    return f". The nearest passage is at line {at + 1}:\n" + _quoted(lines, at, wanted)


def _differing(shown: str, old: str) -> str:
    """Name the characters in which a passage and what was asked for differ although they look alike."""
    here, there = (sorted({char for char in text if ord(char) in TYPOGRAPHY}) for text in (shown, old))
    names = [
        f"{unicodedata.name(char, 'a character')} (U+{ord(char):04X})" for char in here if char not in there
    ]
    others = [
        f"{unicodedata.name(char, 'a character')} (U+{ord(char):04X})" for char in there if char not in here
    ]
    said = [f"the file has {', '.join(names)}"] if names else []
    said += [f"`old` has {', '.join(others)}"] if others else []
    return f"characters that look alike: {'; '.join(said) or 'quotes, dashes or spaces'}"


def _quoted(lines: list[str], start: int, wanted: list[str]) -> str:
    return "\n".join(lines[start : start + max(1, len(wanted))])
