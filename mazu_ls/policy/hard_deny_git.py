"""Git: pushes that overwrite, settings and options that name programs, variables that name another repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.data import pattern, table, word_set
from mazu_ls.policy.tables import targets
from mazu_ls.policy.tables.global_options import without_global_options
from mazu_ls.policy.tables.options import abbreviates


def options_of_variables(scope: ShellScope) -> list[str]:
    """Return the variables that the line sets for git, as the options that mean the same."""
    named = {"GIT_DIR": "--git-dir", "GIT_WORK_TREE": "--work-tree", "GIT_COMMON_DIR": "--git-dir", "GIT_OBJECT_DIRECTORY": "--git-dir", "GIT_INDEX_FILE": "--git-dir"}  # fmt: skip
    return [f"{option}={value}" for name, option in named.items() for value in scope.values.get(name, ())]


_OVERWRITES_BY = pattern("git_config.overwrites", re.IGNORECASE)
_OVERWRITES = ("--force", "--force-with-lease", "--mirror", "--delete", "--prune")


def force_push(name: str, rest: list[str], _: ShellScope) -> str | None:
    """Refuse a `git push` that overwrites or removes what others have: forced, mirrored, deleting, pruning, `+ref`,
    `:ref`."""
    if name not in ("git", "hub", "gh", "yadm") or not {"push", "send-pack"} & set(rest):
        return None
    at = min(rest.index(verb) for verb in ("push", "send-pack") if verb in rest)
    if (word := next(filter(_OVERWRITES_BY.match, rest[:at]), None)) is not None:
        return f"`git -c {word} push` overwrites or removes what others have"
    for word in rest[at + 1 :]:
        long = word.startswith("--") and any(abbreviates(word, option, 4) for option in _OVERWRITES)
        short = re.match(r"^-[a-z]+", word) is not None and bool(set("fd") & set(word[1:].split("o")[0]))
        if long or short or (word.startswith(("+", ":")) and len(word) > 1):
            return f"`git push {word}` overwrites or removes what others have"
    return None


_RUN = pattern("git_config.run", re.IGNORECASE)
_READS = ("get", "get-all", "get-regexp", "get-urlmatch", "get-color", "get-colorbool", "list")


def set_program(name: str, rest: list[str], _: ShellScope) -> str | None:
    """Return why `git config` would write what git runs later, or settings outside the repository."""
    if name != "git" or "config" not in rest:
        return None
    words = rest[rest.index("config") + 1 :]
    if any(word.lstrip("-") in _READS or word in ("-l", "--name-only") for word in words):
        return None
    plain = [word for word in words if not word.startswith("-") and word not in ("set", "unset", "edit")]
    if len(plain) < 2 and not any(word.startswith(("--unset", "--edit", "-e", "--remove")) for word in words):
        return None
    if any(abbreviates(word, option, 4) for word in words for option in ("--global", "--system")):
        return "it would change git's settings outside the workspace"
    for key, value in pairwise([*plain, ""]):
        if _RUN.match(key) or (key.lower().startswith("alias.") and value.lstrip().startswith("!")):
            return f"git would run what {key} says"
    return None


_HARMLESS = pattern("git_config.harmless", re.IGNORECASE | re.DOTALL)
_OPTIONS: dict[str, dict[str, str]] = table("git.options")
_RUNS_OPERANDS = word_set("git_runs_operands")


def unclear(argv: list[str], scope: ShellScope) -> str | None:
    """Return why nobody can say what `argv`, a git command, runs or writes."""
    for word, following in pairwise([*argv, ""]):
        setting = following if word in ("-c", "--config-env") else word.partition("--config-env=")[2]
        key, sign, _ = setting.partition("=")  # a key of a variable that the line does not set is empty here
        known = UNKNOWN not in setting and ("." not in key or not sign) and (key or not sign)
        if not known and not _HARMLESS.match(setting):
            return "what git does with settings given on the line cannot be known"
    for form in without_global_options(argv)[0]:
        if form[1:2] and form[1] in _RUNS_OPERANDS:
            return f"git {form[1]} runs what its words name"
        for kind, option, value in _telling_options(form[1:]):
            if kind == "files":
                if not all(targets.inside(path, scope.place) for path in targets.places(value, scope)):
                    return f"git would write {value}, outside the workspace"
            elif kind != "settings" or not _HARMLESS.match(value):
                return f"what git does with {option} cannot be known"
    return None


def _telling_options(words: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the kind, name and value of each option in `VERB WORDS` that is in the table, however it is shortened.

    Words behind `--` count, too: it may be the value of an option.
    """
    row = _OPTIONS.get(words[0], {}) if words else {}
    kinds = {
        option: kind for kind in ("programs", "settings", "files") for option in row.get(kind, "").split()
    }
    attached, ends = row.get("attached", ""), row.get("attached", "") + row.get("valued", "")
    whole = row.get("whole", "").split()  # no abbreviations
    perl = words[:1] == ["send-email"]  # `-To-Cmd` is an option there
    for given, following in pairwise([*words[1:], ""]) if row else ():
        word = re.sub("^-+", "--", given).casefold() if perl else given
        if word.startswith("--"):
            head, sign, value = word.partition("=")
            for option, kind in kinds.items() if head not in whole else ():
                if abbreviates(head, option, 3):
                    yield kind, option, value if sign else following
            continue
        for at, letter in enumerate(word[1:] if word.startswith("-") else "", 2):
            short, value = f"-{letter}", word[at:] or following
            if short in kinds or (letter in attached and word[at:]):
                yield kinds.get(short, "programs"), short, value
            if short in kinds or letter in ends:
                break
