"""Which state belongs to which project: one folder for each real path, with a marker that names the project."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Mapping
from contextlib import ExitStack, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.errors import Kind, MazuError
from mazu_ls.platform import open_flags
from mazu_ls.platform.file_lock import try_lock
from mazu_ls.state import paths
from mazu_ls.workspace import project_files
from mazu_ls.workspace.atomic_write import replace_private_file

log = logging.getLogger(__name__)
MARKER = "project.json"
IN_USE = "in-use"
"""Locked (shared) by every process that has the project open, so that nobody moves the state away under it."""
MAX_MARKER_BYTES = 65_536
_HELD = ("memory.db", "journal", "checkpoints")
LEGACY_TOMBSTONE = (
    "The state of this project moved: mazu-ls 0.1 or newer keeps it in {folder}. Update mazu-ls.\n"
)


class Marker(Struct, frozen=True, forbid_unknown_fields=False):
    """The owner of a state folder. `id` stays the same when the project moves.

    `path` is the project's real path, `inode` the number of its folder when it was last opened: a hint for finding a renamed project,
    never a key. `legacy` is the key under which a version before 0.1 kept this state. `declined` are the ids of states that the user
    declined for this project.
    """

    id: str
    path: str
    created_at: str
    inode: int = 0
    legacy: str | None = None
    declined: tuple[str, ...] = ()


class ProjectState(Struct, frozen=True):
    """The state folder of an opened project. `moved` are states whose project is gone and that may belong to this one.

    `lock` is a descriptor to be closed with the project; -1 if the file system has no locks.
    """

    folder: Path
    marker: Marker
    moved: tuple[Marker, ...] = ()
    lock: int = -1

    def release(self) -> None:
        """The project is closed."""
        if self.lock >= 0:
            os.close(self.lock)


def open_state(root: Path, env: Mapping[str, str] = os.environ) -> ProjectState:
    """Return the state folder of the project at `root`, created on first use. Raises OSError if it cannot be written."""
    folder = paths.root_state(root, env)
    try:
        legacy = _take_over_legacy(root, folder, env)
    except OSError:  # two processes migrated it at once: what the other one left shows now
        legacy = _take_over_legacy(root, folder, env)
    paths.private_folder(folder)
    real = root.resolve()
    marker = read_marker(folder)
    fresh = marker is None
    if marker is None:
        marker = Marker(secrets.token_hex(16), str(real), _now(), legacy=legacy)
    inode = real.stat().st_ino
    if fresh or marker.inode != inode or marker.path != str(real):
        marker = replace(marker, inode=inode, path=str(real))
        with nullcontext() if fresh else suppress(OSError):  # a stale hint costs nothing
            write_marker(folder, marker)
    with suppress(OSError):
        _leave_tombstone(root, folder, env)
    moved: list[Marker] = []
    with suppress(OSError):
        moved = find_moved(root, env)
    lock = -1
    with suppress(OSError, MazuError):
        lock = lock_state(folder, root, shared=True)
    return ProjectState(folder, marker, tuple(moved), lock)


def read_marker(folder: Path) -> Marker | None:
    """Return the marker of a state folder; None if there is no readable one."""
    try:
        with (folder / MARKER).open("rb") as file:
            return msgspec.json.decode(file.read(MAX_MARKER_BYTES), type=Marker)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        log.warning("%s cannot be read: %s", folder / MARKER, error)
        return None


def write_marker(folder: Path, marker: Marker) -> None:
    """Replace the marker of a state folder atomically."""
    replace_private_file(folder / MARKER, msgspec.json.format(msgspec.json.encode(marker)))


def known_projects(env: Mapping[str, str] = os.environ) -> list[Marker]:
    """Return the markers of all projects in the state directory, by path; none of those set aside by `attach`."""
    home = paths.projects_folder(paths.state_home(env))
    folders = [folder for folder in home.iterdir() if "." not in folder.name] if home.is_dir() else []
    found = [read_marker(folder) for folder in folders]
    return sorted((marker for marker in found if marker), key=lambda marker: marker.path)


class AttachedFolders(NamedTuple):
    """The project's new state folder, and where its previous state is kept; None if it had none."""

    folder: Path
    set_aside: Path | None


def attach(root: Path, source: Path, env: Mapping[str, str] = os.environ) -> AttachedFolders:
    """Give the project at `root` the state of the project that was at `source`.

    The previous state of `root` is set aside. Call it while neither is open. Raises MazuError: not_found if `source` has no state,
    conflict if it still exists as a project of its own, busy if another process works with either.
    """
    old, new = paths.root_state(source, env), paths.root_state(root, env)
    if old == new or (marker := read_marker(old)) is None:
        raise MazuError(
            Kind.NOT_FOUND,
            f"There is no state of a project that was at {source}.",
            "Give the full former path of the project.",
        )
    if not _is_gone(source):
        raise MazuError(
            Kind.CONFLICT,
            f"{source} still exists, so its state stays with it.",
            "It can be copied: mazu-ls state export there, mazu-ls state import here.",
        )
    with ExitStack() as held:
        for place, folder in ((source, old), (root, new)):
            if folder.exists():
                held.callback(os.close, lock_state(folder, place))
        aside: Path | None = None
        if new.exists():
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
            aside = new.rename(new.with_name(f"{new.name}.replaced-{stamp}"))
        old.rename(new)
    real = root.resolve()
    write_marker(new, replace(marker, path=str(real), inode=real.stat().st_ino))
    with suppress(OSError):  # the user has chosen: the others are not offered again
        decline(root, tuple(other.id for other in find_moved(root, env)), env)
    return AttachedFolders(new, aside)


