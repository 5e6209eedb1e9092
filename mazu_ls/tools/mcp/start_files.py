"""The files of the project that an MCP server is started from, each as it was when the user agreed to the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mazu_ls.config.config import McpServer
from mazu_ls.config.mcp_places import NamedPlaces
from mazu_ls.tools.mcp.start_gate import GATE
from mazu_ls.tools.mcp.start_state import StartState
from mazu_ls.tools.skills.trust import digest_of
from mazu_ls.workspace.visible_text import make_line

if TYPE_CHECKING:
    from mazu_ls.tools.skills.trust import Brought, TrustPin, TrustStore

LOOK_AGAIN = 15.0
"""Seconds after which a server that waits looks again: an undo may have restored the file, another program the consent."""
SHOWN = 5
HELD_BY_COMMANDS = (
    "it waits until the commands that nobody approved have ended, since they could write its files"
)
Found = Sequence[tuple[str, bytes]]
"""Names of places and what is there."""


class StartFiles:
    """What the entry of one server names in the project (config.mcp_places), compared before each start.

    The first look at an entry records what is there: the entry was agreed to just now, or is the user's own.
    """

    def __init__(
        self, trust: TrustStore, pin: str, entry: McpServer, roots: Sequence[Path], search: str
    ) -> None:
        """`pin` is the name of the server's own pin, `search` the PATH that its command is looked up in."""
        self._trust = trust
        self._first = f"{pin}/"
        """Name of no place: marks that what this entry names was recorded."""
        self._mark = msgspec.json.encode(entry)
        self._entry = entry
        self._roots = roots
        self._search = search
        self._woken = asyncio.Event()
        self.waiting: Found = ()

    def changed(self) -> Found:
        """Return the places with something else than the user agreed to, none before the first look. Reads files: call it off
        the event loop."""
        found = self._find()
        pins = _pins(self._trust.list()) if found else set[tuple[str, str]]()
        if (self._first, digest_of(self._mark)) not in pins:
            return []
        return [(name, state) for name, state in found if (self._first + name, digest_of(state)) not in pins]

    async def agree(self, seen: Found | None = None) -> None:
        """Record the consent to what was seen, by default to all that is there now."""
        await asyncio.to_thread(self._record, seen)
        self._woken.set()

    def release(self) -> None:
        """Say that the server has been started, or that its start failed."""
        GATE.release(self)

    async def wait_agreed(self, waits: Callable[[str, bool], None]) -> None:
        """Return once the user agreed to all that is there. `waits` is called with the reason why the server waits,
        and whether that is for the user.

        No command that nobody approved runs then, and new ones wait until `release`.
        """
        if self._entry.command is None or not self._roots or not await asyncio.to_thread(self._names_any):
            return
        while True:
            self._woken.clear()
            if not GATE.is_quiet:
                waits(HELD_BY_COMMANDS, False)
            await GATE.begin_start(self)
            await asyncio.to_thread(self._record_first)
            self.waiting = await asyncio.to_thread(self.changed)
            if not self.waiting:
                return
            self.release()
            changed = f"it is started from files of the project that changed: {names_of(self.waiting)}"
            waits(f"it waits, since {changed}; see `mazu-ls trust`", True)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN):
                    await self._woken.wait()

    def _names_any(self) -> bool:
        places = NamedPlaces(self._entry, self._roots, self._search)
        return bool(places.existing or places.entries or places.missing)

    def _find(self) -> Found:
        if self._entry.command is None or not self._roots:
            return []
        places = NamedPlaces(self._entry, self._roots, self._search)
        look = StartState(self._roots)
        states = [
            (look.name(place), look.read_place(place, is_started=place in places.entries))
            for place in sorted({**places.existing, **places.entries})
        ]
        return [(name, state) for name, state in states if state is not None]

    def _record_first(self) -> None:
        mark = (self._first, digest_of(self._mark))
        if mark not in _pins(self._trust.list()):
            self._record(None, only_if=lambda pins: mark not in _pins(pins))

    def _record(
        self, seen: Found | None, only_if: Callable[[tuple[TrustPin, ...]], bool] = lambda pins: True
    ) -> None:
        found = self._find() if seen is None else seen
        named = [("", self._mark), *found]
        pins: list[tuple[Brought, str, bytes]] = [
            ("mcp_file", self._first + name, state) for name, state in named
        ]
        self._trust.agree_all(pins, only_if=only_if)


def _pins(pins: Sequence[TrustPin]) -> set[tuple[str, str]]:
    return {(pin.name, pin.digest) for pin in pins if pin.kind == "mcp_file"}


def names_of(found: Found) -> str:
    """Return the names of some places, for a sentence."""
    names = [make_line(name, 200) for name, _ in found]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
