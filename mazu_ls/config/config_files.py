"""Reads `config.toml`: the user's own, and a project's, which is untrusted."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from mazu_ls.config.config import Layer
from mazu_ls.state.paths import PROJECT_FOLDER
from mazu_ls.workspace import project_files

MAX_CONFIG_BYTES = 1024**2


def file_states(paths: Iterable[Path]) -> tuple[tuple[int, ...] | None, ...]:
    """Return what tells whether files are still those that were read: inode, size and times of each; None where it is not there.
    The first is the user's own, of which a link is followed."""
    return tuple(_state(path, follow=not at) for at, path in enumerate(paths))


def _state(path: Path, *, follow: bool) -> tuple[int, ...] | None:
    try:
        found = path.stat(follow_symlinks=follow)
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def read_layer(path: Path) -> tuple[Layer | None, str | None]:
    """Return the user's own `config.toml` as a layer, or why it cannot be read; both None if there is no file."""
    return _layer(path, lambda: path.read_text(encoding="utf-8"), may_loosen=True)


def read_project_layer(root: Path) -> tuple[Layer | None, str | None]:
    """Return a project's `.mazu/config.toml` as a layer that may only tighten, or why it cannot be read; both None without one.

    It is untrusted: a link, a fifo, a device or a long file is not read.
    """
    place = Path(PROJECT_FOLDER, "config.toml")
    read = partial(project_files.read_text, root, place.as_posix(), MAX_CONFIG_BYTES)
    return _layer(root / place, read, may_loosen=False)


def _layer(path: Path, read: Callable[[], str], *, may_loosen: bool) -> tuple[Layer | None, str | None]:
    try:
        text = read().removeprefix("\ufeff")
        return Layer(str(path), tomllib.loads(text), text, may_loosen), None
    except (FileNotFoundError, NotADirectoryError):
        if may_loosen and (link := _dangling(path)) is not None:
            return None, f"{path} cannot be read: the link {link} leads to nothing; its settings are ignored."
        return None, None
    except tomllib.TOMLDecodeError as error:
        return None, f"{path} is not valid TOML: {error}; all its settings are ignored until that is fixed."
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return (
            None,
            f"{path} is not UTF-8 (line {line}): save it as UTF-8; all its settings are ignored until that is fixed.",
        )
    except (OSError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return None, f"{path} cannot be read: {reason}; its settings are ignored."


def _dangling(path: Path) -> Path | None:
    """Return the link on the way to a path, itself included, that leads to nothing."""
    return next((one for one in (path, *path.parents) if one.is_symlink() and not one.exists()), None)


def world_readable_keys(path: Path) -> str | None:
    """Return a sentence if others may read the keys in a `config.toml`; None if there are none, or nobody may."""
    from mazu_ls.redact import has_secret

    try:
        mode = path.stat().st_mode & 0o777
        if not mode & 0o077 or not has_secret(path.read_text(encoding="utf-8", errors="replace")):
            return None
    except OSError:
        return None
    return f"{path} holds a key and others may read it (mode {mode:04o}): run `chmod 600 {path}`."
