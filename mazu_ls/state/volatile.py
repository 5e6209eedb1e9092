"""A project whose state directory cannot be written: works on a temporary copy until it can be.

A read-only or full disk must not take away existing memory, conversations and chat: what can be read is copied into a
temporary folder, and conversations that continued there are copied back once the disk can be written.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct, structs

from mazu_ls.errors import Kind, MazuError
from mazu_ls.platform.file_lock import try_lock
from mazu_ls.state import identity, paths
from mazu_ls.state.left_files import recover_left
from mazu_ls.state.temporary_folder import IN_MEMORY, keep_out_of_project

log = logging.getLogger(__name__)
PROBE_BYTES = 64 * 1024
MOST_COPIED = 256 * 2**20
GLOBAL_DATABASE = "global_memory.db"


class OpenedState(Struct):
    """The folders that a project works in: its own, and that of the user's own memory. `release` when it is closed.

    `why` says what is wrong with the disk where both are temporary; `kept` are then the folders they stand for.
    """

    folder: Path
    home: Path
    moved: tuple[identity.Marker, ...]
    warnings: list[str]
    release: Callable[[], None]
    why: str = ""
    kept: tuple[Path, Path] | None = None
    home_why: str = ""
    """What is wrong with the user's folder where it alone is a copy: nothing that is written there lasts."""
    moved_hint: str = ""
    """What to say or ask about `moved`; empty for nothing."""
    try_opening: Callable[[], None] = lambda: None
    """Open and release the real state. Raises OSError: a file in the way, or one of another user, makes no folder unwritable."""

    @property
    def is_volatile(self) -> bool:
        """Whether what is written lasts only until mazu-ls ends."""
        return bool(self.why)

    def may_return(self) -> bool:
        """Return whether the real folders can be written by now. Blocks."""
        if self.kept is None or any(map(why_unwritable, self.kept)):
            return False
        try:
            self.try_opening()
        except OSError:
            return False
        return True


def open_project_state(root: Path, env: Mapping[str, str]) -> OpenedState:
    """The state of the project at `root`; a temporary one where the state directory is unwritable.

    Where the user's folder alone is unwritable, only the memory of all projects is a temporary copy. Raises
    MazuError(storage) where there is no temporary folder either.
    """
    keep_out_of_project(env)
    folder, home = paths.root_state(root, env), paths.mazu_home(env)
    why, home_why = why_unwritable(folder), why_unwritable(home)
    if not why:
        try:
            opened = identity.open_state(root, env)
            hints, moved = identity.opening_hints(root, opened), identity.moved_hint(opened)
            hints += recover_left(env)
            state = OpenedState(opened.folder, home, opened.moved, hints, opened.release, moved_hint=moved)
            return _with_copied_home(state, env, home_why) if home_why else state
        except OSError as error:
            why = _words(error)
    try:
        state = _temporary(folder, home, env, why)
        return structs.replace(state, try_opening=lambda: identity.open_state(root, env).release())
    except OSError as error:
        raise MazuError(
            Kind.STORAGE,
            f"The state directory cannot be written ({why}), and no temporary folder either ({_words(error)}).",
            "Free some space or make one of them writable, then reopen the project.",
        ) from error


def why_unwritable(folder: Path) -> str:
    """Return in words why a folder cannot be written; empty if it can. Leaves nothing behind. Blocks."""
    try:
        there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
        with tempfile.TemporaryFile(dir=there, buffering=0) as probe:
            if probe.write(bytes(PROBE_BYTES)) != PROBE_BYTES:
                return f"{folder}: No space left on device"
    except OSError as error:
        return f"{folder}: {error.strerror or error}"
    return ""


def _words(error: OSError) -> str:
    return f"{error.filename or ''}: {error.strerror or error}".lstrip(": ")


