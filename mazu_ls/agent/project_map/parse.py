"""A process that parses source files for the project map, so that neither its work nor a crash in a grammar affects
others.

Started as `python -m mazu_ls.agent.project_map.parse ROOT...`; reads lists of paths, answers with their facts.
"""

from __future__ import annotations

import gc
import os
import sys
import zlib
from array import array
from functools import cache
from pathlib import Path

import msgspec

from mazu_ls.agent.project_map.ipc import FileFacts, answer_requests
from mazu_ls.errors import MazuError
from mazu_ls.redact import redact
from mazu_ls.syntax import CodeSymbol, Outline, language_of, outline
from mazu_ls.syntax.languages import family_of
from mazu_ls.workspace import Workspace
from mazu_ls.workspace.visible_text import shorten

MAX_SYMBOLS = 2000
MAX_SIGNATURE = 120
MAX_BYTES_PER_LINE = 400
"""Bytes above which a file is taken for generated: minified, or data."""
_KIND_WEIGHTS = {"module": 0, "implementation": 0, "variable": 30, "constant": 40}


def main() -> None:
    """Answer requests until the parent is gone."""
    workspace = Workspace([Path(root) for root in sys.argv[1:]])
    gc.disable()  # syntax nodes form no cycles, and searching for some takes a fifth of the time

    def answer(frame: bytes) -> bytes:
        paths = msgspec.msgpack.decode(frame, type=list[bytes])
        return msgspec.msgpack.encode([extract_facts(workspace, path) for path in paths])

    answer_requests(answer)


def extract_facts(workspace: Workspace, path: bytes) -> FileFacts:
    """Return the facts of a file as it is now; empty for one that is gone, binary, refused or generated."""
    try:
        with workspace.open(Path(os.fsdecode(path))) as file:
            stat = os.fstat(file.fileno())
            data = file.read()
    except (OSError, MazuError):
        return FileFacts(path, -1, 0, 0)
    stamp = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    language = language_of(os.fsdecode(path))
    if language is None or b"\0" in data or len(data) > MAX_BYTES_PER_LINE * (data.count(b"\n") + 8):
        return FileFacts(path, *stamp)
    return _file_facts(path, stamp, outline(data, language), family_of(language))


def _file_facts(path: bytes, stamp: tuple[int, int, int], found: Outline, family: str) -> FileFacts:
    kept = [(at, symbol) for at, symbol in enumerate(found.symbols) if not symbol.local][:MAX_SYMBOLS]
    places = {at: place for place, (at, _) in enumerate(kept)}
    signatures = _redacted([symbol.signature for _, symbol in kept])
    rows = [
        (_cut(signature), _container(symbol, found.symbols, places))
        for signature, (_, symbol) in zip(signatures, kept, strict=True)
    ]
    used = sorted(
        (_hash(name, family), strength) for name in found.references if (strength := _strength(name, found))
    )
    return FileFacts(
        path,
        *stamp,
        array("I", [_hash(symbol.name, family) for _, symbol in kept]).tobytes(),
        bytes(_weight(symbol) for _, symbol in kept),
        array("I", [name for name, _ in used]).tobytes(),
        bytes(strength for _, strength in used),
        msgspec.msgpack.encode(rows),
    )


def _redacted(signatures: list[str]) -> list[str]:
    """Redact secrets, because the signatures are stored. All in one call first: nearly all files have none."""
    text = "\n".join(signatures)
    return signatures if redact(text) == text else [redact(signature) for signature in signatures]


def _cut(signature: str) -> str:
    return shorten(signature, MAX_SIGNATURE)


@cache
def _hash(name: str, family: str) -> int:
    """Hash to 32 bits: of 100,000 names defined and 300,000 used, seven pairs would collide."""
    return zlib.crc32(name.encode(), zlib.crc32(family.encode()))


def _container(symbol: CodeSymbol, symbols: tuple[CodeSymbol, ...], places: dict[int, int]) -> int:
    """Return the index of the nearest container worth a line; a namespace is not."""
    parent = symbol.parent
    while parent is not None and symbols[parent].kind == "module":
        parent = symbols[parent].parent
    return -1 if parent is None else places.get(parent, -1)


def _weight(symbol: CodeSymbol) -> int:
    """Return how informative a reference to this name is, 0 to 100; 0 keeps it out of the map unless it contains
    something."""
    name = symbol.name
    if name.startswith("__") or len(name) < 2 or name == "constructor":
        return 0
    weight = _KIND_WEIGHTS.get(symbol.kind, 100)
    if name.startswith(("_", "#")):
        weight = weight * 3 // 10
    if not _is_distinctive(name):
        weight = weight // 10 if symbol.kind == "method" else weight // 2
    return weight


def _strength(name: str, found: Outline) -> int:
    """Return how strongly a file refers to a definition of this name, in tenths: the root of its uses, four times that
    for an import.

    A plain word such as `text` is mostly a variable, or a method of the language's own types (`x.split()`): it counts
    only if it is called by its bare name or imported.
    """
    if len(name) < 2:
        return 0
    uses = found.references[name] if _is_distinctive(name) else found.calls[name] + found.imports[name]
    return min(round(10 * (uses + 3 * found.imports[name]) ** 0.5), 255)


@cache
def _is_distinctive(name: str) -> bool:
    """Return whether a name consists of several words or is capitalised, so that it is hardly a local variable."""
    return len(name) > 2 and ("_" in name.strip("_") or not (name.islower() or name.isupper()))


if __name__ == "__main__":
    main()
