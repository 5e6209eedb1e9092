"""Programs that take a program as argument: the small part of sed, awk, find, jq and test that can only read."""

from __future__ import annotations

import re

from mazu_ls.policy.data import pattern, word_set
from mazu_ls.policy.tables.options import require

_ADDRESS = r"(?:\d+|\$|/[^/\\\n]*/I?|\d+~\d+)"
_SED_PRINT = re.compile(rf"^\s*+(?:{_ADDRESS}(?:\s*+,\s*+(?:{_ADDRESS}|\+\d+|~\d+))?\s*+)?!?\s*+[pdq=]\s*+$")
_SED_SUBSTITUTE = re.compile(rf"^\s*+(?:{_ADDRESS}(?:\s*+,\s*+(?:{_ADDRESS}|\+\d+))?\s*+)?s([/|#,:@])(.*)$")


def sed(script: str) -> None:
    """Require that a sed script only prints: p, d, q, = and s without w, e, m."""
    require("\n" not in script, "the sed script has several lines")
    known = all(map(_SED_PRINT.match, script.split(";")))
    if match := _SED_SUBSTITUTE.match(script):
        delimiter, rest = match.groups()
        *texts, flags = rest.split(delimiter)
        escapes = any(text.endswith("\\") for text in texts)
        known = len(texts) == 2 and not escapes and re.fullmatch(r"[gpIi\d]*", flags.strip()) is not None
    require(known, "the sed script is not known to be harmless")


_AWK_REFUSED = pattern("scripts.awk_refused")
_JQ_REFUSED = pattern("scripts.jq_refused")
_AWK_ALLOWED = re.compile(r"^[\w\s{}$,;:.+*/%=!\"'()^~&?#<-]*$")


def awk(script: str) -> None:
    """Require that an awk program only prints fields: no pipes, no files, no commands, no indexing."""
    script = re.sub(r">=|<=|&&|\|\|", " ", script)
    known = _AWK_ALLOWED.match(script) and not _AWK_REFUSED.search(script)
    require(known, "the awk program is not known to be harmless")


def jq(program: str) -> None:
    """Require that a jq filter reads nothing but its input."""
    require(not _JQ_REFUSED.search(program), "the jq filter is not known to be harmless")


_FIND_PLAIN = word_set("find_plain")
_FIND_VALUES = word_set("find_values")


def find(words: list[str]) -> list[str]:
    """Return the starting points and the files that find compares with; require that its tests and actions only read."""
    named: list[str] = []
    left, expression = list(words), False
    while left:
        word = left.pop(0)
        require(word not in ("-L", "-follow"), "find -L follows links")
        if not expression and word in ("-H", "-P"):
            continue
        if not expression and not (word.startswith("-") or word in ("(", "!")):
            named.append(word)
            continue
        expression = True
        if word not in _FIND_PLAIN:
            compares = word in ("-newer", "-anewer", "-cnewer", "-samefile")
            require(left and (compares or word in _FIND_VALUES), f"find {word} is not known to only look")
            value = left.pop(0)
            named += [value] if compares else []
    return named


_TEST_UNARY = frozenset(str.split("-e -f -d -s -r -w -x -L -h -z -n -p -S -b -c -k -u -g -O -G -N"))
_TEST_BINARY = frozenset(str.split("= == != -nt -ot -ef"))
_TEST_NUMERIC = frozenset(str.split("-eq -ne -lt -le -gt -ge"))
_TEST_OPERAND = re.compile(r"^[\w./@%+,: =*-]*$")


def test(words: list[str]) -> None:
    """Require a plain `test`, `[` or `[[`: bash evaluates some operands, which can run commands."""
    clauses: list[list[str]] = [[]]
    for word in words:
        if word in ("-a", "-o", "&&", "||"):
            clauses.append([])
        elif word != "!":
            clauses[-1].append(word)
    for clause in clauses:
        numeric = len(clause) == 3 and clause[1] in _TEST_NUMERIC
        plain = (
            len(clause) <= 1
            or (len(clause) == 2 and clause[0] in _TEST_UNARY)
            or (len(clause) == 3 and clause[1] in _TEST_BINARY)
            or (numeric and all(re.fullmatch(r"-?\d{1,18}", clause[i]) for i in (0, 2)))
        )
        require(plain and all(map(_TEST_OPERAND.match, clause)), "the test is not known to be harmless")
