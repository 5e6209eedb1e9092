"""The checkpoint context of one project: the store, its folders and parts, and scanning the folders."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mazu_ls.checkpoints.attribution.running_commands import RunningCommands
from mazu_ls.checkpoints.git.objects import BLOB, FILE_MODE, LINK_MODE, TreeEntry
from mazu_ls.checkpoints.git.pack import PackWriter
from mazu_ls.checkpoints.git.repository import StoreRepository
from mazu_ls.checkpoints.models import UNSAVED_ELSEWHERE, Checkpoint, MemoryCounts, SkippedFile
from mazu_ls.checkpoints.scan.dirty_set import DirtySet
from mazu_ls.checkpoints.scan.file_modes import FileModes, modes_of_one
from mazu_ls.checkpoints.scan.file_state import State, entry_state
from mazu_ls.checkpoints.scan.folder_reader import FolderReader
from mazu_ls.checkpoints.scan.read_files import FileReader, FileSnapshot
from mazu_ls.checkpoints.scan.roots import CheckpointRoot, folders_of
from mazu_ls.checkpoints.scan.scan import FolderScanner
from mazu_ls.checkpoints.scan.scan_result import ScanResult
from mazu_ls.checkpoints.scan.text_states import TextStates
from mazu_ls.checkpoints.snapshot_part import OwnedPart, SnapshotPart
from mazu_ls.checkpoints.store import schema
from mazu_ls.checkpoints.store.editor_knowledge import EditorKnowledge
from mazu_ls.config.config import CheckpointSettings
from mazu_ls.errors import Kind, MazuError
from mazu_ls.gitcmd import user_repository

if TYPE_CHECKING:
    import apsw

log = logging.getLogger(__name__)
Add = Callable[[str, bytes, bytes], object]
BUFFERS, META, MODES, SPARSE = b"buffers", b"meta.json", b"modes.json", b"sparse"


class CheckpointContext:
    """Everything that taking and restoring checkpoints needs. Call all methods with the store's lock held."""

    def __init__(
        self,
        repository: StoreRepository,
        mounts: Sequence[CheckpointRoot],
        parts: Sequence[SnapshotPart],
        settings: CheckpointSettings,
    ) -> None:
        self.repository = repository
        self.trees = repository.trees
        self.text_states = TextStates(repository.read)
        self.mounts = tuple(mounts)
        self.parts = tuple(parts)
        self._owned = [part for part in self.parts if isinstance(part, OwnedPart)]
        self.settings = settings
        self.capture = FileReader(settings.max_untracked_file_bytes, settings.max_tracked_file_bytes)
        self.users = {m.prefix: user_repository.find(m.directory) if m.scanned else None for m in self.mounts}
        self.scanners = {m.prefix: FolderScanner(repository, m, self.users[m.prefix]) for m in self.mounts}
        self._collected = repository.collected()
        self.stored: set[bytes] = set()
        """Ids of objects that the store is known to hold."""
        self._modes: dict[bytes | None, FileModes] = {}
        self._held_modes: dict[bytes | None, FileModes] = {}
        self.dirty = DirtySet(
            self.mounts, self.users, self.scanners, self.trees, repository.path.parent / "watch"
        )
        self.commands = RunningCommands(repository.path.parent / "commands")
        self.editors = EditorKnowledge()

    @property
    def rescue_folder(self) -> Path:
        """The folder for files that somebody wrote while they were being replaced."""
        return self.repository.path.parent / "rescue"

    def locate(self, path: Path) -> tuple[CheckpointRoot, bytes] | None:
        """Return the mount that holds an absolute path, and the path in it; None for what no checkpoint holds.

        A path that leads through a link to the folder (`/tmp` on macOS) is resolved.
        """
        return self._locate(path) or self._locate(Path(os.path.realpath(path.parent)) / path.name)

    def _locate(self, path: Path) -> tuple[CheckpointRoot, bytes] | None:
        found = ((mount, mount.relative(path)) for mount in reversed(self.mounts))
        return next(((mount, inside) for mount, inside in found if inside is not None), None)

    def place(self, path: Path) -> bytes | None:
        """Return the place in the tree of an absolute path; None for what no checkpoint holds."""
        found = self.locate(path)
        return found[0].prefix + b"/" + found[1] if found is not None else None

    def shown(self, place: bytes) -> str:
        """Return a place in the tree as reports show its file; "" if its folder is not open now."""
        for mount in self.mounts:
            if place.startswith(mount.prefix + b"/"):
                return mount.shown(place[len(mount.prefix) + 1 :])
        return ""

    def path_of(self, place: bytes) -> Path | None:
        """Return the path on disk of a place in the tree; None if its folder is not open now."""
        for mount in self.mounts:
            if place.startswith(mount.prefix + b"/"):
                return Path(os.fsdecode(mount.full(place[len(mount.prefix) + 1 :])))
        return None

    def modes(self, tree: bytes | None) -> FileModes:
        """Return the unusual permission bits of a tree's files. Not to be changed by the caller."""
        entry = self.trees.read(tree).get(MODES)
        oid = entry.oid if entry is not None else None
        if oid in self._held_modes:
            return self._held_modes[oid]
        if oid not in self._modes:
            if len(self._modes) > 8:
                self._modes.clear()
            self._modes[oid] = FileModes.load(self.repository, tree, MODES)
        return self._modes[oid]

    def hold(
        self, place: bytes, entry: TreeEntry | None, bits: int | None, like: bytes | None
    ) -> bytes | None:
        """Return a tree with one file, which is not stored; see `TreeStore.hold`. `bits`: None for those usual in the tree `like`."""
        modes, oid = modes_of_one(b"" if bits is None else place, bits, self.modes(like).usual)
        self._held_modes[oid] = modes
        return self.trees.hold(place, entry, {MODES: TreeEntry(FILE_MODE, oid)})

    def other_bits(self, old: bytes | None, new: bytes | None) -> set[bytes]:
        """Return the places of files whose permission bits alone differ between two trees."""
        ends = ((place, self.trees.at(old, place)) for place in self.modes(old).differing(self.modes(new)))
        return {place for place, entry in ends if entry is not None and entry == self.trees.at(new, place)}

    def state_at(self, tree: bytes | None, place: bytes) -> State:
        """Return the state of a place in a tree: its file with its permission bits. Raises MazuError if it was pruned."""
        return entry_state(self.trees.at(tree, place), self.modes(tree).unusual_bits(place))

    def bits_at(self, tree: bytes | None, place: bytes) -> bytes:
        """Return a file's permission bits, in octal."""
        entry = self.trees.at(tree, place)
        return f"{self.modes(tree).bits_for(place, entry is not None and entry.mode == b'100755'):o}".encode()

    def differing(self, old: bytes | None, new: bytes | None) -> set[bytes]:
        """Return the places of files that differ between two trees."""
        found: set[bytes] = set()
        for mount in self.mounts:
            folders = (self.trees.folder(tree, mount.prefix) for tree in (old, new))
            found |= {mount.prefix + b"/" + path for path, _, _ in self.trees.diff(*folders)}
        return found | {place for place in self.other_bits(old, new) if self.shown(place)}

    def scan(
        self, base: Checkpoint | None, touched: Sequence[Path] | None, add: Add, *, whole: bool = False
    ) -> ScanResult:
        """Return how the folders differ from the base.

        `touched` None scans every file. With paths it does so too, unless a file watcher knows all changes: then it reads only those
        and the paths. If git fails it reads the paths alone, or raises MazuError with `whole`.
        """
        self._forget_collected()
        base_tree = bytes.fromhex(base.tree) if base else None
        changed = self.dirty.changed(base_tree, everywhere=touched is None or base is None)
        if base is not None and changed is not None:
            places = self._known(base_tree, [*(touched or ()), *changed], {one.path for one in base.skipped})
            if places is not None:
                if self.dirty.is_cheap:
                    self._add_restated(base_tree, places)
                seen = self._look_at(base, places, touched or (), add)
                seen.verified = self.dirty.is_cheap
                return seen
        try:
            with self.dirty.full_look():
                return self._look_everywhere(base_tree, add)
        except MazuError as error:
            if whole or touched is None or base is None or error.kind != Kind.GIT:
                raise
            log.error("not every file could be looked at: %s", error)
            places = self._known(base_tree, touched) or {}
            return replace(self._look_at(base, places, touched, add), complete=False)

    def _look_at(
        self, base: Checkpoint, places: dict[bytes, set[bytes]], touched: Sequence[Path], add: Add
    ) -> ScanResult:
        """Return how these files, and those of the skills, differ from the base."""
        base_tree = bytes.fromhex(base.tree)
        seen = ScanResult(skipped={one.path: one for one in base.skipped if one.reason != UNSAVED_ELSEWHERE})
        self._note_internal(seen, touched)
        for mount in self.mounts:
            below = self.trees.folder(base_tree, mount.prefix)
            paths = places.get(mount.prefix, set())
            if not mount.scanned:
                paths |= self.scanners[mount.prefix].candidates(below)
            if paths:
                self._capture(seen, mount, below, sorted(paths), add)
        return seen

    def _note_internal(self, seen: ScanResult, touched: Sequence[Path]) -> None:
        """Report changed files that belong to git itself, so that no rollback restores them."""
        for path in touched:
            for mount in self.mounts:
                if mount.internal and path.is_relative_to(mount.directory):
                    inside = os.fsencode(path.relative_to(mount.directory))
                    if mount.is_internal(inside):
                        shown = mount.shown(inside)
                        seen.skipped[shown] = SkippedFile(shown, "it is git's own in a bare repository")

    def part_changes(
        self, db: apsw.Connection, base: Checkpoint | None, writer: PackWriter
    ) -> dict[bytes, TreeEntry | None]:
        """Return how the parts' files differ from the base."""
        changes: dict[bytes, TreeEntry | None] = {}
        for part in self.parts:
            for name, data in (part.changed(db) if base else part.everything(db)).items():
                entry = None if data is None else TreeEntry(FILE_MODE, writer.add(BLOB, data))
                changes[f"{part.name}/{name}".encode()] = entry
        return changes

    def mode_changes(
        self, base: Checkpoint | None, seen: ScanResult, writer: PackWriter
    ) -> dict[bytes, TreeEntry | None]:
        """Return the list of unusual permission bits as a change of the base, if it changed."""
        modes = self.modes(bytes.fromhex(base.tree) if base else None).copy()
        captured = {
            place: found.permissions if found is not None and found.entry.mode != LINK_MODE else None
            for place, found in seen.captured.items()
        }
        modes.note_all(captured, seen.folders, first=base is None)
        if not modes.changed:
            return {}
        oid = writer.add(BLOB, modes.dump())
        self._modes[oid] = modes  # the store does not hold it before the pack is written
        return {MODES: TreeEntry(FILE_MODE, oid)}

    def row_writers(self, db: apsw.Connection) -> dict[bytes, set[str]]:
        """Return who changed each file of the parts since the last checkpoint, by place; only of parts that record it."""
        return {
            f"{part.name}/{name}".encode(): writers
            for part in self._owned
            for name, writers in part.writers(db).items()
        }

    def present(
        self, db: apsw.Connection, touched: Sequence[Path] | None = None, *, whole: bool = False
    ) -> tuple[ScanResult, bytes | None]:
        """Write the current folders and parts as a tree to the store that no checkpoint names. `touched`, `whole`: as in `scan`."""
        base = base_checkpoint(db)
        writer = self.repository.writer()
        try:
            seen = self.scan(base, touched, writer.add, whole=whole)
            self.dirty.note_found(seen)
            seen.changes.update(self.part_changes(db, base, writer))
            seen.changes.update(self.mode_changes(base, seen, writer))
            updates = self.trees.updates.copy()  # what the checkpoint after a preview needs, too
            root = bytes.fromhex(base.tree) if base else None
            now = self.trees.update(root, seen.changes, writer.add, updates)
            writer.finish()
            self.trees.updates = updates
        except BaseException:
            writer.discard()
            self.capture.forget()
            raise
        return seen, now

    def refresh(self, db: apsw.Connection) -> None:
        """Update the scan indexes if that pays; after a full scan, under the same lock."""
        base = base_checkpoint(db)
        for mount in self.mounts:
            scanner = self.scanners[mount.prefix]
            if base is not None and scanner.stale():
                scanner.refresh(self.trees.folder(bytes.fromhex(base.tree), mount.prefix))

    def forget_objects(self) -> None:
        """Forget which objects are stored: some may have been collected."""
        self.capture.forget()
        self.stored.clear()
        self.trees.updates = {}
        self.repository.forget_objects()
        self._collected = self.repository.collected()

    def close(self) -> None:
        """Release system resources."""
        self.commands.close()
        self.repository.close()
        self.dirty.close()

    def count_memories(self, old: bytes | None, new: bytes | None) -> MemoryCounts:
        """Return how the folder `memory` differs between two trees."""
        added = changed = removed = 0
        before, after = self.trees.folder(old, b"memory"), self.trees.folder(new, b"memory")
        for was, now in self.changed_memories(before, after).values():
            added += was is None
            removed += now is None
            changed += was is not None and now is not None
        return MemoryCounts(added, changed, removed)

    def changed_memories(
        self, old: bytes | None, new: bytes | None
    ) -> dict[str, tuple[TreeEntry | None, TreeEntry | None]]:
        """Return the memory entries that differ between two `memory` folders, by name. A file is JSON, Markdown in old ones."""
        found: dict[str, tuple[TreeEntry | None, TreeEntry | None]] = {}
        for path, was, now in self.trees.diff(old, new):
            name = path.decode("utf-8", "replace").rpartition(".")[0]
            earlier = found.get(name, (None, None))
            found[name] = (was or earlier[0], now or earlier[1])
        return found

    def _look_everywhere(self, base_tree: bytes | None, add: Add) -> ScanResult:
        seen, sparse = ScanResult(), list[bytes]()
        for mount in self.mounts:
            if mount.internal:
                place = mount.label or "."
                seen.skipped[place] = SkippedFile(
                    place, "git's own files in a bare repository are not part of checkpoints"
                )
            if b"." in mount.internal:
                continue
            scanner, below = self.scanners[mount.prefix], self.trees.folder(base_tree, mount.prefix)
            sparse += [mount.prefix + b"/" + path for path in scanner.sparse()]
            scanner.looked = self._capture(seen, mount, below, sorted(scanner.candidates(below)), add)
            seen.folders = scanner.folder_bits() | seen.folders
        seen.sparse = b"\0".join(sparse)
        seen.everywhere = True
        return seen

    def _forget_collected(self) -> None:
        """Forget stored objects if another process may have collected them."""
        if self.repository.collected() != self._collected:
            self.forget_objects()

    def _known(
        self, base: bytes | None, touched: Sequence[Path], skipped: Collection[str] = ()
    ) -> dict[bytes, set[bytes]] | None:
        """Return the touched paths by mount; None if one of them is a folder, which needs a full scan. `skipped`: shown paths
        that the base does not hold although they were there."""
        places: dict[bytes, set[bytes]] = {}
        looked: dict[bytes, bool] = {}
        for path in dict.fromkeys(touched):
            if (found := self.locate(path)) is None:
                continue
            mount, inside = found
            if mount.behind_link(inside, looked):
                continue
            if mount.is_folder(inside):
                return None
            places.setdefault(mount.prefix, set()).add(inside)
        for prefix, paths in places.items():
            fresh = {path for path in paths if self.trees.at(base, prefix + b"/" + path) is None}
            mount = next(mount for mount in self.mounts if mount.prefix == prefix)
            # such as the temporary name of an atomic write: neither the base nor the folder holds it
            gone = {p for p in fresh if mount.shown(p) not in skipped and not os.path.lexists(mount.full(p))}
            paths.difference_update(gone, self.scanners[prefix].ignored(sorted(fresh - gone)))
        return places

    def _add_restated(self, base_tree: bytes | None, places: dict[bytes, set[bytes]]) -> None:
        """Add every file whose status is not the one with which the base's content was read: what a watcher cannot see, such
        as a write through a memory map, shows there."""
        for mount in self.mounts:
            if mount.scanned:
                below = self.trees.folder(base_tree, mount.prefix)
                held = ((path, mount.full(path), entry) for path, entry in self.trees.files(below))
                found = set(self.capture.restated(held))
                found -= self.scanners[mount.prefix].absent(found)
                places.setdefault(mount.prefix, set()).update(found)

    def _capture(
        self, seen: ScanResult, mount: CheckpointRoot, below: bytes | None, paths: Sequence[bytes], add: Add
    ) -> dict[bytes, FileSnapshot | None]:
        """Read these files and record what differs from the mount's tree `below`. Return what was read."""
        looked: dict[bytes, FileSnapshot | None] = {}
        user = self.users[mount.prefix]
        tracked = user.tracks if user is not None else lambda _: False
        with FolderReader(mount) as reader:
            seen.folders |= reader.folder_bits(folders_of(paths))
            for path in paths:
                held = self.trees.at(below, path) if below is not None else None
                found = self.capture.file(reader, path, held, add, tracked)
                if seen.skipped:
                    seen.skipped.pop(mount.shown(path), None)
                if isinstance(found, SkippedFile):
                    seen.skipped[mount.shown(path)] = found
                    found = None
                looked[path] = seen.captured[mount.prefix + b"/" + path] = found
                entry = found.entry if found is not None else None
                if entry is None and held is not None and held.is_folder and mount.is_folder(path):
                    continue  # it is a folder; its files are scanned one by one
                if entry != held:
                    seen.changes[mount.prefix + b"/" + path] = entry
        return looked


def base_checkpoint(db: apsw.Connection) -> Checkpoint | None:
    """Return the checkpoint whose tree is the last known state of the folders."""
    id = schema.state(db, "base")
    return schema.get(db, id) if id is not None else None


def code_tree(db: apsw.Connection, id: str | None) -> bytes | None:
    """Return the tree of a checkpoint; None for None."""
    return bytes.fromhex(schema.get(db, id).tree) if id is not None else None
