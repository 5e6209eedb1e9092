"""Settings of git whose value is a program, or that lead to a file with such settings: git-config(1)."""

from __future__ import annotations

import re
from itertools import pairwise

from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.data import pattern
from mazu_ls.policy.tables.argv import abbreviates

_RUN = pattern("git_config.run", re.IGNORECASE)
_READS = ("get", "get-all", "get-regexp", "get-urlmatch", "get-color", "get-colorbool", "list")


def refused(name: str, rest: list[str], _: ShellScope) -> str | None:
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
