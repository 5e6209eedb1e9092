"""The commands of agents that run now in this process, and whether other processes live."""

from __future__ import annotations

import logging
import secrets
from contextlib import ExitStack, suppress
from pathlib import Path

from mazu_ls.checkpoints.store import lock
from mazu_ls.errors import Kind, MazuError
from mazu_ls.paths import private_folder

log = logging.getLogger(__name__)


class RunningCommands:
    """`folder` holds one file per process that recorded commands. Its lock dies with the process, so that a number which
    the system gave to a new process (or a container to its first one) is never taken for the old one.
    """

    def __init__(self, folder: Path) -> None:
        self.token = secrets.token_hex(8)
        """Names this process in what it records."""
        self._folder = folder
        self._running: set[int] = set()
        self._held = ExitStack()
        self._shown = False

    def show_alive(self) -> None:
        """Let other processes see that this one runs. Called before its token is recorded. Raises MazuError(storage)."""
        if not self._shown:
            try:
                private_folder(self._folder)
                self._held.enter_context(lock.lock_exclusively(self._folder / self.token, 0.0))
            except OSError as error:
                raise MazuError(
                    Kind.STORAGE,
                    f"The checkpoint store could not be used: {error.strerror} ({self._folder}).",
                    "Check the disk's space and the folder's permissions.",
                ) from error
            self._shown = True

    def add(self, id: int) -> None:
        """A command begins."""
        self._running.add(id)

    def discard(self, id: int) -> None:
        """A command has ended, whether that could be recorded or not."""
        self._running.discard(id)

    def __contains__(self, id: int) -> bool:
        return id in self._running

    def is_open(self, id: int, token: str) -> bool:
        """Whether a recorded command that has not ended may still end: here, or in another process that lives."""
        if token == self.token:
            return id in self
        if not token.isalnum():  # recorded before there were tokens
            return False
        file = self._folder / token
        try:
            if lock.is_held(file):
                return True
            file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("whether another process runs is not known: %s", error)
        return False

    def close(self) -> None:
        """The process gives up its checkpoints: what still runs counts as left open."""
        self._running.clear()
        self._held.close()
        if self._shown:
            with suppress(OSError):
                (self._folder / self.token).unlink()
            self._shown = False
