"""Files that an approved command leaves in the temporary folders and the home of its sandbox, which are its own: kept for some days.

Such a command may move a file out of the project that no checkpoint holds: `mv data.db /tmp/`. Its `/tmp` is not the user's, and
ends with it, and the file would end there too.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from mazu_ls.state import command_folder
from mazu_ls.state.command_folder import FOLDERS
from mazu_ls.state.paths import private_folder, state_home
from mazu_ls.workspace.visible_text import make_visible

log = logging.getLogger(__name__)
KEPT_DAYS = 7
KEPT_BYTES = 8 * 2**30
"""Bytes that all kept folders may have together: twice what one command may write."""
KEPT = f"{KEPT_BYTES // 2**30} GiB"
MOST_NAMED = 4
"""Number of files that a sentence names."""
_KEPT = "left-by-commands"
_KILLED = "A command that ran when mazu-ls was killed had written where only itself saw it"
_DAY = 86_400
_SIZE = re.compile(r"-(\d+)-KiB$")
_MADE_BY_PROGRAMS = re.compile(
    r"tmp[a-z0-9_]{8}|tmp\.[A-Za-z0-9]{10}|pytest-of-.*|pip-[a-z]+-[a-z0-9_]{8}|npm-\d+-[0-9a-f]+|node-compile-cache|v8-compile-cache.*"
    r"|hsperfdata_.*|go-(?:build|link-)\d+|cc[A-Za-z0-9]{6}(?:\..*)?|rustc[A-Za-z0-9]{6}|cargo-install[A-Za-z0-9]{6}|\.X11-unix|\.font-unix"
)
"""Names in /tmp that programs draw for themselves, and leave behind where they do not tidy up."""


class LeftFiles(Struct, frozen=True):
    """Files that a command left: `folder` is where they are now, `names` the outermost files or folders, with the folder in which
    the command wrote them."""

    folder: Path
    names: tuple[str, ...]

    def describe(self) -> str:
        """Return which files they are, where, and how long they are kept there."""
        more = f" and {len(self.names) - MOST_NAMED} more" if len(self.names) > MOST_NAMED else ""
        shown = ", ".join(map(make_visible, self.names[:MOST_NAMED]))
        until = f"kept for {KEPT_DAYS} days, or until commands left more than {KEPT}"
        return f"{shown}{more}; {until}, in {make_visible(str(self.folder))}"


def keep_left(scratch: Path, since: float = 0.0) -> LeftFiles | None:
    """Keep what a command that has ended left in its scratch folder; return None if there is nothing that anyone would miss.

    `since`: when it began, in seconds since 1970; what is older was moved there and is kept whatever its name. Raises OSError.
    """
    found = list(_left_in(scratch, since))
    if not found:
        return None
    size = -(-folder_bytes(scratch) // 1024)
    place = private_folder(scratch.parent.with_name(_KEPT))
    kept = place / f"{time.strftime('%Y%m%d-%H%M%S')}-{scratch.name}-{size}-KiB"
    scratch.rename(kept)
    os.utime(kept)  # its age counts from here
    command_folder.unlock(scratch)
    return LeftFiles(kept, tuple(found))


def folder_bytes(folder: Path) -> int:
    """Return the bytes on the disk of all that is in a folder; what cannot be looked at counts as nothing."""
    total, waiting = 0, [folder]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total


def _left_in(scratch: Path, since: float) -> Iterator[str]:
    in_sandbox = all((scratch / name).is_dir() for name in FOLDERS)
    for name, place in FOLDERS.items() if in_sandbox else ((".", "$TMPDIR"),):
        try:
            entries = sorted(os.scandir(scratch / name), key=lambda entry: entry.name)
        except OSError:  # it cannot be looked at, so it is kept
            yield f"all that is in {place}"
            continue
        for entry in entries:
            own = entry.name.startswith(".") if name == "home" else _MADE_BY_PROGRAMS.fullmatch(entry.name)
            if (not own or _was_moved(entry, since)) and _holds_file(entry, even_empty=name != "home"):
                yield f"{entry.name} (in {place})"


def _was_moved(entry: os.DirEntry[str], since: float) -> bool:
    """Return whether an entry, or one directly in it, is older than the command."""
    try:
        inner = os.scandir(entry.path) if entry.is_dir(follow_symlinks=False) else ()
        return any(one.stat(follow_symlinks=False).st_mtime < since for one in (entry, *inner))
    except OSError:
        return True


def _holds_file(entry: os.DirEntry[str], *, even_empty: bool) -> bool:
    """Return whether an entry is or holds a regular file; empty ones in the home are what the sandbox mounted upon."""
    waiting = [entry]
    while waiting:
        one = waiting.pop()
        try:
            if one.is_dir(follow_symlinks=False):
                waiting += os.scandir(one.path)
                continue
            status = one.stat(follow_symlinks=False)
        except OSError:
            return True  # it cannot be looked at, so it is kept
        if stat.S_ISREG(status.st_mode) and (even_empty or status.st_size > 0):
            return True
    return False


def recover_left(env: Mapping[str, str]) -> list[str]:
    """Keep what commands left whose server was killed, and remove their other folders; return a sentence for each that is kept. Never
    raises."""
    said: list[str] = []
    for scratch in command_folder.left_running(env):
        try:
            with command_folder.locked(scratch) as is_ours:
                if is_ours and (left := keep_left(scratch, scratch.stat().st_mtime)) is not None:
                    said.append(f"{_KILLED}: {left.describe()}.")
                elif is_ours:
                    command_folder.discard(scratch)
        except (OSError, RecursionError):
            log.exception("what a killed command left in %s cannot be kept", scratch)
    return said


def remove_old(env: Mapping[str, str]) -> list[str]:
    """Remove what was kept for longer than KEPT_DAYS, and the oldest of what is kept while it is more than KEPT_BYTES, but for the
    newest. Return a sentence for each folder that was removed early."""
    kept: list[Path] = []
    for folder, age in _by_age(state_home(env) / _KEPT):
        if age > KEPT_DAYS * _DAY:
            _remove(folder)
        else:
            kept.append(folder)
    sizes = {folder: _size_of(folder) for folder in kept}
    early: list[str] = []
    for folder in kept[:-1]:
        if sum(sizes.values()) <= KEPT_BYTES:
            break
        sizes[folder] = folder_bytes(folder)  # some of it may have been fetched since
        if sum(sizes.values()) > KEPT_BYTES:
            _remove(folder)
            del sizes[folder]
            early.append(
                f"{folder} was removed before its {KEPT_DAYS} days were over: commands left more than {KEPT}."
            )
            log.warning("%s", early[-1])
    return early


def _by_age(place: Path) -> list[tuple[Path, float]]:
    """Return the folders in `place` with their age in seconds, the oldest first."""
    found: list[tuple[Path, float]] = []
    now = time.time()
    for entry in list(os.scandir(place)) if place.is_dir() else []:
        with suppress(FileNotFoundError):  # its command ended just now
            found.append((Path(entry.path), now - entry.stat(follow_symlinks=False).st_mtime))
    return sorted(found, key=lambda one: (-one[1], one[0]))


def _size_of(folder: Path) -> int:
    """Return the bytes of a kept folder, by its name: to measure each anew would take long where there are many files."""
    named = _SIZE.search(folder.name)
    return int(named[1]) * 1024 if named else folder_bytes(folder)


def _remove(folder: Path) -> None:
    with suppress(RecursionError):  # it is too deep for this Python
        shutil.rmtree(folder, ignore_errors=True)
