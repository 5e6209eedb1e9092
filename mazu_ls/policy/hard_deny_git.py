"""Hard denies of git: pushes that overwrite, settings that name programs, variables that name another repository."""

from __future__ import annotations

import re
from itertools import pairwise

from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.data import pattern
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
