"""What "always allow" may store of a command: its first words, and only if no later word could make it run another
program."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mazu_ls.policy.data import pattern, word_set
from mazu_ls.policy.tables.allowed_commands import PROGRAMS
from mazu_ls.policy.tables.wrappers import INTERPRETERS, SHELLS, WRAPPERS, program

# These run another program, or write anywhere, by an option, an operand or their own language. Of them
# only the exact line is offered.
_RUNS_OTHERS = word_set("runs_others")
_FROM_NPM, _FROM_PYPI = word_set("fetched_from_npm"), word_set("fetched_from_pypi")
_GIT = word_set("git_prefixes")
_MODULES = word_set("python_modules")
_TESTERS = frozenset(("pytest", "py.test", "unittest"))
# The folders in which Python finds the project's modules: below the working directory, nothing else.
_OWN_MODULES = pattern("grant_prefix.own_modules")
_ASSIGNMENT = re.compile(r"^([A-Za-z_]\w*)=[\w./:@%+,-]*$")
# Variables by which a loader, an interpreter, a shell or git runs or loads something.
_LOADS = pattern("grant_prefix.loads")
_LAUNCHERS = pattern("grant_prefix.launchers")
_TO_A_SHELL = word_set("words_to_a_shell")
_RUN_IN_QUOTES = pattern("grant_prefix.run_in_quotes")
_ABOUT_NAMES = word_set("words_are_no_programs") | word_set("about_programs")
_VERSION_OR_ENDING = re.compile(r"(?<!^)@.*$|\.(cmd|exe|ps1|bat)$", re.IGNORECASE)


def grant_prefix(argv: list[str]) -> tuple[str, ...] | None:
    """Return the words that a grant would cover; None if only the exact line may be offered.

    Launchers with their options (`timeout 60`, `uv run`) and assignments are part of it as they stand, so that no
    option of a launcher can be added to what was granted.
    """
    ahead = _ahead(argv)
    assigned, words = [word for word in ahead if _ASSIGNMENT.match(word)], argv[len(ahead) :]
    loading = [word for word in assigned if (match := _ASSIGNMENT.match(word)) and _LOADS.match(match[1])]
    if loading and not (all(map(_OWN_MODULES.match, loading)) and _runs_the_project(words)):
        return None
    named = _named(words, behind_uv=ahead[-2:] == ["uv", "run"])
    if not named or not _may_be_fetched(named[0], ahead):
        return None
    return (*ahead, *named)


def reread_by_a_shell(argv: list[str]) -> str | None:
    """Return the program that may give a later word to a shell which runs what stands in it, quoted or not; None if there
    is none. It is looked for wherever a command may begin: launchers and assignments may stand ahead of it."""
    for at in _where_commands_begin(argv):
        name = _VERSION_OR_ENDING.sub("", program(argv[at]))
        starts_it_itself = name == "pnpm" and argv[at + 1 : at + 2] == ["exec"]
        if name in _TO_A_SHELL and not starts_it_itself:
            return name if any(map(_RUN_IN_QUOTES.search, argv[at + 1 :])) else None
    return None


def _where_commands_begin(argv: list[str]) -> Iterable[int]:
    """Return the places of words that may be a program which is run. Behind one that runs others it may be every word, behind
    one of no table the first that is no option, and what follows `--`; a search for "npm" runs none."""
    ahead = len(_ahead(argv))
    name = program(argv[ahead]) if ahead < len(argv) else ""
    if name in _ABOUT_NAMES or (name == "git" and argv[ahead + 1 : ahead + 2] and argv[ahead + 1] in _GIT):
        return range(ahead + 1)
    if name in _RUNS_OTHERS or name in SHELLS or name in WRAPPERS or INTERPRETERS.match(name):
        return range(len(argv))
    if name in PROGRAMS:
        return range(ahead + 1)
    later = range(ahead + 1, len(argv))
    first = next((at for at in later if argv[at][:1] != "-" and not _ASSIGNMENT.match(argv[at])), None)
    behind = [at for at in later if argv[at - 1] == "--"]
    return sorted({*range(min(ahead + 1, len(argv))), *([] if first is None else [first]), *behind})


def _ahead(argv: list[str]) -> list[str]:
    """Return the assignments and launchers ahead of a command."""
    at = _assignments(argv, 0)
    while True:
        if argv[at : at + 1] == ["env"] and (end := _assignments(argv, at + 1)) > at + 1:
            if "env" in argv[:at]:
                return argv[:at]
            at = end
        elif match := _LAUNCHERS.match(" ".join(argv[at:])):
            words = match[0].split()
            if argv[at : at + len(words)] != words:  # a word that holds a blank
                return argv[:at]
            at += len(words)
        else:
            return argv[:at]


def _assignments(argv: list[str], at: int) -> int:
    """Return where the assignments that begin at `at` end."""
    while at < len(argv) and _ASSIGNMENT.match(argv[at]):
        at += 1
    return at


def _may_be_fetched(name: str, ahead: list[str]) -> bool:
    """Return whether no launcher ahead downloads what it does not find, or only this program, known where it looks.

    The word right behind such a launcher names what it downloads, so that nothing may stand between them.
    """
    for at, word in enumerate(ahead):
        match = _LAUNCHERS.match(" ".join([*ahead[at:], ""]))
        if match and match["fetches"]:
            known = _FROM_PYPI if word in ("uvx", "uv") else _FROM_NPM
            return name in known and at + len(match[0].split()) == len(ahead)
    return True


def _named(words: list[str], *, behind_uv: bool) -> list[str] | None:
    """Return the words that name the program; None if a later word may make it run another."""
    if behind_uv and words[:1] == ["-m"] and words[1:2] and words[1] in _MODULES:
        return words[:2]
    if not words or not re.fullmatch(r"[\w./+][\w./+-]*", words[0]):
        return None
    name = words[0].rsplit("/", 1)[-1]
    if _is_python(name) and words[1:2] == ["-m"] and words[2:3] and words[2] in _MODULES:
        return words[:3]
    if name == "git":
        return words[:2] if words[1:] and words[1] in _GIT else None
    if name in _RUNS_OTHERS or name in SHELLS or name in WRAPPERS or INTERPRETERS.match(name):
        return None
    return words[:1]


def _runs_the_project(words: list[str]) -> bool:
    """Return whether a command imports the project's own modules anyway."""
    name = words[0].rsplit("/", 1)[-1] if words else ""
    return name in _TESTERS or (
        _is_python(name) and words[1:2] == ["-m"] and words[2:3] != [] and words[2] in _TESTERS
    )


def _is_python(name: str) -> bool:
    return re.fullmatch(r"python[\d.]*", name) is not None
