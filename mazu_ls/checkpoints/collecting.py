"""Giving back the room of objects that no checkpoint needs any more, while others go on taking checkpoints."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from mazu_ls.checkpoints.pack import sync_folder
from mazu_ls.checkpoints.repository import Repository, lines


@dataclass(frozen=True)
class Collection:
    """The packs of one moment, and what is still needed of them: everything that `roots` reach, and of the `trees`
    that scan indexes are compared with, the trees alone.
    """

    packs: tuple[Path, ...]
    roots: bytes
    trees: bytes


def begin(repository: Repository) -> Collection | None:
    """Note what there is now, with the lock held; None where the disk has no room for a second copy."""
    if shutil.disk_usage(repository.path).free < 2 * repository.bytes():
        return None
    # From now on nobody believes an object to be stored that only he has seen.
    (repository.path / "collected").touch()
    repository.run("pack-refs", "--all")
    packs = tuple((repository.path / "objects" / "pack").glob("*.pack"))
    scanned = {bytes.fromhex(path.name) for path in repository.path.glob("scan/*/*") if len(path.name) == 40}
    roots = set(repository.refs("refs/").values())
    return Collection(packs, lines(roots), lines(scanned - repository.missing(scanned)))


def pack(repository: Repository, collection: Collection) -> set[str]:
    """Write everything reachable into new packs; returns their names. Needs no lock, and may take a while."""
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


def end(repository: Repository, collection: Collection, names: set[str]) -> None:
    """Remove the packs of before, with the lock held again. What came since is in packs of its own."""
    repository.forget_reader()
    sync_folder(repository.path / "objects" / "pack")
    for pack in collection.packs:
        if pack.stem not in names:
            for suffix in (".idx", ".rev", ".pack"):
                pack.with_suffix(suffix).unlink(missing_ok=True)
    (repository.path / "collected").touch()
