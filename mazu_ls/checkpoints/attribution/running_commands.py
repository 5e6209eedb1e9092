"""The commands of agents that run now in this process, and whether other processes live, or until when they did."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

from mazu_ls.checkpoints.store import lock
from mazu_ls.errors import Kind, MazuError, system_advice
from mazu_ls.state.paths import private_folder

log = logging.getLogger(__name__)
BEAT_SECONDS = 0.1
"""Seconds between two updates of the file's time by a process with a running command: the last time at which it is
known to have lived. Later changes of files are attributed to nobody for certain."""


class RunningCommands:
    """`folder` holds one file per process that recorded commands. Its lock ends with the process, so that a pid which
    the system reused (or a container gave to its first process) is never taken for the old one. The file's time is the
    last moment at which a command is known to have run: after a kill it shows which changes can be the command's."""

    def __init__(self, folder: Path) -> None:
        self.token = secrets.token_hex(8)
        """Names this process in its records."""
        self._folder = folder
        self._running: set[int] = set()
        self._held = ExitStack()
        self._shown = False
        self._beating: threading.Thread | None = None
        self._changed = threading.Event()
        self._closed = False

    def show_alive(self) -> None:
        """Let other processes see that this one runs. Call it before its token is recorded. Raises MazuError(storage)."""
        if not self._shown:
            try:
                private_folder(self._folder)
                self._held.enter_context(lock.lock_exclusively(self._folder / self.token, 0.0))
            except OSError as error:
                raise MazuError(
                    Kind.STORAGE,
                    f"The checkpoint store could not be used: {error.strerror} ({self._folder}).",
                    system_advice(error),
                ) from error
            self._shown = True

    def add(self, id: int) -> None:
        """Add a running command."""
        self._running.add(id)
        self._changed.set()
        if self._beating is None:
            self._beating = threading.Thread(target=self._beat, name="mazu-running-commands", daemon=True)
            self._beating.start()

    def _beat(self) -> None:
        """Update the file's time while a command runs; in a thread, since a busy event loop must not look like a dead
        process."""
        while not self._closed:
            if self._running:
                with suppress(OSError):
                    os.utime(self._folder / self.token)
            self._changed.wait(BEAT_SECONDS if self._running else None)
            self._changed.clear()

    def discard(self, id: int) -> None:
        """Remove a command that has ended, whether or not that could be recorded."""
        self._running.discard(id)

    def __contains__(self, id: int) -> bool:
        return id in self._running

    def is_open(self, id: int, token: str) -> bool:
        """Return whether a recorded command without an end may still end: here, or in another process that lives."""
        if token == self.token:
            return id in self
        if not token.isalnum():  # recorded by a version without tokens
            return False
        try:
            return lock.is_held(self._folder / token)
        except OSError as error:
            log.warning("whether another process runs is not known: %s", error)
        return False

    def lived_at(self, token: str) -> float | None:
        """Return the last time (seconds since the epoch) at which a killed process is known to have lived, None if
        unknown."""
        if token == self.token or not token.isalnum():
            return None
        try:
            return (self._folder / token).stat().st_mtime
        except OSError:
            return None

    def forget(self, token: str) -> None:
        """Forget another process: none of its commands is open any more."""
        if token != self.token and token.isalnum() and not self.is_open(0, token):
            with suppress(OSError):
                (self._folder / token).unlink()

    def close(self) -> None:
        """Close the checkpoints of this process: what still runs counts as left open."""
        self._running.clear()
        self._closed = True
        self._changed.set()
        self._held.close()
        if self._shown:
            with suppress(OSError):
                (self._folder / self.token).unlink()
            self._shown = False
