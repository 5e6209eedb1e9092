"""Elisions: lines such as "... rest of the code unchanged ..." that a model writes in place of text it wants to keep.

Written to a file they delete the original text. A line counts as an elision if it is a comment, or a line of dots and
words only, whose words say that existing text continues here. Lines that the file already had are no elisions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mazu_ls.tools.edit.elisions_by_language import OTHER_LANGUAGES

# The long expressions are text: `re` compiles each when the first edit is checked, and caches it.

_OPENS = (
    "//+!?", "#+", "--+", ";+", "%+", r"/\*+", r"\*", "<!--", r"\{/\*", r"\(\*", r"\{-", r"\{#", r"@\*", "<%#", "<%--", r"\{\{!(?:--)?",
    "'", '"""', '""', '"', r"rem\b", r"::+", r"dnl\b", "!",
)  # fmt: skip
_CLOSES = (r"\*+/\}?", r"\*@", "-->", r"\*\)", r"-\}", r"#\}", "--%>", "%>", r"(?:--)?\}\}", '"""')
_SIGNS = rf"^(?P<open>{'|'.join(_OPENS)})?\s*(?P<inner>.*?)\s*(?:{'|'.join(_CLOSES)})?$"
_WEAK = frozenset({"*", "'", '"', "!"})
"""Signs that begin a comment in few languages, and text in more: what follows must contain dots."""
_DOTS = r"(?:\.{3,}|\u2026+)"
_FRAMED = rf"^[(\[{{<（【\s-]*(?P<before>{_DOTS})?[(\[（【\s]*(?P<words>.*?)[)\]）】\s]*(?P<after>{_DOTS})?[.。)\]}}>）】\s-]*$"
_THINGS = (
    r"(?:code|lines?|contents?|functions?|methods?|imports?|implementations?|text|logic|fields?|entries|tests?|styles?|rules?|items?|props"
    r"|files?|script|body|page|markup|jsx|html|css|templates?|columns?|rows?|classes|elements?|components?|sections?|queries|routes"
    r"|handlers?|cases|options|settings|config(?:uration)?|properties|attributes|definitions?|helpers?|blocks?|mappings?|services?)"
)
_CORE = r"(?:code|contents?|implementations?|logic|imports?|methods?|functions?|body|file|script|markup|jsx)"
_END = (
    r"(?:(?:all\s+)?(?:stays?|remains?|is|are|left|kept)\s+(?:all\s+)?(?:exactly\s+)?(?:the\s+same|same|unchanged|unmodified|untouched|intact|identical"
    r"|omitted|as[\s-]+(?:it\s+)?(?:is|was|are|before|above)|here|as\s+before)|unchanged|unmodified|omitted|truncated|skipped|elided|not\s+shown|continues?"
    r"|remains?|stays?|the\s+same|same|as[\s-]+is|as\s+(?:before|above)|goes\s+here|here|above|below|for\s+brevity|from\s+(?:before|above|the\s+original))"
)
_VERB = r"(?!(?:is|are|was|were|be|will|must|should|can|may|has|have|had|do|does|did|go|goes|gets?|needs?|comes?|runs?|as|like|unlike|without)\b)"
_SENTENCES = rf"(?!.*\b(?:{_THINGS}|module)\s+(?!{_THINGS}\b|{_END}|for\b|of\b|in\b|from\b|to\b|as\b|with\b|and\b|[(\[.\d])\w)"
"""What continues is named last: "the rest of this module handles retries" is a sentence about it."""
_RESTS = (
    _SENTENCES
    + r"(?:the\s+)?(?:rest|remainder)\s+of(?!(?:\s+[a-z]+){0,2}\s+(?:division|modulo|modulus|quotient)(?:\s+by\s+\w+)?$)"
    + r"(?:\s+(?:the|your|this|that|my|its))?(?:\s+"
    + _VERB
    + r"[\w.'()-]+){1,4}?"
)
_MARK = (
    r"(?:(?:please\s+)?(?:continue|keep)(?:s)?\s+(?:with\s+)?)?"
    rf"(?:(?:{_RESTS}|(?:the\s+)?(?:rest|remainder)(?=\s))(?:\s+{_END})*"
    rf"|(?:the\s+|your\s+|all\s+|my\s+)*(?:existing|previous|original|old|current)\s+(?:\w+\s+)?{_CORE}(?:\s+(?:for|of|in|from|as)\s+.*)?(?:\s+{_END})*"
    rf"|(?:the\s+|your\s+|all\s+)*(?:existing|previous|original|other|remaining|same)\s+(?:\w+\s+)?{_THINGS}(?:\s+{_END})+"
    rf"|{_THINGS}\s+(?:\w+\s+){{0,3}}?{_END}(?:\s+{_END})*"
    rf"|(?:unchanged|unmodified|omitted)(?:\s+(?:{_THINGS}|{_END}))+|unchanged|unmodified"
    rf"|same\s+(?:{_THINGS}\s+)?as\s+(?:before|above|original|the\s+original|in\s+the\s+original)\b.*"
    r"|no\s+(?:other\s+)?changes?(?:\s+(?:below|above|here|needed|after\s+this))?"
    rf"|(?:\d+\s+)?(?:more\s+|other\s+)?lines?\s+(?:\d+\s*(?:-|\u2013|to|through)\s*\d+\s*)?{_END}(?:\s+{_END})*"
    rf"|keep\s+(?:(?:the|your|all)\s+)*(?:existing(?:\s+{_THINGS})?|rest)(?:\s+{_END})*|snip(?:ped)?"
    rf"|{OTHER_LANGUAGES})"
)
"""Comments that are always an elision."""
_WITH_DOTS = (
    rf"(?:(?:all\s+)?(?:the\s+|your\s+)?(?:other|existing|previous|original|remaining|same|more|further)\s+[\w\s-]+|(?:\d+\s+)?more\s+lines?|{_END}|(?:the\s+)?rest"
    r"|(?:keep|leave)\s+(?:(?:all|the|your)\s+)*(?:other|rest|existing|remaining|everything)\b.*|(?:existing|unchanged)|lines?\s+\d+\s*(?:-|\u2013|to)\s*\d+|(?:the\s+)?(?:rest|remainder)\s+of\s.*)"
)
"""Comments that are one next to dots, whatever is said to continue."""
_SHORTER = (
    rf"(?:snip(?:ped)?|etc\.?|(?:un|not\s+)changed|truncated|omitted|and\s+so\s+(?:on|forth)|see\s+above|(?:the\s+)?rest|more\s+{_THINGS}(?:\s+here)?|continued?"
    rf"|continue\s+as\s+(?:before|above)|(?:all\s+)?(?:the\s+)?(?:other|existing|previous|remaining)\s+{_THINGS}(?:\s+(?:for|of|in)\s+.*)?)"
)
"""Comments that are one only if fewer lines are added than removed: they may as well be headings."""
_SENTENCE = re.compile(r"[.!?;:,]\s+\w|[({=]\s*\w")
"""Characters from which a comment that happens to begin with such words is kept."""
_TRIVIAL = re.compile(r"^(?:pass|return|\{|\}|import|;|\.{3}|\s)+(?=\s*(?://|#))")
"""Code before a comment that does nothing."""
LONGEST_COMMENT = 200
"""Maximum characters of a line that is read as a comment; blanks in it are scanned many times."""
_LEGAL_DOTS = (".pl", ".pm", ".jl", ".md", ".rst", ".txt", ".yaml", ".yml", ".adoc", ".tex", ".log", "")
"""File suffixes in which a line of dots may be intended."""


