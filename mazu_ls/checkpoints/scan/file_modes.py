"""Permission bits that git's modes cannot express (0600, 0444, ...), stored with the files in each checkpoint."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from mazu_ls.checkpoints.git.repository import StoreRepository

_KEEP = 0o777
"""Never set-user-ID, set-group-ID or sticky: a checkpoint's tree may come from an untrusted archive."""


@cache
def umask() -> int:
    """Return the process's umask, from /proc, because umask(2) can only be read by setting it."""
    try:
        found = re.search(
            r"^Umask:\s*([0-7]+)", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE
        )
    except OSError:
        found = None
    return int(found[1], 8) if found else 0o022


def default_mode(executable: bool) -> int:
    """Return the mode of a new file."""
    return (0o777 if executable else 0o666) & ~umask()


def unusual(bits: int) -> int | None:
    """Return permission bits; None for those of a new file, under this process's umask or the most common one."""
    return None if bits in (0o644, 0o755, default_mode(False), default_mode(True)) else bits


class FileModes:
    """The unusual modes by tree path. A file that is not listed has the mode of a new file."""

    def __init__(self, listed: dict[bytes, int]) -> None:
        self._listed = listed
        self._usual = (default_mode(False), default_mode(True))
        self.changed = False

    @classmethod
    def load(cls, repository: StoreRepository, tree: bytes | None, name: bytes) -> FileModes:
        """Load those of a checkpoint's tree."""
        entry = repository.trees.read(tree).get(name)
        if entry is None:
            return cls({})
        listed = json.loads(repository.read(entry.oid))
        return cls(
            {path.encode("utf-8", "surrogateescape"): int(bits, 8) & _KEEP for path, bits in listed.items()}
        )

    def bits_for(self, path: bytes, executable: bool) -> int:
        """Return the bits to restore."""
        return self._listed.get(path, default_mode(executable)) & _KEEP

    def differing(self, other: FileModes) -> set[bytes]:
        """Return the paths whose bits differ between two checkpoints."""
        paths = self._listed.keys() | other._listed.keys()
        return {path for path in paths if self.unusual_bits(path) != other.unusual_bits(path)}

    def unusual_bits(self, path: bytes) -> int | None:
        """Return a file's bits if it is listed and they are `unusual`, else None."""
        bits = self._listed.get(path)
        return None if bits is None else unusual(bits)

    def note(self, path: bytes, bits: int | None) -> None:
        """Record a file's present bits; None if there is no regular file."""
        if bits is not None and bits & _KEEP not in self._usual:
            if self._listed.get(path) != bits & _KEEP:
                self._listed[path] = bits & _KEEP
                self.changed = True
        elif path in self._listed:
            del self._listed[path]
            self.changed = True

    def dump(self) -> bytes:
        """Return the file's content; empty if nothing is unusual."""
        if not self._listed:
            return b""
        listed = {path.decode("utf-8", "surrogateescape"): f"{bits:o}" for path, bits in self._listed.items()}
        return json.dumps(listed, indent=0, sort_keys=True).encode()
