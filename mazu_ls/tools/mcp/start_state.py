"""What is at a named place of a project: the links on the way, and the content of what they lead to."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from mazu_ls.workspace import project_files

MAX_FILE = 32 * 2**20  # bytes of one file
MAX_BYTES = 128 * 2**20  # bytes of all files in one look
MAX_LINKS = 40
DATA = frozenset(
    str.split(
        ".md .txt .rst .csv .tsv .log .jsonl .db .db3 .sqlite .sqlite3 .duckdb .pdf .png .jpg .jpeg .gif .svg"
    )
)
"""Endings of files that servers write themselves or show, and that no entry starts a program from."""
SETTINGS = frozenset(str.split(".json .json5 .yaml .yml .toml .ini .cfg .conf .xml .env"))
"""Endings of files that servers are configured by, or keep what they know in. That one appears counts, its content does not:
while it is there, commands that nobody approved cannot write it, and edits of it are asked about."""


class StartState:
    """One look at a project. What is beyond the limits is known by its size and times."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = [Path(os.path.realpath(root)) for root in roots]
        self._bytes = MAX_BYTES

    def name(self, place: Path) -> str:
        """Return the path below the first root; below another one the absolute path."""
        return (
            place.relative_to(self._roots[0]).as_posix()
            if place.is_relative_to(self._roots[0])
            else str(place)
        )

    def read_place(self, place: Path, *, is_started: bool = False) -> bytes | None:
        """Return what is at a place, None if nothing that could be started is there. Of a folder only the links that lead to it
        count. `is_started` says that programs start this very file, whatever it is called."""
        try:
            links, end = self._follow(place)
            if end is None:
                return "\n".join([*links, "outside"]).encode("utf-8", "surrogateescape")
            status = os.lstat(end)
            kind = "" if is_started or not stat.S_ISREG(status.st_mode) else place.suffix.lower()
            if kind in DATA or (stat.S_ISDIR(status.st_mode) and not links):
                return None
            if stat.S_ISDIR(status.st_mode):
                content = ["a folder"]
            else:
                content = ["settings"] if kind in SETTINGS else [self._file(end, status)]
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return f"cannot be read: {error.errno}".encode()
        return "\n".join([*links, *content]).encode("utf-8", "surrogateescape")

    def _root(self, path: Path) -> Path | None:
        return next((root for root in self._roots if path.is_relative_to(root)), None)

    def _follow(self, place: Path) -> tuple[list[str], Path | None]:
        """Return each link inside the project that leads on from a place, and where that ends; None outside of the project."""
        links: list[str] = []
        path = place
        while len(links) < MAX_LINKS and (root := self._root(path)) is not None:
            at = root
            parts = path.relative_to(root).parts
            for count, part in enumerate(parts, 1):
                at /= part
                if at.is_symlink():
                    target = at.readlink()
                    links.append(f"{self.name(at)} -> {target}")
                    path = Path(os.path.normpath(at.parent.joinpath(target, *parts[count:])))
                    break
            else:
                break
        end = Path(os.path.realpath(place, strict=True))
        return links, end if self._root(end) is not None else None

    def _file(self, path: Path, status: os.stat_result) -> str:
        if not stat.S_ISREG(status.st_mode):
            return f"type {stat.S_IFMT(status.st_mode)}"
        if status.st_size > min(MAX_FILE, self._bytes):
            return _times(status)
        self._bytes -= status.st_size
        root = self._root(path)
        assert root is not None
        with project_files.open_file(root, path.relative_to(root).as_posix()) as file:
            return hashlib.sha256(file.read(MAX_FILE)).hexdigest()


def _times(status: os.stat_result) -> str:
    return f"size {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
