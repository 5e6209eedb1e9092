"""Where state lives: the state directory (keyed by a project's real path) and the user's `~/.mazu/`.

Nothing in a project's folder is state: its `.mazu/` holds only text for people.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

PROJECT_FOLDER = ".mazu"


def mazu_home(env: Mapping[str, str] = os.environ) -> Path:
    """Return the user's own folder: `config.toml`, global memory, skills, tools. `MAZU_HOME` moves it."""
    return Path(env["MAZU_HOME"]) if env.get("MAZU_HOME") else Path.home() / PROJECT_FOLDER


def state_home(env: Mapping[str, str] = os.environ) -> Path:
    """Return the state directory: memory, checkpoint stores, journals and logs. `MAZU_STATE_HOME` moves it."""
    if env.get("MAZU_STATE_HOME"):
        return Path(env["MAZU_STATE_HOME"])
    from platformdirs import user_state_path

    return user_state_path("mazu-ls", appauthor=False)


def cache_home(env: Mapping[str, str] = os.environ) -> Path:
    """Return the cache directory for what can be created again: unpacked model files. `MAZU_CACHE_HOME` moves it."""
    if env.get("MAZU_CACHE_HOME"):
        return Path(env["MAZU_CACHE_HOME"])
    from platformdirs import user_cache_path

    return user_cache_path("mazu-ls", appauthor=False)


def root_key(root: Path) -> str:
    """Return a key of a project: a hash of the real path of its folder.

    No device or inode number: they change with reboots, network mounts and containers.
    """
    return _digest(str(root.resolve()))


def legacy_root_key(root: Path) -> str:
    """Return the key that versions before 0.1 used: real path, device and inode. Raises OSError for a missing folder."""
    real = root.resolve()
    stat = real.stat()
    return _digest(f"{real}\0{stat.st_dev}\0{stat.st_ino}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def projects_folder(state: Path) -> Path:
    """Return the folder of the state directory with one folder for each project."""
    return state / "projects"


def root_state(root: Path, env: Mapping[str, str] = os.environ) -> Path:
    """Return the state directory of one project (not created)."""
    return projects_folder(state_home(env)) / root_key(root)


def private_folder(path: Path) -> Path:
    """Create `path` and its missing parents for this user alone (0700) and return it."""
    missing = [parent for parent in path.parents if not parent.exists()]
    for folder in [*reversed(missing), path]:  # mkdir gives parents of its own the mode of the umask
        folder.mkdir(mode=0o700, exist_ok=True)
    return path


MADE_HERE: set[str] = set()
"""The projects (by `root_key`) in which this process created `.mazu/`: for these no other origin need be suspected."""


def project_folder(root: Path, name: str = "") -> Path:
    """Create `<root>/.mazu/<name>`, which git ignores through `.mazu/.gitignore`, and return its path.

    Call it only if there is text for people to put there. Raises OSError if a link or a file is on the way, or the
    folder cannot be written.
    """
    from mazu_ls.workspace import project_files  # not for callers that only ask for paths

    inside = PurePosixPath(PROJECT_FOLDER, name)
    ignore = PurePosixPath(PROJECT_FOLDER, ".gitignore")
    if project_files.stat_entry(root, ignore) is None:
        MADE_HERE.add(root_key(root))
        project_files.write_file(root, ignore, b"*\n")
    project_files.create_folder(root, inside)
    if not os.access(root / inside, os.W_OK):
        raise PermissionError(errno.EACCES, "is not writable", str(root / inside))
    return root / inside


def has_extension_folder(name: str, folders: Sequence[Path], env: Mapping[str, str] = os.environ) -> bool:
    """Return whether the user's own folder or the project's `.mazu/` has a folder `name` ("skills", "tools")."""
    from mazu_ls.workspace import project_files

    return (mazu_home(env) / name).is_dir() or any(
        project_files.is_folder(root, PurePosixPath(PROJECT_FOLDER, name)) for root in folders[:1]
    )
