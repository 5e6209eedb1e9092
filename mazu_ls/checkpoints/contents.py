"""Everything that one checkpoint holds: its files by name, its memory entries by theirs."""

from __future__ import annotations

from dataclasses import dataclass

from mazu_ls.checkpoints.context import CheckpointContext


@dataclass(frozen=True)
class CheckpointContents:
    """`files`: sorted, as reports show them. `memories`: file names below `memory/` and what stands in them."""

    files: tuple[str, ...]
    memories: dict[str, bytes]


def read_contents(project: CheckpointContext, tree: bytes) -> CheckpointContents:
    """What is in the tree of a checkpoint. Costs one read for each folder and each memory entry."""
    files = (
        mount.shown(path)
        for mount in project.mounts
        for path, _ in project.trees.files(project.trees.folder(tree, mount.prefix))
    )
    entries = project.trees.files(project.trees.folder(tree, b"memory"))
    memories = {
        path.decode("utf-8", "surrogateescape"): project.repository.read(entry.oid) for path, entry in entries
    }
    return CheckpointContents(tuple(sorted(files)), memories)
