"""Permission bits that git's modes cannot express (0600, 0444, ..., and those of folders), stored with the files in each checkpoint."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from mazu_ls.checkpoints.git.objects import BLOB, object_id
from mazu_ls.checkpoints.git.repository import StoreRepository

_KEEP = 0o777
"""Never set-user-ID, set-group-ID or sticky: a checkpoint's tree may come from an untrusted archive."""
_SPECIAL = 0o7000
"""These three of a file are listed apart: no rollback sets them, but it says which are lost."""
_KEEP_OF_FOLDER = 0o3777
"""Of a folder also set-group-ID and sticky, by which people share one."""
PRIVATE_FOLDER = 0o700
"""The bits of a folder that comes back and of which none are known: never more than it may have had."""
_NAMES = (b"usual", b"usual-executable")
USUAL_FOLDER = b"usual-folder"
SPECIAL = b"special:"
"""How the path of a file begins where its set-user-ID, set-group-ID and sticky bits are listed."""
"""Under these the usual bits are listed: no place in a tree has such a name. Folders end with a slash."""


class UsualBits(NamedTuple):
    """The permission bits of the files that a checkpoint does not list."""

    plain: int = 0o644
    executable: int = 0o755

    def for_executable(self, executable: bool) -> int:
        """Return those of a plain or an executable file."""
        return self.executable if executable else self.plain


def usual_bits(found: Iterable[int]) -> UsualBits:
    """Return the most common bits of these plain and executable files: whatever the umask, few have others."""
    counts = Counter(bits & _KEEP for bits in found)
    plain = max((bits for bits in counts if not bits & 0o100), key=counts.__getitem__, default=None)
    executable = max((bits for bits in counts if bits & 0o100), key=counts.__getitem__, default=None)
    if plain is None:
        plain = 0o644 if executable is None else executable & 0o666
    return UsualBits(plain, plain | (plain & 0o444) >> 2 if executable is None else executable)


@cache
def default_bits() -> UsualBits:
    """Return those of a new file of this process, from /proc, because umask(2) can only be read by setting it.

    Checkpoints of earlier versions do not say which the usual ones were; these are the best guess.
    """
    try:
        said = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return UsualBits()
    found = re.search(r"^Umask:\s*([0-7]+)", said, re.MULTILINE)
    umask = int(found[1], 8) if found else 0o022
    return UsualBits(0o666 & ~umask, 0o777 & ~umask)


