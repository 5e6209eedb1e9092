"""The changes of a rollback to each file, from the safety checkpoint to the target, and the files it must leave alone."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from mazu_ls.checkpoints.context import META, SPARSE, CheckpointContext
from mazu_ls.checkpoints.git.objects import LINK_MODE, TreeEntry
from mazu_ls.checkpoints.models import UNSAVED_ELSEWHERE, Checkpoint, PathReason
from mazu_ls.checkpoints.restore_selection import RestoreSelection
from mazu_ls.checkpoints.scan.file_modes import FileModes
from mazu_ls.checkpoints.scan.file_state import State, entry_state
from mazu_ls.checkpoints.scan.ignore_rules import ignored_at_checkpoint
from mazu_ls.checkpoints.scan.read_files import Signature, signature
from mazu_ls.checkpoints.scan.roots import SKILLS, CheckpointRoot
from mazu_ls.checkpoints.unheld.kept_bits import kept_bits
from mazu_ls.checkpoints.unheld.rescued_files import rescued_path, rescued_since
from mazu_ls.checkpoints.unheld.unheld_edits import UnheldFile

PROTECTED = "a rollback writes nothing that belongs to git or to mazu-ls"
NAMED_AGAIN = "git, which left it out, says that you deleted it, since it saw the agent's file: `git sparse-checkout reapply`"
_NO_NAMES = frozenset((b"", b".", b".."))


class RestoreStep(Struct, frozen=True):
    """One file: what the safety checkpoint holds, what should replace it, and with which permission bits.

    `aside`: the status of a file that is there, but not in the safety checkpoint (it is too large, for example). It is moved to
    the folder for rescued files, since nothing else holds it. `source`: the file there that comes back, which is no object of the
    store. `unheld`: no checkpoint holds the file; what it was is kept, see `unheld_edits`. `folders`: the permission bits of each
    folder on the way, which one that is missing gets.
    """

    mount: CheckpointRoot
    path: bytes
    was: TreeEntry | None
    now: TreeEntry | None
    permissions: int
    aside: Signature | None = None
    source: Path | None = None
    unheld: UnheldFile | None = None
    folders: tuple[int, ...] = ()

    @property
    def shown(self) -> str:
        return self.mount.shown(self.path)

    def with_content(self, oid: bytes, bits: bytes) -> RestoreStep:
        """Return the step with another content, and permission bits as `CheckpointContext.bits_at` returns them."""
        permissions = int(bits, 8)
        mode = b"100755" if permissions & 0o100 else b"100644"
        return replace(self, now=TreeEntry(mode, oid), permissions=permissions, source=None)

    def bits_after(self, bits: bytes) -> bytes:
        """Return the permission bits after the step; `bits`, those of now, if it deletes the file."""
        return b"%o" % self.permissions if self.now is not None else bits

    def changes(self, bits: bytes) -> bool:
        """Return whether the step changes a file that has these permission bits."""
        return self.now != self.was or int(bits, 8) != self.permissions

    def state_after(self, modes: FileModes) -> State:
        """Return the state of the place after the step, as the next checkpoint sees it: what no checkpoint can hold it leaves out."""
        is_unheld = self.source is not None or (self.unheld is not None and self.now == self.unheld.now)
        return None if is_unheld else entry_state(self.now, self.unusual_bits(modes))

    def unusual_bits(self, modes: FileModes) -> int | None:
        """Return the file's permission bits after the step, if they are unusual among these."""
        regular = self.now is not None and self.now.mode != LINK_MODE
        return modes.unusual(self.permissions) if regular else None

    @property
    def place(self) -> bytes:
        return self.mount.prefix + b"/" + self.path

    @property
    def restorable(self) -> bool:
        """False for paths that no checkpoint holds, such as those below `.git` and `.mazu`, whatever a tree says."""
        return self.mount.holds(self.path) and _NO_NAMES.isdisjoint(self.path.split(b"/"))


class RestoreSteps(Struct):
    """The steps, and the files that stay as they are, with the reason."""

    steps: list[RestoreStep] = field(default_factory=list)
    keep: list[PathReason] = field(default_factory=list)


def steps_between(
    project: CheckpointContext,
    before: Checkpoint,
    before_tree: bytes | None,
    target: Checkpoint,
    selection: RestoreSelection,
) -> RestoreSteps:
    """Return the steps from one state of the folders to a checkpoint's."""
    target_tree = bytes.fromhex(target.tree)
    found, folders = RestoreSteps(), _folders(project, target_tree)
    permissions, had = project.modes(target_tree), project.modes(before_tree)
    guards, rescued = KeepRules(project, before, target, target_tree), rescued_since(project, target.id)
    for mount in project.mounts:
        if not selection.has("skills" if mount.prefix == SKILLS else "code"):
            continue
        if mount.scanned and mount.prefix.decode() not in folders:
            found.keep.append(PathReason(mount.label or ".", f"{target.id} does not contain this folder"))
            continue
        if mount.internal:
            reason = "git's own files in a bare repository are not part of checkpoints: they stay as they are"
            found.keep.append(PathReason(mount.label or ".", reason))
        if b"." in mount.internal:
            continue
        prefix = mount.prefix + b"/"
        old, new = (project.trees.folder(tree, mount.prefix) for tree in (before_tree, target_tree))
        changed = {path: (was, now) for path, was, now in project.trees.diff(old, new)}
        for place in had.differing(permissions):
            path = place.removeprefix(prefix)
            if (
                place.startswith(prefix)
                and path not in changed
                and (same := project.trees.at(new, path)) is not None
            ):
                changed[path] = (same, same)
        for place, file in rescued.items():
            if place.startswith(prefix):
                path = place.removeprefix(prefix)
                changed[path] = (project.trees.at(old, path), file.entry)
        for path, (was, now) in sorted(changed.items()):
            if (file := rescued.get(prefix + path)) is not None:
                bits = file.permissions
            else:
                bits = permissions.bits_for(prefix + path, now is not None and now.mode == b"100755")
            way = () if now is None else permissions.bits_on_way(prefix, path)
            step = RestoreStep(mount, path, was, now, bits, source=file.path if file else None, folders=way)
            if not selection.names(step.shown):
                continue
            if (aside := guards.unheld_file(step)) is not None:
                found.steps.append(replace(step, aside=aside))
            elif (reason := guards.reason(step)) is not None:
                found.keep.append(PathReason(step.shown, reason))
            else:
                found.steps.append(step)
    if selection.has("code"):
        trees, restored = (before_tree, target_tree), {step.place for step in found.steps if step.now}
        found.keep += kept_bits(project, trees, selection, restored)
    return _without_ignored(project, target_tree, found, before_tree)


