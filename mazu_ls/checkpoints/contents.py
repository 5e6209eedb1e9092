"""Everything that one checkpoint holds: files by path, memory entries by name."""

from __future__ import annotations

from dataclasses import dataclass

from mazu_ls.checkpoints.context import CheckpointContext


@dataclass(frozen=True)
class CheckpointContents:
    """The contents of a checkpoint. `files`: sorted, as reports show them. `memories`: file names below `memory/` and
    their content."""

    files: tuple[str, ...]
    memories: dict[str, bytes]


def read_contents(project: CheckpointContext, tree: bytes) -> CheckpointContents:
    """Read the tree of a checkpoint. Costs one read per folder and per memory entry."""
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
