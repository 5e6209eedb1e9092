"""Read-only commands leave nothing behind where mazu-ls was never used: no folders, no databases."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.server.rpc.live.served import PREVIEWED, SHOWING
from mazu_ls.state import identity, paths
from mazu_ls.state.worktrees import main_worktree

if TYPE_CHECKING:
    import argparse

    from mazu_ls.terminal.project_root import ProjectRoot

READING = SHOWING | {
    "mazu.session.show", "mazu.proposal.list", "mazu.skills.list", "mazu.skills.show", "mazu.models.list", "mazu.tools.list",
    "mazu.trust.list", "mazu.permissions.list", "mazu.permissions.check", "mazu.role.show",
}  # fmt: skip
"""Commands of the wire that change nothing."""


def only_reads(given: argparse.Namespace) -> bool:
    """Return whether the command changes nothing."""
    if given.verb in ("doctor", "timeline", "compare"):
        return True
    if given.verb == "call":
        return f"mazu.{given.command.removeprefix('mazu.')}" in READING
    verb = getattr(given, "wire", None)
    if verb is None or getattr(given, "subverb", None) == "review":
        return False
    previews = verb.command in PREVIEWED and bool(getattr(given, "preview", None))
    prints = verb.command == "mazu.session.transcript" and getattr(given, "uri", None) is None
    return verb.command in READING or previews or prints


@contextmanager
def environment(
    given: argparse.Namespace, root: ProjectRoot, env: Mapping[str, str] = os.environ
) -> Iterator[Mapping[str, str]]:
    """Yield the environment to work in: for a read-only command without state, one with a temporary state."""
    if not only_reads(given):
        yield env
        return
    import tempfile

    from mazu_ls.state.temporary_folder import keep_out_of_project

    keep_out_of_project(env)
    with tempfile.TemporaryDirectory(prefix="mazu-ls-") as scratch:
        yield _without_traces(root, env, Path(scratch))


def _without_traces(root: ProjectRoot, env: Mapping[str, str], scratch: Path) -> Mapping[str, str]:
    changed = dict(env)
    known = any(_known(folder, env) for folder in root.folders[:1])
    if not known:
        changed["MAZU_STATE_HOME"] = str(scratch / "state")
        for main in filter(None, (main_worktree(folder, env) for folder in root.folders[:1])):
            state = paths.root_state(main, changed)  # so that an answer can say that it exists
            state.parent.mkdir(mode=0o700, parents=True)
            state.symlink_to(paths.root_state(main, env))
    home = paths.mazu_home(env)
    if not (home / "global_memory.db").exists():
        stand_in = scratch / "home"
        stand_in.mkdir(mode=0o700)
        for entry in home.iterdir() if home.is_dir() else ():
            (stand_in / entry.name).symlink_to(entry)
        changed["MAZU_HOME"] = str(stand_in)
    return changed


def _known(folder: Path, env: Mapping[str, str]) -> bool:
    try:
        before = folder / paths.PROJECT_FOLDER / "memory.db"  # where earlier versions kept the state
        if paths.root_state(folder, env).is_dir() or before.is_file():
            return True
        return bool(identity.find_moved(folder, env))  # then opening it reports the problem
    except OSError:
        return False
