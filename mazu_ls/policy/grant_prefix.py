"""What "always allow" may store of a command: its first words, and only if no later word could make it run another
program."""

from __future__ import annotations

import re

from mazu_ls.policy.data import pattern, word_set
from mazu_ls.policy.tables.wrappers import INTERPRETERS, SHELLS, WRAPPERS

# These run another program, or write anywhere, by an option, an operand or their own language. Of them
# only the exact line is offered.
_RUNS_OTHERS = word_set("runs_others")
_GIT = word_set("git_prefixes")
_MODULES = word_set("python_modules")
_TESTERS = frozenset(("pytest", "py.test", "unittest"))
# The folders in which Python finds the project's modules: below the working directory, nothing else.
_OWN_MODULES = pattern("grant_prefix.own_modules")
_ASSIGNMENT = re.compile(r"^([A-Za-z_]\w*)=[\w./:@%+,-]*$")
# Variables by which a loader, an interpreter, a shell or git runs or loads something.
_LOADS = pattern("grant_prefix.loads")


def grant_prefix(argv: list[str]) -> tuple[str, ...] | None:
    """Return the words that a grant would cover; None if only the exact line may be offered."""
    at = int(argv[:1] == ["env"] and len(argv) > 1 and bool(_ASSIGNMENT.match(argv[1])))
    loading: list[str] = []
    while at < len(argv) and (match := _ASSIGNMENT.match(argv[at])):
        if _LOADS.match(match[1]):
            loading.append(argv[at])
        at += 1
    assigned, words = tuple(argv[:at]), argv[at:]
    if loading and not (all(map(_OWN_MODULES.match, loading)) and _runs_the_project(words)):
        return None
    if not words or not re.fullmatch(r"[\w./+][\w./+-]*", words[0]):
        return None
    name = words[0].rsplit("/", 1)[-1]
    if _is_python(name) and words[1:2] == ["-m"] and words[2:3] and words[2] in _MODULES:
        return (*assigned, *words[:3])
    if name == "git":
        return (*assigned, *words[:2]) if words[1:] and words[1] in _GIT else None
    if name in _RUNS_OTHERS or name in SHELLS or name in WRAPPERS or INTERPRETERS.match(name):
        return None
    return (*assigned, words[0])


def _runs_the_project(words: list[str]) -> bool:
    """Return whether a command imports the project's own modules anyway."""
    name = words[0].rsplit("/", 1)[-1] if words else ""
    return name in _TESTERS or (
        _is_python(name) and words[1:2] == ["-m"] and words[2:3] != [] and words[2] in _TESTERS
    )


def _is_python(name: str) -> bool:
    return re.fullmatch(r"python[\d.]*", name) is not None
