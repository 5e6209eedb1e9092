"""A map of the project for the prompt: its files and what they define, the most used definitions first.

All work is done in separate processes (process.py, parse.py), which end when they are idle or when this one ends; the
event loop only waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mazu_ls.agent.project_map.ipc import MapAnswer, MapRequest, command
from mazu_ls.errors import Kind, MazuError
from mazu_ls.platform.process_group import CREATION_FLAGS, NEW_SESSION, kill_group
from mazu_ls.state.paths import private_folder
from mazu_ls.tools.shell.environment import without_secrets

if TYPE_CHECKING:
    from mazu_ls.workspace import Workspace

log = logging.getLogger(__name__)
IDLE_SECONDS = 300.0
END_SECONDS = 2.0
START_SECONDS = 5.0
"""How long at most a first process waits for the event after which it should be started."""
SMALL_WINDOW = 16_000
"""Context windows with fewer tokens get no map: they are needed for the task."""
LARGEST_SHARE = 0.05
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""The map multiplies no matrices: starting and ending numpy's threads costs as much as importing all the rest of it."""


def map_token_budget(context_window: int | None, wanted: int) -> int:
    """Return a model's token budget for the map: what the settings want, at most a twentieth of its window, 0 for tiny
    ones."""
    if context_window is None:
        return wanted
    return 0 if context_window < SMALL_WINDOW else min(wanted, int(context_window * LARGEST_SHARE))


class ProjectMap:
    """The map of a workspace, kept up to date in a process that is started when it is first needed.

    `state` is the folder of the cache between runs.
    """

    def __init__(self, workspace: Workspace, state: Path, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._roots = workspace.roots
        self._cache = state / "map.db"
        self._idle_seconds = idle_seconds
        self._changed: set[bytes] = set()
        self._turn = asyncio.Lock()
        self._process: Process | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._closed = False
        self._asking: set[asyncio.Task[MapAnswer]] = set()

    async def refresh(self) -> MapAnswer:
        """Read what changed since the last time; return how many files and definitions there are. Raises MazuError."""
        return await self._asked(MapRequest("refresh"))

    def note_changed(self, path: Path) -> None:
        """Read this file again next time even if its size and times are unchanged. Other changes are detected by these."""
        self._changed.add(os.fsencode(path))

    async def render(
        self,
        budget_tokens: int,
        focus: Sequence[str] = (),
        *,
        patience: float | None = None,
        start_after: asyncio.Event | None = None,
    ) -> str:
        """Return the map in at most `budget_tokens`, ranked for the files in `focus` (paths as the workspace shows
        them).

        "" if there is nothing to show, if the map fails (the log says why), or if it takes longer than `patience`
        seconds, as the first reading of a large project does: the reading continues, and the next call has its result.
        A process that is not there yet is started after `start_after`, or after some seconds.
        """
        if budget_tokens > 0 and self._process is None and start_after is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(START_SECONDS):
                    await start_after.wait()
        if budget_tokens <= 0 or not self._roots or self._closed:
            return ""
        asked = self._asked(MapRequest("render", budget_tokens=budget_tokens, focus=tuple(focus)))
        try:
            async with asyncio.timeout(patience):
                return (await asked).text
        except TimeoutError:
            log.info("the project map is not ready after %s s", patience)
        except MazuError as error:
            log.warning("no project map: %s", error.message)
        return ""

    async def close(self) -> None:
        """End the processes; none is started any more."""
        self._closed = True
        for task in tuple(self._asking):
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        if (process := self._process) is not None:
            self._release()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_SECONDS):
                    await process.wait()
            self._process = process
        await self._end()

    async def _asked(self, ask: MapRequest) -> MapAnswer:
        """Send one request at a time, in order of arrival; cancelling the caller does not disturb the exchange."""
        task = asyncio.create_task(self._exchange(ask))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        task.add_done_callback(_seen)
        return await asyncio.shield(task)

    async def _exchange(self, ask: MapRequest) -> MapAnswer:
        async with self._turn:
            if self._idle:
                self._idle.cancel()
            ask.changed, self._changed = tuple(self._changed), set()
            try:
                answer = await self._sent(ask)
            except (OSError, asyncio.IncompleteReadError) as error:
                self._changed.update(ask.changed)
                await self._end()
                raise MazuError(
                    Kind.INTERNAL,
                    f"The project map's process ended ({type(error).__name__}).",
                    "See the log.",
                ) from error
            except asyncio.CancelledError:
                await self._end()
                raise
            self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._release)
        if answer.error:
            raise MazuError(Kind.INTERNAL, f"The project map failed: {answer.error}.", "See the log.")
        return answer

    async def _sent(self, ask: MapRequest) -> MapAnswer:
        if self._process is None:
            private_folder(self._cache.parent)
            self._process = await asyncio.create_subprocess_exec(
                *command("process", str(self._cache), *map(str, self._roots)),
                stdin=PIPE, stdout=PIPE, cwd=self._cache.parent, start_new_session=NEW_SESSION, creationflags=CREATION_FLAGS,
                env={**_ONE_THREAD, **without_secrets(os.environ)},
            )  # fmt: skip
        process = self._process
        assert process.stdin and process.stdout
        frame = msgspec.msgpack.encode(ask)
        process.stdin.write(len(frame).to_bytes(4, "big") + frame)
        await process.stdin.drain()
        size = int.from_bytes(await process.stdout.readexactly(4), "big")
        return msgspec.msgpack.decode(await process.stdout.readexactly(size), type=MapAnswer)

    def _release(self) -> None:
        """After a long idle time: the process ends by itself once its input is closed."""
        if self._process is not None and self._process.stdin is not None and not self._turn.locked():
            self._process.stdin.close()
            self._process = None

    async def _end(self) -> None:
        if self._idle:
            self._idle.cancel()
        process, self._process = self._process, None
        if process is not None:
            if process.returncode is None:
                kill_group(process.pid)  # git, which lists the files, may be busy with an ignore rule
            await process.wait()


def _seen(task: asyncio.Task[MapAnswer]) -> None:
    """A waiting caller gets the failure; if none is left, log it."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.info("the project map: %s", error)
