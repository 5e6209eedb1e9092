"""Quarantine of files that an unapproved command created where programs run them by themselves.

What the command alone can have made is moved out of the project; what the user or another program may have made stays and is named.
The command cannot replace existing files: they are mounted read-only in its sandbox.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mazu_ls.gitcmd import user_setting
from mazu_ls.gitcmd.obeyed_files import ObeyedFile, find_obeyed
from mazu_ls.gitcmd.repository_config import names_programs
from mazu_ls.state.paths import MADE_HERE, PROJECT_FOLDER, private_folder, root_key, state_home
from mazu_ls.tools.shell.protected_files import Protected, find_protected, starts_programs
from mazu_ls.workspace import project_files
from mazu_ls.workspace.openat import folder_beneath
from mazu_ls.workspace.visible_text import make_line

MOVED_WITHIN = 10.0  # seconds; during a longer time the user does other things in the project
MAX_HOOK = 1 << 18
MAX_NAMED = 10  # of new files that are obeyed
NAME_CHARS = 400  # maximum characters of a path in a sentence
_WHY_MOVED = "programs run files there automatically; write it with write_file, so that the user sees it"
_GIT_STATE = ("HEAD", "index", "FETCH_HEAD", "ORIG_HEAD", "config", "logs/HEAD", "refs/heads")


@dataclass(frozen=True)
class CreatedFile:
    """A file or folder below a root, and its inode when it was found."""

    root: Path
    path: Path
    inode: int


GitState = tuple[tuple[int, int] | None, ...]


@dataclass
class CreatedFilesCheck:
    """Created before a command starts, queried when it has ended. `before` is what its sandbox found; None without a sandbox.

    `background`: it runs alongside the user's work, so that nothing is moved. `git`: an approved git command, for which `.git` is
    writable, also for the hooks that it starts.
    """

    roots: tuple[Path, ...]
    background: bool
    before: Protected | None = None
    git: bool = False
    _started: float = field(default_factory=time.monotonic)
    _git: GitState = ()
    _obeyed: frozenset[ObeyedFile] = frozenset()
    _modules: frozenset[Path] = frozenset()

    def __post_init__(self) -> None:
        self.roots = tuple(Path(os.path.realpath(root)) for root in self.roots)
        self._git = self._git_state()
        if not self.git:
            return
        # Existing files are read-only for the command.
        self._modules = frozenset(root for root in self.roots if (root / ".git/modules").is_dir())
        self._obeyed = frozenset(one for root in self.roots for one in self._find_obeyed(root))

    def created(self) -> list[CreatedFile]:
        """Return new files that programs run by themselves or obey, and those in a folder that was replaced.

        A file that alone was replaced is somebody else's work: for the command it was a mount, which cannot be replaced. What was
        only moved, with a folder that leads to it, is left out: it is the user's own.
        """
        if self.before is None or not self.before.complete:
            return []
        known = self.before.run_by_others
        moved = {(found.inode, found.changed) for found in known.values()}
        inodes = {found.inode for found in known.values()}  # a mount can be moved with a folder, not written
        stamps = set(self.before.repositories.values())
        ours = {root / PROJECT_FOLDER for root in self.roots if root_key(root) in MADE_HERE}
        created: list[CreatedFile] = []
        for root in self.roots:
            after = find_protected(root)
            created += [
                CreatedFile(root, path, found.inode)
                for path, found in after.run_by_others.items()
                if (path not in known or known[path].above != found.above)
                and (found.inode, found.changed) not in moved
                and path not in ours
            ]
            for path, stamp in after.repositories.items():
                if stamp in stamps or stamp[0] is None or stamp[0][0] in inodes:
                    continue
                if path.is_symlink() or not path.is_dir() or _has_programs(path):
                    created.append(CreatedFile(root, path, stamp[0][0]))
        return created

    def made_in_git(self) -> list[tuple[CreatedFile, ObeyedFile]]:
        """Return what a program started by an approved git command created in `.git`, and git obeys."""
        if not self.git:
            return []
        return [
            (CreatedFile(root, one.path, one.inode), one)
            for root in self.roots
            for one in self._find_obeyed(root)
            if one not in self._obeyed
        ]

    def _find_obeyed(self, root: Path) -> list[ObeyedFile]:
        return find_obeyed(root / ".git", modules=root not in self._modules)

    def was_there(self, path: Path) -> bool:
        """Return whether it is an existing `.git` in which something changed: in build output it is not read-only."""
        return self.before is not None and path in self.before.repositories

    def may_move(self, path: Path, others: Sequence[Path]) -> bool:
        """Return whether only the command can have made it. `others` are files that an editor or an edit of ours has written."""
        if self.background or self.was_there(path) or time.monotonic() - self._started > MOVED_WITHIN:
            return False
        if any(path == root / ".git" for root in self.roots):
            return _has_programs(path)
        if (
            self._git_state() != self._git
        ):  # read-only for the command: somebody else pulls, commits or switches
            return False
        if any(path == root / PROJECT_FOLDER for root in self.roots):
            return False  # we create it ourselves, and nothing in it takes effect without the user's consent
        return not any(Path(os.path.realpath(other)).is_relative_to(path) for other in others)

    def _git_state(self) -> GitState:
        return tuple(_stamp(root / ".git" / name) for root in self.roots for name in _GIT_STATE)


def quarantine_created(
    check: CreatedFilesCheck, others: Sequence[Path], env: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Move what the command made, name what somebody else may have made; return sentences about each, in this order."""
    moved: list[str] = []
    named: list[str] = []
    for file, obeyed in check.made_in_git():
        shown = make_line(str(file.path.relative_to(file.root)), NAME_CHARS)
        if obeyed.never_git:
            moved.append(_moved(file, shown, env, obeyed.why))
        else:
            named.append(
                f"{shown} is new since a git command ran: {obeyed.why}. It was not moved; review it."
            )
    new: list[str] = []
    for file in check.created():
        shown = make_line(str(file.path.relative_to(file.root)), NAME_CHARS)
        if not starts_programs(file.path.relative_to(file.root).parts):
            new.append(shown)
        elif check.may_move(file.path, others):
            moved.append(_moved(file, shown, env, _WHY_MOVED))
        else:
            how = "was changed" if check.was_there(file.path) else "is new"
            named.append(
                f"{shown} {how} since a command ran that nobody approved, and programs run files there automatically."
                " It was not moved; review it, unless you made it yourself."
            )
    if new:
        more = f" and {len(new) - MAX_NAMED} more" if len(new) > MAX_NAMED else ""
        named.append(
            f"New since a command ran that nobody approved: {', '.join(sorted(new)[:MAX_NAMED])}{more}. Agents, or extensions of editors,"
            " obey such files; review them, unless you made them yourself."
        )
    return moved, named


