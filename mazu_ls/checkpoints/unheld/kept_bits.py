"""Permission bits that no rollback restores: those of folders that are there, and the set-user-ID, set-group-ID and sticky bits of files."""

from __future__ import annotations

import stat
from collections.abc import Collection

from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.models import PathReason
from mazu_ls.checkpoints.restore_selection import RestoreSelection
from mazu_ls.workspace.visible_text import plural

NAMED = 10
_SPECIAL = {stat.S_ISUID: "set-user-ID", stat.S_ISGID: "set-group-ID", stat.S_ISVTX: "sticky"}


def kept_bits(
    project: CheckpointContext,
    trees: tuple[bytes | None, bytes],
    selection: RestoreSelection,
    restored: Collection[bytes],
) -> list[PathReason]:
    """Name some folders and files that have other permission bits than in the target, or will have when they are `restored`.

    `trees`: the present one and the target.
    """
    return _folders(project, trees, selection) + _files(project, trees, selection, restored)


def _folders(
    project: CheckpointContext, trees: tuple[bytes | None, bytes], selection: RestoreSelection
) -> list[PathReason]:
    found: list[PathReason] = []
    had, then = map(project.modes, trees)
    for place in sorted(had.differing_folders(then)):
        shown = project.shown(place) if all(project.trees.folder(tree, place) for tree in trees) else ""
        if shown and selection.names(shown):
            bits = f"they are {had.folder_bits(place):o} and were {then.folder_bits(place):o}"
            found.append(PathReason(shown, f"a folder's permission bits stay: {bits}"))
    more = [PathReason(".", f"the permission bits of {plural(len(found) - NAMED, 'more folder')} stay")]
    return found[:NAMED] + (more if len(found) > NAMED else [])


def _files(
    project: CheckpointContext,
    trees: tuple[bytes | None, bytes],
    selection: RestoreSelection,
    restored: Collection[bytes],
) -> list[PathReason]:
    found: list[PathReason] = []
    had, then = map(project.modes, trees)
    for place in then.special:
        lost = then.special_bits(place) & (0o7777 if place in restored else ~had.special_bits(place))
        shown, is_there = project.shown(place), project.trees.at(trees[0], place) is not None
        if lost and shown and selection.names(shown) and (is_there or place in restored):
            names = [name for bit, name in _SPECIAL.items() if lost & bit]
            stay = (
                "bit stays off: no rollback sets it"
                if len(names) == 1
                else "bits stay off: no rollback sets them"
            )
            found.append(PathReason(shown, f"its {' and '.join(names)} {stay} on a file"))
    more = [
        PathReason(
            ".",
            f"the set-user-ID, set-group-ID and sticky bits of {plural(len(found) - NAMED, 'more file')} stay off",
        )
    ]
    return found[:NAMED] + (more if len(found) > NAMED else [])
