"""Applies restore steps to files: one atomic exchange each, and never over a file whose content was not checked."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from mazu_ls.checkpoints.git.objects import TreeEntry
from mazu_ls.checkpoints.models import PathReason
from mazu_ls.checkpoints.restore.atomic_rename import exchange, rename_without_replace
from mazu_ls.checkpoints.restore.restore_steps import PROTECTED, RestoreStep
from mazu_ls.checkpoints.restore.staging import READ, Staged, StagingFolders, entry_at
from mazu_ls.checkpoints.scan.read_files import Signature, is_same_file, signature
from mazu_ls.checkpoints.scan.roots import CheckpointRoot
from mazu_ls.platform import open_flags
from mazu_ls.workspace.openat import folder_beneath, make_folders

_PRIVATE = 0o700
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class ConcurrentModification(Exception):
    """The file is neither what the safety checkpoint nor what the target holds: it is the user's."""


class FolderDescriptors:
    """Descriptors of the files' folders; the last one stays open, since neighbours follow one another."""

    def __init__(self) -> None:
        self.works = StagingFolders()
        self.made: dict[tuple[CheckpointRoot, PurePosixPath], int] = {}
        """Folders that were missing, with the permission bits that they should have."""
        self._last: tuple[CheckpointRoot, PurePosixPath] | None = None
        self._fd = -1

    def __enter__(self) -> FolderDescriptors:
        return self

    def __exit__(self, *_: object) -> None:
        self.forget()
        self.works.__exit__()

    def parent(self, step: RestoreStep, *, create: bool = False) -> int:
        """Return the folder of a step's file. Raises OSError if something else is on the way, or nothing may be
        written."""
        if not step.restorable:
            raise PermissionError(errno.EPERM, PROTECTED)
        wanted = (step.mount, step.mount.folder(step.path))
        if wanted != self._last:
            self.forget()
            root, place = step.mount.root, step.mount.from_root(wanted[1])
            try:
                with folder_beneath(root, place) as folder:
                    self._fd = os.dup(folder)
            except FileNotFoundError:
                if not create:
                    raise
                # As they were, but writable: files are put into them.
                modes = [bits | _PRIVATE for bits in step.folders]
                self._fd, made = make_folders(root, place, modes)
                for depth in range(len(modes) - made, len(modes)):
                    self.made[step.mount, PurePosixPath(*wanted[1].parts[: depth + 1])] = step.folders[depth]
            self._last = wanted
        return self._fd

    def forget(self) -> None:
        """Close the folder: it may be removed or replaced."""
        if self._last is not None:
            os.close(self._fd)
            self._last = None


def _close_folders(made: Mapping[tuple[CheckpointRoot, PurePosixPath], int]) -> list[PathReason]:
    """Take from new folders the bits that their owner needed to put files into them. (After a kill they keep these.)"""
    problems: list[PathReason] = []
    strict = [(mount, inside, bits) for (mount, inside), bits in made.items() if bits & _PRIVATE != _PRIVATE]
    for mount, inside, bits in reversed(strict):
        try:
            with folder_beneath(mount.root, mount.from_root(inside)) as folder:
                open_flags.set_mode(folder, bits)
        except OSError as error:
            problems.append(PathReason(mount.shown(os.fsencode(inside)), _hindrance(error)))
    return problems


def apply_steps(steps: Sequence[RestoreStep], staged: Staged) -> list[PathReason]:
    """Apply every step: removals first, deepest first, then writes. Return those that failed."""
    problems: list[PathReason] = []
    removals = sorted((s for s in steps if s.now is None), key=lambda s: s.path.count(b"/"), reverse=True)
    with FolderDescriptors() as places:
        for step in (*removals, *(s for s in steps if s.now is not None)):
            try:
                _apply(step, places, staged.get(step))
            except ConcurrentModification:
                problems.append(
                    PathReason(step.shown, "it changed during the rollback; the newer text was kept")
                )
            except OSError as error:
                problems.append(PathReason(step.shown, _hindrance(error)))
            if step.now is None:
                places.forget()
                _prune_folders(step)
    return problems + _close_folders(places.made)


def verify_steps(steps: Sequence[RestoreStep], excused: set[str]) -> tuple[int, list[PathReason]]:
    """Hash every file again; return how many are right, and those that are not (except `excused` ones)."""
    right, wrong = 0, []
    with FolderDescriptors() as places:
        for step in steps:
            if step.shown in excused:
                continue
            try:
                found = _entry(step, places)
            except OSError as error:
                wrong.append(PathReason(step.shown, f"it could not be verified: {error.strerror}"))
                continue
            if found == step.now:
                right += 1
            else:
                wrong.append(PathReason(step.shown, "it differs from the checkpoint: it was written since"))
    return right, wrong