def _has_programs(git: Path) -> bool:
    """Return whether a new repository starts programs: `git init` makes no such configuration, and no hooks but those of a template."""
    try:
        return (
            any(not _is_of_template(git, name) for name in _hooks(git))
            or names_programs(git.parent) is not None
        )
    except OSError:
        return True


def _hooks(git: Path) -> list[str]:
    try:
        return [name for name in os.listdir(git / "hooks") if not name.endswith(".sample")]  # noqa: PTH208
    except OSError:
        return []


def _is_of_template(git: Path, hook: str) -> bool:
    """Return whether git copied this hook from the user's `init.templateDir`, as it does in each new repository."""
    template = user_setting("init.templateDir")
    if not template:
        return False
    try:
        here, there = (
            project_files.read_text(place, f"hooks/{hook}", MAX_HOOK, "surrogateescape")
            for place in (git, Path(os.path.realpath(Path(template).expanduser())))
        )
    except OSError:
        return False
    return here == there


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def _moved(file: CreatedFile, shown: str, env: Mapping[str, str], why: str) -> str:
    try:
        place = _move_away(file, env)
    except OSError as error:
        return f"[{shown} was made by the command, and it could not be moved away: {error}; {why}]"
    return f"[{shown} was made by the command and moved to {make_line(str(place), NAME_CHARS)}: {why}]"


def _move_away(file: CreatedFile, env: Mapping[str, str]) -> Path:
    """Rename the file that was found, and nothing that replaced it meanwhile; return the new place.

    On another file system than the state directory it stays in its folder, under a name that no program uses.
    """
    name, stamp = file.path.name, time.time_ns()
    folder = PurePosixPath(file.path.parent.relative_to(file.root).as_posix())
    away = private_folder(state_home(env) / "quarantine")
    with folder_beneath(file.root, folder) as source:
        if os.stat(name, dir_fd=source, follow_symlinks=False).st_ino != file.inode:
            raise OSError(errno.ESTALE, "another file is there now")
        place = away / f"{stamp}-{name.lstrip('.')}"
        try:
            os.rename(name, place, src_dir_fd=source)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            place = file.path.with_name(f"{name.lstrip('.')}.quarantined-{stamp}")
            os.rename(name, place.name, src_dir_fd=source, dst_dir_fd=source)
    return place
