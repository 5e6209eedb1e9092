"""A recursive file watcher that knows when it missed something: Linux inotify, read before each checkpoint.

Nothing runs in between: the kernel queues the events. A lost event shows as an overflow of that queue; a cookie file that is touched
right before reading proves that everything earlier has arrived. In case of doubt, or without inotify, a full scan replaces
it. What it cannot see: writes through a memory map of a file that is closed already, and writes through another hard link of the same
file.
"""

from __future__ import annotations

import ctypes
import logging
import os
import select
import struct
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from msgspec import Struct, field

from mazu_ls.checkpoints.scan.roots import CheckpointRoot
from mazu_ls.platform import open_flags
from mazu_ls.state.paths import private_folder

IN_MODIFY, IN_ATTRIB, IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO = 0x2, 0x4, 0x8, 0x40, 0x80
IN_CREATE, IN_DELETE, IN_DELETE_SELF, IN_MOVE_SELF, IN_UNMOUNT = 0x100, 0x200, 0x400, 0x800, 0x2000
IN_Q_OVERFLOW, IN_IGNORED, IN_ISDIR = 0x4000, 0x8000, 0x40000000
IN_ONLYDIR, IN_DONT_FOLLOW = 0x01000000, 0x02000000
_MASK = (
    IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF
    | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW
)  # fmt: skip
_EVENT = struct.Struct("iIII")
_BUFFER = 1 << 16
_COOKIE_SECONDS = 1.0
_SHARE = 4
"""The share of the user's inotify limit that one watcher may take: editors need the rest."""
_MANY = 5000
"""More changed files than this are found faster by a full scan."""
KERNEL_BYTES = 1080
"""Bytes of kernel memory for one watched folder, inode included (inotify(7) and /proc/slabinfo, x86-64)."""
LOCAL = frozenset(
    ("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "reiserfs", "tmpfs", "xfs", "zfs")
)
"""File systems whose changes all go through this kernel."""
log = logging.getLogger(__name__)


class WatchUnavailable(Exception):
    """The folders cannot be watched here; the text says why."""


class Drained(Struct):
    """What changed since the last time: files by absolute path; `sure` False: there may be more."""

    paths: set[bytes] = field(default_factory=set)
    sure: bool = True


Skip = Callable[[CheckpointRoot, list[bytes]], Collection[bytes]]
"""Returns those of these folders (relative to the mount) whose files no checkpoint holds."""


class FolderWatch:
    """Watches the scanned folders of a project. Raises WatchUnavailable if that is not possible."""

    def __init__(self, mounts: Sequence[CheckpointRoot], state: Path, skip: Skip) -> None:
        """`state`: a folder of ours on the same machine, for the cookie file."""
        self._libc = _libc()
        self._mounts = [mount for mount in mounts if mount.scanned]
        for mount in self._mounts:
            _require_local(mount.directory)
        self._skip = skip
        self._left = _allowance()
        self._folders: dict[int, tuple[CheckpointRoot, bytes]] = {}
        self._numbers: dict[bytes, int] = {}
        self._nested: set[bytes] = set()
        self.sure = True
        self._cookie = -1
        self._mounted = _MountTable()
        self._places = self._identities()
        self._fd = self._libc.inotify_init1(open_flags.NONBLOCK | open_flags.CLOEXEC)
        if self._fd < 0:
            raise WatchUnavailable(os.strerror(ctypes.get_errno()))
        try:
            self._cookie_name = f"cookie-{os.getpid()}"
            self._cookie_watch = self._add(os.fsencode(private_folder(state)))
            self._cookie = _unlinked_file(state / self._cookie_name)
            if any(mask & IN_Q_OVERFLOW for _, mask, _ in self._events()):
                raise WatchUnavailable("the events of a file that was removed do not arrive")
            for mount in self._mounts:
                for _ in self._walk(mount, [b""]):
                    pass
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """The number of watched folders."""
        return len(self._folders)

    @property
    def bytes(self) -> int:
        """Approximate memory in bytes, the kernel's part included."""
        named = sum(sys.getsizeof(path) for path in self._numbers)
        tables = sys.getsizeof(self._folders) + sys.getsizeof(self._numbers)
        return named + tables + len(self._folders) * (KERNEL_BYTES + sys.getsizeof((None, None)))

    def close(self) -> None:
        """Release all watches."""
        for fd in (self._fd, self._cookie):
            if fd >= 0:
                os.close(fd)
        self._fd = self._cookie = -1
        self._mounted.close()

    def covers(self, mount: CheckpointRoot, path: bytes) -> bool:
        """Return whether the folder of a file (relative to the mount) is watched."""
        return mount.full(path).rpartition(b"/")[0] in self._numbers

    def drain(self) -> Drained:
        """Return everything that changed until now. Once it is not sure, it stays so: create a new watcher."""
        found, made = (
            Drained(sure=self.sure and self._identities() == self._places),
            list[tuple[CheckpointRoot, bytes]](),
        )
        for number, mask, name in self._events():
            if not found.sure:
                break
            found.sure = self._take(number, mask, name, found.paths, made)
        if found.sure and made:
            found.sure = self._follow(made, found.paths)
        found.sure = found.sure and len(found.paths) <= _MANY
        self.sure = found.sure
        return found

    def _identities(self) -> object:
        """Return a value that changes when something else is at the path of a folder, or mounted anywhere."""
        try:
            places = [os.stat(mount.directory) for mount in self._mounts]  # noqa: PTH116
            return [(one.st_dev, one.st_ino) for one in places], self._mounted.read()
        except OSError:
            return object()  # equal to nothing: a doubt

    def _take(
        self, number: int, mask: int, name: bytes, paths: set[bytes], made: list[tuple[CheckpointRoot, bytes]]
    ) -> bool:
        """Process one event; return False if it leaves a doubt."""
        if mask & (IN_Q_OVERFLOW | IN_UNMOUNT | IN_MOVE_SELF):
            return False
        if number not in self._folders:
            return True
        mount, folder = self._folders[number]
        if mask & IN_IGNORED:
            del self._folders[number]
            self._numbers.pop(_full(mount, folder), None)
            return True
        if mask & IN_DELETE_SELF:
            return folder != b""
        path = folder + name
        if name.lower() == b".git":
            return folder == b"" or not mask & (
                IN_CREATE | IN_MOVED_TO
            )  # a `.git` that appears makes a nested repository
        if not mount.holds(path):
            return True
        if name == b".gitignore" or any(
            folder.startswith(one) for one in self._nested if mask & (IN_CREATE | IN_MOVED_TO)
        ):
            return False
        if not mask & IN_ISDIR:
            paths.add(mount.full(path))
        elif mask & IN_CREATE:
            made.append((mount, path + b"/"))
        else:
            return bool(mask & IN_DELETE)
        return True

    def _follow(self, made: list[tuple[CheckpointRoot, bytes]], paths: set[bytes]) -> bool:
        """Watch new folders; what they contain by now is new, too."""
        try:
            for mount in self._mounts:
                folders = [folder for one, folder in made if one is mount]
                wanted = set(folders) - set(self._skip(mount, folders))
                paths.update(mount.full(path) for path in self._walk(mount, sorted(wanted)))
        except WatchUnavailable as error:
            log.info("the folders are no longer watched: %s", error)
            return False
        return True

    def _walk(self, mount: CheckpointRoot, level: list[bytes]) -> Iterator[bytes]:
        """Watch these folders and those below; yield the files in them. A folder is watched before it is read, so that no file falls
        in between."""
        while level:
            below: list[bytes] = []
            for folder in level:
                number = self._add(_full(mount, folder))
                if number is None:
                    continue
                self._folders[number] = mount, folder
                self._numbers[_full(mount, folder)] = number
                for name, is_folder in _listed(_full(mount, folder)):
                    if name.lower() == b".git" and folder:
                        self._nested.add(folder)
                    elif is_folder and mount.holds(folder + name):
                        below.append(folder + name + b"/")
                    elif not is_folder:
                        yield folder + name
            skipped = set(self._skip(mount, below))
            level = [folder for folder in below if folder not in skipped]

    def _add(self, folder: bytes) -> int | None:
        """Return the number of the watch on a folder; None if it is gone."""
        number = self._libc.inotify_add_watch(self._fd, folder, _MASK)
        if number >= 0:
            self._left -= 1
            if self._left < 0:
                raise WatchUnavailable("the project has too many folders to watch them all")
            return number
        problem = ctypes.get_errno()
        if isinstance(
            error := OSError(problem, os.strerror(problem)), FileNotFoundError | NotADirectoryError
        ):
            return None
        raise WatchUnavailable(str(error))

    def _events(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield all events up to that of the cookie file, which is touched first. An overflow counts as its absence."""
        os.utime(self._cookie)
        until, name = time.monotonic() + _COOKIE_SECONDS, os.fsencode(self._cookie_name)
        while True:
            try:
                data = os.read(self._fd, _BUFFER)
            except BlockingIOError:
                left = until - time.monotonic()
                if left <= 0 or not select.select([self._fd], [], [], left)[0]:
                    yield -1, IN_Q_OVERFLOW, b""
                    return
                continue
            arrived, at = False, 0
            while at < len(data):
                number, mask, _, length = _EVENT.unpack_from(data, at)
                found = data[at + _EVENT.size : at + _EVENT.size + length].rstrip(b"\0")
                at += _EVENT.size + length
                if number != self._cookie_watch:
                    yield number, mask, found
                arrived |= number == self._cookie_watch and found == name and bool(mask & IN_ATTRIB)
            if arrived:
                return


class _MountTable:
    """What is mounted where. Reading it takes the kernel long, so it is read again only after the kernel says that it changed
    (proc(5), /proc/pid/mounts)."""

    def __init__(self) -> None:
        self._file = open("/proc/self/mountinfo", "rb", 0)  # noqa: PTH123, SIM115 - closed with the watcher
        self._changes = select.poll()
        self._changes.register(self._file, select.POLLPRI)
        self._known = self._file.read()

    def read(self) -> bytes:
        """Return the table as it is now. Raises OSError."""
        if self._changes.poll(0):
            self._file.seek(0)
            self._known = self._file.read()
        return self._known

    def close(self) -> None:
        """Release the file."""
        self._file.close()


def _unlinked_file(path: Path) -> int:
    """Return a new file that nobody else can open. Its events still reach a watch on its folder (inotify(7), IN_EXCL_UNLINK), and to touch
    it costs less than to make and remove one each time."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | open_flags.CLOEXEC, 0o600)
    path.unlink()
    return fd


def _full(mount: CheckpointRoot, folder: bytes) -> bytes:
    """Return the absolute path, without the final slash, of a folder given relative with its slash."""
    return mount.full(folder).rstrip(b"/")


def _listed(folder: bytes) -> list[tuple[bytes, bool]]:
    try:
        with os.scandir(folder) as entries:
            return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    except OSError:
        return []


def _libc() -> ctypes.CDLL:
    if not sys.platform.startswith("linux"):
        raise WatchUnavailable("there is no inotify on this system")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)
    return libc


def _allowance() -> int:
    """Return how many folders one watcher may take."""
    try:
        return int(Path("/proc/sys/fs/inotify/max_user_watches").read_text(encoding="ascii")) // _SHARE
    except (OSError, ValueError):
        return 2000


def _require_local(root: Path) -> None:
    """Raise WatchUnavailable if changes may come from another machine, or another file system begins inside."""
    kind, longest, folder = "", -1, os.fsencode(root)
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().rstrip(b"\n").split(b"\n")
    except OSError as error:
        raise WatchUnavailable(str(error)) from error
    for line in lines:
        fields, _, rest = line.partition(b" - ")
        place = fields.split(b" ")[4].decode("unicode_escape").encode("latin-1")
        if place.startswith(folder + b"/"):
            raise WatchUnavailable(f"another file system is mounted at {os.fsdecode(place)}")
        inside = place in (b"/", folder) or folder.startswith(place + b"/")
        if inside and len(place) >= longest:
            kind, longest = rest.split(b" ")[0].decode("ascii", "replace"), len(place)
    if kind not in LOCAL:
        raise WatchUnavailable(f"changes on {kind or 'this file system'} may come from elsewhere")
