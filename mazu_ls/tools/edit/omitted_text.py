"""Detects lines that stand for text which the diff removes: "b and C stay unchanged", "... everything else".

What `elisions` recognises by its words alone is refused anywhere. Here the words may say less, because the diff says
more: several lines are replaced by hardly more than this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mazu_ls.tools.edit.elisions import continues_sentence
from mazu_ls.tools.edit.elisions_by_language import STAYS_AS_IT_WAS
from mazu_ls.workspace.text import split_lines

LEAST_LINES = 3
"""Removed and unreplaced lines from which on text counts as missing."""
MOST_LINES = 2_000
"""Maximum number of differing lines; more are not compared."""
MOST_CHARS = 120
_COMMENT = re.compile(
    r"(?:[\w{}();]{0,8}\s+)?(?://+!?|#+|--+|;+|%+|/\*+|\*+|<!--|\{/\*|\(\*|\{-|\{#|@\*|<%#|<%--|\"\"\"|rem\b|dnl\b)\s*(?P<inner>.*)|(?P<framed>[\[<(].*[\])>])",
    re.IGNORECASE,
)
_EDGES = " \t-=*#/<>[](){}%@~_\"'!|"
_DOTS = re.compile(r"(?:\.{3,}|[\u2025\u2026\u22ee\u22ef]+)")
_WHAT = (
    r"(?:code|contents?|functions?|methods?|imports?|implementations?|logic|file|body|class(?:es)?|module|script|definitions?|everything|handlers?"
    r"|tests?|styles?|markup|fields?|properties|routes|cases|items?|lines?|block|section)"
)
_STATE = r"(?:(?:exactly\s+)?(?:the\s+)?same|unchanged|unmodified|untouched|intact|identical|as[\s-]+is|as\s+(?:it|they|before|above|was|were|are)\b.*|not\s+(?:changed|shown))"
_SAYS_SO = re.compile(
    r"\b(?:unchanged|unmodified|untouched|omitted|elided|truncated|preserved|retained|for\s+brevity|and\s+so\s+on|goes\s+here"
    r"|no\s+(?:other\s+|further\s+)?(?:changes?|modifications?|edits?)|not\s+(?:been\s+)?(?:changed|modified|shown|touched)"
    rf"|(?:stays?|remains?|left|kept|are|is|exactly|the|code)\s+{_STATE}|same\s+(?:code|as|for)\b|everything\s+else"
    r"|as\s+(?:(?:in|it|they|you)\b.*\b)?(?:before|above|was|were|is|are|original(?:ly)?|original\s+file))\b",
    re.IGNORECASE,
)
"""Words that indicate it anywhere in a comment."""
_REFERS = re.compile(
    r"(?:(?:please\s+|just\s+)?(?:keep|leave|copy|insert|include|retain|preserve|use|paste|add|put|restore|todo:?|note:?|and|plus|then|with|see)\s+)*"
    r"(?:(?:all|the|your|my|its|these|those|of|here|back)\s+)*"
    rf"(?:(?:rest|remainder)\b.*|(?:remaining|existing|previous|original|other|more|further)\s+(?:\w+\s+){{0,2}}?{_WHAT}\b.*)",
    re.IGNORECASE,
)
"""Comments that begin with what continues, and say no more."""
_KEEPS = re.compile(
    rf"(?:keep|leave)\s+.*|preserve\s+(?:everything|all)\b.*|(?:\+\s*)?\d+\s+more\s+lines?(?:\s+(?:here|below|above|follow))?|ditto"
    rf"|(?:the\s+)?(?:(?:rest|{_WHAT})\s+)?(?:is\s+|are\s+)?(?:trimmed|abbreviated|shortened|collapsed|snipped|cut)"
    r"|continue[sd]?\s+(?:as|from|with|like)\s+(?:in\s+)?(?:the\s+)?(?:original|above|before|existing)\b.*",
    re.IGNORECASE,
)
_STAYS = re.compile(STAYS_AS_IT_WAS, re.IGNORECASE)
_SCISSORS = re.compile(
    r"[\s\W_]*(?:8<|>8|\u2702)[\s\W_]*(?:(?:cut|snip)\w*\b.*|(?:the\s+)?rest\b.*)?", re.IGNORECASE
)
MOST_WORDS = 10


def find_omission(new: str, old: str, suffix: str = "") -> str | None:
    """Return the first line of `new` that replaces at least LEAST_LINES of `old` and only says that they exist; else
    None."""
    known = {line.strip() for line in split_lines(old)}
    lines = _code_lines(new)
    marks = {
        line for line in lines
        if len(line.strip()) <= MOST_CHARS and line.strip() not in known and _says_that_text_is_there(line, suffix)
    }  # fmt: skip
    if not marks:  # the common case
        return None
    for before, line in _lines_in_gaps(lines, _code_lines(old)):
        if line in marks and not continues_sentence(line.strip(), before):
            return line.strip()
    return None


def _code_lines(text: str) -> list[str]:
    return [line for line in split_lines(text, ends=False) if line.strip()]


def _lines_in_gaps(new: Sequence[str], old: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield lines of `new` where more lines of `old` are removed than added, each with the one before it."""
    first, last = 0, 0
    shorter = min(len(new), len(old))
    while first < shorter and new[first] == old[first]:
        first += 1
    while last < shorter - first and new[-1 - last] == old[-1 - last]:
        last += 1
    added, removed = new[first : len(new) - last], old[first : len(old) - last]
    if not added or max(len(added), len(removed)) > MOST_LINES or len(removed) - len(added) < LEAST_LINES:
        return
    from rapidfuzz.distance import Indel

    low = start = 0  # where the last kept lines ended, in `removed` and in `added`
    for step in [*Indel.opcodes(removed, added), None]:
        if step is not None and step.tag != "equal":
            continue
        high = step.src_start if step else len(removed)
        end = step.dest_start if step else len(added)
        if high - low - (end - start) >= LEAST_LINES and high - low >= 2 * (end - start):
            yield from zip(["", *new][first + start : first + end], added[start:end], strict=True)
        low, start = (step.src_end, step.dest_end) if step else (high, end)


def _says_that_text_is_there(line: str, suffix: str) -> bool:
    text = line.strip()
    if _DOTS.fullmatch(text):
        return suffix in (".py", ".pyi") and line[0] not in " \t"
    match = _COMMENT.fullmatch(text)
    if match is None:
        return _DOTS.match(text) is not None and bool(_SAYS_SO.search(text))
    if _SCISSORS.fullmatch(match["inner"] or ""):
        return True
    inner = (match["inner"] or match["framed"] or "").removesuffix("*/").strip(_EDGES)
    if dots := _DOTS.match(inner):
        inner = inner[dots.end() :]
    words = _DOTS.sub(" ", inner).strip(_EDGES + ".,:;").split()
    said = " ".join(words)
    if dots or not words or len(words) > MOST_WORDS:
        return dots is not None
    return bool(
        _SAYS_SO.search(said) or _REFERS.fullmatch(said) or _KEEPS.fullmatch(said) or _STAYS.fullmatch(said)
    )
