"""Writes one pack with its index: gitformat-pack, version 2, without deltas."""

from __future__ import annotations

import ctypes
import hashlib
import os
import secrets
import struct
import zlib
from collections.abc import Callable, Collection
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import IO

from mazu_ls.checkpoints.git.objects import BLOB, COMMIT, TREE, object_id
from mazu_ls.platform import open_flags

_TYPE = {COMMIT: 1, TREE: 2, BLOB: 3}
_SPILL = 8 << 20  # bytes kept in memory before they go to the file
_PLAIN = 64 << 10  # a tree is mostly hashes: from this size on, compressing it costs more than it saves
_STORED = 128  # up to this size there is nothing to save
_SMALL, _MEDIUM = (
    8 << 10,
    32 << 10,
)  # setting zlib up for its largest window takes 40 µs, more than such data itself
_HEADER = 12
KEPT_BYTES = 64 << 10  # more costs more to write twice than to sync


NewObject = tuple[str, bytes, bytes]
"""An object to store: kind, data, id."""


class PackWriter:
    """Collects objects and publishes them as one pack; until `finish` git sees none of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[bytes, NewObject] = {}
        self._waiting_bytes = 0
        self._entries: dict[bytes, tuple[int, int]] = {}
        self._chunks: list[bytes] = []
        self._held = 0
        self._offset = _HEADER
        self._file: IO[bytes] | None = None
        self._path = folder / f"tmp_pack_{secrets.token_hex(8)}"

    def __len__(self) -> int:
        return len(self._entries) + len(self._waiting)

    def __contains__(self, oid: bytes) -> bool:
        return oid in self._waiting or oid in self._entries

    def add(self, kind: str, data: bytes, oid: bytes | None = None) -> bytes:
        """Add one object and return its id. Adding the same object again costs nothing."""
        oid = oid or object_id(kind, data)
        if oid not in self._waiting and oid not in self._entries:
            self._waiting[oid] = kind, data, oid
            self._waiting_bytes += len(data)
            if self._waiting_bytes > KEPT_BYTES:
                self._encode()
        return oid

    def finish(self) -> int:
        """Make the pack durable and visible; return its size in bytes, index included. Raises OSError (ENOSPC, EACCES)."""
        try:
            self._encode()
            return self._publish() if self._entries else 0
        except BaseException:
            self.discard()
            raise

    def finish_for(self, keep: Callable[[Collection[NewObject]], object]) -> int:
        """Like `finish`, but make no pack of little: `keep` gets the objects and has to make them durable."""
        if self._entries:
            return self.finish()
        keep(self._waiting.values())
        return self._waiting_bytes

    def _encode(self) -> None:
        for kind, data, oid in self._waiting.values():
            header = _entry_header(_TYPE[kind], len(data))
            body = _deflated(data, 0 if kind == TREE and len(data) > _PLAIN else 1)
            self._entries[oid] = (self._offset, zlib.crc32(body, zlib.crc32(header)))
            self._chunks += (header, body)
            self._offset += len(header) + len(body)
            self._held += len(body)
        self._waiting.clear()
        self._waiting_bytes = 0
        if self._held > _SPILL:
            self._spill()

    def _publish(self) -> int:
        checksum = self._write_pack()
        index = _index(self._entries, checksum)
        draft = self._path.with_suffix(".idx")
        write_file(draft, index, durably=True)
        name = f"pack-{checksum.hex()}"
        # the index last, because git looks for a pack only if it finds one
        self._path.replace(self._folder / f"{name}.pack")
        draft.replace(self._folder / f"{name}.idx")
        sync_folder(self._folder)
        return self._offset + 20 + len(index)

    def discard(self) -> None:
        """Drop everything and leave nothing on disk."""
        if self._file is not None:
            self._file.close()
        for path in (self._path, self._path.with_suffix(".idx")):
            path.unlink(missing_ok=True)
        self._waiting.clear()
        self._entries.clear()
        self._chunks.clear()

    def _spill(self) -> None:
        if self._file is None:
            self._file = self._path.open("w+b")
            self._file.write(bytes(_HEADER))
        self._file.writelines(self._chunks)
        self._chunks.clear()
        self._held = 0

    def _write_pack(self) -> bytes:
        """Write the pack and return its checksum. Its header holds the number of objects, which is known last, so a spilled pack is copied
        once."""
        header = struct.pack(">4sLL", b"PACK", 2, len(self._entries))
        digest = hashlib.sha1(header, usedforsecurity=False)
        if self._file is None:
            body = b"".join(self._chunks)
            digest.update(body)
            write_file(self._path, header + body + digest.digest(), durably=True)
            return digest.digest()
        self._spill()
        with self._file as file:
            file.seek(0)
            file.write(header)
            while chunk := file.read(1 << 20):
                digest.update(chunk)
            file.write(digest.digest())
            file.flush()
            open_flags.set_mode(file.fileno(), 0o444)
            os.fsync(file.fileno())
        return digest.digest()


def _deflated(data: bytes, level: int) -> bytes:
    """Return a zlib stream (RFC 1950) with a window no larger than needed; for tiny data one stored block (RFC 1951,
    3.2.4)."""
    if len(data) > _MEDIUM:
        return zlib.compress(data, level)
    if len(data) > _STORED:
        deflate = zlib.compressobj(level, zlib.DEFLATED, *((13, 6) if len(data) <= _SMALL else (14, 7)))
        return deflate.compress(data) + deflate.flush()
    sizes = struct.pack("<HH", len(data), len(data) ^ 0xFFFF)
    return b"\x78\x01\x01" + sizes + data + struct.pack(">L", zlib.adler32(data))


@lru_cache(4096)
def _entry_header(kind: int, size: int) -> bytes:
    first, size = kind << 4 | size & 15, size >> 4
    out = bytearray()
    while size:
        out.append(first | 0x80)
        first, size = size & 0x7F, size >> 7
    out.append(first)
    return bytes(out)


def _index(entries: dict[bytes, tuple[int, int]], checksum: bytes) -> bytes:
    """Return the pack index, version 2: fan-out, ids, CRCs, offsets; offsets from 2 GiB on are in a table of their own."""
    oids = sorted(entries)
    counts = [0] * 256
    for oid in oids:
        counts[oid[0]] += 1
    fanout = [*accumulate(counts)]
    total = len(oids)
    large = [entries[oid][0] for oid in oids if entries[oid][0] >= 1 << 31]
    place = {offset: 1 << 31 | n for n, offset in enumerate(large)}
    offsets = [place.get(entries[oid][0], entries[oid][0]) for oid in oids]
    body = b"".join(
        (
            b"\xfftOc\0\0\0\2",
            struct.pack(">256L", *fanout),
            *oids,
            struct.pack(f">{total}L", *(entries[oid][1] for oid in oids)),
            struct.pack(f">{total}L", *offsets),
            struct.pack(f">{len(large)}Q", *large),
            checksum,
        )
    )
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def write_file(path: Path, data: bytes, *, durably: bool) -> None:
    """Write a new read-only file."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | open_flags.CLOEXEC, 0o444)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        if durably:
            os.fsync(fd)
    finally:
        os.close(fd)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive power loss."""
    fd = os.open(folder, open_flags.FOLDER)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file_system(folder: Path) -> bool:
    """Make everything written to the file system of `folder` durable by syncfs(2); False if it is not available."""
    sync = getattr(ctypes.CDLL(None), "syncfs", None)
    if sync is None:
        return False
    fd = os.open(folder, open_flags.FOLDER)
    try:
        return sync(fd) == 0
    finally:
        os.close(fd)
