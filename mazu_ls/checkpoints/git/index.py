"""Git's index file, version 2 (gitformat-index): the status that each file had when its bytes were read.

mazu-ls writes it and only git reads it, comparing it with the folder. An entry's object id is inverted on purpose: git
then reports every file whose status differs as changed, instead of reading it (and instead of ignoring a mere change of
permissions). mazu-ls reads those files itself.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from mazu_ls.checkpoints.git.objects import TreeEntry
from mazu_ls.checkpoints.scan.read_files import Inode, Signature

_STATUS = struct.Struct(">10L20sH")
_UNKNOWN = (0, 0, 0, 0, 0, 0, 0, 0)
_LOW = 0xFFFFFFFF
_SECOND = 1_000_000_000


def entry(path: bytes, held: TreeEntry, seen: Signature | None) -> bytes:
    """Return one entry; without a signature it never equals the file, so the file is always read again."""
    mtime, ctime, size, inode, _, device, uid, gid = seen or _UNKNOWN
    head = _STATUS.pack(
        ctime // _SECOND & _LOW,
        ctime % _SECOND,
        mtime // _SECOND & _LOW,
        mtime % _SECOND,
        device & _LOW,
        inode & _LOW,
        int(held.mode, 8),
        uid & _LOW,
        gid & _LOW,
        size & _LOW,
        held.oid[::-1],
        min(len(path), 0xFFF),
    )
    return head + path + bytes(8 - (_STATUS.size + len(path)) % 8)


def inode(raw: bytes) -> tuple[Inode, int] | None:
    """Return by what the file of an entry is known, and its ctime (ns); None if the entry has no status."""
    seconds, part, _, _, device, number, *_ = _STATUS.unpack_from(raw)
    return ((device, number), seconds * _SECOND + part) if number else None


def dump(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the whole file from (path, entry) pairs."""
    ordered = [raw for _, raw in sorted(entries)]
    body = struct.pack(">4sLL", b"DIRC", 2, len(ordered)) + b"".join(ordered)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def load(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield (path, entry) pairs of a file that `dump` made; none if there is no such file, or a torn one."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    if hashlib.sha1(data[:-20], usedforsecurity=False).digest() != data[-20:]:
        return
    at, end = 12, len(data) - 20
    while at < end:
        stop = data.index(b"\0", at + _STATUS.size)
        size = (_STATUS.size + stop - at - _STATUS.size) // 8 * 8 + 8
        yield data[at + _STATUS.size : stop], data[at : at + size]
        at += size
