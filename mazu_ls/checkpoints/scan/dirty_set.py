"""The dirty set: files that changed since the last checkpoint, known from a file watcher if a full scan costs too much."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.scan import ignore_list
from mazu_ls.checkpoints.scan.file_watch import FolderWatch, WatchUnavailable
from mazu_ls.platform.process_limits import cpu_seconds

if TYPE_CHECKING:
    from mazu_ls.checkpoints.git.trees import TreeStore
    from mazu_ls.checkpoints.scan.roots import CheckpointRoot
    from mazu_ls.checkpoints.scan.scan import FolderScanner
    from mazu_ls.checkpoints.scan.scan_result import ScanResult
    from mazu_ls.gitcmd.user_repository import UserRepository

CHEAP_SECONDS = 0.02
"""CPU seconds of a full scan below which the status of every file is compared, too, whatever the watcher saw."""
log = logging.getLogger(__name__)


class DirtySet:
    """The files that changed since the base. It is certain only while the watcher has run without a doubt since a full
    scan that became a checkpoint."""

    def __init__(
        self,
        roots: Sequence[CheckpointRoot],
        users: Mapping[bytes, UserRepository | None],
        scanners: Mapping[bytes, FolderScanner],
        trees: TreeStore,
        state: Path,
    ) -> None:
        self._roots = roots
        self._users = users
        self._scanners = scanners
        self._trees = trees
        self._state = state
        self._watch: FolderWatch | None = None
        self._unavailable = ""
        self._base: bytes | None = None
        self._pending: set[bytes] = set()
        self._sure = False
        self._rules: object = None
        self.looked_everywhere = True
        """Whether the last checkpoint compared every file with its base."""
        self.scanned = True
        """Whether git did so, with every ignore rule."""
        self.cost = 0.0
        """CPU seconds of the last full scan, children included."""

    @property
    def watch(self) -> FolderWatch | None:
        """The file watcher, if there is one."""
        return self._watch

    @property
    def is_cheap(self) -> bool:
        """Whether every file's status may be compared at each checkpoint."""
        return self.cost < CHEAP_SECONDS

    def changed(self, base: bytes | None, *, everywhere: bool) -> list[Path] | None:
        """Return the files that may differ from the base; None if every file must be scanned."""
        self._base = base
        rules = self._ignore_rules()
        if self._watch is not None:
            drained = self._watch.drain()
            self._pending |= drained.paths
            if not drained.sure or rules != self._rules:
                self._distrust_watch()
        self._rules = rules
        if everywhere or not self._sure or self._watch is None:
            return None
        return [Path(os.fsdecode(path)) for path in self._pending]

    @contextmanager
    def full_look(self) -> Iterator[None]:
        """Measure a full scan, and start watching right before it: not before the first, so that a process that takes one
        checkpoint does not pay for a watcher."""
        if self._watch is None and self.cost and not self._unavailable:
            self._start()
        began = cpu_seconds()
        yield
        self.cost = cpu_seconds() - began

    def note_found(self, seen: ScanResult) -> None:
        """What a scan found that is no checkpoint: the next one reads it again, whatever the watcher saw of it."""
        for mount in self._roots:
            prefix = mount.prefix + b"/"
            found = (place for place in seen.changes if mount.scanned and place.startswith(prefix))
            self._pending.update(mount.full(place.removeprefix(prefix)) for place in found)

    def mark_taken(self, seen: ScanResult) -> None:
        """What was scanned is a checkpoint now, and the base of the next one."""
        self._pending.clear()
        self.looked_everywhere, self.scanned = seen.everywhere or seen.verified, seen.everywhere
        if self._watch is None or not seen.complete:
            self._sure = False
        elif seen.everywhere:
            self._sure = self._watch.sure and self._covers(seen)

    def close(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.close()
        self._watch, self._sure = None, False

    def _distrust_watch(self) -> None:
        """Something was missed: the next scan is a full one, under a new watcher."""
        self.close()

    def _start(self) -> None:
        try:
            self._watch = FolderWatch(self._roots, self._state, self._unheld)
        except (WatchUnavailable, OSError) as error:
            self._unavailable = str(error)
            log.info("files are not watched, so every checkpoint scans all of them: %s", error)

    def _unheld(self, mount: CheckpointRoot, folders: list[bytes]) -> Collection[bytes]:
        """Return the folders that the ignore rules name and that hold nothing of the base or of what the user's git
        tracks."""
        user = self._users[mount.prefix]
        forced = user.tracked_although_ignored() if user is not None else []
        kept = {path[: at + 1] for path in forced for at in range(len(path)) if path[at : at + 1] == b"/"}
        asked = [
            folder
            for folder in folders
            if folder not in kept
            and self._trees.folder(self._base, mount.prefix + b"/" + folder.rstrip(b"/")) is None
        ]
        return self._scanners[mount.prefix].ignored(asked)

    def _covers(self, seen: ScanResult) -> bool:
        """Return whether all new files are in watched folders."""
        assert self._watch is not None
        for mount in self._roots:
            prefix = mount.prefix + b"/"
            new = (
                place
                for place, entry in seen.changes.items()
                if entry is not None and place.startswith(prefix)
            )
            if mount.scanned and not all(
                self._watch.covers(mount, place.removeprefix(prefix)) for place in new
            ):
                self._distrust_watch()
                return False
        return True

    def _ignore_rules(self) -> object:
        """Return a value that changes whenever a rule outside the folders changes, or the user's git tracks other
        files."""
        users = [user for user in self._users.values() if user is not None]
        return [(ignore_list.exclude_text(user), _stamp(user.git_dir / "index")) for user in users]


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return status.st_mtime_ns, status.st_size, status.st_ino
