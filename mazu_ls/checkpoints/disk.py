"""Bringing files to what a step says: staged first, then one atomic exchange each, never a file nobody looked at."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from mazu_ls.checkpoints.capture import signature
from mazu_ls.checkpoints.exchange import exchange, place
from mazu_ls.checkpoints.mounts import Mount
from mazu_ls.checkpoints.objects import BLOB, EXECUTABLE_MODE, FILE_MODE, LINK_MODE, Entry, object_id
from mazu_ls.checkpoints.records import Reasoned
from mazu_ls.checkpoints.steps import Step
from mazu_ls.errors import Kind, MazuError
from mazu_ls.paths import PROJECT_FOLDER
from mazu_ls.workspace.beneath import folder_beneath

WORK = "rollback"
_NONE, _DRAFT = "0", b"draft-"
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_GRAVE_SECONDS = 10.0


class ThirdVersion(Exception):
    """What stands there is neither what the safety checkpoint holds nor what the target holds: the user's."""


def work_folder(mount: Mount) -> Path:
    """Where a mount's new files wait and its old ones go: on its own device, inside `.mazu`."""
    return (mount.directory / PROJECT_FOLDER if mount.scanned else mount.directory.parent) / WORK


def staged_name(step: Step, number: int) -> bytes:
    """Says by itself what the file may hold: the old content and the new one. Everything else is somebody's work."""
    was, now = (entry.oid.hex() if entry is not None else _NONE for entry in (step.was, step.now))
    return f"{number}-{secrets.token_hex(3)}.{was}.{now}".encode()


def stage(steps: Sequence[Step], read: Callable[[bytes], bytes]) -> dict[Step, bytes]:
    """Write every new content beside its folder's device. Nothing of the project has moved when this fails.

    Raises MazuError(storage or permission) where the disk is full, or a folder cannot be written.
    """
    staged: dict[Step, bytes] = {}
    try:
        for step in steps:
            _require_writable(step)
        for number, step in enumerate(steps):
            if step.was != step.now:
                staged[step] = _stage(step, number, read)
        _publish(staged)
    except OSError as error:
        unstage(staged)
        raise _explained(error) from error
    except BaseException:
        unstage(staged)
        raise
    return staged


def unstage(staged: dict[Step, bytes]) -> None:
    """Remove what was staged."""
    for step, name in staged.items():
        for path in (name, _DRAFT + name):
            (work_folder(step.mount) / os.fsdecode(path)).unlink(missing_ok=True)


def _stage(step: Step, number: int, read: Callable[[bytes], bytes]) -> bytes:
    folder = work_folder(step.mount)
    folder.mkdir(parents=True, exist_ok=True)
    name = staged_name(step, number)
    path = os.path.join(os.fsencode(folder), _DRAFT + name)
    if step.now is None:
        return name
    data = read(step.now.oid)
    if step.now.mode == LINK_MODE:
        os.symlink(data, path)
        return name
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.fchmod(fd, step.permissions)
    finally:
        os.close(fd)
    return name


def _publish(staged: dict[Step, bytes]) -> None:
    """Sync all files, once all are written: one journal commit of the file system serves many."""
    for step, name in staged.items():
        if step.now is None:
            continue
        with _opened(work_folder(step.mount)) as work:
            if step.now.mode != LINK_MODE:
                # Opened again for writing fails on a read-only file, and fsync does not need it.
                fd = os.open(_DRAFT + name, _READ, dir_fd=work)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)
            os.rename(_DRAFT + name, name, src_dir_fd=work, dst_dir_fd=work)
    for folder in {work_folder(step.mount) for step in staged}:
        if folder.is_dir():
            _sync(folder)


def settle(steps: Sequence[Step]) -> None:
    """Make the renames survive power loss, before the journal forgets them."""
    for folder in {step.mount.directory / step.mount.folder(step.path) for step in steps}:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            _sync(folder)


