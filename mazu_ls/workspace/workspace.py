"""The workspace folders, and the path guard that every path of a tool goes through."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from mazu_ls.errors import Kind, MazuError
from mazu_ls.workspace import path_rules
from mazu_ls.workspace.atomic_write import UNCHECKED, UncheckedContent, replace_file, require_content
from mazu_ls.workspace.encoding import editorconfig
from mazu_ls.workspace.file_names import (
    parse_name,
    same_letters,
    show_name,
    similar_names,
    typed_name,
    without_escapes,
)
from mazu_ls.workspace.openat import folder_beneath, open_regular

__all__ = ["UNCHECKED", "PathRefused", "UncheckedContent", "Workspace", "suggestion"]


SIMILAR = 5
"""Maximum of similar names suggested for one that does not exist."""


class PathRefused(MazuError):
    """A path that tools may not access; the message says which and why."""

    def __init__(
        self, path: str, reason: str, hint: str = "Use a path inside the workspace folders."
    ) -> None:
        super().__init__(Kind.PERMISSION, f"{_shown(path)} is refused: {reason}.", hint)
        self.reason = reason


class Workspace:
    """The folders that tools may see. Its paths are below a root as the editor spells that root, and contain no link.

    `own` returns the places in them that are the user's own, as links lead now: tools write none of them.
    """

    def __init__(
        self, roots: Sequence[Path], own: Callable[[], Sequence[path_rules.OwnPlace]] = tuple
    ) -> None:
        self.own = own
        self.roots: tuple[Path, ...] = tuple(Path(root).absolute() for root in roots)
        innermost = sorted(self.roots, key=lambda root: -len(root.parts))
        self._innermost = [(root, str(root).rstrip("/") + "/") for root in innermost]

    def resolve(self, path: str, *, write: bool = False, typed: bool = False) -> Path:
        """Resolve `path`: relative to a root, absolute, or "folder-name/path" when there are several roots.

        It need not exist. Links inside a root are followed; raises PathRefused if it ends outside, is malformed, names a device, fifo
        or socket, or (for `write`) a folder, `.git`, `.mazu` or a read-only place. `typed`: a user typed it, who sees no difference between
        composed and decomposed letters; a model is told what it could mean.
        """
        # A name that begins with a tilde or a dollar is literal if it exists, whatever a shell would make of it.
        spelt = (
            f"./{path}"
            if path[:1] in ("~", "$") and any(map(os.path.lexists, self._candidates(path)))
            else path
        )
        if (fault := path_rules.malformed_path_reason(without_escapes(spelt))) is not None:
            raise PathRefused(path, fault)
        path = parse_name(path)
        try:
            root, inside = self._place(path, typed)
            target = root / inside
            if write:
                self._check_write(path, target, (*PurePosixPath(path).parts, *inside.parts))
            if (kind := _kind(target)) and kind not in (stat.S_IFREG, stat.S_IFDIR):
                raise PathRefused(path, "it is not a regular file")
        except OSError as error:  # too long together with the root, a folder without access
            raise PathRefused(path, error.strerror or str(error)) from error
        return target

    def relative(self, path: Path) -> str:
        """Return how a path is shown: relative to its root, after the root's name when there are several. `resolve` inverts it."""
        root, inside = self._split(path)
        shown = inside.as_posix()
        return show_name(shown if len(self.roots) == 1 else f"{root.name}/{shown}")

    def locate(self, shown: str) -> Path:
        """Return the absolute path for one that `relative` shows, without following links: to name a file, not to open it."""
        return Path(self._candidates(parse_name(shown))[0])

    def follow(self, path: Path, looked: dict[Path, str] | None = None) -> Path:
        """Return the one place of a file that an editor names, as `resolve` spells it: links are followed to where they end in a
        root. A path that ends outside stays as it is, and so does one that cannot be followed. `looked` holds where the folders of
        other files of this moment lead."""
        real_folder = partial(_real_folder, {} if looked is None else looked)
        try:
            file = Path(real_folder(path.parent), path.name)
            is_plain = path.name != ".." and not file.is_symlink()
            found = self._beneath(str(file) if is_plain else os.path.realpath(file), real_folder)
        except (OSError, ValueError):  # a NUL in the name
            return path
        return found[0] / found[1] if found is not None else path

    def similar(self, path: Path) -> list[str]:
        """Return existing files that the missing `path` could mean: each part differs only in looks."""
        root, inside = self._split(path)
        found = [root]
        for part in inside.parts:
            found = [
                place / name
                for place in found[:SIMILAR]
                for name in ([part] if os.path.lexists(place / part) else _similar_in(place, part))
            ]
        return [self.relative(place) for place in found[:SIMILAR] if place != path]

    def contains(self, path: Path) -> bool:
        """Return whether `path`, with all its links followed, is inside."""
        with contextlib.suppress(PathRefused, OSError):
            return self._beneath(os.path.realpath(path)) is not None
        return False

    def open(self, path: Path) -> BinaryIO:
        """Open the file for reading.

        Raises PathRefused if it is no regular file below a root, otherwise the system's error (FileNotFoundError, ...).
        """
        root, inside = self._split(path)
        try:
            with folder_beneath(root, inside.parent) as folder:
                return os.fdopen(open_regular(folder, inside.name), "rb")
        except OSError as error:
            raise self._explained(error, path) from error

    def read_bytes(self, path: Path, limit: int | None = None) -> bytes:
        """Return the file's bytes, at most `limit` of them. Raises like `open`."""
        with self.open(path) as file:
            return file.read() if limit is None else file.read(limit)

    def declared_charset(self, path: Path) -> str | None:
        """Return the charset that .editorconfig declares for a file, as written there."""
        return editorconfig.declared_charset(*self._split(path))

    def read_each(self, folder: Path, files: Sequence[str], limit: int) -> Iterator[tuple[str, bytes]]:
        """Yield the bytes of files of one folder, at most `limit` of each. The folder is opened once; unreadable files are left out."""
        root, inside = self._split(folder)
        try:
            with folder_beneath(root, inside) as opened:
                for name in files:
                    with contextlib.suppress(OSError), os.fdopen(open_regular(opened, name), "rb", 0) as file:
                        yield name, file.read(min(limit, os.fstat(file.fileno()).st_size + 1))
        except OSError:
            return

    def write_bytes(self, path: Path, data: bytes, *, expect: bytes | UncheckedContent | None) -> None:
        """Replace or create one file atomically and durably, missing folders included, keeping its mode.

        `expect` is the content it must still have: bytes, None for nothing, UNCHECKED for anything; MazuError(conflict) otherwise. A
        hard link is broken, a symbolic link is not followed. Raises PathRefused like `read_bytes`.
        """
        root, inside = self._split(path)
        try:
            with folder_beneath(root, inside.parent, create=not path.parent.is_dir()) as folder:
                replace_file(folder, inside.name, data, expect)
        except OSError as error:
            raise self._explained(error, path) from error

    def delete(self, path: Path, expect: bytes | UncheckedContent) -> None:
        """Remove one file, if its bytes are still `expect`; MazuError(conflict) otherwise."""
        root, inside = self._split(path)
        try:
            with folder_beneath(root, inside.parent) as folder:
                require_content(folder, inside.name, expect)
                os.unlink(inside.name, dir_fd=folder)
                os.fsync(folder)
        except OSError as error:
            raise self._explained(error, path) from error

    def _place(self, path: str, typed: bool) -> tuple[Path, PurePosixPath]:
        if not self.roots:
            raise PathRefused(path, "no folder is open", "Open a folder in the editor.")
        for candidate in self._candidates(path):
            real = os.path.realpath(self._as_spelt(candidate) if typed else candidate)
            if real.startswith(("/proc/", "/sys/", "/dev/")) and self._beneath(real) is None:
                raise PathRefused(path, "it is part of the system, not of a project")
            if (found := self._beneath(real)) is not None:
                return found
        raise PathRefused(path, "it lies outside the workspace")

    def _candidates(self, path: str) -> list[str]:
        """Return the places a path may mean, in order of preference. Joined, not normalised: `..` after a link means its target."""
        if path.startswith("/"):
            return [path]
        head, _, rest = path.removeprefix("./").partition("/")
        named = [f"{root}/{rest or '.'}" for root in self.roots if len(self.roots) > 1 and root.name == head]
        plain = [f"{root}/{path}" for root in self.roots]
        places = named + plain
        return sorted(places, key=lambda place: not os.path.lexists(place)) if len(places) > 1 else places

    def _as_spelt(self, candidate: str) -> str:
        """Return a place with the spelling that its names have on the disk, where only composed and decomposed letters differ.

        Macs store `ö` as two characters and keyboards and models write one. A name that could mean two files stays as it is.
        """
        root = next((below for _, below in self._innermost if candidate.startswith(below)), None)
        if root is None or candidate.isascii() or os.path.lexists(candidate):
            return candidate
        place = root.rstrip("/")
        for part in candidate[len(root) :].split("/"):
            alike = [part]
            if not part.isascii() and not os.path.lexists(f"{place}/{part}"):
                alike = [name for name in _similar_in(Path(place), part) if same_letters(name, part)]
            place = f"{place}/{alike[0] if len(alike) == 1 else part}"
        return place

    def _beneath(
        self, real: str, real_folder: Callable[[Path], str] = os.path.realpath
    ) -> tuple[Path, PurePosixPath] | None:
        """Return the innermost root that holds a real path, and the relative path."""
        found = None
        for root in self.roots:
            real_root = real_folder(root)
            below = real_root.rstrip("/") + "/"
            inside = real == real_root or real.startswith(below)
            if inside and (found is None or len(real_root) > len(found[2])):
                found = (root, PurePosixPath(real[len(below) :] or "."), real_root)
        return found[:2] if found else None

    def _split(self, path: Path) -> tuple[Path, PurePosixPath]:
        """Like `_beneath` for a resolved path: by spelling alone, so that no link is followed again."""
        spelt = str(path)
        for root, below in self._innermost:
            if spelt.startswith(below):
                return root, PurePosixPath(spelt[len(below) :])
            if path == root:
                return root, PurePosixPath()
        if (found := self._beneath(os.path.realpath(path))) is None:
            raise PathRefused(str(path), "it lies outside the workspace")
        return found

    def _check_write(self, path: str, target: Path, parts: Sequence[str]) -> None:
        if (owner := path_rules.is_protected(parts)) is not None:
            raise PathRefused(
                path, f"`{owner}` is not written by tools", "Change it yourself, or through a command."
            )
        own = self.own()
        if own and (owner := path_rules.owner_of(os.path.realpath(target), own)) is not None:
            reason = f"it belongs to the user's own `{owner}`, which tools do not write"
            raise PathRefused(path, reason, "Ask the user to change it.")
        kind = _kind(target)
        if path.endswith("/") or kind == stat.S_IFDIR:
            raise PathRefused(path, "it is a folder", "Name a file.")
        place, kind = (target, kind) if kind else _nearest(target)
        if kind not in (stat.S_IFREG, stat.S_IFDIR):
            return
        folder = place.parent if kind == stat.S_IFREG else place
        if kind == stat.S_IFREG and target != place:
            raise PathRefused(path, f"{self.relative(place)} is a file, not a folder")
        # Root passes access(2) everywhere; a folder without any write bit is still meant to stay as it is.
        if not os.access(folder, os.W_OK | os.X_OK) or not os.stat(folder).st_mode & 0o222:  # noqa: PTH116
            raise PathRefused(path, f"the folder {folder.name} is read-only", "Make it writable first.")

    def _explained(self, error: OSError, path: Path) -> OSError | PathRefused:
        """Convert refusals of the guard to PathRefused; other errors stay, with the whole path."""
        reasons = {
            errno.ELOOP: "a symbolic link was put in its way",
            errno.EXDEV: "it leads out of the workspace",
            errno.ENOTSUP: "it is not a regular file",
        }
        if error.errno in reasons:
            return PathRefused(self.relative(path), reasons[error.errno])
        if error.errno == errno.ENOTDIR and any(parent.is_symlink() for parent in path.parents):
            return PathRefused(self.relative(path), reasons[errno.ELOOP])
        error.filename = str(path)
        return error