def find_elision(new: str, kept: Iterable[str], replaced: int = 0, suffix: str = ".txt") -> str | None:
    """Return the first line of `new` that stands for omitted text and is none of the lines `kept`; None if there is
    none.

    A comment that is nothing but dots, a cut mark or a heading such as "other methods" counts if fewer lines are added
    than the `replaced` ones; so do dots alone if no file with this `suffix` contains any.
    """
    known = {line.strip() for line in kept}
    lines = new.split("\n")
    shrinks = len(lines) < replaced
    for number, line in enumerate(lines):
        stripped = line.strip()
        if not stripped or stripped in known or len(stripped) > 120:
            continue
        if _is_elision(_TRIVIAL.sub("", stripped), shrinks=shrinks) and not continues_sentence(
            stripped, lines[number - 1] if number else ""
        ):
            return stripped
        if shrinks and re.fullmatch(_DOTS, stripped) and _means_nothing(lines, number, suffix.lower()):
            return stripped
    return None


def continues_sentence(line: str, before: str) -> bool:
    """Return whether a comment ends a sentence that the comment in the line before began."""
    if max(len(line), len(before)) > LONGEST_COMMENT:
        return False
    sign, words = _split_comment(line)
    other, begun = _split_comment(before.strip())
    return bool(sign) and sign == other and words[:1].islower() and " " in begun and begun[-1] not in ".!?:"


def _split_comment(line: str) -> tuple[str, str]:
    """Return the sign that begins a comment, and its text; a line inside a block comment has its star."""
    match = re.match(_SIGNS, line, re.IGNORECASE)
    assert match is not None  # every part of it may be empty
    return match["open"] or "", match["inner"]


def _means_nothing(lines: list[str], number: int, suffix: str) -> bool:
    """Return whether a line of dots cannot be code: anywhere but in Python, and there next to other statements of its
    block."""
    if suffix in _LEGAL_DOTS:
        return False
    if suffix not in (".py", ".pyi", ".ipynb"):
        return True
    indent = len(lines[number]) - len(lines[number].lstrip())
    others = [line for line in (*lines[:number][::-1][:1], *lines[number + 1 :][:1]) if line.strip()]
    return any(
        len(line) - len(line.lstrip()) == indent and not line.lstrip().startswith("@") for line in others
    )


def _is_elision(line: str, *, shrinks: bool) -> bool:
    if (line[:1].isalnum() or line[:1] == "_") and line[:3].lower() not in ("rem", "dnl"):
        return False  # most lines: without a sign and without dots before the words
    signs = re.match(_SIGNS, line, re.IGNORECASE)
    assert signs is not None  # every part of it may be empty
    sign = signs["open"] or ""
    framed = re.match(_FRAMED, signs["inner"])
    if framed is None:
        return False
    words, dots = framed["words"], bool(framed["before"] or framed["after"])
    tag = line.startswith("<") and line.endswith(">") and " " in line and "=" not in line
    comment = (bool(sign) and sign not in _WEAK) or tag
    if not words:
        return comment and dots and shrinks
    if framed["before"] and (
        re.fullmatch(_MARK, words, re.IGNORECASE) or re.fullmatch(_WITH_DOTS, words, re.IGNORECASE)
    ):
        return True
    if not comment or _SENTENCE.search(words):
        return False
    if framed["after"] and re.fullmatch(_WITH_DOTS, words, re.IGNORECASE):
        return True
    return bool(
        re.fullmatch(_MARK, words, re.IGNORECASE)
        or (shrinks and re.fullmatch(_SHORTER, words, re.IGNORECASE))
    )
