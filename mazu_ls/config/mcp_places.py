"""Which places of a project the entry of an MCP server names: programs, scripts, folders, modules."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

from mazu_ls.config.config import McpServer
from mazu_ls.config.mcp_options import obeyed_files
from mazu_ls.config.mcp_packages import names_in_package
from mazu_ls.config.mcp_programs import SUFFIXES, started_names

MAX_PARTS = 300
MAX_PLACES = 8000
_BETWEEN = re.compile(r"""[\s=:;,'"`()<>&|]+""")
_PWD = re.compile(r"\$(PWD|\{PWD\})(?=/)")
_HOME = re.compile(r"^~(?=/)|\$(HOME|\{HOME\})(?=/)")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


class NamedPlaces:
    """Absolute paths below the real roots, links on the way not followed. Of `missing` only what looks like a path is listed;
    `entries` are the files that the named programs start in a named folder."""

    def __init__(self, server: McpServer, roots: Sequence[Path], search: str = "") -> None:
        """`search` is the PATH that the command is looked up in. At most MAX_PLACES are looked at."""
        self.existing: dict[Path, None] = {}
        self.entries: dict[Path, None] = {}
        self.missing: dict[Path, None] = {}
        self._roots = [Path(os.path.realpath(root)) for root in roots]
        self._spelt = [Path.cwd() / root for root in roots]
        self._looked = 0
        if server.command is None or not roots:
            return
        bases = dict.fromkeys((*self._roots, Path.cwd()))
        parts = list(_parts(server))
        self._words = frozenset(parts)
        self._names, here = started_names(server.command, server.args, parts)
        for base in bases:
            for part in parts:
                self._add(base, part)
            for place in server.env.get("PATH", search).split(os.pathsep):
                self._add(base, str(Path(place, server.command)))
            self._add_started(base, here)
            self._add_started(base, obeyed_files(server.command, server.args))
        for _ in range(2):  # `cd a && cd b && python c.py`
            for folder in [place for place in self.existing if place.is_dir()]:
                for part in parts:
                    if not part.startswith(os.sep):
                        self._add(folder, part)
        for folder in [place for place in self.existing if place.is_dir()]:
            self._add_started(folder, self._names)

    def _add(self, base: Path, part: str) -> None:
        joined = base / part
        places = {os.path.normpath(joined)} | ({os.path.realpath(joined)} if ".." in part else set())
        for place in map(self._inside, places):
            if place is None:
                continue
            if place in self._roots:
                self._add_started(place, self._names)
                continue
            if self._is_there(place):
                self.existing[place] = None
            elif "/" in part or place.suffix in SUFFIXES:
                self.missing[place] = None
            if place.suffix not in SUFFIXES:
                longer = (place.with_name(place.name + suffix) for suffix in SUFFIXES)
                self.existing |= {one: None for one in longer if self._is_there(one)}

    def _add_started(self, folder: Path, names: Sequence[str]) -> None:
        for name in names if self._inside(str(folder)) is not None else ():
            if self._is_there(folder / name):
                self.entries[folder / name] = None
                self._add_named_by(folder / name, names)

    def _add_named_by(self, package: Path, started: Sequence[str]) -> None:
        """Add what a package names as what is started, as far as it is there."""
        real = Path(os.path.realpath(package))
        root = next((root for root in self._roots if real.is_relative_to(root)), None)
        for name in names_in_package(root, real, started, self._words) if root is not None else ():
            place = self._inside(os.path.normpath(package.parent / name))
            if (
                place is not None
                and place not in self._roots
                and self._is_there(place)
                and not place.is_dir()
            ):
                self.entries[place] = None

    def _inside(self, place: str) -> Path | None:
        """Return a path below a real root, of one outside what it leads to; None if that is nothing of the project."""
        for path in (Path(place), Path(os.path.realpath(place))):
            for real, spelt in zip(self._roots, self._spelt, strict=True):
                for root in (real, spelt):
                    if path.is_relative_to(root):
                        return real / path.relative_to(root)
        return None

    def _is_there(self, place: Path) -> bool:
        self._looked += 1
        return self._looked <= MAX_PLACES and os.path.lexists(place)


def _parts(server: McpServer) -> Iterator[str]:
    """Return what may be a path in the words of an entry, each once."""
    words = [server.command or "", *server.args]
    words += [value for name, value in server.env.items() if name != "PATH"]
    found: dict[str, None] = {}
    home = server.env.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - of no user it stays "~"
    for word in words:
        pieces = [word, *_BETWEEN.split(word[:65536])]
        pieces += [unquote(piece) for piece in pieces if "%" in piece]
        for piece in pieces:
            found[_HOME.sub(lambda _: home, _PWD.sub(".", piece))] = None
            if piece[:1] == "-":  # -rhook.js
                found[piece[2:]] = None
            if piece[:1] == "@":  # java @args.txt
                found[piece[1:]] = None
            if _MODULE.fullmatch(piece):
                found[piece.replace(".", "/")] = None
    named = [one for one in found if one and one[0] != "-" and len(one) < 4096 and "\0" not in one]
    return iter(
        [one for one in named if all(len(os.fsencode(name)) < 256 for name in one.split("/"))][:MAX_PARTS]
    )