def decline(root: Path, ids: tuple[str, ...], env: Mapping[str, str] = os.environ) -> None:
    """Record that these states are not this project's, so that they are not offered again."""
    folder = paths.root_state(root, env)
    if marker := read_marker(folder):
        write_marker(folder, replace(marker, declined=tuple(sorted({*marker.declined, *ids}))))


def name_unused_database(root: Path, state: Path) -> list[str]:
    """Return one sentence, once, about a database in the project's folder: an older version's or a clone's. It is not opened."""
    said, inside = state / "unused-database-named", f"{paths.PROJECT_FOLDER}/memory.db"
    try:
        if said.exists() or not project_files.is_regular(root, inside):
            return []
        said.touch(mode=0o600)
    except OSError as error:
        log.warning("%s: %s", root / inside, error)
        return []
    sentence = (
        f"{root / inside} is not used: memory is kept outside of projects. If you know it to be yours, take its rows"
        f" with `mazu-ls memory import {inside}`."
    )
    return [sentence]


def lock_state(folder: Path, place: Path, *, shared: bool = False) -> int:
    """Return a descriptor that holds the lock of a state folder until it is closed. Raises MazuError(busy)."""
    fd = os.open(folder / IN_USE, os.O_RDWR | os.O_CREAT | open_flags.CLOEXEC, 0o600)
    try:
        free = try_lock(fd, shared=shared)
    except OSError:
        os.close(fd)
        raise
    if free:
        return fd
    os.close(fd)
    raise MazuError(
        Kind.BUSY,
        f"Another mazu-ls has {place} open.",
        "Close it there first.",
    )


def opening_hints(root: Path, opened: ProjectState) -> list[str]:
    """Return sentences for the user about state that is not used and may be meant."""
    return [] if opened.marker.legacy else name_unused_database(root, opened.folder)


def moved_hint(opened: ProjectState) -> str:
    """Return a sentence for the user about states that may belong to this project, while it has no conversation of its own.

    Empty if there is none. The path of such a state no longer exists, so it never is the original of a copy or clone.
    """
    alike = [marker for marker in opened.moved if marker.inode == opened.marker.inode]
    if not opened.moved or (not alike and any((opened.folder / "journal").glob("*.jsonl"))):
        return ""
    places = " or ".join(marker.path for marker in opened.moved)
    return f"Saved memory, conversations and checkpoints of a project at {places}, which no longer exists, may belong to this project."


def attach_advice(path: str, *, in_terminal: bool) -> str:
    """Return how an editor's or a terminal's user attaches the state of the project that was at `path`, or declines it."""
    attach, decline = ("mazu.state.attach", "mazu.state.decline")
    if in_terminal:
        attach, decline = (f"`mazu-ls state attach {path}`", "`mazu-ls state decline`")
    return f"If it was moved here, run {attach} to use them here; {decline} ends this hint."


def find_moved(root: Path, env: Mapping[str, str] = os.environ) -> list[Marker]:
    """Return states of projects that are gone and that look like the one at `root`: same inode or same name."""
    real = root.resolve()
    own = read_marker(paths.root_state(root, env)) or Marker("", str(real), "", real.stat().st_ino)
    found = []
    for marker in known_projects(env):
        if marker.id == own.id or marker.id in own.declined or marker.path == str(real):
            continue
        alike = (marker.inode and marker.inode == own.inode) or Path(marker.path).name == real.name
        if alike and _is_gone(Path(marker.path)):
            found.append(marker)
    return found


def _is_gone(path: Path) -> bool:
    """Return whether nothing is at `path`. An inaccessible one (a dead mount, no permission) may still exist."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False


def _take_over_legacy(root: Path, folder: Path, env: Mapping[str, str]) -> str | None:
    """Move the state that an older version kept under its own key; return that key if there was any."""
    try:
        key = paths.legacy_root_key(root)
    except OSError:
        return None
    old = paths.state_home(env) / "roots" / key
    if not old.is_dir():
        return key if _holds_state(folder) and read_marker(folder) is None else None
    paths.private_folder(folder.parent)
    if folder.exists():
        # Made for its lock by a project that had this folder as a further one, or partly migrated.
        for item in old.iterdir():
            if not (folder / item.name).exists():
                item.rename(folder / item.name)
            elif item.name == "checkpoints" and not (folder / item.name / "store.git").exists():
                (folder / item.name).rename(folder / f"{item.name}.{secrets.token_hex(4)}")
                item.rename(folder / item.name)
        with suppress(OSError):
            old.rmdir()
    else:
        with suppress(FileNotFoundError):  # another process was faster
            old.rename(folder)
    return key


def _holds_state(folder: Path) -> bool:
    return any((folder / name).exists() for name in _HELD)


def _leave_tombstone(root: Path, folder: Path, env: Mapping[str, str]) -> None:
    """Write a file where an older version expects its folder, so that it stops instead of silently starting without state."""
    place = paths.state_home(env) / "roots" / paths.legacy_root_key(root)
    if os.path.lexists(place):
        return
    paths.private_folder(place.parent)
    fd = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | open_flags.CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(LEGACY_TOMBSTONE.format(folder=folder))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
