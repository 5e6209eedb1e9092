"""What bash evaluates once more while it runs: arithmetic, names with a subscript, prompts. Substitutions in them are run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mazu_ls.policy.bash.expansions import ansi
from mazu_ls.policy.bash.lexer import Segment
from mazu_ls.policy.data import pattern, word_set
from mazu_ls.policy.step_budget import spend

RUN_BY_OTHERS = pattern("evaluations.run_by_others")
"""Variables whose value a shell, git or another program runs."""
_COMPUTES = word_set("computes")
_SUBSTITUTION = re.compile(r"\$\(|`|[<>]\(|\$\{(?=[\s|])")
_FIXED_INDEX = re.compile(r"\[?(?:\d*|[@*])\]?$")
_COMPARES = frozenset(str.split("-eq -ne -lt -le -gt -ge -v -R"))
DECLARES = frozenset(str.split("declare typeset local readonly export"))


def holds_substitution(text: str) -> bool:
    """Return whether bash would run something if it evaluated the text; `$` may be written as `\\044` in a prompt."""
    return _SUBSTITUTION.search(text) is not None or (
        "\\" in text and _SUBSTITUTION.search(ansi(text)) is not None
    )


def substitutions(text: str) -> Iterator[str]:
    """Yield the scripts that bash would run if it evaluated the text. Each is a copy of the rest of it, which costs steps."""
    for form in dict.fromkeys((text, ansi(text) if "\\" in text else text)):
        for match in _SUBSTITUTION.finditer(form):
            spend(10 + (len(form) - match.end()) // 20)
            yield form[match.end() :].rstrip(")`]}")


def substituted_words(argv: Sequence[str]) -> Iterator[str]:
    """Yield the scripts in those words of a command that bash evaluates."""
    for word in argv if argv[0] in _COMPUTES else ():
        yield from substitutions(word)


def run_by_others(
    values: Mapping[str, Sequence[str]], arrays: Mapping[str, Sequence[Sequence[str]]]
) -> Iterator[str]:
    """Yield what variables and arrays hold that a shell, git or another program runs."""
    for name in filter(RUN_BY_OTHERS.match, [*values, *(name for name in arrays if name not in values)]):
        fields = [text for one in arrays.get(name, ()) for text in one]
        for text in dict.fromkeys([*values.get(name, ()), *fields]):
            yield from (text, *substitutions(text))
            if name.startswith("GIT_CONFIG_"):  # the value of an alias, among others
                setting = text.replace("'", "").split("=", 1)[-1] if name.endswith("S") else text
                yield from (setting.removeprefix("!"), f"git {setting}")


def is_computed(index: str) -> bool:
    """Return whether a subscript, with or without its brackets, is more than a number, `@` or `*`."""
    return _FIXED_INDEX.match(index) is None


def evaluates_values(argv: Sequence[str]) -> bool:
    """Return whether a command makes bash evaluate what variables hold."""
    name, rest = argv[0], argv[1:]
    if name in ("let", "getopts"):
        return True
    if name in ("[[", "[", "test"):
        return not _COMPARES.isdisjoint(rest)
    indexed = any("[" in word for word in rest)
    if name in DECLARES:
        return indexed or any(re.match(r"-\w*[in]", word) for word in rest)
    return name in _COMPUTES and (indexed or (name == "printf" and "-v" in rest))


def in_arithmetic(segments: Sequence[Segment]) -> list[bool]:
    """Return of each segment whether it may stand in `(( ... ))`, where single quotes quote nothing."""
    found: list[bool] = []
    depth, since = 0, None
    for segment, last in zip(segments, [None, *segments], strict=False):
        depth += {"(": 1, ")": -1}.get(last.after if last else "", 0)
        if since is None and segment.before == "(" == segment.after and not segment.words:
            since = depth
        since = since if since is not None and depth >= since else None
        found.append(since is not None)
    return found
