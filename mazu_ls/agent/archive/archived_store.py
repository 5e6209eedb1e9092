"""The checkpoints of an archive: a pack of untrusted git objects, checked before anything refers to it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from mazu_ls.agent.archive.archived_files import require_known_content
from mazu_ls.agent.archive.archived_tables import ArchivedCheckpoint, NotOurs, is_safe_name
from mazu_ls.checkpoints.git.objects import (
    EXECUTABLE_MODE,
    FILE_MODE,
    LINK_MODE,
    TreeEntry,
    commit_tree,
    parse_tree,
)
from mazu_ls.checkpoints.git.repository import REFS, StoreRepository, lines
from mazu_ls.errors import MazuError

_FILES = frozenset((FILE_MODE, EXECUTABLE_MODE, LINK_MODE))
_FOLDERS = frozenset((b"code", b"folders", b"skills", b"memory", b"conversation", b"buffers"))
_TOP_FILES = frozenset((b"buffers", b"meta.json", b"modes.json", b"sparse"))
_SESSION = re.compile(rb"[\w-]{1,100}")
_OF_SESSION = re.compile(rb"head\.json|\d{1,15}\.jsonl")
MAX_DEPTH = 400
MAX_FILES = 2_000_000


def take_pack(pack: Path, store: Path, checkpoints: Sequence[ArchivedCheckpoint]) -> None:
    """Make `store` a checkpoint store that holds the objects of `pack`.

    Each object is hashed again, every object that a checkpoint needs must be present, and each name must be allowed for
    a file. Raises NotOurs, MazuError(git) if git rejects the pack, OSError.
    """
    repository = StoreRepository.open(store)
    try:
        with pack.open("rb") as file:
            file.seek(-20, os.SEEK_END)
            name = file.read().hex()
        place = store / "objects" / "pack" / f"pack-{name}.pack"
        pack.rename(place)
        repository.run("index-pack", "--no-rev-index", str(place), settings=("core.bigFileThreshold=16m",))
        oids = [bytes.fromhex(one.commit) for one in checkpoints]
        if repository.missing(oids):
            raise NotOurs("a checkpoint is not in its pack")
        repository.run("rev-list", "--objects", "--quiet", "--stdin", input=lines(oids))
        _require_safe_trees(repository, checkpoints)
        for one in checkpoints:
            repository.set_ref(REFS + one.id, bytes.fromhex(one.commit))
    except (ValueError, OverflowError, MazuError) as error:
        raise NotOurs(f"its checkpoints: {error}") from error
    finally:
        repository.forget_reader()


def _require_safe_trees(repository: StoreRepository, checkpoints: Sequence[ArchivedCheckpoint]) -> None:
    """Check that each row's tree is the tree of its commit: a rollback reads the row's tree, and only the commit's
    objects are known to be present."""
    seen: dict[tuple[bytes, bytes], tuple[int, int]] = {}
    for one in checkpoints:
        tree = commit_tree(repository.read(bytes.fromhex(one.commit)))
        if tree.hex() != one.tree:
            raise NotOurs(f"the checkpoint {one.id} names another tree than its commit")
        entries = _entries(repository, tree)
        require_known_content(repository, entries)
        for name, entry in entries.items():
            known = name in _FOLDERS if entry.is_folder else name in _TOP_FILES and entry.mode == FILE_MODE
            if not known:
                raise NotOurs(f"a checkpoint holds {name!r:.100}")
            if entry.is_folder:
                _require_safe_folder(repository, name, entry.oid, seen)


def _require_safe_folder(
    repository: StoreRepository, part: bytes, top: bytes, seen: dict[tuple[bytes, bytes], tuple[int, int]]
) -> None:
    """Check each tree once: whether a name is allowed in a tree does not depend on where the tree occurs.

    Conversations have two levels with rules of their own: a folder for each session, and its files. `seen` holds, for
    each tree, how many files and folders are below it, and how many levels: a few kilobytes of trees that contain each
    other twice would expand to millions of files.
    """
    stack = [(b"", part, top)]
    level = 0
    below: dict[tuple[bytes, bytes], tuple[int, list[tuple[bytes, bytes]]]] = {}
    while stack:
        prefix, kind, oid = stack[-1]
        if (kind, oid) in seen:
            stack.pop()
        elif (kind, oid) in below:
            stack.pop()
            level -= 1
            count, folders = below.pop((kind, oid))
            sizes = [seen[folder] for folder in folders]
            size = count + sum(files for files, _ in sizes), 1 + max((depth for _, depth in sizes), default=0)
            if size[0] > MAX_FILES or size[1] > MAX_DEPTH:
                raise NotOurs(f"a checkpoint holds more than {MAX_FILES:,} files or {MAX_DEPTH} levels")
            seen[kind, oid] = size
        else:
            entries = _entries(repository, oid)
            if kind == b"buffers":
                require_known_content(repository, entries)
            for name, entry in entries.items():
                if level > MAX_DEPTH or not _is_allowed(kind, name, entry):
                    raise NotOurs(f"a checkpoint holds {prefix + name!r:.200}")
            inner = b"session" if kind == b"conversation" else kind
            held = [(inner, one.oid) for one in entries.values() if one.is_folder]
            below[kind, oid] = len(entries), held
            level += 1
            stack += [
                (prefix + name + b"/", inner, one.oid) for name, one in entries.items() if one.is_folder
            ]


def _is_allowed(kind: bytes, name: bytes, entry: TreeEntry) -> bool:
    """Return whether a tree of this kind may hold the entry: a part of a checkpoint, or a session of its conversation."""
    if kind == b"conversation":
        return entry.is_folder and _SESSION.fullmatch(name) is not None
    if kind == b"session":
        return entry.mode in _FILES and _OF_SESSION.fullmatch(name) is not None
    return is_safe_name(name) and (entry.is_folder or entry.mode in _FILES)


def _entries(repository: StoreRepository, oid: bytes) -> dict[bytes, TreeEntry]:
    """Parse a tree's entries; every byte must belong to one of them."""
    data = repository.read(oid)
    entries = parse_tree(data)
    if sum(len(entry.mode) + len(name) + 22 for name, entry in entries.items()) != len(data):
        raise NotOurs("a tree is damaged, or holds a name twice")
    return entries
