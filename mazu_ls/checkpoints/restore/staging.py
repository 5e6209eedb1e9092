"""Stages new contents next to the project before anything moves, so that a full disk or a forbidden folder is found first."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path, PurePosixPath

from mazu_ls.checkpoints.git.objects import (
    BLOB,
    EXECUTABLE_MODE,
    FILE_MODE,
    LINK_MODE,
    TreeEntry,
    large_blob_id,
    object_id,
)
from mazu_ls.checkpoints.git.pack import sync_file_system, sync_folder
from mazu_ls.checkpoints.models import PathReason
from mazu_ls.checkpoints.restore import staging_folder
from mazu_ls.checkpoints.restore.restore_steps import RestoreStep
from mazu_ls.checkpoints.scan.roots import CheckpointRoot
from mazu_ls.errors import Kind, MazuError
from mazu_ls.platform import open_flags

log = logging.getLogger(__name__)
Staged = dict[RestoreStep, bytes]
READ = open_flags.READ_REGULAR
_NONE, _DRAFT = "0", b"draft-"
GRAVE_SECONDS = 10.0
_NAME_BYTES = 120
"""Of a file's own name, so that the longest staged name is allowed."""
_AT_ONCE = 1 << 24  # bytes; larger files are hashed in pieces
_FEW = 8  # files or folders that are synced one by one


class StagingFolders:
    """Descriptors of the staging folders, each opened once."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._open: dict[Path, int] = {}

    def __enter__(self) -> StagingFolders:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def folder_for(self, mount: CheckpointRoot) -> int:
        """Return the mount's staging folder, created if it is missing."""
        if (fd := self._open.get(mount.work)) is None:
            fd = self._open[mount.work] = staging_folder.open_staging(mount.work, create=True)
            self._stack.callback(os.close, fd)
        return fd


def stage_contents(
    steps: Sequence[RestoreStep], read: Callable[[Sequence[bytes]], Generator[bytes, None, None]]
) -> Staged:
    """Write every new content to its device. Nothing of the project has moved when this fails.

    `read` yields the data of objects, in their order. Raises MazuError(storage or permission) if the disk is full, or a folder cannot
    be written.
    """
    staged: Staged = {}
    new = (step for step in steps if step.now is not None and step.was != step.now and step.source is None)
    contents = read([step.now.oid for step in new if step.now is not None])
    try:
        for mount, folder in {(step.mount, step.mount.folder(step.path)) for step in steps}:
            _require_writable(mount, folder)
        with StagingFolders() as works, closing(contents):
            for number, step in enumerate(steps):
                if step.was != step.now:
                    work, name = works.folder_for(step.mount), _name(step, number)
                    staged[step] = name
                    if step.source is not None:
                        _stage_rescued(step.source, work, _DRAFT + name)
                    elif step.now is not None:
                        _write(step, step.now, next(contents), work, _DRAFT + name)
            _publish(staged, works)
    except BaseException as error:
        discard_staged(staged)
        if isinstance(error, OSError):
            raise _explained(error) from error
        raise
    return staged


def discard_staged(staged: Staged) -> None:
    """Remove what was staged."""
    with StagingFolders() as works:
        for step, name in staged.items():
            for path in (name, _DRAFT + name):
                with suppress(FileNotFoundError):
                    os.unlink(path, dir_fd=works.folder_for(step.mount))
    for work in {step.mount.work for step in staged}:
        staging_folder.remove_staging(work)


def _name(step: RestoreStep, number: int) -> bytes:
    """Return a name that says what the file may hold, the old content or the new one: anything else is somebody's work. That of a
    file that is set aside ends in its own name, by which the user finds it."""
    was, now = (entry.oid.hex() if entry is not None else _NONE for entry in (step.was, step.now))
    own = b"." + step.path.rpartition(b"/")[2][-_NAME_BYTES:] if step.aside is not None else b""
    return f"{number}-{secrets.token_hex(3)}.{was}.{now}".encode() + own


def _write(step: RestoreStep, now: TreeEntry, data: bytes, work: int, name: bytes) -> None:
    if now.mode == LINK_MODE:
        os.symlink(data, name, dir_fd=work)
        return
    flags = open_flags.CREATE_NEW
    fd = os.open(name, flags, 0o600, dir_fd=work)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        open_flags.set_mode(fd, step.permissions)
    finally:
        os.close(fd)


