"""Programs that read whole folders: what a folder holds that they must not show."""

from __future__ import annotations

import os
from collections.abc import Set as AbstractSet
from pathlib import Path

from mazu_ls.policy.rules import PolicyContext
from mazu_ls.policy.tables import targets
from mazu_ls.tools.shell.protected_files import find_protected

READERS = frozenset(("grep", "egrep", "fgrep", "rg", "diff"))
MAX_ENTRIES = 20_000
_FOLLOWS = {
    "grep": {"-R", "--dereference-recursive"}, "rg": {"-L", "--follow"}, "diff": {"-r", "--recursive"},
}  # fmt: skip
_RECURSES = {
    "grep": {"-r", "--recursive", "-d", "--directories"} | _FOLLOWS["grep"],
    "diff": _FOLLOWS["diff"],
}
_SHOWS_HIDDEN = {"-u", "--unrestricted", "--hidden", "--no-ignore", "-."}


def trouble(name: str, path: str, given: AbstractSet[str], place: PolicyContext) -> str | None:
    """Why a program with these options must not read the folder at `path`; None where it may, or reads no folder."""
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