def _require_writable(step: Step) -> None:
    """The nearest folder that exists must take changes; root may write everywhere except where the system forbids."""
    folder = step.mount.directory / step.mount.folder(step.path)
    while not os.path.lexists(folder) and folder != step.mount.directory:
        folder = folder.parent
    if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "the folder is read-only", str(folder))


def _explained(error: OSError) -> MazuError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return MazuError(
            Kind.STORAGE, "The disk is full: nothing was rolled back.", "Free some space and roll back again."
        )
    return MazuError(
        Kind.PERMISSION,
        f"Nothing was rolled back: {error.strerror} ({error.filename}).",
        "Make it writable and roll back again.",
    )


def apply(steps: Sequence[Step], staged: dict[Step, bytes]) -> list[Reasoned]:
    """Bring every file to its step: removals first, deepest first, then what is written. Returns what could not be."""
    problems: list[Reasoned] = []
    removals = sorted((s for s in steps if s.now is None), key=lambda s: s.path.count(b"/"), reverse=True)
    for step in (*removals, *(s for s in steps if s.now is not None)):
        try:
            _apply(step, staged.get(step))
        except ThirdVersion:
            problems.append(Reasoned(step.shown, "it changed during the rollback; the newer text was kept"))
        except OSError as error:
            problems.append(Reasoned(step.shown, _hindrance(error)))
        if step.now is None:
            _prune_folders(step)
    return problems


def _hindrance(error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOTEMPTY):
        return "something else stands in its place or on the way to it"
    return error.strerror or "it could not be written"


@contextmanager
def _parent(step: Step, *, create: bool = False) -> Iterator[int]:
    with folder_beneath(
        step.mount.directory, PurePosixPath(step.mount.folder(step.path)), create=create
    ) as folder:
        yield folder


def _apply(step: Step, staged: bytes | None) -> None:
    name = step.path.rpartition(b"/")[2]
    if step.now is None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), _parent(step) as folder:
            _remove(step, folder, name, staged)
        return
    with _parent(step, create=True) as folder:
        found, status = entry_at(folder, name)
        if found == step.now and status is not None:
            _set_permissions(step, folder, name, status)
        elif found is None and status is not None and stat.S_ISDIR(status.st_mode):
            os.rmdir(name, dir_fd=folder)  # only an empty one goes
            _write(step, folder, name, staged, None)
        elif found == step.was:
            _write(step, folder, name, staged, status)
        else:
            raise ThirdVersion


def _write(step: Step, folder: int, name: bytes, staged: bytes | None, status: os.stat_result | None) -> None:
    assert staged is not None
    with _opened(work_folder(step.mount)) as work:
        if status is None:
            place(work, staged, folder, name)
            return
        _inherit_owner(work, staged, status)
        exchange(work, staged, folder, name)
        if _same_file(work, staged, status) or entry_at(work, staged)[0] == step.was:
            return
        # Somebody saved between our look and the exchange: their file goes back, unless they saved again since.
        if entry_at(folder, name)[0] == step.now:
            exchange(work, staged, folder, name)
        raise ThirdVersion


def _remove(step: Step, folder: int, name: bytes, staged: bytes | None) -> None:
    found, status = entry_at(folder, name)
    if status is None or stat.S_ISDIR(status.st_mode):
        return
    if found != step.was:
        raise ThirdVersion
    assert staged is not None
    with _opened(work_folder(step.mount)) as work:
        os.rename(name, staged, src_dir_fd=folder, dst_dir_fd=work)
        if _same_file(work, staged, status) or entry_at(work, staged)[0] == step.was:
            return
        with contextlib.suppress(FileExistsError):
            place(work, staged, folder, name)
        raise ThirdVersion


def _prune_folders(step: Step) -> None:
    """Folders that the removal left empty go too: git's trees know no empty ones."""
    inside = step.mount.folder(step.path)
    while inside.parts:
        try:
            with folder_beneath(step.mount.directory, inside.parent) as folder:
                os.rmdir(inside.name, dir_fd=folder)
        except OSError:
            return
        inside = inside.parent


