"""Reads the user's own repository: HEAD, what it ignores, what it tracks. It is never written, nor obeyed.

HEAD, refs and ignore lists are read as files; git sees the index through `IsolatedGit`. What the repository's configuration says
(filters, fsmonitor, includes, `core.worktree`, remotes) has no effect.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from mazu_ls.gitcmd import transport
from mazu_ls.gitcmd.editor_files import EXCLUDE_OPTIONS
from mazu_ls.gitcmd.isolated import MAX_RULES, IsolatedGit, read_start
from mazu_ls.platform.open_flags import is_own
from mazu_ls.workspace.project_files import read_file

_STATES = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MAX_LINK = 4096  # bytes of `.git` files and of HEAD
_MAX_REFS, _DEPTH = 1 << 26, 5  # symbolic refs to symbolic refs, as in git
_TICK = 50_000_000  # ns; file systems stamp with a clock that may lag some ticks
_SHORT, _MOST_TEXTS = 1 << 16, 256
_texts: dict[str, tuple[tuple[int, ...], str]] = {}
Stamp = tuple[tuple[int, int, int], ...]


class RepositoryState(Struct, frozen=True):
    """The user's HEAD: commit (None while unborn), branch (None while detached), operations in progress."""

    commit: str | None
    branch: str | None
    states: tuple[str, ...]


def find(folder: Path) -> UserRepository | None:
    """The repository whose work tree holds `folder`; None without git, in a bare repository and inside `.git`.

    Found by its `.git` alone; one above `folder` must belong to this user or to the owner of `folder`, since everybody may make
    one in a shared folder such as /tmp. A folder that merely looks like a bare repository is none: git calls that trust `safe.bareRepository`.
    """
    folder = folder.resolve()
    if ".git" in folder.parts:
        return None
    for top in (folder, *folder.parents):
        if (git_dir := _git_dir(top)) is not None and (top == folder or _is_trusted(top, folder)):
            return UserRepository(git_dir, top, folder)
    return None


def _is_trusted(top: Path, folder: Path) -> bool:
    try:
        made = os.lstat(top / ".git")
        return is_own(made) or made.st_uid == folder.stat().st_uid
    except OSError:
        return False


def _git_dir(top: Path) -> Path | None:
    """Return where the `.git` of a work tree leads: itself, or the folder that it names in linked worktrees and submodules."""
    link = _text(top, ".git", _MAX_LINK)
    place = top / (link.removeprefix("gitdir:").strip() if link.startswith("gitdir:") else ".git")
    try:
        place = place.resolve()
    except (OSError, RuntimeError):  # a circle of links
        return None
    return place if _is_git_dir(place) else None


def _is_git_dir(place: Path) -> bool:
    if not os.path.lexists(place / "HEAD"):
        return False
    return (place / "commondir").is_file() or ((place / "objects").is_dir() and (place / "refs").is_dir())


# Top-level names of a bare repository that belong to git.
_BARE_NAMES = frozenset(
    "HEAD FETCH_HEAD ORIG_HEAD MERGE_HEAD branches config config.worktree description gc.log hooks index info lfs logs modules"
    " objects packed-refs refs reftable shallow worktrees".lower().split()
)


def git_internal(folder: Path) -> frozenset[bytes]:
    """Return names in `folder` that belong to git itself, because it is a bare repository; b"." if all of it does."""
    folder = folder.resolve()
    if ".git" in folder.parts:
        return frozenset((b".",))
    for above in folder.parents:
        inside = folder.relative_to(above).parts[0].lower()
        if inside in _BARE_NAMES and _is_bare(above):
            return frozenset((b".",))
    return frozenset(name.encode() for name in _BARE_NAMES) if _is_bare(folder) else frozenset()


def _is_bare(folder: Path) -> bool:
    return not os.path.lexists(folder / ".git") and _is_git_dir(folder)