def _entry(step: RestoreStep, places: FolderDescriptors) -> TreeEntry | None:
    """Return what is at a step's path; None if a folder on the way is missing, or is a file or a link."""
    try:
        return entry_at(places.parent(step), _name(step))[0]
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise


def _name(step: RestoreStep) -> bytes:
    return step.path.rpartition(b"/")[2]


def _hindrance(error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOTEMPTY):
        return "another file or folder is in its place or on its path"
    return error.strerror or "it could not be written"


def _apply(step: RestoreStep, places: FolderDescriptors, staged: bytes | None) -> None:
    name = _name(step)
    if step.now is None:
        if _entry(step, places) is not None:
            _remove(step, places, name, staged)
        return
    folder = places.parent(step, create=True)
    if step.aside is not None and (there := _unread(folder, name, step.aside)) is not None:
        _write(step, places, name, staged, there)
        return
    found, status = entry_at(folder, name)
    if found == step.now and status is not None:
        _set_permissions(step, folder, name, status)
    elif found is None and status is not None and stat.S_ISDIR(status.st_mode):
        os.rmdir(name, dir_fd=folder)  # only an empty one is removed
        _write(step, places, name, staged, None)
    elif found == step.was:
        _write(step, places, name, staged, status)
    else:
        raise ConcurrentModification


def _write(
    step: RestoreStep,
    places: FolderDescriptors,
    name: bytes,
    staged: bytes | None,
    status: os.stat_result | None,
) -> None:
    assert staged is not None
    work, folder = places.works.folder_for(step.mount), places.parent(step)
    if status is None:
        rename_without_replace(work, staged, folder, name)
        return
    _inherit_owner(work, staged, status)
    exchange(work, staged, folder, name)
    if _same_file(work, staged, status) or entry_at(work, staged)[0] == step.was:
        return
    # Somebody saved between the check and the exchange: their file is put back, unless they saved again since.
    if entry_at(folder, name)[0] == step.now:
        exchange(work, staged, folder, name)
    raise ConcurrentModification


def _remove(step: RestoreStep, places: FolderDescriptors, name: bytes, staged: bytes | None) -> None:
    work, folder = places.works.folder_for(step.mount), places.parent(step)
    found, status = entry_at(folder, name)
    if status is None or stat.S_ISDIR(status.st_mode):
        return
    if found != step.was:
        raise ConcurrentModification
    assert staged is not None
    os.rename(name, staged, src_dir_fd=folder, dst_dir_fd=work)
    if _same_file(work, staged, status) or entry_at(work, staged)[0] == step.was:
        return
    with contextlib.suppress(FileExistsError):
        rename_without_replace(work, staged, folder, name)
    raise ConcurrentModification


def _prune_folders(step: RestoreStep) -> None:
    """Remove folders that the removal left empty: git's trees have no empty ones."""
    inside = step.mount.folder(step.path)
    while inside.parts:
        try:
            with folder_beneath(step.mount.root, step.mount.from_root(inside.parent)) as folder:
                os.rmdir(inside.name, dir_fd=folder)
        except OSError:
            return
        inside = inside.parent


def _unread(folder: int, name: bytes, planned: Signature) -> os.stat_result | None:
    """Return the status of a file that is to be set aside, if it still is the one of the plan; it is not read."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return status if is_same_file(signature(status), planned) else None


def _same_file(folder: int, name: bytes, before: os.stat_result) -> bool:
    """Return whether it is the inode that was read, unchanged."""
    return is_same_file(signature(os.stat(name, dir_fd=folder, follow_symlinks=False)), signature(before))


def _inherit_owner(work: int, staged: bytes, status: os.stat_result) -> None:
    mine = os.stat(staged, dir_fd=work, follow_symlinks=False)
    if (mine.st_uid, mine.st_gid) != (status.st_uid, status.st_gid):
        with contextlib.suppress(PermissionError):
            os.chown(staged, status.st_uid, status.st_gid, dir_fd=work, follow_symlinks=False)


def _set_permissions(step: RestoreStep, folder: int, name: bytes, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) != step.permissions:
        fd = os.open(name, READ, dir_fd=folder)
        try:
            open_flags.set_mode(fd, step.permissions)
        finally:
            os.close(fd)
