"""The folders on disk that a checkpoint holds, and the folder of its tree for each of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath

from mazu_ls.errors import Kind, MazuError
from mazu_ls.gitcmd.user_repository import git_internal
from mazu_ls.state.paths import PROJECT_FOLDER, root_key

CODE, FOLDERS, SKILLS = b"code", b"folders/", b"skills"
_NEVER = {b".git", PROJECT_FOLDER.encode()}


@dataclass(frozen=True)
class CheckpointRoot:
    """A folder whose content is kept below `prefix` of the tree. `label` precedes paths shown to the user, with its
    slash.

    `work` is the staging folder: for a rollback's new files and replaced ones, on this folder's own device. `scanned`:
    git's ignore rules apply and git finds changes; otherwise every file is included (skills). `top`: the workspace
    folder if `directory` is one below it: no link is followed on the way from there. `internal`: names in it that
    belong to git itself because it is a bare repository (b".": all of it does).
    """

    prefix: bytes
    directory: Path
    work: Path
    label: str = ""
    scanned: bool = True
    top: Path | None = None
    internal: frozenset[bytes] = frozenset()

    @property
    def root(self) -> Path:
        """The folder that the user opened, below which no link is followed."""
        return self.top or self.directory

    @cached_property
    def inside(self) -> bytes:
        """`directory` relative to `root`; empty if they are the same."""
        inside = self.directory.relative_to(self.root).as_posix()
        return b"" if inside == "." else os.fsencode(inside)

    @property
    def name(self) -> str:
        """A unique folder name for this mount."""
        return self.prefix.decode().replace("/", "-")

    def relative(self, path: Path) -> bytes | None:
        """Return `path` (absolute) as bytes relative to this folder; None if it is outside or never included."""
        full = os.fsencode(path)
        inside = full[len(self._start) :] if full.startswith(self._start) else b""
        return inside if inside and self.holds(inside) else None

    def holds(self, relative: bytes) -> bool:
        """Return False for git's own files, and for everything in `.git` and `.mazu`, in any case, at any depth."""
        if self.internal and self.is_internal(relative):
            return False
        lower = relative.lower()
        if b".git" not in lower and b".mazu" not in lower:
            return True
        return not any(part in _NEVER for part in lower.split(b"/"))

    def is_internal(self, relative: bytes) -> bool:
        """Return whether a file belongs to git itself."""
        return b"." in self.internal or relative.partition(b"/")[0].lower() in self.internal

    def shown(self, relative: bytes) -> str:
        """Return a path as the user sees it; bytes that are no UTF-8 are shown as `\\xNN`."""
        return self.label + relative.decode("utf-8", "backslashreplace")

    def full(self, relative: bytes) -> bytes:
        """Return the file's path on disk."""
        return self._start + relative

    @cached_property
    def _start(self) -> bytes:
        return os.fsencode(self.directory) + b"/"

    def is_folder(self, relative: bytes) -> bool:
        """Return whether a real folder is there, not a link to one."""
        return stat.S_ISDIR(_type_at(self.full(relative)))

    def behind_link(self, relative: bytes, looked: dict[bytes, bool]) -> bool:
        """Return whether a folder on the way to the file is a symbolic link: the file then belongs to the link's
        target. `looked` holds what was found for other files of this moment, by the folder's path on disk."""
        folder, passed, found = relative.rpartition(b"/")[0], list[bytes](), False
        while folder and not found:
            full = self.full(folder)
            if (known := looked.get(full)) is not None:
                found = known
                break
            passed.append(full)
            found = stat.S_ISLNK(_type_at(full))
            folder = folder.rpartition(b"/")[0]
        looked.update(dict.fromkeys(passed, found))
        return found

    def folder(self, relative: bytes) -> PurePosixPath:
        """Return the folder of a file, relative to this mount's directory."""
        return _posix(relative.rpartition(b"/")[0])

    def from_root(self, folder: PurePosixPath) -> PurePosixPath:
        """Return a folder of this mount, relative to `root`."""
        return _posix(self.inside) / folder


def _type_at(path: bytes) -> int:
    """Return the mode of what is at a path, of the link itself if it is one; 0 if nothing is."""
    try:
        return os.lstat(path).st_mode
    except (OSError, ValueError):
        return 0


def folders_of(paths: Iterable[bytes]) -> set[bytes]:
    """Return every folder on the way to these files."""
    found: set[bytes] = set()
    for path in paths:
        folder = path.rpartition(b"/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition(b"/")[0]
    return found


@lru_cache(1024)
def _posix(folder: bytes) -> PurePosixPath:
    return PurePosixPath(os.fsdecode(folder))


def find_roots(roots: Sequence[Path], staging: str) -> tuple[CheckpointRoot, ...]:
    """Return one mount for each workspace folder, and one for the project's skills; `staging` names their staging
    folders.

    Raises MazuError for folders that are too broad.
    """
    if not roots:
        raise MazuError(Kind.UNSUPPORTED, "Checkpoints need an open folder.", "Open a folder in the editor.")
    real = [root.resolve() for root in roots]
    for root in real:
        refuse_broad(root)
    labels = _labels(real) if len(real) > 1 else [""]
    found = [CheckpointRoot(CODE, real[0], real[0] / staging, labels[0], internal=git_internal(real[0]))]
    found += [
        CheckpointRoot(
            FOLDERS + root_key(root).encode(), root, root / staging, label, internal=git_internal(root)
        )
        for root, label in zip(real[1:], labels[1:], strict=True)
        if not any(root == other for other in real[: real.index(root)])
    ]
    return (
        *found,
        CheckpointRoot(
            SKILLS,
            real[0] / PROJECT_FOLDER / "skills",
            real[0] / staging,
            f"{PROJECT_FOLDER}/skills/",
            scanned=False,
            top=real[0],
        ),
    )


def _labels(roots: Sequence[Path]) -> list[str]:
    return [f"{root.name}/" for root in roots]


def is_closed(roots: Iterable[CheckpointRoot], place: bytes | None) -> bool:
    """Return whether a place is in a workspace folder that is not open: not one of `roots`."""
    if place is None or not place.startswith(FOLDERS):
        return False
    return not any(place.startswith(root.prefix + b"/") for root in roots)


def refuse_broad(root: Path) -> None:
    """Raise MazuError(unsupported) for `/`, the home folder, Desktop and Downloads: nobody means to roll those back."""
    home = Path.home()
    broad = {Path(root.anchor), *(p.resolve() for p in (home, home / "Desktop", home / "Downloads"))}
    if root in broad or root in home.resolve().parents:
        raise MazuError(
            Kind.UNSUPPORTED,
            f"{root} is too broad for checkpoints: it contains much more than one project.",
            "Open the folder of the project itself.",
        )
    if not root.is_dir():
        raise MazuError(Kind.NOT_FOUND, f"{root} is not a folder.", "Open a folder that exists.")
