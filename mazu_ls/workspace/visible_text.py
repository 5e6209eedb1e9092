"""Sanitizes untrusted text: invisible characters (control, bidi, zero width) are shown by their code point."""

from __future__ import annotations

from collections.abc import Iterable

from mazu_ls.workspace.lazy_pattern import lazy_pattern

# Controls except tab and line feed; format characters (bidi, zero width, tags); fillers, variation selectors and blanks
# that draw nothing or look like a space; line separators; halves of surrogate pairs (Unicode UAX #9, UTS #36, UTS #39).
_INVISIBLE = lazy_pattern(
    "[\x00-\x08\x0b-\x1f\x7f-\xa0\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    "\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_NOT_IN_TOOL_NAME = lazy_pattern(r"[^A-Za-z0-9_.-]")


def make_visible(text: str) -> str:
    """Return the text with every invisible character as `<U+202E>`; tabs and line feeds stay."""
    return _INVISIBLE.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)


def has_visible(text: str) -> bool:
    """Return whether a reader sees anything of the text."""
    return any(not one.isspace() and not _INVISIBLE.match(one) for one in text)


def make_tool_name(name: str) -> str:
    """Return a tool's name as a model wrote it, without characters that no tool name has; at most 128 characters."""
    return _NOT_IN_TOOL_NAME.sub("_", name[:128])


def make_line(text: str, limit: int) -> str:
    """Return the text as one visible line of at most `limit` characters; line feeds become `⏎`, a cut is shown by `…`."""
    line = make_visible(text[: limit + 1].strip().replace("\n", " ⏎ ").replace("\t", " "))
    return shorten(line, limit) if len(text.strip()) <= limit else f"{line[: limit - 1]}…"


def distinct_lines(texts: Iterable[str], limit: int) -> list[str]:
    """Return each text as one line, see `make_line`; those that would read the same as an earlier one end in " (2)", " (3)", ..."""
    found: list[str] = []
    for text in texts:
        line, number = make_line(text, limit), 1
        while line in found:
            number += 1
            mark = f" ({number})"
            line = make_line(text, limit - len(mark)) + mark
        found.append(line)
    return found


def shorten(text: str, limit: int) -> str:
    """Return the text with at most `limit` characters; a cut at its end is shown by `…`."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def plural(count: int, noun: str, nouns: str = "") -> str:
    """Return a count with its noun; `nouns` is a plural that does not just end in "s"."""
    return f"{count} {noun if count == 1 else nouns or noun + 's'}"


def make_diff_visible(diff: str) -> str:
    """Return a unified diff, made visible. In a file whose lines all end in CR LF the carriage returns are left out."""
    lines = diff.split("\n")
    body = [line for line in lines if line[:1] in ("+", "-", " ") and not line.startswith(("+++ ", "--- "))]
    if body and all(line.endswith("\r") for line in body):
        lines = [line.removesuffix("\r") for line in lines]
    return make_visible("\n".join(lines))
