"""Detects changes of a file that contradict a decision, by the words of both, without a model; when in doubt, none is
reported.

Two kinds of sentence can be judged. One that rules something out by name ("never use eval", "httpx, not requests", "no
mocks") is violated by new code that names it. One that fixes a value ("the API listens on port 8080") is violated by a
changed line that differs from the old one in that value only. Sentences with conditions ("unless", "except", "when")
are not judged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from msgspec import Struct

from mazu_ls.memory.search.tokens import query_terms, terms, words


class ViolatedRule(Struct, frozen=True):
    """A violation. `line` is an index into the new lines of the change; `what` is the word or the value."""

    line: int
    what: str


class RuledOut(Struct, frozen=True):
    """What a sentence rules out: `names` that occur in one line, and only in code about one of the terms `where`, if
    any."""

    names: tuple[str, ...]
    where: frozenset[str]


_USE = (
    r"(?:us(?:e|ing)|import(?:ing)?|call(?:ing)?|add(?:ing)?|introduc(?:e|ing)|depend(?:ing)? on|rely(?:ing)? on|install(?:ing)?"
    r"|includ(?:e|ing)|requir(?:e|ing)|catch(?:ing)?|rais(?:e|ing)|throw(?:ing)?|writ(?:e|ing)|bring(?:ing)? in)"
)
_NOT = r"(?:never|do not|don['’]t|must not|mustn['’]t|may not|should not|shouldn['’]t|cannot|stop)"
_CHOOSE = r"(?:we |i )?(?:always |only )?(?:use|prefer|choose|pick|chose|stick to|stay with)\b"
_PATTERNS = (
    re.compile(rf"\b{_NOT} (?:ever )?{_USE} (?P<what>.+)", re.IGNORECASE),
    re.compile(rf"^avoid (?:{_USE} )?(?P<what>.+)", re.IGNORECASE),
    re.compile(r"^no (?P<what>.+)", re.IGNORECASE),
    re.compile(
        rf"^{_CHOOSE}.*?(?: instead of| rather than| over|,? (?:and |but )?not|,? never) (?P<what>.+)",
        re.IGNORECASE,
    ),
    re.compile(
        r"^(?P<what>[^,]+?) (?:is|are) (?:forbidden|banned|prohibited|not allowed|off limits|ruled out)\b(?P<rest>.*)",
        re.IGNORECASE,
    ),
)
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|\n+")
_CONDITION = re.compile(
    r"\b(?:unless|except|outside|only|when|whenever|if|while|until|before|after|without|as long as|directly|twice|again)\b",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\s*(?:\bbecause\b|\bsince\b|\bso that\b|\bas\b|\(|\s[-–—]\s|[.!;:](?=\s|$)).*",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\b(?:for|in|inside|within|on|from|to|at|with|by)\b\s+(?P<where>.+)", re.IGNORECASE)
_OR = re.compile(r"\s*(?:,|/|\bor\b|\band\b|\bnor\b)\s*")
_NAME = re.compile(r"[^\W\d]\w*(?:[.\-]\w+)*")
_ARTICLES = words("a an the any some our your new more other another such plain just ever")
_GENERIC = _ARTICLES | words(
    """function functions method methods call calls statement statements library libraries module modules package packages class
    classes import imports framework frameworks database databases dependency dependencies code file files thing things anything
    something it them this that these those variable variables keyword keywords api apis operator operators expression
    expressions block blocks type types value values data time name names line lines test tests error errors list lists way
    style object objects string strings comment comments feature features tool tools version versions change changes state"""
)
_EVERYWHERE = words(
    "codebase project repository repo code here production app application everywhere anywhere place all"
)
_PROSE = words("md markdown rst txt adoc org tex html")
_STRING = re.compile(r"""(?P<quote>["'`])(?P<inside>(?:\\.|(?!(?P=quote))[^\\\n])*)(?P=quote)""")
_COMMENT = re.compile(r"(?<!\S)(?:#(?!include)|//|--\s|;).*|/\*(?:[^*\n]|\*(?!/))*+(?:\*/)?|^\s*\*.*")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)*(?![\w])")
_MOST_NAMES = 3
_BODY = 1000


def find_violations(
    title: str, body: str, path: str, removed: Sequence[str], added: Sequence[str]
) -> ViolatedRule | None:
    """Return whether and where the lines `added` to a file in place of those `removed` violate a decision."""
    if PurePosixPath(path).suffix.lstrip(".").lower() not in _PROSE or path.endswith("requirements.txt"):
        old, new = [_code(line) for line in removed], [_code(line) for line in added]
        about = frozenset(terms("\n".join([path, *removed, *added])))
        for rule in ruled_out(f"{title}\n{body[:_BODY]}"):
            if not rule.where or rule.where & about:
                before = sum(_names(line, rule) for line in old)
                found = [number for number, line in enumerate(new) if _names(line, rule)]
                if len(found) > before:
                    return ViolatedRule(found[0], " ".join(rule.names))
    return _value(title, removed, added)


def ruled_out(text: str) -> Iterator[RuledOut]:
    """Yield what the sentences of a decision forbid by name."""
    for sentence in _SENTENCE.split(text):
        for pattern in _PATTERNS:
            if match := pattern.search(sentence.strip(" -*")):
                rest = match.groupdict().get("rest") or ""
                if not _CONDITION.search(_REASON.sub("", match[0])):
                    yield from _rules(match["what"], rest)
                break


def _rules(what: str, rest: str) -> Iterator[RuledOut]:
    what = _REASON.sub("", what)
    place = _PLACE.search(what) or _PLACE.search(_REASON.sub("", rest))
    what = what[: place.start()] if place and place.string is what else what
    where = frozenset(query_terms(place["where"])) if place else frozenset[str]()
    if place and set(place["where"].lower().split()) & _EVERYWHERE:
        where = frozenset()
    for one in _OR.split(what.replace("()", "").replace("`", " ")):
        names = tuple(name for name in _NAME.findall(one) if name.lower() not in _GENERIC)
        if names and len(names) <= _MOST_NAMES:
            yield RuledOut(names, where)


def _code(line: str) -> str:
    """Return a line without comments and without strings of several words."""
    return _COMMENT.sub("", _STRING.sub(lambda m: m[0] if " " not in m["inside"] else "''", line))


def _names(line: str, rule: RuledOut) -> bool:
    return all(
        re.search(rf"(?<![\w]){re.escape(name.removesuffix('s'))}s?(?![\w])", line, re.IGNORECASE)
        for name in rule.names
    )


def _value(title: str, removed: Sequence[str], added: Sequence[str]) -> ViolatedRule | None:
    """Return a line that changed only in a value that the title fixes for something the line names."""
    fixed = Counter(_NUMBER.findall(title))
    if not fixed or _CONDITION.search(title):
        return None
    subject = {term for term in query_terms(_NUMBER.sub(" ", title)) if len(term) > 2}
    before = {_NUMBER.sub("0", line): line for line in removed}
    for number, line in enumerate(added):
        old = before.get(_NUMBER.sub("0", line))
        if old is None or not subject & set(terms(old)):
            continue
        for was, now in zip(_NUMBER.findall(old), _NUMBER.findall(line), strict=True):
            if was != now and was in fixed and now not in fixed:
                return ViolatedRule(number, was)
    return None