def _real_folder(looked: dict[Path, str], folder: Path) -> str:
    if (known := looked.get(folder)) is None:
        known = looked[folder] = os.path.realpath(folder)
    return known


def _kind(path: Path) -> int:
    """Return the file type at a path (stat.S_IFMT), links followed; 0 if there is nothing. Raises OSError."""
    try:
        return stat.S_IFMT(os.stat(path).st_mode)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        if error.errno == errno.ELOOP:
            return 0
        raise


def _nearest(path: Path) -> tuple[Path, int]:
    """Return the nearest folder above that exists, which may be no folder, and its type. Raises OSError."""
    return next((above, kind) for above in path.parents if (kind := _kind(above)))


def _similar_in(folder: Path, name: str) -> list[str]:
    try:
        return similar_names(name, itertools.islice((entry.name for entry in os.scandir(folder)), 20_000))
    except OSError:
        return []


def suggestion(workspace: Workspace, path: Path) -> str:
    """Return what to append to the message that `path` does not exist: the files it could mean."""
    names = [typed_name(name) for name in workspace.similar(path)]
    return (
        f"; did you mean {' or '.join(names)}? The names differ in letters that look alike" if names else ""
    )


def _shown(path: str) -> str:
    text = path if len(path) <= 120 else f"{path[:60]}…{path[-40:]}"
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text) or "an empty path"
