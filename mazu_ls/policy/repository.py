"""Git commands that change the repository: which lines may write `.git`, and what no unapproved command may do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from mazu_ls.gitcmd.repository_config import names_programs
from mazu_ls.policy.data import pattern, word_set
from mazu_ls.policy.rules import PolicyContext
from mazu_ls.policy.tables.git import COMMANDS, only_reads
from mazu_ls.policy.tables.global_options import without_global_options

MAX_FOLDERS = 16
_CHANGES = word_set("git_changes")
_GLOBAL = re.compile(r"^(-C|-c|--no-pager|-P|--no-optional-locks|--literal-pathspecs)$")
_IDENTITY = pattern("repository.identity", re.IGNORECASE)
_RUNS_OTHERS = pattern("repository.runs_others")


def changed_by(argv: list[str]) -> str | None:
    """Return why a command needs more than the sandbox allows: it changes the repository."""
    if argv[0] != "git" or len(argv) < 2 or only_reads(argv[1:]):
        return None
    verbs = {form[1] for form in without_global_options(argv)[0] if len(form) > 1}
    if verb := next(iter(sorted(verbs & _CHANGES)), None):
        return f"git {verb} changes the repository, which is read-only for commands that nobody approved"
    return None


def runs_others(folders: Iterable[str], place: PolicyContext) -> str | None:
    """Return why a git command that only reads in these folders is asked about without a sandbox: git starts programs
    that a repository names."""
    if place.confined:
        return None
    each = sorted(set(folders))
    if len(each) > MAX_FOLDERS:
        return "git runs in too many folders to look at each"
    for folder in each:
        try:
            found = names_programs(Path(folder))
        except OSError:
            found = "what it says cannot be read"
        if found is not None:
            return f"git may start a program that this repository names ({found})"
    return None


def changes_alone(argv: list[str]) -> bool:
    """Return whether this is a git command that runs nothing but git (and its hooks, which stay read-only)."""
    if argv[0] != "git":
        return False
    at = 1
    while at < len(argv) and argv[at].startswith("-"):
        if not _GLOBAL.match(argv[at]):
            return False
        if argv[at] == "-c" and not _IDENTITY.match(" ".join(argv[at + 1 : at + 2])):
            return False
        at += 2 if argv[at] in ("-C", "-c") else 1
    verb, rest = argv[at] if at < len(argv) else "", argv[at + 1 :]
    if verb not in _CHANGES and verb not in COMMANDS:
        return False
    # `-u` and `-e` are harmless if they do not name a program.
    named = [word for word in rest if _RUNS_OTHERS.match(word)]
    return not [
        word
        for word in named
        if word not in ("-u", "-e", "-t", "-c", "--edit")
        or verb in ("rebase", "fetch", "pull", "clone", "config", "difftool", "grep")
    ]
