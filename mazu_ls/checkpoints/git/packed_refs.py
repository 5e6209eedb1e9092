"""Moves loose refs into `packed-refs`, as `git pack-refs --all` does at twenty times the cost (gitrepository-layout, "packed-refs")."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from mazu_ls.checkpoints.git.pack import sync_folder, write_file
from mazu_ls.platform import open_flags

_HEADER = b"# pack-refs with: peeled fully-peeled sorted \n"
_OID = re.compile(rb"[0-9a-f]{40}\n\Z")


def pack_refs(store: Path, folder: str) -> None:
    """Move the loose refs of a folder of the store, all of them commits, into its `packed-refs`. Call it with the store's lock held.

    The file is durable before a loose ref is removed. Nothing is done while a git process holds the file's own lock.
    """
    loose = _loose_refs(store, folder)
    if not loose:
        return
    packed, draft = store / "packed-refs", store / "packed-refs.lock"
    refs = {**_packed_refs(packed), **loose}
    lines = (b"%s %s\n" % (oid, name) for name, oid in sorted(refs.items()))
    try:
        write_file(draft, _HEADER + b"".join(lines), durably=True)
    except FileExistsError:
        return
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    draft.replace(packed)
    sync_folder(store)
    for name in loose:
        with suppress(FileNotFoundError):
            os.unlink(os.fsencode(store) + b"/" + name)  # noqa: PTH108 - fifty at a time


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
