"""One project's checkpoint machinery: store, mounts, parts, and the taking of a checkpoint. Runs on one worker."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.checkpoints import schema, user_repository
from mazu_ls.checkpoints.capture import Capture, Captured
from mazu_ls.checkpoints.mounts import SKILLS, Mount
from mazu_ls.checkpoints.objects import BLOB, COMMIT, FILE_MODE, FOLDER_MODE, LINK_MODE, Entry, format_commit
from mazu_ls.checkpoints.pack import PackWriter
from mazu_ls.checkpoints.part import Part
from mazu_ls.checkpoints.permissions import Permissions
from mazu_ls.checkpoints.records import Checkpoint, CheckpointKind, FileCounts, MemoryCounts, Skipped
from mazu_ls.checkpoints.repository import REFS, Repository
from mazu_ls.checkpoints.scan import Scanner
from mazu_ls.config import CheckpointSettings
from mazu_ls.host import Buffer
from mazu_ls.store import transaction

if TYPE_CHECKING:
    import apsw

BUFFERS, META, MODES, SPARSE = b"buffers", b"meta.json", b"modes.json", b"sparse"


@dataclass(frozen=True)
class Request:
    """What to take: `touched` None means look at everything."""

    kind: CheckpointKind
    label: str = ""
    session_id: str | None = None
    turn_id: str | None = None
    touched: Sequence[Path] | None = None
    buffers: Sequence[Buffer] = ()


@dataclass
class Seen:
    """What a look at the folders found, as changes to the base tree."""

    changes: dict[bytes, Entry | None] = field(default_factory=dict)
    modes: dict[bytes, Captured | None] = field(default_factory=dict)
    skipped: dict[str, Skipped] = field(default_factory=dict)
    sparse: bytes | None = None


class Project:
    """Everything that taking and restoring need. All methods are called with the store's lock held."""

    def __init__(
        self,
        repository: Repository,
        mounts: Sequence[Mount],
        parts: Sequence[Part],
        settings: CheckpointSettings,
    ) -> None:
        self.repository = repository
        self.trees = repository.trees
        self.mounts = tuple(mounts)
        self.parts = tuple(parts)
        self.settings = settings
        self.capture = Capture(settings.max_untracked_file_bytes, settings.max_tracked_file_bytes)
        self.users = {m.prefix: user_repository.find(m.directory) if m.scanned else None for m in self.mounts}
        self.scanners = {m.prefix: Scanner(repository, m, self.users[m.prefix]) for m in self.mounts}
        self.bare = {m.prefix for m in self.mounts if m.scanned and user_repository.is_bare(m.directory)}
        self._looked = False

    def locate(self, path: Path) -> tuple[Mount, bytes] | None:
        """The mount that holds an absolute path, and the path in it; None for what no checkpoint holds."""
        for mount in reversed(self.mounts):
            if (inside := mount.relative(path)) is not None:
                return mount, inside
        return None

    def take(self, db: apsw.Connection, request: Request) -> Checkpoint:
        """Look, pack, sync, ref, row, COMMIT: the commit is the commit point."""
        base = base_checkpoint(db)
        base_tree = bytes.fromhex(base.tree) if base else None
        writer = self.repository.writer()
        try:
            touched = request.touched if self._looked and base else None
            unseen = schema.state(db, "unseen")
            if touched is not None and unseen:
                touched = [*touched, *(Path(os.fsdecode(bytes.fromhex(p))) for p in json.loads(unseen))]
            seen = self.look(base, touched, writer.add)
            checkpoint = transaction(db, lambda d: self._commit(d, request, base, base_tree, seen, writer))
        except BaseException:
            writer.discard()
            self.capture.forget()
            raise
        self._looked = self._looked or touched is None
        return checkpoint

    def look(
        self,
        base: Checkpoint | None,
        touched: Sequence[Path] | None,
        add: Callable[[str, bytes, bytes], object],
    ) -> Seen:
        """How the folders differ from the base: everywhere, or at the touched paths only."""
        base_tree = bytes.fromhex(base.tree) if base else None
        places = self._known(base_tree, touched) if touched is not None else None
        seen = Seen(skipped={} if places is None or base is None else {s.path: s for s in base.skipped})
        sparse: list[bytes] = []
        for mount in self.mounts:
            if mount.prefix in self.bare:
                seen.skipped[mount.label or "."] = Skipped(
                    mount.label or ".", "a bare repository has no work tree"
                )
                continue
            scanner = self.scanners[mount.prefix]
            below = self.trees.folder(base_tree, mount.prefix)
            if places is None:
                paths = scanner.candidates(below)
                sparse += [mount.prefix + b"/" + path for path in scanner.sparse()]
            else:
                paths = places.get(mount.prefix, set())
            looked = self._capture(seen, mount, below, sorted(paths), add)
            if places is None:
                scanner.looked = looked
        if places is None:
            seen.sparse = b"\0".join(sparse)
        return seen

    def part_changes(
        self, db: apsw.Connection, base: Checkpoint | None, writer: PackWriter
    ) -> dict[bytes, Entry | None]:
        """How the parts' files differ from the base."""
        changes: dict[bytes, Entry | None] = {}
        for part in self.parts:
            for name, data in (part.changed(db) if base else part.everything(db)).items():
                entry = None if data is None else Entry(FILE_MODE, writer.add(BLOB, data))
                changes[f"{part.name}/{name}".encode()] = entry
        return changes

    def refresh(self, db: apsw.Connection) -> None:
        """Bring the scan indexes up to date where that pays; after a full look, under the same lock."""
        base = base_checkpoint(db)
        for mount in self.mounts:
            scanner = self.scanners[mount.prefix]
            if base is not None and scanner.stale():
                scanner.refresh(self.trees.folder(bytes.fromhex(base.tree), mount.prefix))

    def forget_objects(self) -> None:
        """Objects may have gone: nothing that was read counts as stored any more."""
        self.capture.forget()

    def _known(self, base: bytes | None, touched: Sequence[Path]) -> dict[bytes, set[bytes]] | None:
        """The touched paths by mount; None if one of them is a folder, which only a full look can do justice."""
        places: dict[bytes, set[bytes]] = {}
        for path in touched:
            if (found := self.locate(path)) is None or _through_link(found[0], found[1]):
                continue
            mount, inside = found
            if path.is_dir() and not path.is_symlink():
                return None
            places.setdefault(mount.prefix, set()).add(inside)
        for mount in self.mounts:
            if mount.prefix in places:
                fresh = [
                    p for p in places[mount.prefix] if self.trees.at(base, mount.prefix + b"/" + p) is None
                ]
                places[mount.prefix] -= self.scanners[mount.prefix].ignored(fresh)
        return places

    def _capture(
        self,
        seen: Seen,
        mount: Mount,
        below: bytes | None,
        paths: Sequence[bytes],
        add: Callable[[str, bytes, bytes], object],
    ) -> dict[bytes, Captured | None]:
        user, links = self.users[mount.prefix], set[bytes]()
        looked: dict[bytes, Captured | None] = {}
        for path in paths:
            held = self.trees.at(below, path)
            if links and any(path.startswith(link) for link in links):
                found = None  # what stands below a link belongs to where the link leads
            else:
                found = self.capture.file(
                    mount, path, held, add, user.tracks if user is not None else _untracked
                )
            shown = mount.shown(path)
            seen.skipped.pop(shown, None)
            looked[path] = found if isinstance(found, Captured) else None
            place = mount.prefix + b"/" + path
            if isinstance(found, Skipped):
                seen.skipped[shown] = found
                found = None
            entry = found.entry if found is not None else None
            seen.modes[place] = found
            if entry is not None and entry.mode == LINK_MODE:
                links.add(path + b"/")
            if entry != held:
                seen.changes[place] = entry
        return looked

    def _commit(
        self,
        db: apsw.Connection,
        request: Request,
        base: Checkpoint | None,
        base_tree: bytes | None,
        seen: Seen,
        writer: PackWriter,
    ) -> Checkpoint:
        changes: dict[bytes, Entry | None] = dict(seen.changes)
        changes.update(self.part_changes(db, base, writer))
        self._add_buffers(changes, request.buffers, writer)
        self._add_modes(changes, base_tree, seen, writer)
        if seen.sparse is not None:
            changes[SPARSE] = Entry(FILE_MODE, writer.add(BLOB, seen.sparse)) if seen.sparse else None
        content = self.trees.update(base_tree, changes, writer.add)
        number = schema.next_number(db)
        checkpoint = Checkpoint(
            id=schema.checkpoint_id(number),
            parent_id=schema.state(db, "current"),
            created_at=datetime.now(UTC),
            label=request.label,
            kind=request.kind,
            session_id=request.session_id,
            turn_id=request.turn_id,
            commit="",
            tree="",
            files=self._count_files(base_tree, content),
            memories=self._count_memories(base_tree, content),
            bytes=0,
            skipped=tuple(sorted(seen.skipped.values(), key=lambda s: s.path)),
        )
        return self._publish(db, checkpoint, content, writer)

    def _publish(
        self, db: apsw.Connection, checkpoint: Checkpoint, content: bytes | None, writer: PackWriter
    ) -> Checkpoint:
        meta = Entry(FILE_MODE, writer.add(BLOB, self._meta(checkpoint)))
        tree = self.trees.update(content, {META: meta}, writer.add)
        assert tree is not None
        seconds = int(checkpoint.created_at.timestamp())
        message = f"{checkpoint.id} {checkpoint.kind} {checkpoint.label}".rstrip()
        commit = writer.add(COMMIT, format_commit(tree, seconds, message))
        size = writer.finish()
        self.repository.set_ref(REFS + checkpoint.id, commit)
        from dataclasses import replace

        checkpoint = replace(checkpoint, commit=commit.hex(), tree=tree.hex(), bytes=size)
        schema.insert(db, checkpoint)
        schema.set_state(db, "current", checkpoint.id)
        schema.set_state(db, "base", checkpoint.id)
        schema.set_state(db, "unseen", None)
        for part in self.parts:
            part.taken(db)
        return checkpoint

    def _meta(self, checkpoint: Checkpoint) -> bytes:
        """Everything a row of the database says, so that the rows can be made again from the store alone."""
        wheres = {
            m.prefix.decode(): user.where() for m in self.mounts if (user := self.users[m.prefix]) is not None
        }
        meta: dict[str, Any] = {
            "id": checkpoint.id,
            "parentId": checkpoint.parent_id,
            "createdAt": checkpoint.created_at.isoformat(),
            "label": checkpoint.label,
            "kind": checkpoint.kind,
            "sessionId": checkpoint.session_id,
            "turnId": checkpoint.turn_id,
            "files": checkpoint.files.__dict__,
            "memories": checkpoint.memories.__dict__,
            "skipped": [skipped.__dict__ for skipped in checkpoint.skipped],
            "folders": {m.prefix.decode(): str(m.directory) for m in self.mounts if m.scanned},
            "user": {prefix: where.__dict__ for prefix, where in wheres.items()},
        }
        return json.dumps(meta, indent=1, sort_keys=True).encode()

    def _add_buffers(
        self, changes: dict[bytes, Entry | None], buffers: Sequence[Buffer], writer: PackWriter
    ) -> None:
        """The unsaved text of every dirty document, and one list that says whose it is."""
        entries: dict[bytes, Entry | None] = {}
        index = []
        for buffer in buffers:
            if not buffer.dirty:
                continue
            text = buffer.text.encode("utf-8", "surrogatepass")
            name = hashlib.sha256(text).hexdigest()[:32]
            entries[name.encode()] = Entry(FILE_MODE, writer.add(BLOB, text))
            index.append(
                {
                    "uri": buffer.uri,
                    "path": str(buffer.path) if buffer.path is not None else None,
                    "version": buffer.version,
                    "languageId": buffer.language_id,
                    "text": name,
                }
            )
        if not index:
            changes[BUFFERS] = None
            return
        entries[b"index.json"] = Entry(FILE_MODE, writer.add(BLOB, json.dumps(index, indent=1).encode()))
        folder = self.trees.update(None, entries, writer.add)
        assert folder is not None
        changes[BUFFERS] = Entry(FOLDER_MODE, folder)

    def _add_modes(
        self, changes: dict[bytes, Entry | None], base: bytes | None, seen: Seen, writer: PackWriter
    ) -> None:
        permissions = Permissions.load(self.repository, base, MODES)
        for place, found in seen.modes.items():
            regular = found is not None and found.entry.mode != LINK_MODE
            permissions.note(place, found.permissions if found is not None and regular else None)
        if permissions.changed:
            data = permissions.dump()
            changes[MODES] = Entry(FILE_MODE, writer.add(BLOB, data)) if data else None

    def _count_files(self, old: bytes | None, new: bytes | None) -> FileCounts:
        added = modified = deleted = 0
        for mount in self.mounts:
            if mount.prefix == SKILLS:
                continue
            folders = self.trees.folder(old, mount.prefix), self.trees.folder(new, mount.prefix)
            for _, was, now in self.trees.diff(*folders):
                added += was is None
                deleted += now is None
                modified += was is not None and now is not None
        return FileCounts(added, modified, deleted)

    def _count_memories(self, old: bytes | None, new: bytes | None) -> MemoryCounts:
        return count_memories(self, old, new)


def count_memories(project: Project, old: bytes | None, new: bytes | None) -> MemoryCounts:
    """How the folder `memory` differs between two trees."""
    added = changed = removed = 0
    folders = project.trees.folder(old, b"memory"), project.trees.folder(new, b"memory")
    for _, was, now in project.trees.diff(*folders):
        added += was is None
        removed += now is None
        changed += was is not None and now is not None
    return MemoryCounts(added, changed, removed)


def base_checkpoint(db: apsw.Connection) -> Checkpoint | None:
    """The checkpoint whose tree is the last known state of the folders."""
    id = schema.state(db, "base")
    return schema.get(db, id) if id is not None else None


def _untracked(_: bytes) -> bool:
    return False


def _through_link(mount: Mount, path: bytes) -> bool:
    """Whether a folder on the way to the file is a symbolic link: the file then belongs to where the link leads."""
    place = os.fsencode(mount.directory)
    for part in path.split(b"/")[:-1]:
        place = os.path.join(place, part)
        if os.path.islink(place):
            return True
    return False
