"""A small JSON file in the user's own folder: locked, replaced atomically, private."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from mazu_ls.errors import Kind, MazuError
from mazu_ls.platform import open_flags
from mazu_ls.platform.file_lock import wait_for_lock
from mazu_ls.state.paths import private_folder
from mazu_ls.workspace.atomic_write import replace_private_file

T = TypeVar("T")
WAIT_SECONDS = 60.0


class LockedJsonFile(Generic[T]):
    """A tuple of records at `path`, shared by every server of this user."""

    def __init__(self, path: Path, record: type[T], if_damaged: str) -> None:
        self.path = path
        self._decoder = msgspec.json.Decoder(tuple[record, ...])
        self._if_damaged = if_damaged

    def read(self) -> tuple[T, ...]:
        """Return the records; none if there is no file. Raises MazuError(config) if it is damaged, rather than lose its
        content."""
        try:
            return self._decoder.decode(self.path.read_bytes())
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, RecursionError) as error:
            raise MazuError(Kind.CONFIG, f"{self.path} cannot be read: {error}.", self._if_damaged) from error

    def change(self, change: Callable[[tuple[T, ...]], tuple[T, ...]]) -> tuple[T, ...]:
        """Replace the records by the result of `change`, under a lock. Raises MazuError(storage, config or busy)."""
        try:
            private_folder(self.path.parent)
            with _locked(self.path.with_suffix(".lock")):
                records = change(self.read())
                replace_private_file(self.path, msgspec.json.format(msgspec.json.encode(records)))
        except OSError as error:
            raise MazuError(
                Kind.STORAGE,
                f"{self.path} could not be written: {error}.",
                "Check that the folder is writable.",
            ) from error
        return records


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | open_flags.CLOEXEC, 0o600)
    try:
        if not wait_for_lock(fd, WAIT_SECONDS):
            raise MazuError(Kind.BUSY, f"Another mazu-ls has held {path} for long.", "Try again in a moment.")
        yield
    finally:
        os.close(fd)
