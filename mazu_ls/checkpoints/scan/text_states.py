"""The states of stored files as texts, remembered: comparing a file with an editor's text seldom has to read it from the store."""

from __future__ import annotations

from collections.abc import Callable

from mazu_ls.checkpoints.git.objects import BLOB, object_id
from mazu_ls.checkpoints.scan.file_state import State, text_state
from mazu_ls.errors import MazuError
from mazu_ls.workspace.text import NotText, decode

MOST = 4096
"""Number of files that are remembered."""
LONGEST = 1 << 20
"""Characters of a text above which it is not remembered before it is asked for."""


class TextStates:
    """States of files as texts, by the id of their content: what was found once holds for ever."""

    def __init__(self, read: Callable[[bytes], bytes]) -> None:
        """`read` returns an object of the store."""
        self._read = read
        self._known: dict[bytes, State] = {}

    def note(self, text: str | None) -> State:
        """Return the state of a text, and remember that of the UTF-8 file that holds it: most files are such."""
        if text is not None and len(text) <= LONGEST:
            data = text.encode("utf-8", "surrogatepass")
            self._remember(object_id(BLOB, data), data)
        return text_state(text)

    def state_of(self, oid: bytes) -> State:
        """Return the state of a stored file as a text; None if it is no text, or not in the store."""
        if oid not in self._known:
            try:
                data = self._read(oid)
            except MazuError:
                return None
            self._remember(oid, data)
        return self._known[oid]

    def _remember(self, oid: bytes, data: bytes) -> None:
        if oid in self._known:
            return
        if len(self._known) >= MOST:
            self._known.clear()
        try:
            self._known[oid] = text_state(decode(data).text)
        except NotText:
            self._known[oid] = None
