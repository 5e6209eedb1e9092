"""Reads the project's files as they are: bytes, mode, links; what cannot be read is reported, never guessed."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from mazu_ls.checkpoints.git.objects import BLOB, EXECUTABLE_MODE, FILE_MODE, LINK_MODE, TreeEntry, object_id
from mazu_ls.checkpoints.models import SkippedFile, readable_size
from mazu_ls.checkpoints.scan.folder_reader import FolderReader

_TRIES = 3
_REMEMBERED = 50_000
_TICK = 50_000_000  # ns; file systems stamp with a clock that may lag some ticks
_SECONDS = 2_100_000_000
_SMALL = 1 << 16
_NOT_HERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
Signature = tuple[int, int, int, int, int, int, int, int]
Inode = tuple[int, int]
"""Device and number of a file, the lower 32 bits of each, as git's index has them."""
Found = tuple[bytes, os.stat_result]
Add = Callable[[str, bytes, bytes], object]


def signature(status: os.stat_result) -> Signature:
    """Return mtime and ctime in ns, size, inode, mode, device, owner: one of them changes whenever the file does,
    except within one tick of the file system's clock."""
    return (
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_size,
        status.st_ino,
        status.st_mode,
        status.st_dev,
        status.st_uid,
        status.st_gid,
    )


def is_same_file(now: Signature, then: Signature) -> bool:
    """Return whether it is the same inode, unchanged; a rename changes nothing but its ctime."""
    return now[0] == then[0] and now[2:] == then[2:]


def inode_of(seen: Signature) -> Inode:
    """Return by what a file is known, whatever its name."""
    return seen[5] & 0xFFFFFFFF, seen[3] & 0xFFFFFFFF


class FileSnapshot(NamedTuple):
    """A file's entry, its status when it was read, and whether a later change is sure to show in that status.

    `settled` counts ticks of the file system, `settled_seconds` whole seconds, which is all that git compares.
    """

    entry: TreeEntry
    seen: Signature
    settled: bool
    settled_seconds: bool

    @property
    def permissions(self) -> int:
        return stat.S_IMODE(self.seen[4])


