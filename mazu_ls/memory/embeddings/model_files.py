"""Data files of installed packages, and what is unpacked from them once into the cache directory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from mazu_ls.state import paths
from mazu_ls.workspace.text import split_lines

_DONE = "complete"


class EmbeddingsUnavailable(Exception):
    """The weights or the tokenizer cannot be used; the message says why."""


def locate_files(package: str, *names: str) -> list[Path]:
    """Return files of an installed package by their paths below its top module, which is not imported. Raises
    EmbeddingsUnavailable."""
    found = {name.partition("/")[0]: find_spec(name.partition("/")[0]) for name in names}
    if None in found.values():
        raise EmbeddingsUnavailable(f"the package {package} is not installed")
    files = [_place(found[name.partition("/")[0]], name) for name in names]
    if missing := [file.name for file in files if not file.is_file()]:
        raise EmbeddingsUnavailable(f"{', '.join(missing)} of the package {package} is missing")
    return files


def _place(module: ModuleSpec | None, name: str) -> Path:
    places = (module.submodule_search_locations if module else None) or [""]
    return Path(next(iter(places))).parent / name


@contextmanager
def unpacked(name: str, sources: list[Path], unpack: Callable[[Path], None]) -> Iterator[Path]:
    """Yield the folder that `unpack` fills from `sources`, once and again when they change.

    If the cache directory cannot be written, it is a temporary folder that is deleted afterwards: files opened inside
    the `with` stay open. Raises OSError if nothing can be written at all.
    """
    key = "-".join([name, *(str(source.stat().st_size) for source in sources)])
    try:
        folder = paths.private_folder(paths.cache_home()) / key
        if not _is_complete(folder):
            _make(folder, unpack)
    except OSError:
        with tempfile.TemporaryDirectory(prefix="mazu-ls-", ignore_cleanup_errors=True) as scratch:
            unpack(Path(scratch))
            yield Path(scratch)
        return
    yield folder


def _is_complete(folder: Path) -> bool:
    """Return whether every file has its recorded size: a power failure may have truncated one."""
    try:
        noted = dict(
            line.split(" ", 1) for line in split_lines((folder / _DONE).read_text("utf-8"), ends=False)
        )
        return bool(noted) and all(
            (folder / name).stat().st_size == int(size) for name, size in noted.items()
        )
    except (OSError, ValueError):
        return False


def _make(folder: Path, unpack: Callable[[Path], None]) -> None:
    made = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        unpack(made)
        noted = "".join(f"{file.name} {file.stat().st_size}\n" for file in sorted(made.iterdir()))
        (made / _DONE).write_text(noted, "utf-8")
        if folder.exists() and not _is_complete(folder):
            shutil.rmtree(folder)
        made.rename(folder)
    except OSError:
        if not _is_complete(folder):  # otherwise another process was first
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
