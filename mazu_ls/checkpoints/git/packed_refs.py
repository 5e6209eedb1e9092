"""Refs of the store: loose ones, and `packed-refs`, which `git pack-refs --all` writes at twenty times the cost (gitrepository-layout)."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from mazu_ls.checkpoints.git.pack import sync_folder
from mazu_ls.platform import open_flags

_HEADER = b"# pack-refs with: peeled fully-peeled sorted \n"
_MANY = 10
"""Number of refs for which syncing `packed-refs` is cheaper than making a file for each."""
_OID = re.compile(rb"[0-9a-f]{40}\n\Z")


def pack_refs(store: Path, folder: str) -> None:
    """Move the loose refs of a folder of the store, all of them commits, into its `packed-refs`. Call it with the store's lock held.

    The file is durable before a loose ref is removed. Nothing is done while a git process holds the file's own lock.
    """
    loose = _loose_refs(store, folder)
    if loose and _add_packed(store, loose):
        _remove_loose(store, loose)


def add_refs(store: Path, refs: Mapping[str, bytes]) -> None:
    """Set refs to commits; many at once in `packed-refs`."""
    named = {name.encode(): oid.hex().encode() for name, oid in refs.items()}
    if len(named) < _MANY or not _add_packed(store, named):
        for name, oid in refs.items():
            set_loose_ref(store, name, oid)
    else:  # one that a step left, which was never committed, would hide the new one of its number
        _remove_loose(store, named)


def _remove_loose(store: Path, names: Iterable[bytes]) -> None:
    for name in names:
        with suppress(FileNotFoundError):
            os.unlink(os.fsencode(store) + b"/" + name)  # noqa: PTH108 - fifty at a time


def set_loose_ref(store: Path, name: str, oid: bytes) -> None:
    """Write one loose ref, atomically. It is not synced: a row of the database names the commit as well."""
    ref = store / name
    draft = ref.with_name(f"{ref.name}.{secrets.token_hex(4)}.lock")  # another process may write the same ref
    line = oid.hex().encode() + b"\n"
    try:
        draft.write_bytes(line)
    except FileNotFoundError:  # git removes folders whose refs were all packed
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(line)
    draft.replace(ref)


def _add_packed(store: Path, refs: Mapping[bytes, bytes]) -> bool:
    """Add ids by name to `packed-refs`, durably; return False, and do nothing, while another process writes that file."""
    packed, draft = store / "packed-refs", store / "packed-refs.lock"
    try:
        fd = os.open(draft, open_flags.CREATE_NEW, 0o444)
    except FileExistsError:
        return False
    try:
        with open(fd, "wb") as file:  # noqa: PTH123 - a descriptor
            every = {**_packed_refs(packed), **refs}
            file.write(_HEADER + b"".join(b"%s %s\n" % (oid, name) for name, oid in sorted(every.items())))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(packed)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(store)
    return True


def _loose_refs(store: Path, folder: str) -> dict[bytes, bytes]:
    """Return the ids by name of the refs that are files of their own; one that is not whole stays as it is."""
    found: dict[bytes, bytes] = {}
    with (
        suppress(FileNotFoundError),
        os.scandir(os.fsencode(store / folder)) as entries,
    ):  # git removes it if it is empty
        for entry in entries:
            if entry.name.endswith(b".lock"):
                continue
            fd = os.open(entry.path, os.O_RDONLY | open_flags.CLOEXEC)
            try:
                line = os.read(fd, 64)
            finally:
                os.close(fd)
            if _OID.match(line):
                found[folder.encode() + entry.name] = line[:40]
    return found


def _packed_refs(file: Path) -> dict[bytes, bytes]:
    """Return the ids by name that the file holds; a line that is not whole is dropped, as git would stumble over it."""
    try:
        lines = file.read_bytes().split(b"\n")
    except FileNotFoundError:
        return {}
    pairs = (line.split(b" ", 1) for line in lines if _OID.match(line[:40] + b"\n"))
    return {name: oid for oid, name in pairs}