class FileModes:
    """The unusual modes by tree path, and the usual ones, which a file that is not listed has.

    Both are stored: the umask of the process that restores a file may be another than that of the one that recorded it.
    """

    def __init__(self, listed: Mapping[bytes, int], usual: UsualBits | None = None) -> None:
        """`listed` are files, folders (with a slash at the end) and the usual bits of folders."""
        self._listed = {
            path: bits & _KEEP
            for path, bits in listed.items()
            if not path.endswith(b"/") and path != USUAL_FOLDER and not path.startswith(SPECIAL)
        }
        special = (
            (path.removeprefix(SPECIAL), bits) for path, bits in listed.items() if path.startswith(SPECIAL)
        )
        self._special = {path: bits & _SPECIAL for path, bits in special}
        usual_folder = listed.get(USUAL_FOLDER)
        self._usual_folder = None if usual_folder is None else usual_folder & _KEEP_OF_FOLDER
        self._folders = {
            path[:-1]: bits & _KEEP_OF_FOLDER for path, bits in listed.items() if path.endswith(b"/")
        }
        self._usual = usual
        self.changed = False

    @classmethod
    def load(cls, repository: StoreRepository, tree: bytes | None, name: bytes) -> FileModes:
        """Load those of a checkpoint's tree. Earlier versions did not store the usual ones."""
        entry = repository.trees.read(tree).get(name)
        if entry is None:
            return cls({})
        said = json.loads(repository.read(entry.oid))
        listed = {path.encode("utf-8", "surrogateescape"): int(bits, 8) for path, bits in said.items()}
        plain, executable = (listed.pop(key, None) for key in _NAMES)
        if plain is None or executable is None:
            return cls(listed)
        return cls(listed, UsualBits(plain & _KEEP, executable & _KEEP))

    def copy(self) -> FileModes:
        """Return one that may be changed."""
        return FileModes(self._all_listed(), self._usual)

    @property
    def usual(self) -> UsualBits:
        """The bits of the files that are not listed."""
        return self._usual or default_bits()

    def bits_for(self, path: bytes, executable: bool) -> int:
        """Return the bits to restore."""
        return self._listed.get(path, self.usual.for_executable(executable)) & _KEEP

    def differing(self, other: FileModes) -> set[bytes]:
        """Return the paths whose bits differ between two checkpoints."""
        paths = self._listed.keys() | other._listed.keys()
        return {path for path in paths if self._listed.get(path) != other._listed.get(path)}

    def folder_bits(self, path: bytes) -> int:
        """Return the bits of a folder. Earlier versions did not store them: those of a new one are the best guess."""
        usual = self._usual_folder if self._usual_folder is not None else default_bits().executable
        return self._folders.get(path, usual)

    def bits_on_way(
        self,
        prefix: bytes,
        path: bytes,
        is_known: Callable[[bytes], object] = lambda place: True,
        kept: Sequence[int] = (),
    ) -> tuple[int, ...]:
        """Return the bits of each folder below `prefix` on the way to a file, the outermost first. A folder that is not known here has
        those of `kept`, which names them in the same order; without these, those of a private one."""
        parts = path.split(b"/")[:-1]
        places = [prefix + b"/".join(parts[: n + 1]) for n in range(len(parts))]
        others = [bits & _KEEP_OF_FOLDER for bits in kept] or [PRIVATE_FOLDER] * len(places)
        ways = zip(places, others, strict=True)
        return tuple(self.folder_bits(place) if is_known(place) else bits for place, bits in ways)

    def differing_folders(self, other: FileModes) -> set[bytes]:
        """Return the paths of folders whose bits differ; not all of them need be in both checkpoints."""
        if self._usual_folder is None or other._usual_folder is None:
            return set()
        paths = self._folders.keys() | other._folders.keys()
        return {path for path in paths if self.folder_bits(path) != other.folder_bits(path)}

    def special_bits(self, path: bytes) -> int:
        """Return the set-user-ID, set-group-ID and sticky bits that a file had."""
        return self._special.get(path, 0)

    @property
    def special(self) -> list[bytes]:
        """The files that had such bits."""
        return sorted(self._special)

    def unusual_bits(self, path: bytes) -> int | None:
        """Return a file's bits if they are unusual, else None."""
        return self._listed.get(path)

    def unusual(self, bits: int) -> int | None:
        """Return permission bits; None for the usual ones."""
        return None if bits == self.usual.for_executable(bool(bits & 0o100)) else bits

    def know_usual(self, found: Iterable[int] | None) -> None:
        """Choose the usual bits, unless they are stored already: by those of all files, or None for a list of an earlier version."""
        if self._usual is None:
            self._usual = default_bits() if found is None else usual_bits(found)
            self.changed = True

    def note_all(
        self, files: Mapping[bytes, int | None], folders: Mapping[bytes, int | None], *, first: bool
    ) -> None:
        """Record the present bits of files and folders, None where there is none. `first`: it is all of them."""
        self.know_usual((bits for bits in files.values() if bits is not None) if first else None)
        self.note_folders(folders, all=first)
        for place, bits in files.items():
            self.note(place, bits)

    def note(self, path: bytes, bits: int | None) -> None:
        """Record a file's present bits; None if there is no regular file."""
        if (special := (bits or 0) & _SPECIAL) != self._special.get(path, 0):
            self._special[path], self.changed = special, True
            if not special:
                del self._special[path]
        if bits is not None and self.unusual(bits & _KEEP) is not None:
            if self._listed.get(path) != bits & _KEEP:
                self._listed[path] = bits & _KEEP
                self.changed = True
        elif path in self._listed:
            del self._listed[path]
            self.changed = True

    def note_folders(self, found: Mapping[bytes, int | None], *, all: bool) -> None:
        """Record the present bits of folders by path, None for one that is gone. `all`: every folder is there, so that the most
        common bits are the usual ones, unless these are stored already."""
        if self._usual_folder is None and found:
            counts = Counter(bits for bits in found.values() if bits is not None) if all else Counter[int]()
            usual = max(counts, key=counts.__getitem__, default=default_bits().executable)
            self._usual_folder, self.changed = usual & _KEEP_OF_FOLDER, True
        for path, bits in found.items():
            unusual = None if bits is None or bits & _KEEP_OF_FOLDER == self._usual_folder else bits
            if unusual is None:
                self.changed |= self._folders.pop(path, None) is not None
            elif self._folders.get(path) != unusual & _KEEP_OF_FOLDER:
                self._folders[path], self.changed = unusual & _KEEP_OF_FOLDER, True

    def _all_listed(self) -> dict[bytes, int]:
        usual = {} if self._usual_folder is None else {USUAL_FOLDER: self._usual_folder}
        special = {SPECIAL + path: bits for path, bits in self._special.items()}
        return {
            **self._listed,
            **{path + b"/": bits for path, bits in self._folders.items()},
            **usual,
            **special,
        }

    def dump(self) -> bytes:
        """Return the file's content."""
        listed = {**self._all_listed(), **dict(zip(_NAMES, self.usual, strict=True))}
        said = {path.decode("utf-8", "surrogateescape"): f"{bits:o}" for path, bits in listed.items()}
        return json.dumps(said, indent=0, sort_keys=True).encode()


@lru_cache(64)
def modes_of_one(place: bytes, bits: int | None, usual: UsualBits) -> tuple[FileModes, bytes]:
    """Return the modes of a tree with one file, and the id that they would have in the store. Not to be changed by the caller.

    `bits`: None for those usual; then `place` does not matter, and an empty one is found again.
    """
    modes = FileModes({} if bits is None else {place: bits}, usual)
    return modes, object_id(BLOB, modes.dump())
