"""Reading the user's own repository: where it stands, what it ignores, what it tracks. It is never written."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.repository import require_git

if TYPE_CHECKING:
    import git

_STATES = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Where:
    """The user's HEAD: commit (None while unborn), branch (None while detached), operations in progress."""

    commit: str | None
    branch: str | None
    states: tuple[str, ...]


def find(folder: Path) -> UserRepository | None:
    """The repository whose work tree holds `folder`, or None: no git there, or a bare repository."""
    import git

    try:
        repo = git.Repo(folder, search_parent_directories=True)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError):
        return None
    top = repo.working_tree_dir
    if repo.bare or top is None or not folder.is_relative_to(Path(top).resolve()):
        return None
    return UserRepository(repo, Path(top).resolve(), folder)


def is_bare(folder: Path) -> bool:
    """Whether `folder` itself is a bare repository, or lies inside a `.git`."""
    import git

    try:
        return git.Repo(folder, search_parent_directories=True).bare or ".git" in folder.parts
    except (git.InvalidGitRepositoryError, git.NoSuchPathError):
        return False


class UserRepository:
    """`top` is the work tree's root, `folder` the part of it that is checkpointed."""

    def __init__(self, repo: git.Repo, top: Path, folder: Path) -> None:
        self._repo = repo
        self.top = top
        self.folder = folder
        self.git_dir = Path(repo.git_dir)
        self._cached: dict[str, tuple[Stamp, list[bytes]]] = {}
        self._settings: dict[str, tuple[Stamp, str | None]] = {}

    def where(self) -> Where:
        """HEAD, branch and operations in progress, read from the files without running git."""
        from git.refs.symbolic import SymbolicReference

        states = tuple(sorted({state for name, state in _STATES.items() if (self.git_dir / name).exists()}))
        try:
            head = (self.git_dir / "HEAD").read_text(encoding="utf-8").strip()
        except OSError:
            return Where(None, None, states)
        branch = head.removeprefix("ref: refs/heads/") if head.startswith("ref: ") else None
        commit = self._loose(branch) if branch else head
        if commit is not None and not _COMMIT.fullmatch(commit):
            try:
                commit = SymbolicReference.dereference_recursive(self._repo, "HEAD")
            except ValueError:
                commit = None
        return Where(commit, branch, states)

    def _loose(self, branch: str) -> str | None:
        """What the file of a branch says: "" where it may be kept elsewhere, None where there is no such branch."""
        common = Path(self._repo.common_dir)
        try:
            return (common / "refs" / "heads" / branch).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return "" if any((common / place).exists() for place in ("packed-refs", "reftable")) else None

    def exclude_files(self) -> list[Path]:
        """The user's own ignore lists outside the tree: `info/exclude` and `core.excludesFile`."""
        named = self._setting("core.excludesFile")
        return [
            Path(self._repo.common_dir) / "info" / "exclude",
            Path(named).expanduser() if named else _xdg("ignore"),
        ]

    def parents(self) -> Iterator[tuple[Path, str]]:
        """`.gitignore` files above the folder, outermost first, with the path from each to the folder."""
        inside = self.folder.relative_to(self.top)
        for depth in range(len(inside.parts)):
            place = self.top.joinpath(*inside.parts[:depth])
            yield place / ".gitignore", "/".join(inside.parts[depth:])

    def tracked_although_ignored(self) -> list[bytes]:
        """Files of the user's index that the ignore rules name, relative to the folder."""
        return self._listed("ignored", "-i", "-c", "--exclude-standard")

    def sparse(self) -> list[bytes]:
        """Files that a sparse checkout leaves out of the work tree, relative to the folder."""
        if self._setting("core.sparseCheckout") != "true":
            return []
        return [line[2:] for line in self._listed("sparse", "-t") if line.startswith(b"S ")]

    def tracks(self, path: bytes) -> bool:
        """Whether the user's index holds a file (relative to the folder)."""
        return bool(self._git("ls-files", "-z", "--", os.fsdecode(b":(literal)" + path)))

    def ignored(self, paths: Sequence[bytes]) -> set[bytes]:
        """Those of these paths (relative to the folder) that the user's rules ignore and the index does not hold."""
        out = (
            self._git("check-ignore", "-z", "--stdin", input=b"\0".join(paths), accept=(0, 1))
            if paths
            else b""
        )
        return set(out.split(b"\0")) - {b""}

    def _listed(self, name: str, *options: str) -> list[bytes]:
        stamp = _stamp(
            [self.git_dir / "index", self.folder / ".gitignore", self.git_dir / "info" / "exclude"]
        )
        cached = self._cached.get(name)
        if cached is None or cached[0] != stamp:
            out = self._git("ls-files", "-z", *options)
            cached = (stamp, [path for path in out.split(b"\0") if path])
            self._cached[name] = cached
        return cached[1]

    def _setting(self, key: str) -> str | None:
        """A value of the user's git configuration, read again when one of its files changed."""
        places = [Path(self._repo.common_dir) / "config", self.git_dir / "config.worktree"]
        stamp = _stamp([*places, Path.home() / ".gitconfig", _xdg("config")])
        cached = self._settings.get(key)
        if cached is None or cached[0] != stamp:
            value = self._git("config", "--get", key, accept=(0, 1)).decode("utf-8", "replace").strip()
            cached = self._settings[key] = (stamp, value or None)
        return cached[1]

    def _git(self, *arguments: str, input: bytes | None = None, accept: Sequence[int] = (0,)) -> bytes:
        """One reading command; it may not even refresh the index."""
        env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        process = subprocess.run(
            [require_git(), "-c", "safe.directory=*", "-c", "core.fsmonitor=false", *arguments],
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            cwd=self.folder,
            env=env | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"},
            check=False,
        )
        if process.returncode not in accept:
            # A repository too broken to list still has a work tree: its files are captured by the ignore rules.
            return b""
        return process.stdout


def _xdg(name: str) -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "git" / name


def _stamp(paths: Sequence[Path]) -> Stamp:
    return tuple(_stat(path) for path in paths)


def _stat(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
