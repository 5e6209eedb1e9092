"""What was typed into the chat before, for the Up key: readable by its user alone, and without secrets."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from prompt_toolkit.history import FileHistory

from mazu_ls.platform import open_flags
from mazu_ls.workspace.atomic_write import replace_private_file


class MessageHistory(FileHistory):
    """A file of messages. Secrets are replaced before one is written there; Up still shows them as typed until the chat ends."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        with suppress(OSError):
            if (
                stat.S_IMODE(path.stat().st_mode) & 0o077
            ):  # of an earlier version, which replaced no secrets either
                replace_private_file(path, _redacted(path.read_text("utf-8", "replace")).encode())

    def store_string(self, string: str) -> None:
        """Append a message to the file."""
        with suppress(OSError):  # a full or read-only disk takes no history, but stops no message
            os.close(
                os.open(
                    self._path, os.O_WRONLY | os.O_CREAT | open_flags.NOFOLLOW | open_flags.CLOEXEC, 0o600
                )
            )
            super().store_string(_redacted(string))


def _redacted(text: str) -> str:
    from mazu_ls.redact import redact  # not before the prompt is drawn

    return redact(text)
