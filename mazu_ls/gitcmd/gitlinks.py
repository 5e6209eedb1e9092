"""The submodules in a repository's index, read as data: git-scm.com/docs/index-format, versions 2 to 4."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from mazu_ls.workspace.project_files import list_folder, read_file, stat_entry

MAX_BYTES = 1 << 28
_SHARED = re.compile(r"sharedindex\.[0-9a-f]{40,64}")
_MODES = frozenset((0o100644, 0o100755, 0o120000, 0o160000, 0o040000))
_GITLINK = 0o160000
_STAT, _MODE, _FLAGS, _EXTENDED = (
    40,
    24,
    2,
    0x4000,
)  # bytes before the object name, which include the mode


def read_gitlinks(git_dir: Path, hash_size: int) -> list[str]:
    """Return paths of the index entries that are submodules, relative to the work tree; also those of a split index.

    `hash_size` is the length of an object name in bytes. Raises OSError or ValueError for an index that cannot be read.
    """
    if stat_entry(git_dir, "index") is None:
        return []
    shared = [entry.name for entry in list_folder(git_dir) if _SHARED.fullmatch(entry.name)]
    found: list[str] = []
    for name in ("index", *shared):
        data = read_file(git_dir, name, MAX_BYTES)
        if _GITLINK.to_bytes(4) in data:  # without any a large index need not be parsed
            found += [os.fsdecode(path) for path in _gitlinks(data, hash_size)]
    return found


def _gitlinks(data: bytes, hash_size: int) -> Iterator[bytes]:
    version, count = int.from_bytes(data[4:8]), int.from_bytes(data[8:12])
    if data[:4] != b"DIRC" or version not in (2, 3, 4):
        raise ValueError("not an index of a known version")
    at, path = 12, b""
    for _ in range(count):
        mode = int.from_bytes(data[at + _MODE : at + _MODE + 4])
        flags_at = at + _STAT + hash_size
        extended = version > 2 and int.from_bytes(data[flags_at : flags_at + _FLAGS]) & _EXTENDED
        name_at = flags_at + _FLAGS * (2 if extended else 1)
        if mode not in _MODES:
            raise ValueError(f"an entry of mode {mode:o}")
        if version == 4:
            removed, name_at = _varint(data, name_at)
            end = data.index(b"\0", name_at)
            path = path[: len(path) - removed] + data[name_at:end]
            at = end + 1
        else:
            end = data.index(b"\0", name_at)
            path = data[name_at:end]
            at += (end - at + 8) // 8 * 8  # padded with one to eight zero bytes
        if mode == _GITLINK:
            yield path


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number in the encoding of pack offsets, and where it ends."""
    value = data[at] & 0x7F
    while data[at] & 0x80:
        at += 1
        value = ((value + 1) << 7) + (data[at] & 0x7F)
    return value, at + 1
