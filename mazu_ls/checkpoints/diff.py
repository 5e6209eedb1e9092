"""What differs between two checkpoints, or a checkpoint and the present: files, memories, one patch."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import PurePosixPath

import apsw
from msgspec.structs import replace

from mazu_ls.checkpoints.attribution.owners import owners_between
from mazu_ls.checkpoints.contents import require_known
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.git.objects import BLOB, FILE_MODE, TreeEntry
from mazu_ls.checkpoints.models import (
    UNSAVED_ELSEWHERE,
    Checkpoint,
    CheckpointDiff,
    CountedFile,
    FileDiff,
    FileStatus,
    MemoryDiff,
)
from mazu_ls.checkpoints.restore_selection import RestoreSelection
from mazu_ls.checkpoints.scan.roots import CheckpointRoot
from mazu_ls.checkpoints.scan.unsaved_buffers import (
    BufferView,
    UnsavedText,
    held_texts,
    open_texts,
    place_of,
    shown_trees,
)
from mazu_ls.checkpoints.store import schema
from mazu_ls.errors import Kind, MazuError
from mazu_ls.host import Buffer
from mazu_ls.workspace.file_names import parse_name
from mazu_ls.workspace.lazy_pattern import lazy_pattern
from mazu_ls.workspace.visible_text import make_line

MAX_PATCH = 1 << 20  # characters
MOST_NAMES = 100_000
"""Total length of file names passed to git at once, in characters; command lines are limited."""
COUNT_SECONDS = 2.0
"""Seconds that git may count lines for the end of a turn."""
Counted = list[CountedFile] | None
_ID = lazy_pattern(r"m_\d+")
_EMPTY_TREE = bytes.fromhex("4b825dc642cb6eb9a060e54bf8d69288fbee4904")
_PLAIN = ("-r", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv")


def diff_checkpoints(
    project: CheckpointContext, was: BufferView, now: BufferView, paths: Sequence[str]
) -> CheckpointDiff:
    """Compare two views; `paths` (files or folders, as shown) restricts it to these files and leaves memories out."""
    old, new = _stored(project, was, now)
    selection, run = RestoreSelection(paths=tuple(paths)), _runner(project)
    outgrown = was.outgrown.keys() | now.outgrown.keys()
    require_known(project, [path for path in paths if path not in outgrown], old, new)
    files = [
        file for file in _outgrown(was, now, set(_held(project, was, now))) if selection.names(file.path)
    ]
    patches, unheld = [_too_large(file.path) for file in files], frozenset(file.path for file in files)
    for path in paths:
        if path in outgrown and was.outgrown.get(path) == now.outgrown.get(path):
            reason = f"{path} is too large to compare, and as large at both ends."
            raise MazuError(
                Kind.UNSUPPORTED, reason, "Raise the limits in checkpoints.* to keep its content."
            )
    for mount in project.mounts:
        before, after = project.trees.folder(old, mount.prefix), project.trees.folder(new, mount.prefix)
        changed: dict[bytes, FileStatus] = {
            path: _status(was, now)
            for path, was, now in project.trees.diff(before, after)
            if selection.names(mount.shown(path))
        }
        counts: dict[bytes, tuple[int | None, int | None]] = {}
        if changed:
            names = [":(literal)" + os.fsdecode(path) for path in changed] if paths else []
            large = [path for path in changed if mount.shown(path) in outgrown]
            for path in large:  # neither added nor deleted, and nothing holds what it is
                changed[path] = "modified"
                names.append(":(exclude,literal)" + os.fsdecode(path))
                patches.append(_too_large(mount.shown(path)))
            ends = [(side or _EMPTY_TREE).hex() for side in (before, after)]
            counts = _counts(run("--numstat", "-z", *ends, "--", *names))
            patches.append(_patch(run, mount.label, ends, names))
        for path, patch in _other_modes(project, mount, old, new):
            if path not in changed and selection.names(mount.shown(path)):
                changed[path], counts[path] = "modified", (0, 0)
                patches.append(patch)
        files += [
            FileDiff(mount.shown(path), status, *counts.get(path, (None, None)))
            for path, status in sorted(changed.items())
        ]
    memories = MemoryDiff()
    if not paths:
        before, after = project.trees.folder(old, b"memory"), project.trees.folder(new, b"memory")
        memories = _memories(project, before, after)
        if before != after:
            ends = [(side or _EMPTY_TREE).hex() for side in _readable(project, before, after)]
            patches.append(_patch(run, "memory/", ends, []))
    patch = "".join(patches)
    return CheckpointDiff(tuple(files), memories, patch[:MAX_PATCH], len(patch) > MAX_PATCH, unheld)


def _too_large(name: str) -> str:
    return f"diff --git a/{name} b/{name}\nBinary files a/{name} and b/{name} differ\n"


def view_of(project: CheckpointContext, db: apsw.Connection, id: str) -> BufferView:
    """Return what the user saw at a checkpoint. Raises MazuError(not_found)."""
    checkpoint = schema.get(db, id)
    tree = bytes.fromhex(checkpoint.tree)
    unknown = frozenset(one.path for one in checkpoint.skipped if one.reason == UNSAVED_ELSEWHERE)
    return BufferView(tree, held_texts(project, tree), _sizes(checkpoint), unknown)


def present_view(project: CheckpointContext, db: apsw.Connection, buffers: Sequence[Buffer]) -> BufferView:
    """Return what the user sees now, in editors of other processes, too."""
    seen, tree = project.present(db)
    outgrown = {one.path: one.bytes for one in seen.skipped.values() if one.bytes}
    texts = open_texts(buffers)
    own, unknown = {one.path for one in texts}, set[str]()
    for path, document in project.editors.unsaved_elsewhere().items():
        if path in own or (place := project.place(path)) is None:
            continue
        if document.text is None:
            unknown.add(project.shown(place))
        else:
            texts.append(UnsavedText(document.uri, path, document.text))
    return BufferView(tree, texts, outgrown, frozenset(unknown))


def count_changes(
    project: CheckpointContext, db: apsw.Connection, ends: tuple[str, str], session: str, most: int
) -> Counted:
    """Return the files that differ between two checkpoints, except those only the user changed, with line counts and no
    patch.

    None: there are more than `most`. Raises git.GitCommandError if git needs more than COUNT_SECONDS.
    """
    outgrown = outgrown_between(schema.get(db, ends[0]), schema.get(db, ends[1]))
    owners = owners_between(project, db, ends, session)
    wanted = {path for path, owner in owners.items() if owner != "user"}
    if len(wanted) > most or sum(map(len, wanted)) > MOST_NAMES:
        return None
    old, new = _stored(project, view_of(project, db, ends[0]), view_of(project, db, ends[1]))
    run = _runner(project, COUNT_SECONDS)
    files = [FileDiff(path, "modified", None, None) for path in sorted(outgrown & wanted)]
    for mount in project.mounts:
        before, after = project.trees.folder(old, mount.prefix), project.trees.folder(new, mount.prefix)
        found = project.trees.diff(before, after)
        changed: dict[bytes, FileStatus] = {
            path: _status(was, now)
            for path, was, now in found
            if mount.shown(path) in wanted and mount.shown(path) not in outgrown
        }
        if changed:
            names = [":(literal)" + os.fsdecode(path) for path in changed]
            ends_of = [(side or _EMPTY_TREE).hex() for side in (before, after)]
            counts = _counts(run("--numstat", "-z", *ends_of, "--", *names))
            files += [
                FileDiff(mount.shown(path), status, *counts.get(path, (None, None)))
                for path, status in sorted(changed.items())
            ]
        shown = (
            mount.shown(path) for path, _ in _other_modes(project, mount, old, new) if path not in changed
        )
        files += [FileDiff(name, "modified", 0, 0) for name in shown if name in wanted]
    return [CountedFile(file, owners[file.path] == "agent") for file in files]


def _sizes(checkpoint: Checkpoint) -> dict[str, int]:
    return {one.path: one.bytes for one in checkpoint.skipped if one.bytes}


def _held(project: CheckpointContext, was: BufferView, now: BufferView) -> Iterator[str]:
    """Yield the files that one view is too large for and the other one holds: their trees say that they differ."""
    for view, other in ((was, now), (now, was)):
        for mount in project.mounts:
            names = (name for name in view.outgrown if name.startswith(mount.label))
            for name in names:
                inside = os.fsencode(parse_name(name.removeprefix(mount.label)))
                if project.trees.at(other.tree, mount.prefix + b"/" + inside) is not None:
                    yield name


def _outgrown(was: BufferView, now: BufferView, held: set[str]) -> Iterator[FileDiff]:
    """Yield the files over the limit that appeared, went, or have another size; those in `held` are in the trees."""
    for name in sorted((was.outgrown.keys() | now.outgrown.keys()) - held):
        before, after = was.outgrown.get(name), now.outgrown.get(name)
        if before != after:
            status: FileStatus = "added" if before is None else "deleted" if after is None else "modified"
            yield FileDiff(name, status, None, None)


def outgrown_between(*ends: Checkpoint) -> frozenset[str]:
    """Return the files that one of the checkpoints leaves out for their size: they are no deleted ones."""
    return frozenset(one.path for end in ends for one in end.skipped if one.bytes)


def _other_modes(
    project: CheckpointContext, mount: CheckpointRoot, old: bytes | None, new: bytes | None
) -> Iterator[tuple[bytes, str]]:
    """Yield the files of a folder whose permission bits alone differ in a way that git cannot express, each with a patch."""
    prefix = mount.prefix + b"/"
    for place in sorted(project.other_bits(old, new)):
        if not place.startswith(prefix):
            continue
        path = place.removeprefix(prefix)
        executable = project.trees.at(old, place).mode == b"100755"  # type: ignore[union-attr]
        was, now = (project.modes(tree).bits_for(place, executable) for tree in (old, new))
        name = make_line(mount.shown(path), MAX_PATCH)
        yield path, f"diff --git a/{name} b/{name}\nold mode 100{was:o}\nnew mode 100{now:o}\n"


def _readable(
    project: CheckpointContext, old: bytes | None, new: bytes | None
) -> tuple[bytes | None, bytes | None]:
    """Return two trees with only the memory entries that differ, in a readable form."""
    part = next((part for part in project.parts if part.name == "memory"), None)
    if part is None:
        return old, new
    sides: tuple[dict[bytes, TreeEntry], dict[bytes, TreeEntry]] = ({}, {})
    writer = project.repository.writer()
    try:
        for path, *entries in project.trees.diff(old, new):
            for side, entry in zip(sides, entries, strict=True):
                if entry is not None:
                    data = project.repository.read(entry.oid)
                    name, text = part.readable(path.decode("utf-8", "surrogateescape"), data)
                    side[os.fsencode(name)] = TreeEntry(FILE_MODE, writer.add(BLOB, text))
        trees = tuple(project.trees.update(None, side, writer.add) for side in sides)
        writer.finish()
    except BaseException:
        writer.discard()
        raise
    return trees[0], trees[1]


def _stored(
    project: CheckpointContext, was: BufferView, now: BufferView
) -> tuple[bytes | None, bytes | None]:
    """Return the trees to compare, stored where git can read them. Where one of the unsaved texts is not known, the files count."""
    if unknown := was.unknown | now.unknown:
        was, now = (replace(view, unsaved=_known(project, view, unknown)) for view in (was, now))
    writer = project.repository.writer()
    try:
        trees = shown_trees(project, was, now, writer.add)
        writer.finish()
    except BaseException:
        writer.discard()
        raise
    return trees


def _known(project: CheckpointContext, view: BufferView, unknown: Container[str]) -> list[UnsavedText]:
    places = ((held, place_of(project, held)) for held in view.unsaved)
    return [held for held, place in places if place is None or project.shown(place) not in unknown]


def _runner(project: CheckpointContext, seconds: float | None = None) -> Callable[..., bytes]:
    """Return a function that runs `git diff-tree` on the store through GitPython, killed after `seconds`."""
    git = project.repository.python_git()

    def run(*arguments: str) -> bytes:
        return git.bytes_of("diff-tree", *_PLAIN, *arguments, seconds=seconds)

    return run


def _patch(run: Callable[..., bytes], label: str, ends: Sequence[str], names: Sequence[str]) -> str:
    out = run("-p", f"--src-prefix=a/{label}", f"--dst-prefix=b/{label}", *ends, "--", *names)
    return out.decode("utf-8", "replace")


def _status(was: object, now: object) -> FileStatus:
    if was is None:
        return "added"
    return "deleted" if now is None else "modified"


def _counts(out: bytes) -> dict[bytes, tuple[int | None, int | None]]:
    """Parse lines added and removed by path from `--numstat`; None for binary files ("-" in git's output)."""
    counts: dict[bytes, tuple[int | None, int | None]] = {}
    for line in out.split(b"\0"):
        if line:
            added, removed, path = line.split(b"\t", 2)
            counts[path] = (None, None) if added == b"-" else (int(added), int(removed))
    return counts


def _memories(project: CheckpointContext, old: bytes | None, new: bytes | None) -> MemoryDiff:
    found: dict[str, list[str]] = {"added": [], "modified": [], "deleted": []}
    for name, (was, now) in project.changed_memories(old, new).items():
        last = PurePosixPath(name).name
        found[_status(was, now)].append(last if _ID.fullmatch(last) else name)
    return MemoryDiff(*(tuple(sorted(names)) for names in found.values()))
