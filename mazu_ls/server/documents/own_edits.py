"""Which changes of the open documents mazu-ls made itself: without them, an edit made again looks like the late first one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

Explained = Callable[[str, range], None]
"""Gets a document's URI and the numbers of the changes (`OpenDocuments.changes`) that a request made."""


class OwnEdits:
    """The edits that the editor was asked to make and that somebody still waits for, by document."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}
        self._idle: dict[str, asyncio.Event] = {}
        self._listeners: list[Explained] = []

    def begin(self, uri: str) -> None:
        """A request to edit a document is sent."""
        self._open[uri] = self._open.get(uri, 0) + 1

    def end(self, uri: str, made: range) -> None:
        """Nobody waits for a request any more, which made these changes; none if it failed."""
        self.explain(uri, made)
        self._open[uri] -= 1
        if self._open[uri] == 0:
            del self._open[uri]
            if idle := self._idle.pop(uri, None):
                idle.set()

    def explain(self, uri: str, made: range) -> None:
        """A request of ours made these changes."""
        for listener in tuple(self._listeners) if made else ():
            listener(uri, made)

    async def idle(self, uri: str) -> None:
        """Wait until nobody waits for an edit of a document."""
        while uri in self._open:
            await self._idle.setdefault(uri, asyncio.Event()).wait()

    def watch(self, listener: Explained) -> Callable[[], None]:
        """Call `listener` with what is explained from now on; return a function that stops that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
