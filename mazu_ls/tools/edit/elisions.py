"""Elisions: lines such as "... rest of the code unchanged ..." that a model writes in place of text it wants to keep.

Written to a file they delete what stood there. A line counts as an elision if it is a comment, or a line that is nothing
but dots and words, whose words say that something existing goes on here. Lines that the file already had are no elision.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_OPENS = (
    "//+!?", "#+", "--+", ";+", "%+", r"/\*+", r"\*", "<!--", r"\{/\*", r"\(\*", r"\{-", r"\{#", "<%#", "<%--", r"\{\{!(?:--)?",
    "'", '"""', '"', r"rem\b", r"dnl\b", "!",
)  # fmt: skip
_CLOSES = (r"\*+/\}?", "-->", r"\*\)", r"-\}", r"#\}", "--%>", "%>", r"(?:--)?\}\}", '"""')
_SIGNS = re.compile(
    rf"^(?P<open>{'|'.join(_OPENS)})?\s*(?P<inner>.*?)\s*(?:{'|'.join(_CLOSES)})?$", re.IGNORECASE
)
_WEAK = frozenset({"*", "'", '"', "!"})
"""Signs that begin a comment in few languages, and text in more: what follows must have dots."""
_DOTS = r"(?:\.{3,}|\u2026+)"
_FRAMED = re.compile(
    rf"^[(\[{{<\s-]*(?P<before>{_DOTS})?[(\[\s]*(?P<words>.*?)[)\]\s]*(?P<after>{_DOTS})?[.)\]}}>\s-]*$"
)
_THINGS = r"(?:code|lines?|content|functions?|methods?|imports?|implementation|text|logic|fields?|entries|tests?|styles?|rules?|items?|props)"
_KEPT = re.compile(
    r"(?:continue(?:s)?\s+with\s+)?"
    r"(?:(?:the\s+)?(?:rest|remainder)(?:\s+(?:of\b.*|(?:is|stays|remains)\b.*|unchanged.*|omitted.*|as\s+before|here))?"
    rf"|(?:all\s+)?(?:the\s+)?(?:other|existing|previous|original|remaining)\s+{_THINGS}\b.*"
    r"|(?:code|content|everything|implementation|file|imports?|methods?|functions?|body|logic)\s+(?:\w+\s+){0,3}"
    r"(?:unchanged|omitted|stays?\s+the\s+same|remains?\s+the\s+same|as\s+before)\b.*"
    r"|(?:unchanged|same\s+as\s+(?:before|above|original)|as\s+before|keep\s+(?:the\s+)?(?:existing|rest)\b.*|omitted\s+for\s+brevity|snip(?:ped)?)\b.*"
    # The same in other languages.
    r"|(?:der\s+|den\s+)?(?:rest|restliche[rn]?\s+\w+|\u00fcbrige[rn]?\s+\w+|bestehende[rn]?\s+\w+)\s.*(?:unver\u00e4ndert|wie\s+(?:zuvor|bisher)|gleich|hier)\b.*"
    r"|(?:le\s+)?reste\s+(?:du|de)\b.*|(?:el\s+)?resto\s+del?\b.*|(?:o\s+)?restante\s+d[oa]\b.*|il\s+resto\s+del\b.*"
    r"|(?:code|c\u00f3digo|codice)\s+(?:existant|existente|esistente|inchang\u00e9|sin\s+cambios|invariato)\b.*"
    r"|\u043e\u0441\u0442\u0430\u043b\u044c\u043d\w+\s.*|\u0431\u0435\u0437\s+\u0438\u0437\u043c\u0435\u043d\u0435\u043d\u0438\u0439.*"
    r"|(?:\u5176\u4f59|\u5176\u4ed6|\u5269\u4f59|\u73b0\u6709|\u539f\u6709)\w*(?:\u4e0d\u53d8|\u7701\u7565|\u4fdd\u6301)?\w*|\w*(?:\u4fdd\u6301\u4e0d\u53d8|\u7701\u7565)\w*"
    r"|(?:\u65e2\u5b58|\u6b8b\u308a)\u306e\w*|\w*(?:\u5909\u66f4\u306a\u3057|\u7701\u7565)\w*|(?:\uae30\uc874|\ub098\uba38\uc9c0)\s+\S+.*)",
    re.IGNORECASE,
)
_WITH_DOTS = re.compile(
    r"(?:all\s+)?(?:the\s+)?(?:other|existing|previous|original|remaining|same)\s+[\w\s-]+", re.IGNORECASE
)
"""Where dots stand beside it, whatever it is that goes on."""
_SENTENCE = re.compile(r"[.!?;:,]\s+\w|[({=]\s*\w")
"""A longer comment that happens to begin with such words says something, and is kept."""


def find_elision(new: str, kept: Iterable[str], replaced: int = 0) -> str | None:
    """The first line of `new` that stands for text left out and is none of the lines `kept`; None where there is none.

    A comment that is nothing but dots or a cut mark counts where fewer lines come than the `replaced` ones that go.
    """
    known = {line.strip() for line in kept}
    lines = new.split("\n")
    shrinks = len(lines) < replaced
    for line in lines:
        stripped = line.strip()
        if (
            stripped
            and stripped not in known
            and len(stripped) <= 120
            and _is_elision(stripped, shrinks=shrinks)
        ):
            return stripped
    return None


def _is_elision(line: str, *, shrinks: bool) -> bool:
    signs = _SIGNS.match(line)
    assert signs is not None  # every part of it may be empty
    sign = signs["open"] or ""
    framed = _FRAMED.match(signs["inner"])
    if framed is None:
        return False
    words, dots = framed["words"], bool(framed["before"] or framed["after"])
    comment = bool(sign) and sign not in _WEAK
    if not words:
        return comment and dots and shrinks
    if (
        comment
        and shrinks
        and re.fullmatch(r"snip(?:ped)?|etc\.?|(?:un|not\s+)changed", words, re.IGNORECASE)
    ):
        return True
    if framed["before"] and (_KEPT.fullmatch(words) or _WITH_DOTS.fullmatch(words)):
        return True
    if framed["after"] and comment and _WITH_DOTS.fullmatch(words):
        return True
    return comment and _KEPT.fullmatch(words) is not None and not _SENTENCE.search(words)
