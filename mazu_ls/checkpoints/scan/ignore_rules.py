"""Evaluates a checkpoint's own `.gitignore`s: by git, in a folder that holds nothing but those."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.git.objects import TreeEntry
from mazu_ls.checkpoints.scan.roots import CheckpointRoot

_RULES = b".gitignore"


def ignored_at_checkpoint(
    project: CheckpointContext,
    before: bytes | None,
    target: bytes,
    deletions: Sequence[tuple[CheckpointRoot, bytes]],
) -> set[bytes]:
    """Return the places among `deletions` (root, path in it) that the ignore rules of the tree `target` match.

    Git is not asked if the rules of both trees are the same: the file would not be in `before` either.
    """
    found: set[bytes] = set()
    for mount in {root for root, _ in deletions}:
        paths = [path for root, path in deletions if root == mount]
        then = _rules(project, target, mount.prefix, paths)
        if mount.scanned and then != _rules(project, before, mount.prefix, paths):
            found |= {mount.prefix + b"/" + path for path in _ask(project, then, paths)}
    return found


def _rules(
    project: CheckpointContext, tree: bytes | None, prefix: bytes, paths: Sequence[bytes]
) -> dict[bytes, TreeEntry]:
    """Return the `.gitignore`s on the way to these paths."""
    folders = {b""}
    for path in paths:
        parts = path.split(b"/")
        folders |= {b"/".join(parts[:depth]) + b"/" for depth in range(1, len(parts))}
    places = {folder + _RULES: project.trees.at(tree, prefix + b"/" + folder + _RULES) for folder in folders}
    return {place: entry for place, entry in places.items() if entry is not None and not entry.is_folder}


def _ask(project: CheckpointContext, rules: dict[bytes, TreeEntry], paths: Sequence[bytes]) -> set[bytes]:
    with tempfile.TemporaryDirectory(dir=project.repository.path) as folder:
        for place, entry in rules.items():
            file = Path(folder) / "tree" / os.fsdecode(place)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(project.repository.read(entry.oid))
        tree = Path(folder) / "tree"
        tree.mkdir(exist_ok=True)
        out = project.repository.run(
            *("check-ignore", "-z", "--no-index", "--stdin"),
            input=b"\0".join(paths),
            accept=(0, 1),
            work_tree=tree,
            settings=("core.bare=false",),
        )
    return set(out.split(b"\0")) - {b""}