def _stage_rescued(source: Path, work: int, name: bytes) -> None:
    """Stage a file that was set aside, as a link where that is possible; it stays there until the rollback is complete."""
    try:
        os.link(source, name, dst_dir_fd=work, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except OSError:  # another device, or no links
        with source.open("rb") as file:
            fd = os.open(name, open_flags.CREATE_NEW, 0o600, dir_fd=work)
            with os.fdopen(fd, "wb") as copy:
                shutil.copyfileobj(file, copy)
                open_flags.set_mode(copy.fileno(), stat.S_IMODE(os.fstat(file.fileno()).st_mode))


def _publish(staged: Staged, works: StagingFolders) -> None:
    """Sync what was written, then rename it: a draft may be torn, a named file never is."""
    written = {step: name for step, name in staged.items() if step.now is not None}
    folders = {step.mount.work for step in staged}
    at_once = len(written) > _FEW and all(sync_file_system(folder) for folder in folders)
    for step, name in written.items():
        work = works.folder_for(step.mount)
        if not at_once and step.now is not None and step.now.mode != LINK_MODE:
            fd = os.open(_DRAFT + name, READ, dir_fd=work)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        os.rename(_DRAFT + name, name, src_dir_fd=work, dst_dir_fd=work)
    for folder in folders:
        sync_folder(folder)


def retire_replaced(steps: Sequence[RestoreStep]) -> None:
    """Make the renames survive a power failure, before the journal row is deleted."""
    inside = {(step.mount, step.mount.folder(step.path)) for step in steps}
    folders = {mount.directory / folder for mount, folder in inside}
    if len(folders) > _FEW and all(sync_file_system(d) for d in {step.mount.directory for step in steps}):
        return
    for folder in folders:
        with suppress(OSError):  # removed, or no longer a folder: nothing of ours to sync
            sync_folder(folder)


def _require_writable(mount: CheckpointRoot, inside: PurePosixPath) -> None:
    """Check that the nearest existing folder can be written."""
    folder = mount.directory / inside
    while not os.path.lexists(folder) and folder != mount.directory:
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


def entry_at(folder: int, name: bytes) -> tuple[TreeEntry | None, os.stat_result | None]:
    """Return the entry at a name and its status; (None, status) for folders and special files."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            return TreeEntry(LINK_MODE, object_id(BLOB, os.readlink(name, dir_fd=folder))), status
        if not stat.S_ISREG(status.st_mode):
            return None, status
        fd = os.open(name, READ, dir_fd=folder)
    except FileNotFoundError:
        return None, None
    try:
        found = (
            large_blob_id(fd) if status.st_size > _AT_ONCE else object_id(BLOB, _contents(fd, status.st_size))
        )
        status = os.fstat(fd)
    finally:
        os.close(fd)
    mode = EXECUTABLE_MODE if status.st_mode & stat.S_IXUSR else FILE_MODE
    return TreeEntry(mode, found), status


def _contents(fd: int, size: int) -> bytes:
    """Return all of a file, whatever its size is by now; `size` is a hint."""
    data = os.read(fd, size + 1)
    if len(data) == size:
        return data
    chunks = [data]
    while data:
        chunks.append(data := os.read(fd, 1 << 20))
    return b"".join(chunks)


def sweep_staging(
    mounts: Sequence[CheckpointRoot], rescue: Path, *, older_than: float = GRAVE_SECONDS
) -> list[PathReason]:
    """Empty the staging folders, and the grave next to `rescue`, of files that are `older_than` seconds old. A file whose content is
    neither the old nor the new was written through an open descriptor: it is moved to `rescue`.

    Returns what was rescued, with its new place, and what could not be removed. Never raises OSError: a rollback is complete before
    this, and what stays waits for the next sweep.
    """
    notes: list[PathReason] = []
    for folder in {*(mount.work for mount in mounts), grave_folder(rescue)}:
        try:
            work = staging_folder.open_staging(folder)
        except OSError:
            continue
        try:
            with os.scandir(work) as found:
                names = [os.fsencode(item.name) for item in found if not _rests(item, older_than)]
            for name in names:
                if name != staging_folder.IGNORE:
                    notes += _swept(work, name, rescue, older_than)
        except OSError as error:
            notes.append(PathReason(str(folder), f"could not be emptied: {error.strerror}"))
        finally:
            os.close(work)
        staging_folder.remove_staging(folder)
    return notes


def grave_folder(rescue: Path) -> Path:
    """Return the folder for replaced files of projects closed meanwhile, so that nothing of ours stays in the project."""
    return rescue.with_name("grave")


def move_to_grave(mounts: Sequence[CheckpointRoot], rescue: Path) -> None:
    """Move what is still in the staging folders to the state directory; on another file system it stays where it is, since a program
    that writes to one of the files must keep writing to the same inode."""
    folders = {mount.work for mount in mounts if mount.work.is_dir()}
    if not folders:
        return
    grave = staging_folder.open_staging(grave_folder(rescue), create=True)
    try:
        for folder in folders:
            try:
                work = staging_folder.open_staging(folder)
            except OSError:
                continue
            try:
                with os.scandir(work) as found:
                    names = [item.name for item in found if item.name != staging_folder.IGNORE.decode()]
                for name in names:
                    os.rename(name, name, src_dir_fd=work, dst_dir_fd=grave)
            except OSError as error:
                log.info("%s stays for a while: %s", folder, error)
            finally:
                os.close(work)
            staging_folder.remove_staging(folder)
    finally:
        os.close(grave)
    staging_folder.remove_staging(grave_folder(rescue))


def _swept(work: int, name: bytes, rescue: Path, older_than: float) -> list[PathReason]:
    try:
        if _remove_old(work, name, older_than):
            return []
        saved = os.fsencode(_rescue(work, name, rescue))
        return [PathReason(saved.decode(errors="backslashreplace"), "written during a rollback; saved here")]
    except OSError as error:
        shown = name.decode(errors="backslashreplace")
        return [PathReason(shown, f"could not be removed from the staging folder: {error.strerror}")]


def _remove_old(work: int, name: bytes, older_than: float) -> bool:
    """Remove a file that holds nothing new, once it is old enough; return False if it holds something new."""
    if name.startswith(_DRAFT):
        if not stat.S_ISDIR(os.stat(name, dir_fd=work, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=work)
            return True
        with suppress(OSError):
            os.rmdir(name, dir_fd=work)
            return True
    expected = {part.decode("ascii") for part in name.split(b".")[1:3] if part.isalnum() and part.isascii()}
    found, status = entry_at(work, name)
    if status is None:
        return True
    if found is None or found.oid.hex() not in expected:
        return False
    if time.time() - status.st_ctime >= older_than:
        os.unlink(name, dir_fd=work)
    return True


def _rests(item: os.DirEntry[str], seconds: float) -> bool:
    """Return whether a file was moved here less than `seconds` ago and not written since: then it is checked later.

    The move changed its ctime; a write would have changed mtime, too.
    """
    try:
        status = item.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    if item.name.startswith(_DRAFT.decode()):
        return False
    return status.st_mtime_ns < status.st_ctime_ns and time.time() - status.st_ctime < seconds


def _rescue(work: int, name: bytes, rescue: Path) -> Path:
    own = name.split(b".", 3)[3:]
    target = rescue / f"{time.strftime('%Y%m%dT%H%M%S')}-{os.fsdecode(own[0] if own else name)}"
    return _move(work, name, target, grave_folder(rescue))


def _move(work: int, name: bytes, target: Path, drafts: Path) -> Path:
    """Move a staged file out; one that is there by the target's name stays, and another name is taken.

    From another device it is copied to the folder `drafts` first: what has the target's name is whole. A sweep removes the rest.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(target):
        target = target.with_name(f"{secrets.token_hex(3)}-{target.name}")
    try:
        os.rename(name, target, src_dir_fd=work)
    except OSError:  # another device
        os.close(staging_folder.open_staging(drafts, create=True))
        draft = drafts / f"{os.fsdecode(_DRAFT)}{secrets.token_hex(8)}"
        fd = os.open(name, READ, dir_fd=work)
        try:
            with os.fdopen(fd, "rb") as source, draft.open("xb") as copy:
                shutil.copyfileobj(source, copy)
                copy.flush()
                os.fsync(copy.fileno())
                if copy.tell() != os.fstat(source.fileno()).st_size:
                    raise OSError(errno.EBUSY, "it is being written")
                open_flags.set_mode(copy.fileno(), stat.S_IMODE(os.fstat(source.fileno()).st_mode))
            draft.rename(target)
            sync_folder(target.parent)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        finally:
            staging_folder.remove_staging(drafts)
        os.unlink(name, dir_fd=work)
    return target


def rescue_unheld(staged: Staged, rescue: Path) -> list[PathReason]:
    """Move the files that no checkpoint holds and that were replaced to `rescue`, by their places in the tree.

    Returns the files with where they are now. One that cannot be moved stays in the staging folder until the next sweep moves it.
    """
    moved: list[PathReason] = []
    with StagingFolders() as works:
        for step, name in staged.items():
            if step.aside is None:
                continue
            work = works.folder_for(step.mount)
            try:
                status = os.stat(name, dir_fd=work, follow_symlinks=False)
                if (status.st_ino, status.st_dev) == step.aside[3:6:2]:
                    place = rescue / os.fsdecode(step.place)
                    moved.append(
                        PathReason(step.shown, str(_move(work, name, place, grave_folder(rescue.parent))))
                    )
            except OSError as error:
                if not isinstance(error, FileNotFoundError):
                    where = step.mount.work / os.fsdecode(name)
                    moved.append(PathReason(step.shown, f"{where} ({error.strerror})"))
    return moved
