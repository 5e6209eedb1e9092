"""Programs that take a program as argument: the small part of sed, awk, find, jq and test that can only read."""

from __future__ import annotations

import re

from mazu_ls.policy.data import pattern, word_set

_ADDRESS = r"(?:\d+|\$|/[^/\\\n]*/I?|\d+~\d+)"
_SED_PRINT = re.compile(rf"^\s*(?:{_ADDRESS}(?:\s*,\s*(?:{_ADDRESS}|\+\d+|~\d+))?\s*)?!?\s*[pdq=]\s*$")
_SED_SUBSTITUTE = re.compile(rf"^\s*(?:{_ADDRESS}(?:\s*,\s*(?:{_ADDRESS}|\+\d+))?\s*)?s([/|#,:@])(.*)$")


def sed(script: str) -> str | None:
    """Return why a sed script may do more than print: only p, d, q, = and s without w, e, m are allowed."""
    if "\n" in script:
        return "the sed script has several lines"
    if match := _SED_SUBSTITUTE.match(script):
        delimiter, rest = match.groups()
        parts = rest.split(delimiter)
        if (
            len(parts) == 3
            and not re.search(r"\\$", parts[0] + parts[1])
            and re.fullmatch(r"[gpIi\d]*", parts[2].strip())
        ):
            return None
        return "the sed script is not known to be harmless"
    if all(_SED_PRINT.match(part) for part in script.split(";")):
        return None
    return "the sed script is not known to be harmless"


_AWK_REFUSED = pattern("scripts.awk_refused")
_AWK_ALLOWED = re.compile(r"^[\w\s{}$,;:.+*/%=!\"'()^~&?#<-]*$")


def awk(script: str) -> str | None:
    """Return why an awk program may do more than print fields: no pipes, no files, no commands, no indexing."""
    script = re.sub(r">=|<=|&&|\|\|", " ", script)
    if _AWK_REFUSED.search(script) or not _AWK_ALLOWED.match(script):
        return "the awk program is not known to be harmless"
    return None


def jq(program: str) -> str | None:
    """Return why a jq filter may read more than its input."""
    if re.search(
        r"\benv\b|\$ENV|\$__|\bimport\b|\binclude\b|\binput_filename\b|\bget_search_list\b|\bmodulemeta\b|\$__prog",
        program,
    ):
        return "the jq filter is not known to be harmless"
    return None


_FIND_PLAIN = word_set("find_plain")
_FIND_VALUES = word_set("find_values")


def find(words: list[str]) -> tuple[list[str], list[str]] | str:
    """Return the starting points and the files that find compares with; a sentence if a test or action may do more than
    read."""
    starts: list[str] = []
    compared: list[str] = []
    at = 0
    while at < len(words) and words[at] in ("-H", "-L", "-P"):
        if words[at] == "-L":
            return "find -L follows links"
        at += 1
    while at < len(words) and not (words[at].startswith("-") or words[at] in ("(", "!")):
        starts.append(words[at])
        at += 1
    while at < len(words):
        word = words[at]
        if word in ("-L", "-follow"):
            return "find -L follows links"
        if word in _FIND_PLAIN:
            at += 1
        elif word in _FIND_VALUES and at + 1 < len(words):
            at += 2
        elif word in ("-newer", "-anewer", "-cnewer", "-samefile") and at + 1 < len(words):
            compared.append(words[at + 1])
            at += 2
        elif word == "-printf" and at + 1 < len(words):
            at += 2
        else:
            return f"find {word} is not known to only look"
    return starts, compared


_TEST_UNARY = frozenset(str.split("-e -f -d -s -r -w -x -L -h -z -n -p -S -b -c -k -u -g -O -G -N"))
_TEST_BINARY = frozenset(str.split("= == != -nt -ot -ef"))
_TEST_NUMERIC = frozenset(str.split("-eq -ne -lt -le -gt -ge"))
_TEST_OPERAND = re.compile(r"^[\w./@%+,: =*-]*$")


def test(words: list[str]) -> str | None:
    """Return why a `test`, `[` or `[[` is unusual: bash evaluates some operands, which can run commands."""
    parts = [word for word in words if word != "!"]
    clauses: list[list[str]] = [[]]
    for word in parts:
        if word in ("-a", "-o", "&&", "||"):
            clauses.append([])
        else:
            clauses[-1].append(word)
    for clause in clauses:
        numeric = len(clause) == 3 and clause[1] in _TEST_NUMERIC
        plain = (
            len(clause) <= 1
            or (len(clause) == 2 and clause[0] in _TEST_UNARY)
            or (len(clause) == 3 and clause[1] in _TEST_BINARY)
            or (numeric and all(re.fullmatch(r"-?\d{1,18}", clause[i]) for i in (0, 2)))
        )
        if not plain or not all(_TEST_OPERAND.match(word) for word in clause):
            return "the test is not known to be harmless"
    return None
