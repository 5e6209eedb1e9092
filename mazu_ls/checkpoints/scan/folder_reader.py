"""Reads the files of one mount below its root, so that a folder swapped for a link leads nowhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import PurePosixPath
from types import TracebackType

from mazu_ls.checkpoints.scan.roots import CheckpointRoot
from mazu_ls.platform import open_flags
from mazu_ls.workspace.openat import DIRECTORY, open_beneath, open_root
from mazu_ls.workspace.project_files import list_folder

_OPEN = open_flags.READ_REGULAR


class FolderReader:
    """Opens and reads files by their path in a mount; a context manager, for one scan of the folder.

    The folder of the last file stays open, since neighbours follow one another. Everything raises OSError:
    FileNotFoundError, NotADirectoryError or ELOOP if a folder on the way is missing, a file or a link.
    """

    def __init__(self, mount: CheckpointRoot) -> None:
        self.mount = mount
        self._root = -1
        self._folder: bytes | None = None
        self._fd = -1

    def __enter__(self) -> FolderReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._forget()
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def open(self, path: bytes) -> int:
        """Return a descriptor for reading that never blocks; the caller closes it, and checks that it is a regular
        file."""
        folder, name = self._parent(path)
        return os.open(name, _OPEN, dir_fd=folder)

    def status(self, path: bytes) -> os.stat_result:
        """Return the status of what is there, of the link itself if it is one."""
        folder, name = self._parent(path)
        return os.stat(name, dir_fd=folder, follow_symlinks=False)

    def link(self, path: bytes) -> bytes:
        """Return the target of a symbolic link."""
        folder, name = self._parent(path)
        return os.readlink(name, dir_fd=folder)

    def folder_bits(self, folders: Iterable[bytes]) -> dict[bytes, int | None]:
        """Return the permission bits of folders of the mount, by their place in the tree; None where there is none."""
        found: dict[bytes, int | None] = {}
        for folder in folders:
            inside = b"/".join(part for part in (self.mount.inside, folder) if part)
            try:  # behind a link swapped in on the way there are only bits, of which nothing is read
                mode = os.stat(inside, dir_fd=self._open_root(), follow_symlinks=False).st_mode
            except OSError:
                mode = 0
            found[self.mount.prefix + b"/" + folder] = stat.S_IMODE(mode) if stat.S_ISDIR(mode) else None
        return found

    def _open_root(self) -> int:
        if self._root < 0:
            self._root = open_root(self.mount.root)
        return self._root

    def _parent(self, path: bytes) -> tuple[int, bytes]:
        folder, _, name = path.rpartition(b"/")
        if folder != self._folder:
            self._forget()
            root = self._open_root()
            inside = b"/".join(part for part in (self.mount.inside, folder) if part)
            self._fd = open_beneath(root, inside, DIRECTORY) if inside else os.dup(root)
            self._folder = folder
        return self._fd, name

    def _forget(self) -> None:
        if self._folder is not None:
            os.close(self._fd)
            self._folder = None


def walk(mount: CheckpointRoot) -> list[bytes]:
    """Return every file and link below a small folder (skills), as bytes relative to it; Python caches are left out."""
    found: list[bytes] = []
    folders = [PurePosixPath()]
    while folders:
        folder = folders.pop()
        try:
            entries = list_folder(mount.root, mount.from_root(folder))
        except OSError:  # missing, or a link
            continue
        for entry in entries:
            if entry.kind == "folder":
                folders += [folder / entry.name] if entry.name != "__pycache__" else []
            else:
                found.append(os.fsencode((folder / entry.name).as_posix()))
    return found