def add_unheld(
    project: CheckpointContext,
    found: RestoreSteps,
    trees: tuple[bytes | None, bytes],
    files: Mapping[bytes, UnheldFile],
    selection: RestoreSelection,
) -> None:
    """Add the steps of files that one of the trees (present, target) does not hold, and whose earlier content is kept; and of those
    that a sparse checkout left out and an agent made: a tree may hold these as they were before that."""
    permissions, left_out = project.modes(trees[1]), _left_out(project, trees[1])
    for place, file in files.items() if selection.has("code") else ():
        now, then = (project.trees.at(tree, place) for tree in trees)
        then = None if place in left_out and file.now is None else then
        if not selection.names(file.shown) or (now and then and file.was):
            continue
        bits = permissions.bits_for(place, then.mode == b"100755") if then else file.permissions
        is_known = partial(project.trees.folder, trees[1])
        way = permissions.bits_on_way(file.mount.prefix + b"/", file.path, is_known, file.folders)
        step = RestoreStep(file.mount, file.path, file.was, then or file.now, bits, unheld=file, folders=way)
        found.steps = [*(one for one in found.steps if one.place != place), step]
        found.keep = [one for one in found.keep if one.path != step.shown]
        user = project.users[file.mount.prefix]
        if place in left_out and step.now is None and user is not None and file.path not in user.sparse():
            found.keep.append(PathReason(step.shown, NAMED_AGAIN))


class KeepRules:
    """Files that a rollback does not change because one of the two checkpoints does not know them."""

    def __init__(
        self, project: CheckpointContext, before: Checkpoint, target: Checkpoint, target_tree: bytes
    ) -> None:
        self._target = target
        self._project = project
        self._unheld = {one.path for one in before.skipped if one.reason != UNSAVED_ELSEWHERE}
        skipped = (*before.skipped, *target.skipped)
        self._skipped = {one.path: one.reason for one in skipped if one.reason != UNSAVED_ELSEWHERE}
        self._sparse_then = _left_out(project, target_tree)
        self._sparse: dict[bytes, frozenset[bytes]] = {}

    def _sparse_now(self, mount: CheckpointRoot) -> frozenset[bytes]:
        """Return what the sparse checkout leaves out; the list may be long, and most plans need none."""
        if mount.prefix not in self._sparse:
            user = self._project.users[mount.prefix]
            self._sparse[mount.prefix] = frozenset(user.sparse() if user is not None else ())
        return self._sparse[mount.prefix]

    def unheld_file(self, step: RestoreStep) -> Signature | None:
        """Return the status of the present file where only the target holds one: it can be set aside. None otherwise."""
        if step.now is None or step.was is not None or not step.restorable or step.shown not in self._unheld:
            return None
        try:
            status = os.lstat(step.mount.full(step.path))
        except OSError:
            return None
        return signature(status) if stat.S_ISREG(status.st_mode) else None

    def reason(self, step: RestoreStep) -> str | None:
        """Return why this file stays, or None."""
        if not step.restorable:
            return PROTECTED
        if step.source is None and (skipped := self._skipped.get(step.shown)) is not None:
            if step.now is not None:
                return f"not held: {skipped}; {self._target.id} holds it: move yours away and roll back again"
            moved = rescued_path(self._project, self._target.id, step.place)
            return f"not held: {skipped}" + (f"; as it was then it is {moved}" if moved.exists() else "")
        if step.now is None and step.place in self._sparse_then:
            return f"a sparse checkout left it out in {self._target.id}: it stays as it is now, whoever changed it"
        if not os.path.lexists(step.mount.full(step.path)) and step.path in self._sparse_now(step.mount):
            return "the sparse checkout leaves it out"
        return None


def _left_out(project: CheckpointContext, tree: bytes) -> frozenset[bytes]:
    """Return the places of files that a sparse checkout left out when a tree was captured."""
    entry = project.trees.read(tree).get(SPARSE)
    return frozenset(project.repository.read(entry.oid).split(b"\0") if entry is not None else ())


def _folders(project: CheckpointContext, tree: bytes) -> dict[str, str]:
    entry = project.trees.read(tree).get(META)
    return json.loads(project.repository.read(entry.oid))["folders"] if entry is not None else {}


def _without_ignored(
    project: CheckpointContext, target_tree: bytes, found: RestoreSteps, before_tree: bytes | None
) -> RestoreSteps:
    """Keep files that the target's own ignore rules name: they were not captured then, so their absence means nothing."""
    deletions = [(step.mount, step.path) for step in found.steps if step.now is None]
    kept = ignored_at_checkpoint(project, before_tree, target_tree, deletions)
    steps = [step for step in found.steps if step.place not in kept]
    keep = [PathReason(step.shown, "it was ignored then") for step in found.steps if step.place in kept]
    return replace(found, steps=steps, keep=found.keep + keep)
