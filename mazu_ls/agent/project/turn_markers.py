"""Which turns run on a project now, in all processes: a locked file per turn, whose lock ends with its process."""

from __future__ import annotations

import json
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from mazu_ls.checkpoints.store import lock
from mazu_ls.errors import Kind, MazuError
from mazu_ls.platform import open_flags
from mazu_ls.state.paths import private_folder

log = logging.getLogger(__name__)
FOLDER = "turns"
DEFAULT_CLIENT = "another mazu-ls"


class TurnMarker(Struct, frozen=True):
    """A running turn: its session, the name of the client and the process."""

    session_id: str
    client: str
    pid: int


class TurnMarkers:
    """The markers of this project's turns. `client` names this process to the others. `elsewhere` blocks."""

    def __init__(self, state: Path) -> None:
        """`state`: the project's state directory."""
        self.client = DEFAULT_CLIENT
        self._folder = state / FOLDER
        self._token = secrets.token_hex(8)

    @contextmanager
    def mark(self, session_id: str) -> Iterator[None]:
        """Show other processes that a turn runs. If the disk does not allow it the turn runs all the same."""
        path = self._folder / f"{self._token}.{secrets.token_hex(4)}"
        try:
            private_folder(self._folder)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | open_flags.CLOEXEC, 0o600)
        except OSError as error:
            log.warning("other processes cannot see that a turn runs here: %s", error)
            yield
            return
        try:
            lock.hold(fd)
            # Another process does not take the empty file for a leftover: it is locked before anything is written to
            # it.
            content = {"session_id": session_id, "client": self.client, "pid": os.getpid()}
            os.write(fd, json.dumps(content).encode())
        except (OSError, MazuError) as error:
            log.warning("other processes cannot see that a turn runs here: %s", error)
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()
            os.close(fd)

    def elsewhere(self) -> list[TurnMarker]:
        """Return the turns that run in live processes other than this one."""
        found: list[TurnMarker] = []
        for path in sorted(self._folder.glob("*")):
            if path.name.startswith(f"{self._token}."):
                continue
            try:
                if not (content := path.read_bytes()):
                    continue
                if lock.is_held(path):
                    found.append(TurnMarker(**json.loads(content)))
                else:
                    path.unlink(missing_ok=True)
            except (OSError, ValueError, TypeError) as error:
                log.info("%s cannot be read: %s", path, error)
        return found

    def require_none_elsewhere(self) -> None:
        """Raise MazuError(busy) while a turn runs in another process: a rollback would change files under it."""
        if running := self.elsewhere():
            raise turn_runs(running[0].client, running[0].pid)


def turn_runs(client: str, pid: int) -> MazuError:
    """Return the error for a rollback while a turn runs for another client."""
    message = f"A turn is running in {client or DEFAULT_CLIENT} (pid {pid})."
    return MazuError(Kind.BUSY, message, "Stop it there first, or wait for its end.")
