"""`AI!` comments: requests to the agent in a comment of any language, next to the code they are about."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mazu_ls.syntax.languages import GRAMMARS, STYLES, canonical
from mazu_ls.workspace.text import split_lines

MARK = "AI!"
# A comment that starts or ends with the mark, whatever opens and closes it.
COMMENT = re.compile(
    r"(?:(?:(?:#++|//++|--++|;++|%++|/\*++|<!--|\{-|\(\*)[ \t]*+)++|^[ \t]*(?:[\"']|REM |!+)[ \t]*)"
    r"(?:AI![ \t:]*(?P<after>[^\r\n]*?)|(?P<before>[^\r\n]*?)[ \t]+AI!)[ \t]*(?:\*/|-->|-\}|\*\))?[ \t]*(?=\r|\n|$)",
    re.MULTILINE,
)
_OPENS = re.compile(r"(?:#+|//+!?|--+|;+|%+|!+|'+|::|REM |rem |/\*+!?|\*+(?!/)|<!--)")
LONGEST_LINE = 2_000
"""Characters; longer lines are skipped: a request is no data, and for some lines matching takes quadratic time."""
Found = tuple[int, int, int, str]
"""Line, first character and end of the request within the line (0-based), and its text."""


def find_ai_comments(text: str, language: str) -> list[Found]:
    """Return the `AI!` comments of a text. A grammar, or the language's comment markers, distinguish comments from
    strings; without either their form decides."""
    if MARK not in text:
        return []
    if _is_known(canonical(language)):
        return list(_by_language(text, language))
    return [
        (number, start, end, asked)
        for number, line in enumerate(split_lines(text))
        for start, end, asked in comments(line)
    ]


def _is_known(language: str) -> bool:
    """Return whether there is a grammar, or known line comment markers that no string starts with."""
    style = STYLES.get(language)
    if language in GRAMMARS or style is None:
        return language in GRAMMARS
    return bool(style.line) and '"' not in style.line and set(style.block) <= {("/*", "*/")}


def _by_language(text: str, language: str) -> Iterator[Found]:
    from mazu_ls import syntax

    for comment in syntax.comments(text, language):
        if MARK not in comment.text:
            continue
        for number, line in enumerate(comment.text.split("\n")):
            if asked := _asked_in(line):
                start = comment.start_char if number == 0 else len(line) - len(line.lstrip())
                end = len(line.rstrip()) + (comment.start_char if number == 0 else 0)
                yield comment.start_line + number, start, end, asked


def _asked_in(line: str) -> str:
    """Return the request in one line of a comment; empty if the mark is at neither end of it."""
    if MARK not in line or len(line) > LONGEST_LINE:
        return ""
    text = line.strip(" \t\r")
    if opening := _OPENS.match(text):
        text = text[opening.end() :].lstrip(" \t")
    if text.endswith("-->"):
        text = text[:-3]
    elif text.endswith("*/"):
        text = text[:-1].rstrip("*")
    text = text.rstrip(" \t")
    if text.startswith(MARK):
        return text.removeprefix(MARK).lstrip(" \t:").rstrip()
    before = text.removesuffix(MARK)
    return before.strip() if before != text and before.endswith((" ", "\t")) else ""


def comments(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and instruction of each `AI!` comment; lines without the mark are skipped."""
    found = text.find(MARK)
    while found >= 0:
        start = max(text.rfind("\n", 0, found), text.rfind("\r", 0, found)) + 1
        line = re.compile(r"[^\r\n]*").match(text, start)
        end = line.end() if line else len(text)
        match = COMMENT.search(text, start, end) if end - start <= LONGEST_LINE else None
        instruction = (match["after"] or match["before"] or "").strip() if match else ""
        if match and instruction:
            yield match.start(), match.end(), instruction
        found = text.find(MARK, max(end, found + 1))


def instruction_at(text: str, language: str = "") -> str | None:
    """Return the request of the first `AI!` comment in `text`, which may start in the middle of a comment."""
    found = next((instruction for *_, instruction in find_ai_comments(text, language)), None)
    return found or next((instruction for _, _, instruction in comments(text)), None)
