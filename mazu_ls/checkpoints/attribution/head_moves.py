"""What git wrote because the user moved HEAD while a command of the agent ran: by a pull, a rebase, another branch."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from mazu_ls.checkpoints.git.merge_file import merge_file
from mazu_ls.checkpoints.scan.file_state import text_state
from mazu_ls.errors import MazuError
from mazu_ls.gitcmd.commits import object_ids_at, read_objects
from mazu_ls.workspace.text import NotText, decode

if TYPE_CHECKING:
    from mazu_ls.checkpoints.attribution.recorded_writes import Shown
    from mazu_ls.checkpoints.context import CheckpointContext
    from mazu_ls.checkpoints.scan.roots import CheckpointRoot

MAX_MERGED = 200
"""Files with work of their own in them, in which it is looked whether git merged HEAD's change into them."""
_MADE = re.compile(rb"^committer .* (\d+) [-+]\d+$", re.MULTILINE)
log = logging.getLogger(__name__)


class HeadMove(Struct, frozen=True):
    """The places that HEAD's move changed: `alone`, or `mixed` with something else that the command or the user did."""

    alone: frozenset[bytes] = frozenset()
    mixed: frozenset[bytes] = frozenset()


def head_move(project: CheckpointContext, before: Shown, after: Shown) -> HeadMove:
    """Return which files changed between two moments because HEAD moved; none if it is where it was.

    A file is git's work if HEAD's move changed it, and it is now as the new commit has it, or as git merges that commit's
    change into what the file held. If the new commit was made meanwhile (a rebase, but perhaps a script of the command that
    commits its own changes), or if git cannot say what the commits hold, that is not certain: then it is `mixed`.
    """
    alone: set[bytes] = set()
    mixed: set[bytes] = set()
    for mount in project.mounts:
        commits = [shown.heads.get(mount.prefix) for shown in (before, after)]
        if None in commits or commits[0] == commits[1]:
            continue
        prefix = mount.prefix + b"/"
        folders = (project.trees.folder(shown.tree, mount.prefix) for shown in (before, after))
        paths = [path for path, _, _ in project.trees.diff(*folders)]
        try:
            found = _sort(project, mount, (before.tree, after.tree), [str(one) for one in commits], paths)
        except MazuError as error:
            log.warning("what git changed while a command ran is not known: %s", error.message)
            found = set(), set(paths)
        certain, other = found
        if certain and not _is_older(project, mount, str(commits[1]), before.at):
            certain, other = set[bytes](), certain | other
        alone |= {prefix + path for path in certain}
        mixed |= {prefix + path for path in other}
    return HeadMove(frozenset(alone), frozenset(mixed))


def _sort(
    project: CheckpointContext,
    mount: CheckpointRoot,
    trees: tuple[bytes | None, bytes | None],
    commits: Sequence[str],
    paths: Sequence[bytes],
) -> tuple[set[bytes], set[bytes]]:
    """Return the paths that git alone changed, and those that it changed with somebody else."""
    user = project.users[mount.prefix]
    if user is None:
        return set(), set()
    alone: set[bytes] = set()
    mixed: set[bytes] = set()
    unequal: list[tuple[bytes, str, str]] = []
    for path, (old, new) in zip(paths, object_ids_at(user, commits, paths), strict=True):
        now = project.trees.at(trees[1], mount.prefix + b"/" + path)
        present = None if now is None or now.is_folder else now.oid.hex()
        if b"\n" in path:
            mixed.add(path)
        elif old == new:  # the move did not touch it, whatever it holds now
            continue
        elif present == new:
            alone.add(path)
        else:
            if old and new and present:
                unequal.append((path, old, new))
            mixed.add(path)
    known = unequal[:MAX_MERGED]
    datas = iter(read_objects(user, [oid for _, *ends in known for oid in ends]))
    for path, old, new in zip((path for path, *_ in known), datas, datas, strict=True):
        if old is not None and new is not None:
            place = mount.prefix + b"/" + path
            if _is_merge(project, (place, *trees), old, new):
                alone.add(path)
    return alone, mixed - alone


def _is_older(project: CheckpointContext, mount: CheckpointRoot, commit: str, moment: float) -> bool:
    """Return whether a commit was certainly made before a moment; its time is in whole seconds."""
    user = project.users[mount.prefix]
    try:
        data = read_objects(user, [commit])[0] if user is not None else None
    except MazuError:
        return False
    made = _MADE.search(data or b"")
    return made is not None and int(made[1]) < int(moment)


def _is_merge(
    project: CheckpointContext, at: tuple[bytes, bytes | None, bytes | None], old: bytes, new: bytes
) -> bool:
    """Return whether a file is as the new commit has it, or as it was with the change between the commits merged into it."""
    place, *trees = at
    entries = [project.trees.at(tree, place) for tree in trees]
    if any(entry is None or entry.is_folder for entry in entries):
        was, now = None, None if entries[1] is None else project.repository.read(entries[1].oid)
    else:
        was, now = (project.repository.read(entry.oid) for entry in entries if entry is not None)
    if now is None:
        return False
    if _text(now) == _text(new):
        return True
    if was is None or _text(was) == _text(old):
        return False
    result = merge_file(project.repository, was, old, new)
    return result is not None and _text(result) == _text(now)


def _text(data: bytes) -> str | bytes | None:
    """Return what is compared: git may have other line ends in its commits than in the files."""
    try:
        return text_state(decode(data).text)
    except NotText:
        return data
