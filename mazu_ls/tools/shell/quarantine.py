"""Files that appeared where programs run them by themselves while a command ran that nobody approved.

What the command alone can have made is moved out of the project; what the user or another program may have made stays
where it is and is named. The command cannot replace what existed before: that is bound read-only in its sandbox.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mazu_ls.paths import PROJECT_FOLDER, private_folder, state_home
from mazu_ls.tools.shell.protected_files import Protected, find_protected

MOVED_WITHIN = 10.0  # seconds; in a longer time the user does other things in the project
_GIT_STATE = ("HEAD", "index", "FETCH_HEAD", "ORIG_HEAD", "config", "logs/HEAD", "refs/heads")
GitState = tuple[tuple[int, int] | None, ...]


@dataclass
class CreatedFilesCheck:
    """Made before a command starts, asked when it has ended. `before` is what its sandbox found; None where nothing is held.

    `background`: it goes on beside the user's work, so that nothing is moved.
    """

    roots: tuple[Path, ...]
    background: bool
    before: Protected | None = None
    _started: float = field(default_factory=time.monotonic)
    _git: GitState = ()

    def __post_init__(self) -> None:
        self.roots = tuple(Path(os.path.realpath(root)) for root in self.roots)
        self._git = self._git_state()

    def created(self) -> list[Path]:
        """What is new since the start and run by other programs; mazu-ls's own folder of the project left out."""
        if self.before is None or not self.before.complete:
            return []
        known = self.before.run_by_others
        found = [path for root in self.roots for path in find_protected(root).run_by_others]
        own = {root / PROJECT_FOLDER for root in self.roots}
        return [path for path in found if path not in known and path not in own and os.path.lexists(path)]

    def may_move(self, path: Path, others: Sequence[Path]) -> bool:
        """Whether only the command can have made it. `others` are files that an editor or an edit of ours has written."""
        if self.background or time.monotonic() - self._started > MOVED_WITHIN:
            return False
        if (
            self._git_state() != self._git
        ):  # read-only for the command: somebody else pulls, commits or switches
            return False
        if any(path == root / ".git" for root in self.roots):
            return False
        return not any(Path(os.path.realpath(other)).is_relative_to(path) for other in others)

    def _git_state(self) -> GitState:
        return tuple(_stamp(root / ".git" / name) for root in self.roots for name in _GIT_STATE)


def quarantine_created(
    check: CreatedFilesCheck, others: Sequence[Path], env: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Move away what the command made, name what somebody else may have made: sentences about each, in this order."""
    moved: list[str] = []
    named: list[str] = []
    for path in check.created():
        shown = _relative(path, check.roots)
        if check.may_move(path, others):
            moved.append(_moved(path, shown, env))
        else:
            named.append(
                f"{shown} is new since a command ran that nobody approved, and programs run what stands there by themselves."
                " It was left where it is; look at it, unless you made it yourself."
            )
    return moved, named


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def _relative(path: Path, roots: Sequence[Path]) -> Path:
    root = next((root for root in roots if path.is_relative_to(root)), None)
    return path.relative_to(root) if root else path


def _moved(path: Path, shown: Path, env: Mapping[str, str]) -> str:
    place = private_folder(state_home(env) / "quarantine") / f"{time.time_ns()}-{path.name.lstrip('.')}"
    try:
        shutil.move(path, place)
    except OSError as error:
        return f"[{shown} was made by the command; programs run what stands there, and it could not be moved away: {error}]"
    return (
        f"[{shown} was made by the command and moved to {place}: programs run what stands there by themselves;"
        " write it with write_file, so that the user sees it]"
    )
