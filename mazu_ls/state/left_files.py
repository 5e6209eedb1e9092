"""Files that an approved command leaves in the temporary folders and the home of its sandbox, which are its own: kept for some days.

Such a command may move a file out of the project that no checkpoint holds: `mv data.db /tmp/`. Its `/tmp` is not the user's, and
ends with it, and the file would end there too.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from mazu_ls.state.paths import private_folder, state_home

KEPT_DAYS = 7
RUNNING_DAYS = 30
"""After which a folder is nobody's any more whose command never ended: its server was killed."""
_RUNNING = ".running-"
FOLDERS = {"tmp": "/tmp", "var-tmp": "/var/tmp", "home": "the home"}
"""The folders of a scratch folder, and what the command finds each as."""
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


def make_scratch(env: Mapping[str, str]) -> Path:
    """Create a folder for what one approved command writes outside the project. Raises OSError."""
    place = private_folder(state_home(env) / "left-by-commands")
    return Path(tempfile.mkdtemp(prefix=_RUNNING, dir=place))


def mount_points(scratch: Path) -> dict[str, Path]:
    """Create the folders that the sandbox shows in the place of `/tmp`, `/var/tmp` and the home, and return them by their names."""
    made = {name: scratch / name for name in FOLDERS}
    for name, folder in made.items():
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700 if name == "home" else 0o1777)  # the folder around it is the user's alone
    return made


def keep_left(scratch: Path, since: float = 0.0) -> LeftFiles | None:
    """Keep what a command that has ended left in its scratch folder; return None if there is nothing that anyone would miss.

    `since`: when it began, in seconds since 1970; what is older was moved there and is kept whatever its name. Raises OSError.
    """
    found = list(_left_in(scratch, since))
    if not found:
        return None
    kept = scratch.with_name(f"{time.strftime('%Y%m%d-%H%M%S')}-{scratch.name.rpartition('-')[2]}")
    scratch.rename(kept)
    os.utime(kept)  # its age counts from here
    return LeftFiles(kept, tuple(found))


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


def remove_old(env: Mapping[str, str]) -> None:
    """Remove what was kept for longer than KEPT_DAYS."""
    place = state_home(env) / "left-by-commands"
    for entry in list(os.scandir(place)) if place.is_dir() else []:
        days = RUNNING_DAYS if entry.name.startswith(_RUNNING) else KEPT_DAYS
        with suppress(
            FileNotFoundError, RecursionError
        ):  # its command ended just now; it is too deep for this Python
            if entry.stat(follow_symlinks=False).st_mtime < time.time() - days * 86_400:
                shutil.rmtree(entry.path, ignore_errors=True)
