"""Git repositories and whole folders: which commands change `.git`, and what others would show that must not be shown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from pathlib import Path

from mazu_ls.errors import MazuError
from mazu_ls.gitcmd import user_repository
from mazu_ls.gitcmd.history import names_in_history
from mazu_ls.gitcmd.repository_config import names_programs
from mazu_ls.policy.data import pattern, word_set
from mazu_ls.policy.rules import PolicyContext
from mazu_ls.policy.tables import targets
from mazu_ls.policy.tables.git import COMMANDS, only_reads
from mazu_ls.policy.tables.global_options import without_global_options
from mazu_ls.policy.tables.options import ParsedOptions
from mazu_ls.tools.shell.protected_files import find_protected
from mazu_ls.workspace import path_rules

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


READERS = frozenset(("grep", "egrep", "fgrep", "rg", "diff"))
MAX_ENTRIES = 20_000
_FOLLOWS = {
    "grep": {"-R", "--dereference-recursive"}, "rg": {"-L", "--follow"}, "diff": {"-r", "--recursive"},
}  # fmt: skip
_RECURSES = {
    "grep": {"-r", "--recursive", "-d", "--directories"} | _FOLLOWS["grep"],
    "diff": _FOLLOWS["diff"],
}
# Git commands that show contents: by default unless a summary is requested, and only on request.
_SHOWS = frozenset(("grep", "blame", "annotate", "cat-file", "range-diff"))
_SHOWS_UNLESS = frozenset(("show", "diff"))
_SUMMARY = word_set("git_summary_options")
_PATCH = word_set("git_patch_options")
_OFTEN_TEST_DATA = re.compile(r"\.(pem|key|p8|p12|pfx|jks|keystore|asc|gpg)$", re.IGNORECASE)
_SHOWS_HIDDEN = {"-u", "--unrestricted", "--hidden", "--no-ignore", "-."}


def folder_trouble(name: str, path: str, given: AbstractSet[str], place: PolicyContext) -> str | None:
    """Return why a program with these options must not read the folder at `path`; None if it may, or reads no folder."""
    kind = "grep" if name.endswith("grep") else name
    if not Path(path).is_dir() or (kind != "rg" and not given & _RECURSES[kind]):
        return None
    follows = given & _FOLLOWS[kind] and not (kind == "diff" and "--no-dereference" in given)
    if follows and (link := _leads_out(path, place)) is not None:
        return f"{link} leads out of the workspace"
    real = Path(os.path.realpath(path))
    for root in place.roots:
        for secret in find_protected(root).hidden if real.is_relative_to(os.path.realpath(root)) else ():
            skipped = kind == "rg" and secret.name.startswith(".") and not given & _SHOWS_HIDDEN
            if secret.is_relative_to(real) and not skipped:
                return f"{secret.name} may hold secrets"
    return None


def tracked_secret(
    verb: str, words: Sequence[str], taken: ParsedOptions, given: AbstractSet[str], folder: Path
) -> str | None:
    """Return why `git VERB WORDS` must not run in `folder`: it would show a committed file whose name suggests secrets.

    `words` are all behind the verb, `taken` the same as options and operands, `given` the names of the options.
    Revisions may show what only older commits hold. Paths that are named limit what is shown; what they name is judged
    elsewhere.
    """
    operands = taken.operands
    shows = verb in _SHOWS or (verb in _SHOWS_UNLESS and not given & _SUMMARY) or given & _PATCH
    repository = user_repository.find(folder) if shows else None
    if repository is None or (repository := user_repository.find(repository.top)) is None:
        return None
    if "--" in words:
        paths = words[words.index("--") + 1 :]
    elif operands and all(":" in word[1:] for word in operands):  # REV:PATH shows nothing else
        return None
    else:
        paths = [word for word in words if os.path.lexists(folder / word)]
    named = [Path(os.path.normpath(folder / word)) for word in paths if not word.startswith(("-", ":"))]
    try:
        committed = _secrets(tuple(repository.tracked()))
        revisions = operands[1:] if verb == "grep" and "-e" not in given else operands
        # These show the index and the work tree, unless a word names no file and so may be a revision.
        if verb not in ("grep", "diff") or any(not os.path.lexists(folder / word) for word in revisions):
            committed += _secrets(names_in_history(repository))
    except MazuError as error:
        return f"what it may show cannot be known: {error.message}"
    for path in committed:
        full = repository.top / path
        if not named or any(full.is_relative_to(one) for one in named):
            return f"{path} is in the repository and may hold secrets, which it may show"
    return None


@lru_cache(8)
def _secrets(names: tuple[bytes, ...]) -> tuple[str, ...]:
    """Return those of many paths whose names suggest secrets."""
    found: list[str] = []
    known: dict[str, bool] = {}
    for path in map(os.fsdecode, names):
        folder, _, last = path.rpartition("/")
        for part in (last, f"{folder}/x"):
            if part not in known:
                known[part] = path_rules.is_secret(part.split("/")) is not None
        may_be = (known[last] or known[f"{folder}/x"]) and not _OFTEN_TEST_DATA.search(path)
        found += [path] if may_be and path_rules.is_secret(path.split("/")) else []
    return tuple(found)


def _leads_out(path: str, place: PolicyContext) -> str | None:
    looked = 0
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            looked += 1
            if looked > MAX_ENTRIES:
                return "one of very many files"
            found = Path(folder, name)
            if found.is_symlink() and not targets.inside(str(found), place):
                return name
    return None
