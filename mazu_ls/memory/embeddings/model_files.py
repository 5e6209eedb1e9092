"""Data files of installed packages, and what is unpacked of them once into the cache directory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mazu_ls.state import paths
from mazu_ls.workspace.text import split_lines

_DONE = "complete"


class EmbeddingsUnavailable(Exception):
    """The weights or the tokenizer cannot be used; the message says why."""


def locate_files(package: str, *names: str) -> list[Path]:
    """Files of an installed package, which is not imported. Raises EmbeddingsUnavailable."""
    from importlib.metadata import PackageNotFoundError, distribution  # brings the parser of mail along

    try:
        installed = distribution(package)
    except PackageNotFoundError:
        raise EmbeddingsUnavailable(f"the package {package} is not installed") from None
    files = [Path(str(installed.locate_file(name))) for name in names]
    if missing := [file.name for file in files if not file.is_file()]:
        raise EmbeddingsUnavailable(f"{', '.join(missing)} of the package {package} is missing")
    return files


@contextmanager
def unpacked(name: str, sources: list[Path], unpack: Callable[[Path], None]) -> Iterator[Path]:
    """The folder that `unpack` fills from `sources`, made once and again when they change.

    Where the cache directory cannot be written, a temporary folder that is gone afterwards: what is opened inside the
    `with` stays open. Raises OSError where nothing can be written at all.
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
    """Whether every file has the size that was noted when it was made: a power cut may have cut one."""
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
        if not _is_complete(folder):  # else another process was first
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
