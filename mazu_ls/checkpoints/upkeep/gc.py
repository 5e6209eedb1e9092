"""Garbage collection: deletes stored objects that no checkpoint needs any more, while others take checkpoints."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from mazu_ls.checkpoints.git.pack import sync_folder
from mazu_ls.checkpoints.git.packed_refs import pack_refs
from mazu_ls.checkpoints.git.repository import REFS, StoreRepository, lines

Written = tuple[int, int] | None


class GarbageCollection(Struct, frozen=True):
    """The packs of one moment, and what is still needed of them: everything that `roots` reach, and of the `trees` that
    scan indexes are compared with, only the trees."""

    packs: Mapping[Path, Written]
    roots: bytes
    trees: bytes


def begin_collection(repository: StoreRepository) -> GarbageCollection | None:
    """Record the present packs, with the lock held; None if the disk has no room for a second copy.

    Until `finish_collection` the caller holds `repository.collecting`, too: newer packs must not be merged with those
    that are about to be deleted.
    """
    if shutil.disk_usage(repository.path).free < 2 * repository.bytes():
        return None
    repository.write_out()
    repository.start_gc_generation()
    pack_refs(repository.path, REFS)
    packs = {path: _written(path) for path in (repository.path / "objects" / "pack").glob("*.pack")}
    scanned = {bytes.fromhex(path.name) for path in repository.path.glob("scan/*/*") if len(path.name) == 40}
    roots = set(repository.refs("refs/").values())
    return GarbageCollection(packs, lines(roots), lines(scanned - repository.missing(scanned)))


def repack(repository: StoreRepository, collection: GarbageCollection) -> set[str]:
    """Write everything reachable into new packs; return their names. Needs no lock, and may take a while."""
    target = str(repository.path / "objects" / "pack" / "pack")
    options = ("pack-objects", "-q", "--delta-base-offset")
    names: set[str] = set()
    if collection.roots:
        names.add(repository.run(*options, "--revs", target, input=collection.roots).decode().strip())
    if collection.trees:
        listed = ("rev-list", "--objects", "--no-object-names", "--filter=blob:none", "--stdin")
        names.add(
            repository.run(*options, target, input=repository.run(*listed, input=collection.trees))
            .decode()
            .strip()
        )
    return {f"pack-{name}" for name in names}


def finish_collection(repository: StoreRepository, collection: GarbageCollection, names: set[str]) -> None:
    """Delete the earlier packs, with the lock held again. Newer objects are in packs of their own.

    Such a pack may have the name of an old one, which it replaced: the name is the hash of its content.
    """
    repository.forget_reader()
    sync_folder(repository.path / "objects" / "pack")
    for pack, written in collection.packs.items():
        if pack.stem not in names and _written(pack) == written:
            for suffix in (".idx", ".rev", ".pack"):
                pack.with_suffix(suffix).unlink(missing_ok=True)
    repository.start_gc_generation()


def _written(pack: Path) -> Written:
    """Return what distinguishes a file from another one of the same name; None if there is none."""
    try:
        status = pack.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns
