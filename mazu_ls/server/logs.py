"""The log: stderr, a file in the state directory, and `window/logMessage`; never stdout."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mazu_ls.state.paths import state_home

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
MAX_BYTES = 2 * 1024**2
LSP_LEVELS = {logging.ERROR: 1, logging.CRITICAL: 1, logging.WARNING: 2, logging.INFO: 3}


def log_path(env: Mapping[str, str] = os.environ) -> Path:
    """Return the log file of this user's servers."""
    return state_home(env) / "mazu-ls.log"


def log_place(env: Mapping[str, str] = os.environ) -> str:
    """Return where a user finds the log, in words."""
    return str(log_path(env))


class StderrLog(logging.Handler):
    """Warnings on stderr, without ever blocking: what a full pipe does not take is in the file alone.

    Editors start servers with pipes that some of them never read. The descriptor itself stays blocking, since it may be
    a terminal that others write to.
    """

    def emit(self, record: logging.LogRecord) -> None:
        try:
            data = _within_pipe(f"{self.format(record)}\n".encode("utf-8", "replace"))
        except Exception:  # noqa: BLE001 - a wrong log call is no reason for its caller to fail
            self.handleError(record)
            return
        with contextlib.suppress(OSError, ValueError):
            ready = select.poll()
            ready.register(2, select.POLLOUT)
            # A pipe that is ready takes PIPE_BUF bytes at once: poll(2), pipe(7).
            if ready.poll(0):
                os.write(2, data)


def _within_pipe(data: bytes) -> bytes:
    """Return what a pipe takes at once; of a long traceback its beginning, and its end, which says what failed."""
    if len(data) <= select.PIPE_BUF:
        return data
    cut = b"\n  ... the whole is in the log file ...\n"
    end = (select.PIPE_BUF - len(cut)) * 3 // 4
    return data[: select.PIPE_BUF - len(cut) - end] + cut + data[-end:]


def log_to_stderr() -> None:
    """Log warnings to stderr from the first moment; other messages go to the file and the editor."""
    handler = StderrLog(logging.WARNING)
    handler.setFormatter(logging.Formatter(FORMAT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("mazu_ls").setLevel(logging.INFO)


def log_to_file(env: Mapping[str, str] = os.environ, logger: logging.Logger | None = None) -> None:
    """Log to a file too, two generations of 2 MiB; an unwritable state directory is reported once. `logger`: of this one only."""
    from logging.handlers import RotatingFileHandler

    from mazu_ls.redact import redact

    class PrivateFile(RotatingFileHandler):
        """Every generation is private to this user (0600), also one that an earlier version left."""

        def _open(self) -> Any:
            file = open(  # noqa: SIM115 - the handler closes it
                self.baseFilename, self.mode, encoding=self.encoding, errors=self.errors, opener=_private
            )
            os.chmod(self.baseFilename, 0o600)  # noqa: PTH101 - as the handler names it
            return file

    class Redacting(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return redact(super().format(record))

    path = log_path(env)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = PrivateFile(path, maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8", errors="replace")
    except OSError as error:
        logging.getLogger(__name__).warning(
            "%s cannot be written (%s); the log is on stderr only.", path, error
        )
        return
    handler.setFormatter(Redacting(FORMAT))
    (logger or logging.getLogger()).addHandler(handler)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class ClientLog(logging.Handler):
    """Sends our warnings and errors, one line each, to the editor's log."""

    def __init__(self, notify: Callable[[str, object], None], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(logging.WARNING)
        self._notify = notify
        self._loop = loop

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - as above
            self.handleError(record)
            return
        if record.exc_info and record.exc_info[1] is not None:
            message = f"{message}: {record.exc_info[1]!r} (details in {log_place()})"
        shown = {"type": LSP_LEVELS.get(record.levelno, 4), "message": message}
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process is ending
            self._loop.call_soon_threadsafe(self._notify, "window/logMessage", shown)