def entry_at(folder: int, name: bytes) -> tuple[Entry | None, os.stat_result | None]:
    """The entry of what stands there, and its status; (None, status) for folders and special files."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            return Entry(LINK_MODE, object_id(BLOB, os.readlink(name, dir_fd=folder))), status
        if not stat.S_ISREG(status.st_mode):
            return None, status
        fd = os.open(name, _READ, dir_fd=folder)
    except FileNotFoundError:
        return None, None
    with os.fdopen(fd, "rb") as file:
        data, status = file.read(), os.fstat(fd)
    mode = EXECUTABLE_MODE if status.st_mode & stat.S_IXUSR else FILE_MODE
    return Entry(mode, object_id(BLOB, data)), status


def _same_file(folder: int, name: bytes, before: os.stat_result) -> bool:
    """Whether it is the inode we read, unchanged; renaming changes nothing but its change time."""
    now, then = signature(os.stat(name, dir_fd=folder, follow_symlinks=False)), signature(before)
    return now[0] == then[0] and now[2:] == then[2:]


def _inherit_owner(work: int, staged: bytes, status: os.stat_result) -> None:
    mine = os.stat(staged, dir_fd=work, follow_symlinks=False)
    if (mine.st_uid, mine.st_gid) != (status.st_uid, status.st_gid):
        with contextlib.suppress(PermissionError):
            os.chown(staged, status.st_uid, status.st_gid, dir_fd=work, follow_symlinks=False)


def _set_permissions(step: Step, folder: int, name: bytes, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) != step.permissions:
        fd = os.open(name, _READ, dir_fd=folder)
        try:
            os.fchmod(fd, step.permissions)
        finally:
            os.close(fd)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _sync(folder: Path) -> None:
    with _opened(folder) as fd:
        os.fsync(fd)


def verify(steps: Sequence[Step], excused: set[str]) -> tuple[int, list[Reasoned]]:
    """Hash every file again: how many are what they should be, and those that are not (`excused` ones apart)."""
    right, wrong = 0, []
    for step in steps:
        if step.shown in excused:
            continue
        found: Entry | None = None
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), _parent(step) as folder:
            found = entry_at(folder, step.path.rpartition(b"/")[2])[0]
        if found == step.now:
            right += 1
        else:
            wrong.append(Reasoned(step.shown, "it is not what the checkpoint holds: somebody wrote it since"))
    return right, wrong


def sweep(mounts: Sequence[Mount], rescue: Path, *, older_than: float = _GRAVE_SECONDS) -> list[Path]:
    """Empty the work folders of files that waited long enough. One whose content is neither the old nor the new was
    written through an open descriptor: it goes to `rescue`, and its new place is returned.
    """
    rescued: list[Path] = []
    for mount in mounts:
        folder = work_folder(mount)
        if not folder.is_dir():
            continue
        with _opened(folder) as work:
            for name in os.listdir(os.fsencode(folder)):
                if (path := _bury(work, folder, name, rescue, older_than)) is not None:
                    rescued.append(path)
        with contextlib.suppress(OSError):
            folder.rmdir()
    return rescued


def _bury(work: int, folder: Path, name: bytes, rescue: Path, older_than: float) -> Path | None:
    if name.startswith(_DRAFT):
        os.unlink(name, dir_fd=work)
        return None
    found, status = entry_at(work, name)
    if status is None:
        return None
    expected = {
        bytes.fromhex(part) for part in name.decode().split(".")[1:3] if part != _NONE and len(part) == 40
    }
    if found is not None and found.oid in expected:
        if time.time() - status.st_ctime >= older_than:
            os.unlink(name, dir_fd=work)
        return None
    rescue.mkdir(parents=True, exist_ok=True)
    target = rescue / f"{time.strftime('%Y%m%dT%H%M%S')}-{os.fsdecode(name)}"
    source = folder / os.fsdecode(name)
    try:
        source.replace(target)
    except OSError:  # another device
        target.write_bytes(source.read_bytes())
        source.unlink()
    return target
