"""Lines of styled text and their ANSI escape sequences; untrusted text can add none of its own."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from mazu_ls.workspace.visible_text import plural

Span = tuple[str, str]
"""A style name and text without line breaks."""
Line = tuple[Span, ...]
SGR = {
    "bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36", "invert": "7",
}  # fmt: skip
UNCOUNTED = "what its commands changed was not counted"
_CONTROLS = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])?|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
_CUT = re.compile(r"\.\.\. (?P<left>\d+) more lines? \(\+(?P<added>\d+) -(?P<removed>\d+) in all\)")
"""The last line of a diff that was cut."""
_HIDDEN = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")

_JOINER = re.compile(
    "(?<=[\u0600-\u08ff\u0900-\u0dff])[\u200c\u200d](?=[\u0600-\u08ff\u0900-\u0dff])|(?<=[\u2600-\u27bf\ufe0f\U0001f300-\U0001faff])\u200d(?=[\u2190-\u2bff\U0001f300-\U0001faff])"
)
"""Joiners that are spelling: between letters of Arabic and Indic scripts, and inside of one emoji."""


def clean_prose(text: str) -> str:
    """Return the same as `clean` for text that is only read: joiners that belong to a word or to an emoji stay."""
    found = _JOINER.split(text), _JOINER.findall(text)
    cleaned = [clean(piece) for piece in found[0]]
    return "".join(piece + joiner for piece, joiner in zip(cleaned, [*found[1], ""], strict=True))


def clean(text: str) -> str:
    """Return the text without anything that moves the cursor, changes colours, hides or reorders what follows.

    Escape sequences are removed; invisible and direction-changing characters are shown by their code.
    """
    return _HIDDEN.sub(
        lambda found: f"<U+{ord(found[0]):04X}>", _CONTROLS.sub("", text.replace("\r\n", "\n"))
    )


def clean_line(text: str) -> str:
    """Return the same as one line: a line feed of a command or a name, shown by `⏎`, must begin none that looks like ours."""
    return " \u23ce ".join(re.split("[\n\u2028\u2029]", clean(text).strip("\n")))


def line(*spans: Span | str) -> Line:
    """Return a line of spans; a plain string has no style."""
    return tuple(("", span) if isinstance(span, str) else span for span in spans)


def width_of_terminal() -> int:
    """Return the columns of the terminal, 80 without one."""
    import shutil  # its import brings the archive formats along

    return shutil.get_terminal_size().columns


def has_colours(stream: TextIO, env: Mapping[str, str] = os.environ) -> bool:
    """Return whether styles may be written: a terminal that is not dumb, and no NO_COLOR (https://no-color.org)."""
    return not env.get("NO_COLOR") and env.get("TERM") != "dumb" and stream.isatty()


def to_ansi(lines: Iterable[Line], *, colours: bool) -> str:
    """Return the lines as ANSI text, each ended by a line break."""
    return "".join("".join(_ansi(style, text, colours) for style, text in one) + "\n" for one in lines)


def _ansi(style: str, text: str, colours: bool) -> str:
    codes = ";".join(SGR[name] for name in style.split() if name in SGR)
    text = clean(text)  # cleaned here as well, so that no caller can forget it
    return f"\x1b[{codes}m{text}\x1b[0m" if colours and codes else text


def write(lines: Iterable[Line], stream: TextIO | None = None) -> None:
    """Print lines, with styles if the stream supports them."""
    out = stream or sys.stdout
    out.write(to_ansi(lines, colours=has_colours(out)))
    out.flush()


def diff_lines(diff: str, limit: int | None = None) -> list[Line]:
    """Return a unified diff in colours, without the names of the files; `limit` lines of it, and how many are left."""
    body = diff_body(diff)
    shown = body if limit is None or len(body) <= limit else body[:limit]
    lines = [diff_line(text) for text in shown]
    cut = _CUT.fullmatch(body[-1]) if len(shown) < len(body) else None
    if left := len(body) - len(shown) + (int(cut["left"]) - 1 if cut else 0):
        lines.append(line(("dim", f"    … {plural(left, 'more line')} of the change")))
    return lines


def diff_line(text: str) -> Line:
    """Return one line of a unified diff in its colour."""
    styles = {"+": "green", "-": "red", "@": "dim"}
    return line("    ", (styles.get(text[:1], ""), clean(text)))


def diff_body(diff: str) -> list[str]:
    """Return the lines of a unified diff without its file headers; a removed line of `-- x` is no header."""
    lines = diff.rstrip("\n").split("\n") if diff.strip() else []
    heads = {
        at
        for at in range(len(lines) - 2)
        if lines[at].startswith("--- ")
        and lines[at + 1].startswith("+++ ")
        and lines[at + 2].startswith("@@")
    }
    return [text for at, text in enumerate(lines) if at not in heads and at - 1 not in heads]


def without_git_heads(diff: str) -> str:
    """Return the diff of one file as git prints it without the lines above its first hunk; that of several as it is."""
    head, at, hunks = diff.partition("\n@@")
    one = head.startswith("diff --git ") and "\ndiff --git " not in diff
    return f"@@{hunks}" if one and at else diff


def count_changes(diff: str) -> tuple[int, int]:
    """Return the lines added and removed by a unified diff; one that was cut says them in its last line."""
    body = diff_body(diff)
    if body and (cut := _CUT.fullmatch(body[-1])):
        return int(cut["added"]), int(cut["removed"])
    return sum(text[:1] == "+" for text in body), sum(text[:1] == "-" for text in body)


def tokens(count: int) -> str:
    """Format a number of tokens."""
    return plural(count, "token") if count < 1000 else f"{count / 1000:.1f}k tokens"


def money(cost: float | None, estimated: bool = False, known: float = 0.0, unpriced: int = 0) -> str:
    """Format dollars, `about` so many if a part of the tokens is an estimate, or that they are unknown.

    `known`, where `cost` is None: what all calls but the `unpriced` ones cost.
    """
    if cost is None:
        from mazu_ls.messages import partly_known

        return partly_known(money(known, estimated), unpriced) if known else "cost unknown"
    exact = f"${cost:.2f}" if cost >= 1 else f"${cost:.4f}".rstrip("0").ljust(5, "0") if cost else "$0.00"
    return f"about {exact}" if estimated and cost else exact


def seconds(amount: float) -> str:
    """Format a time span."""
    return f"{amount:.0f} s" if amount < 100 else f"{amount // 60:.0f} min {amount % 60:02.0f} s"


def fit(text: str, width: int) -> str:
    """The text in at most `width` characters."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def join(parts: Sequence[str]) -> str:
    """Join facts in a line."""
    return " · ".join(part for part in parts if part)


def wrapped(text: str, width: int) -> list[str]:
    """Wrap the text into rows of at most `width` characters, broken between words."""
    import textwrap

    return textwrap.wrap(text, max(10, width), break_long_words=False, break_on_hyphens=False) or [""]


def folded(one: Line, width: int) -> list[Line]:
    """Fold a line into rows of at most `width` columns, broken after a space if one is near; nothing is left out.

    Columns are those of wcwidth.
    """
    from prompt_toolkit.utils import get_cwidth

    room = max(10, width)
    rows: list[Line] = []
    row: list[tuple[str, str, int]] = []  # style, character, columns
    for style, character in ((style, character) for style, text in one for character in text):
        columns = get_cwidth(character)
        if sum(cell[2] for cell in row) + columns > room:
            space = max((at for at, cell in enumerate(row) if cell[1] == " "), default=-1)
            end = space + 1 if space >= len(row) // 2 else len(row)
            rows.append(_as_line(row[:end]))
            row = row[end:]
        row.append((style, character, columns))
    return [*rows, _as_line(row)]


def _as_line(cells: list[tuple[str, str, int]]) -> Line:
    from itertools import groupby

    return tuple(
        (style, "".join(cell[1] for cell in group)) for style, group in groupby(cells, lambda cell: cell[0])
    )
