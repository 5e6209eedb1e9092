"""Linked git worktrees: each is a project with state of its own; the main one's memory can be brought along."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mazu_ls.state import identity, paths
from mazu_ls.workspace import project_files

_LONGEST = 4096


def main_worktree(root: Path, env: Mapping[str, str] = os.environ) -> Path | None:
    """Return the main worktree of the linked worktree `root` if mazu-ls remembers something there; None for any other folder.

    The `.git` file of a project is anybody's word, so the repository has to name `root` too (gitrepository-layout(5)), and
    the main worktree has to be a project of this user, on this machine.
    """
    try:
        real = root.resolve()
        named = project_files.read_text(real, ".git", _LONGEST).strip()
        if not named.startswith("gitdir:"):
            return None
        folder = Path(os.path.realpath(real / named.removeprefix("gitdir:").strip()))
        common = folder.parent.parent
        back = project_files.read_text(folder, "gitdir", _LONGEST).strip()
        says_common = project_files.read_text(folder, "commondir", _LONGEST).strip()
    except (OSError, ValueError):
        return None
    belongs = (
        folder.parent.name == "worktrees"
        and common.name == ".git"
        and os.path.realpath(folder / says_common) == str(common)
        and os.path.realpath(folder / back) == str(real / ".git")
    )
    main = common.parent
    return main if belongs and main != real and _remembers(main, env) else None


def _remembers(main: Path, env: Mapping[str, str]) -> bool:
    try:
        state = paths.root_state(main, env)
        marker = identity.read_marker(state)
        return marker is not None and marker.path == str(main) and (state / "memory.db").is_file()
    except OSError:
        return False