def _temporary_folder(env: Mapping[str, str]) -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder; else one in the user's runtime folder or in memory. Raises OSError."""
    failure = OSError("no usable temporary folder")
    for parent in (None, env.get("XDG_RUNTIME_DIR") or None, IN_MEMORY):
        try:
            return tempfile.TemporaryDirectory(prefix="mazu-ls-", dir=parent, ignore_cleanup_errors=True)
        except OSError as error:
            failure = error
    raise failure


def _with_copied_home(state: OpenedState, env: Mapping[str, str], why: str) -> OpenedState:
    """The state of a project with a copy of the user's folder, which cannot be written. Raises OSError."""
    try:
        place = _temporary_folder(env)
        copied = paths.private_folder(Path(place.name, "home"))
    except OSError:
        state.release()
        raise
    unread = _copy_database(state.home / GLOBAL_DATABASE, copied)
    said = (
        f"Your mazu-ls folder cannot be written ({why}): what is remembered for all projects now lasts only until mazu-ls "
        "ends, and your settings can be read but not changed. The project's own memory, conversations and checkpoints work."
    )
    warnings = [*state.warnings, said, *(f"Not everything there could be read: {one}." for one in unread)]
    release = state.release

    def release_both() -> None:
        release()
        place.cleanup()

    kept = (state.folder, state.home)
    return structs.replace(
        state, home=copied, warnings=warnings, release=release_both, home_why=why, kept=kept
    )


def _temporary(folder: Path, home: Path, env: Mapping[str, str], why: str) -> OpenedState:
    place = _temporary_folder(env)
    copy, copied_home = Path(place.name, "state"), Path(place.name, "home")
    paths.private_folder(copy / "journal")
    paths.private_folder(copied_home)
    unread = _copy_database(folder / "memory.db", copy) + _copy_database(home / GLOBAL_DATABASE, copied_home)
    unread += _copy_journals(folder / "journal", copy / "journal")
    said = (
        f"The state directory cannot be written ({why}). Memory and conversations can be read, and chat works; there are no "
        "checkpoints, and what is remembered now lasts only until mazu-ls ends. mazu-ls notices when it becomes writable again."
    )
    warnings = [said]
    if unread:
        warnings.append(f"Not everything there could be read: {', '.join(unread)}.")
    kept = (folder, home)

    def release() -> None:
        try:
            if not any(map(why_unwritable, kept)):
                bring_back(copy / "journal", folder / "journal")
        except OSError:
            log.warning("conversations could not be copied back to %s", folder, exc_info=True)
        place.cleanup()

    return OpenedState(copy, copied_home, (), warnings, release, why, kept)


def _copy_database(database: Path, into: Path) -> list[str]:
    """Copy an SQLite file with its log; return what could not be copied."""
    try:
        for path in (database, database.with_name(f"{database.name}-wal")):
            if path.is_file():
                shutil.copyfile(path, into / path.name)
    except OSError as error:
        return [_words(error)]
    return []


def _copy_journals(journals: Path, into: Path) -> list[str]:
    """Copy conversations, the newest first, up to a size limit."""
    unread: list[str] = []
    room = MOST_COPIED
    with suppress(OSError):
        found = [(path, path.stat()) for path in journals.glob("*.jsonl")]
        for path, status in sorted(found, key=lambda pair: -pair[1].st_mtime):
            room -= status.st_size
            try:
                if room < 0:
                    raise OSError(0, "left out, it is too large", str(path))
                shutil.copy2(path, into / path.name)
            except OSError as error:
                unread.append(_words(error))
    return unread


def bring_back(journals: Path, into: Path) -> None:
    """Append to each real conversation what was added to its copy; one that continued elsewhere meanwhile stays as it
    is."""
    paths.private_folder(into)
    for copy in sorted(journals.glob("*.jsonl")):
        said = copy.read_bytes()
        with (into / copy.name).open("ab+") as real:
            try:
                if not try_lock(real.fileno()):
                    continue
            except OSError:
                continue
            real.seek(0)
            known = real.read()
            if said.startswith(known) and len(said) > len(known):
                real.write(said[len(known) :])
                real.flush()
                os.fsync(real.fileno())
