"""Keeps apart what must not happen at once: a command that nobody approved, and the start of a server from files of the project.

The look at the files and the start that follows are no single step: such a command could replace a file between them.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mazu_ls.tools.shell.process import ChildProcess

HELD = 8.0
"""Seconds for which a start keeps commands waiting; it has read its files by then."""
PAUSE = 0.1


class GatedCommand:
    """A command that nobody approved. `child` is None until its process was made."""

    child: ChildProcess | None = None


class StartGate:
    """The commands and the starts of one process."""

    def __init__(self) -> None:
        self._commands: list[GatedCommand] = []
        self._starts: dict[object, float] = {}

    async def enter(self) -> GatedCommand:
        """Return an entry for a command, once no server is just being started. It counts from now on, so that no other server
        begins to start while it waits, and until its child has ended."""
        command = GatedCommand()
        self._commands.append(command)
        try:
            while any(time.monotonic() < until for until in self._starts.values()):  # noqa: ASYNC110 - time is no event
                await asyncio.sleep(PAUSE)
        except BaseException:
            self.leave(command)
            raise
        return command

    def leave(self, command: GatedCommand) -> None:
        """Forget a command that was not started."""
        self._commands = [one for one in self._commands if one is not command]

    @property
    def is_quiet(self) -> bool:
        """Return whether no such command runs, or waits for its turn."""
        self._commands = [one for one in self._commands if one.child is None or one.child.running]
        return not self._commands

    async def begin_start(self, server: object) -> None:
        """Return once no command runs; from then on new ones wait until the server is released, or for HELD seconds."""
        while not self.is_quiet:  # noqa: ASYNC110 - a process may end unseen
            await asyncio.sleep(PAUSE)
        self._starts[server] = time.monotonic() + HELD

    def release(self, server: object) -> None:
        """Say that a server was started, or will not be."""
        self._starts.pop(server, None)


GATE = StartGate()