class UserRepository:
    """`top` is the work tree's root, `folder` the part of it that is examined."""

    def __init__(self, git_dir: Path, top: Path, folder: Path) -> None:
        self.top = top
        self.folder = folder
        self.git_dir = git_dir
        self.common_dir = _common_dir(git_dir)
        self.isolated = _isolated(git_dir, self.common_dir, top)
        self._cached: dict[str, tuple[Stamp, list[bytes]]] = {}

    def state(self) -> RepositoryState:
        """Return HEAD, branch and operations in progress, read from the files without running git."""
        states = tuple(sorted({state for name, state in _STATES.items() if _exists(self.git_dir, name)}))
        head = _text(self.git_dir, "HEAD", _MAX_LINK).strip()
        branch = head.removeprefix("ref: refs/heads/") if head.startswith("ref: refs/heads/") else None
        return RepositoryState(self._commit(head), branch, states)

    def tip(self, branch: str) -> str | None:
        """Return the last commit of a branch; None for no such branch."""
        return self._commit(f"ref: refs/heads/{branch}")

    def _commit(self, text: str) -> str | None:
        for _ in range(_DEPTH):
            if not text.startswith("ref: "):
                return text if _COMMIT.fullmatch(text) else None
            name = text.removeprefix("ref: ").strip()
            text = _text(self.common_dir, name, _MAX_LINK).strip() or self._packed(name)
        return None

    def _packed(self, name: str) -> str:
        wanted = f" {name}"
        for line in _text(self.common_dir, "packed-refs", _MAX_REFS).split("\n"):
            if line.endswith(wanted):
                return line.removesuffix(wanted)
        return ""

    def exclude_texts(self) -> tuple[str, str]:
        """Return the user's ignore lists outside the tree: `info/exclude`, and the user's own `core.excludesFile`."""
        own = excludes_file()
        return self.info_exclude(), _text(own.parent, own.name, MAX_RULES) if own is not None else ""

    def info_exclude(self) -> str:
        """Return the text of the repository's `info/exclude`."""
        return _text(self.common_dir, "info/exclude", MAX_RULES)

    @property
    def inside(self) -> str:
        """The path from the top of the work tree to the folder; "." for the top itself."""
        return self.folder.relative_to(self.top).as_posix()

    def parents(self) -> Iterator[tuple[str, str]]:
        """Yield the `.gitignore` texts above the folder, outermost first, with the path from each to the folder."""
        inside = self.folder.relative_to(self.top)
        for depth in range(len(inside.parts)):
            place = "/".join((*inside.parts[:depth], ".gitignore"))
            yield _text(self.top, place, MAX_RULES), "/".join(inside.parts[depth:])

    def files(self) -> list[bytes]:
        """Return files that git tracks or does not ignore, relative to the folder; nested repositories end with a slash."""
        return self._split("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")

    def tracked(self) -> list[bytes]:
        """Return files of the user's index, relative to the folder."""
        return self._listed("tracked", "--cached")

    def tracked_although_ignored(self) -> list[bytes]:
        """Return files of the user's index that the ignore rules name, or that look like an editor's own, relative to the folder."""
        return self._listed("ignored", "-i", "-c", "--exclude-standard", *EXCLUDE_OPTIONS)

    def sparse(self) -> list[bytes]:
        """Return files that a sparse checkout leaves out of the work tree, relative to the folder."""
        # Only later versions of the index can say so of an entry.
        if read_start(self.git_dir, "index", 8)[4:] <= b"\0\0\0\2":
            return []
        return [line[2:] for line in self._listed("sparse", "-t") if line.startswith(b"S ")]

    def tracks(self, path: bytes) -> bool:
        """Return whether the user's index holds a file (relative to the folder)."""
        return bool(self._split("ls-files", "-z", "--", os.fsdecode(b":(literal)" + path)))

    def ignored(self, paths: Sequence[bytes]) -> set[bytes]:
        """Return those of these paths (relative to the folder) that the user's rules ignore and the index does not hold."""
        if not paths:
            return set()
        return set(self._split("check-ignore", "-z", "--stdin", input=b"\0".join(paths), accept=(0, 1)))

    def _listed(self, name: str, *options: str) -> list[bytes]:
        exclude = self.common_dir / "info/exclude"
        stamp = _stamp(self.git_dir / "index", self.folder / ".gitignore", exclude)
        cached = self._cached.get(name)
        if cached is None or cached[0] != stamp:
            cached = self._cached[name] = (stamp, self._split("ls-files", "-z", *options))
        return cached[1]

    def _split(
        self, *arguments: str, input: bytes | None = None, accept: Sequence[int] = (0,)
    ) -> list[bytes]:
        out = self.isolated.run(
            *arguments,
            cwd=self.folder,
            input=input,
            exclude=self.info_exclude(),
            excludes_file=excludes_file(),
            accept=accept,
        )
        return [path for path in out.split(b"\0") if path]


def excludes_file() -> Path | None:
    """Return the user's own ignore list for all repositories: `core.excludesFile`, or git's default place; None if there is none."""
    home = os.path.expanduser("~")  # noqa: PTH111 - once for each checkpoint, and pathlib takes ten times as long
    config = f"{os.environ.get('XDG_CONFIG_HOME') or f'{home}/.config'}/git"
    named = _excludes_file(_stamp(f"{home}/.gitconfig", f"{config}/config"), home)
    place = named or f"{config}/ignore"
    return Path(place).resolve() if os.path.isfile(place) else None  # noqa: PTH113


@lru_cache(8)
def _excludes_file(_stamp: Stamp, _home: str) -> str | None:
    return transport.user_setting("core.excludesFile")


@lru_cache(64)
def _isolated(git_dir: Path, common_dir: Path, top: Path) -> IsolatedGit:
    return IsolatedGit(git_dir, common_dir, top)


def _common_dir(git_dir: Path) -> Path:
    named = _text(git_dir, "commondir", _MAX_LINK).strip()
    return (git_dir / named).resolve() if named else git_dir


def _text(folder: Path, name: str, limit: int) -> str:
    """Return a file's text, empty if there is no such regular file of that size. It is read again once its status changed."""
    place, now = f"{folder}/{name}", time.time_ns()
    try:
        status = os.lstat(place)
    except OSError:
        return ""
    stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev, limit)
    known = _texts.get(place)
    if known is not None and known[0] == stamp:
        return known[1]
    try:
        text = read_file(folder, name, limit).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
    if len(text) <= _SHORT and max(stamp[:2]) < now - _TICK:  # a later change is sure to show in the status
        if len(_texts) >= _MOST_TEXTS:
            _texts.clear()
        _texts[place] = stamp, text
    return text


def _exists(folder: Path, name: str) -> bool:
    return os.path.lexists(f"{folder}/{name}")


def _stamp(*paths: Path | str) -> Stamp:
    return tuple(map(_stat, paths))


def _stat(path: Path | str) -> tuple[int, int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