class FileReader:
    """Reads files and passes new blobs to `add`. Caches what it has read, by exact stat signature."""

    def __init__(self, max_untracked: int, max_tracked: int) -> None:
        self._max_untracked = max_untracked
        self._max_tracked = max_tracked
        self._seen: dict[bytes, FileSnapshot] = {}
        self._replaced: dict[bytes, FileSnapshot] = {}

    def file(
        self,
        reader: FolderReader,
        path: bytes,
        held: TreeEntry | None,
        add: Add,
        tracked: Callable[[bytes], bool],
    ) -> FileSnapshot | SkippedFile | None:
        """Return what is at `path` of the reader's mount; None if there is no file (a folder, or a path behind a link,
        is none).

        A blob that differs from `held`, which the store has, is passed to `add`. `tracked` says whether the user's git
        tracks a file, which then may be larger.
        """
        mount = reader.mount
        full = mount.full(path)
        known = self._seen.get(full)
        began = time.time_ns()
        try:
            small = min(_SMALL, self._max_untracked)
            fresh = known is None or not known.settled
            if fresh and (quick := _read_quickly(reader, path, began, small)) is not None:
                return self._captured(full, quick, began, held, add)
            status = reader.status(path)
        except OSError as error:
            if error.errno in _NOT_HERE:
                return None
            return SkippedFile(mount.shown(path), error.strerror or "cannot be read")
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFDIR:
            return None
        if kind not in (stat.S_IFREG, stat.S_IFLNK):
            return SkippedFile(mount.shown(path), _special(kind))
        if known is not None and known.settled and known.seen == signature(status):
            return known._replace(settled_seconds=known.seen[1] < began - _SECONDS)
        if kind == stat.S_IFREG and status.st_size > self._max_untracked:
            limit = self._max_tracked if tracked(path) else self._max_untracked
            if status.st_size > limit:
                return SkippedFile(mount.shown(path), f"larger than {readable_size(limit)}", status.st_size)
        return self._read(reader, path, held, add)

    def restated(self, held: Iterable[tuple[bytes, bytes, TreeEntry]]) -> list[bytes]:
        """Return those of these files (path, absolute path, entry) whose status is not known to go with their entry."""
        found: list[bytes] = []
        for path, full, entry in held:
            known = self._seen.get(full)
            try:
                if (
                    known is None
                    or not known.settled
                    or known.entry != entry
                    or known.seen != signature(os.lstat(full))
                ):
                    found.append(path)
            except OSError:
                found.append(path)
        return found

    def inodes(self) -> Iterator[tuple[Inode, bytes, int]]:
        """Yield by what each file that was read is known, its absolute path, and its ctime (ns) then; also those that are gone, and the
        last one that another file took the place of."""
        for held in (self._seen, self._replaced):
            yield from ((inode_of(one.seen), full, one.seen[1]) for full, one in held.items())

    def forget(self) -> None:
        """Clear the cache: the objects may be gone."""
        self._seen.clear()
        self._replaced.clear()

    def _read(
        self, reader: FolderReader, path: bytes, held: TreeEntry | None, add: Add
    ) -> FileSnapshot | SkippedFile | None:
        mount = reader.mount
        for _ in range(_TRIES):
            began = time.time_ns()
            try:
                found = _read_once(reader, path)
            except OSError as error:
                if error.errno in _NOT_HERE:
                    return None
                return SkippedFile(mount.shown(path), error.strerror or "cannot be read")
            if found is not None:
                return self._captured(mount.full(path), found, began, held, add)
        return SkippedFile(mount.shown(path), "changed while it was read")

    def _captured(
        self, full: bytes, found: Found, began: int, held: TreeEntry | None, add: Add
    ) -> FileSnapshot:
        data, status = found
        entry, seen = TreeEntry(_mode(status), object_id(BLOB, data)), signature(status)
        captured = FileSnapshot(entry, seen, seen[1] < began - _TICK, seen[1] < began - _SECONDS)
        if held is None or held.oid != entry.oid:
            add(BLOB, data, entry.oid)
        if len(self._seen) >= _REMEMBERED:
            self.forget()
        if (known := self._seen.get(full)) is not None and inode_of(known.seen) != inode_of(seen):
            self._replaced[full] = known
        self._seen[full] = captured
        return captured


def _read_quickly(reader: FolderReader, path: bytes, began: int, limit: int) -> Found | None:
    """Return bytes and status of a small regular file that has not changed for a while; None for all that needs care.

    A change during the read would have stamped the file with a time after `began`. Raises OSError if there is no file.
    """
    try:
        fd = reader.open(path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise
        return None  # a link, a socket, an unreadable file
    try:
        data = os.read(fd, limit + 1)
        status = os.fstat(fd)
    except OSError:
        return None
    finally:
        os.close(fd)
    whole = stat.S_ISREG(status.st_mode) and len(data) == status.st_size <= limit
    return (data, status) if whole and status.st_ctime_ns < began - _TICK else None


def _read_once(reader: FolderReader, path: bytes) -> Found | None:
    """Return bytes and status of a regular file or link; None if it changed meanwhile."""
    status = reader.status(path)
    if stat.S_ISLNK(status.st_mode):
        target = reader.link(path)
        return (target, status) if signature(reader.status(path)) == signature(status) else None
    fd = reader.open(path)
    try:
        before = os.fstat(fd)
        if not stat.S_ISREG(before.st_mode):
            return None
        chunks, size = [], 0
        while size <= before.st_size and (chunk := os.read(fd, before.st_size + 1)):
            chunks.append(chunk)
            size += len(chunk)
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        after = os.fstat(fd)
    finally:
        os.close(fd)
    return (data, after) if signature(before) == signature(after) and len(data) == after.st_size else None


def _mode(status: os.stat_result) -> bytes:
    if stat.S_ISLNK(status.st_mode):
        return LINK_MODE
    return EXECUTABLE_MODE if status.st_mode & stat.S_IXUSR else FILE_MODE


def _special(kind: int) -> str:
    names = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
    return names.get(kind, "a device")
