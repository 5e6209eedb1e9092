"""Git's objects as bytes: ids, trees, commits (gitformat: "tree objects" in git's documentation)."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from typing import NamedTuple

BLOB, TREE, COMMIT = "blob", "tree", "commit"
FOLDER_MODE, FILE_MODE, EXECUTABLE_MODE, LINK_MODE = b"40000", b"100644", b"100755", b"120000"
_SHORT = 1 << 14  # below this many bytes, one call over a copy is faster than two calls
_ENTRY = re.compile(rb"([0-7]{5,6}) ([^\0]{1,1024})\0(.{20})", re.DOTALL)


class TreeEntry(NamedTuple):
    """The value of a name in a tree: git's mode in octal digits, the object's 20-byte id."""

    mode: bytes
    oid: bytes

    @property
    def is_folder(self) -> bool:
        return self.mode == FOLDER_MODE


def object_id(kind: str, data: bytes) -> bytes:
    """Return the SHA-1 over git's header and the data."""
    header = b"%s %d\0" % (kind.encode(), len(data))
    if len(data) < _SHORT:
        return hashlib.sha1(header + data, usedforsecurity=False).digest()
    digest = hashlib.sha1(header, usedforsecurity=False)
    digest.update(data)
    return digest.digest()


def large_blob_id(fd: int) -> bytes:
    """Return the id of an open file as a blob, without holding it in memory; no object's id if its size changes meanwhile."""
    size, done = os.fstat(fd).st_size, 0
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    while piece := os.read(fd, 1 << 20):
        digest.update(piece)
        done += len(piece)
    return digest.digest() if done == size else bytes(20)


def parse_tree(data: bytes) -> dict[bytes, TreeEntry]:
    """Return a tree object's entries by name."""
    return {name: TreeEntry(mode, oid) for mode, name, oid in _ENTRY.findall(data)}


def format_tree(entries: Mapping[bytes, TreeEntry]) -> bytes:
    """Return the tree object: entries in git's order, in which a folder sorts as if its name ended in a slash."""
    written = [
        (name + b"/" if mode == FOLDER_MODE else name, b"%b %b\0%b" % (mode, name, oid))
        for name, (mode, oid) in entries.items()
    ]
    written.sort()
    return b"".join([entry for _, entry in written])


def format_commit(tree: bytes, seconds: int, message: str) -> bytes:
    """Return a commit without parents, by a fixed identity, so that none has to be configured."""
    who = b"mazu-ls <mazu-ls@localhost> %d +0000" % seconds
    return b"tree %s\nauthor %s\ncommitter %s\n\n%s\n" % (tree.hex().encode(), who, who, message.encode())


def commit_tree(commit: bytes) -> bytes:
    """Return the tree id that a commit object names."""
    return bytes.fromhex(commit[5:45].decode("ascii"))
