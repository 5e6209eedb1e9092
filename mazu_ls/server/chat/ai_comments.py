"""`AI!` comments: a request to the agent written where it belongs, in any language's comment."""

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
# One line of what is known to be a comment.
LINE = re.compile(
    r"[ \t]*(?:#+|//+!?|--+|;+|%+|!+|'+|::|REM |rem |/\*+!?|\*+(?!/)|<!--)?[ \t]*"
    r"(?:AI![ \t:]*(?P<after>[^\r\n]*?)|(?P<before>[^\r\n]*?)[ \t]+AI!)[ \t]*(?:\*+/|-->)?[ \t]*\r?"
)
Found = tuple[int, int, int, str]
"""Line, first character and end of the line's part that is the request, and what it says."""


def find_ai_comments(text: str, language: str) -> list[Found]:
    """The `AI!` comments of a text. A grammar, or the language's markers, tell comments from strings; where neither is
    known their look decides."""
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
    """Whether there is a grammar, or line comments with markers that `LINE` reads and no string starts with."""
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
            match = LINE.fullmatch(line)
            asked = (match["after"] or match["before"] or "").strip() if match else ""
            if asked:
                start = comment.start_char if number == 0 else len(line) - len(line.lstrip())
                end = len(line.rstrip()) + (comment.start_char if number == 0 else 0)
                yield comment.start_line + number, start, end, asked


def comments(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and instruction of each `AI!` comment; the lines without the mark are not even looked at."""
    found = text.find(MARK)
    while found >= 0:
        start = max(text.rfind("\n", 0, found), text.rfind("\r", 0, found)) + 1
        line = re.compile(r"[^\r\n]*").match(text, start)
        end = line.end() if line else len(text)
        match = COMMENT.search(text, start, end)
        instruction = (match["after"] or match["before"] or "").strip() if match else ""
        if match and instruction:
            yield match.start(), match.end(), instruction
        found = text.find(MARK, max(end, found + 1))


def instruction_at(text: str, language: str = "") -> str | None:
    """What the first `AI!` comment in `text` asks for; `text` may start in the middle of a comment."""
    found = next((instruction for *_, instruction in find_ai_comments(text, language)), None)
    return found or next((instruction for _, _, instruction in comments(text)), None)
