"""Running commands: their output in a spool on disk, so that a flood costs no memory, readable while they run and
after."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import itertools
import logging
import os
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from mazu_ls.platform.closed_ports import closed_port
from mazu_ls.state import command_folder
from mazu_ls.tools import output_limits
from mazu_ls.tools.shell import resource_limits
from mazu_ls.tools.shell.process import ChildProcess, running_descendants

log = logging.getLogger(__name__)
SPOOL_BYTES = 256 * 2**20
STREAMED_CHARS = 64 * 1024
CHUNK = 2**16
HEAD, TAIL = 8 * 1024, 20 * 1024  # bytes of a long output that the model is shown
DRAIN = 0.5  # seconds to wait for the rest of the output once the command has ended
Finish = Callable[[], Awaitable[list[str]]]
Listens = Callable[[int], Awaitable[None]]


@dataclass
class BackgroundProcess:
    """One command. `code` is None while it runs; `spool` holds its output, `room` bytes of it at most; `size` counts it, including what
    no longer fits.

    `over` says which resource limit ended it; `finish` runs once when it has ended, and returns notes for the model.
    `turn` is the id of the turn that started it, at `begun`.
    `listens` is told once a port on which it listens and that nobody outside of its sandbox reaches.
    """

    name: str
    command: str
    child: ChildProcess
    spool: BinaryIO
    scratch: Path
    turn: str
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)
    size: int = 0
    room: int = SPOOL_BYTES
    code: int | None = None
    left: int = 0
    read_to: int = 0
    over: str | None = None
    finish: Finish | None = None
    listens: Listens | None = None
    notes: list[str] = field(default_factory=list)
    _grown: asyncio.Event = field(default_factory=asyncio.Event)
    _reader: asyncio.Task[None] | None = None
    _watch: asyncio.Task[None] | None = None
    _ending: asyncio.Task[None] | None = None
    _released: asyncio.Task[None] | None = None

    @classmethod
    def start(
        cls,
        name: str,
        command: str,
        child: ChildProcess,
        scratch: Path,
        emit: Callable[[str], None],
        *,
        turn: str = "",
        finish: Finish | None = None,
        listens: Listens | None = None,
    ) -> BackgroundProcess:
        """Start to collect output; `emit` gets the first STREAMED_CHARS of it as it arrives."""
        spool = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  lives as long as its output may be read
        running = cls(name, command, child, spool, scratch, turn, finish=finish, listens=listens)
        running._reader = asyncio.create_task(running._collect(emit))
        if resource_limits.supported():
            running._watch = asyncio.create_task(running._hold_limits())
        return running

    async def wait_ended(self) -> int:
        """Wait until the command itself ends. What it left running is killed, so that it cannot hold up the turn."""
        if self._ending is not None:
            await asyncio.shield(self._ending)
        else:
            await self._clean_up_at_end()
        assert self.code is not None
        return self.code

    def clean_up_when_ended(self) -> None:
        """For a command that nobody waits for: release its resources as soon as it ends by itself."""
        self._ending = asyncio.create_task(self._clean_up_at_end())

    async def _clean_up_at_end(self) -> None:
        self.code = await self.child.wait()
        assert self._reader is not None
        await asyncio.wait([self._reader], timeout=DRAIN)
        self.left = await self.child.sweep()
        await self._release_once()

    def take_notes(self) -> list[str]:
        """Return notes for the model besides the output; each is given once."""
        notes, self.notes = self.notes, []
        return notes

    async def wait_output(self, start: int, seconds: float) -> None:
        """Wait until there is output after byte `start` or none will come, for `seconds` at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.size <= start and self._reader is not None and not self._reader.done():
                    self._grown.clear()
                    await self._grown.wait()

    async def ends_within(self, seconds: float) -> bool:
        """Wait for the end of a command that nobody waits for, for `seconds` at most; return whether it came."""
        until = time.monotonic() + seconds
        while self.child.running:  # the rest, once it has ended, may take longer
            if time.monotonic() >= until:
                return False
            await asyncio.sleep(0.02)
        await self.wait_ended()
        return True

    async def stop(self) -> int:
        """End it and all its children; one that has ended is only released."""
        if self._released is None and (self.code is None or self._ending is None):
            self.code = await self.child.end()
        if self._ending is not None:
            await asyncio.shield(self._ending)
        await self._release_once()
        assert self.code is not None
        return self.code

    async def _release_once(self) -> None:
        """Release once, whoever asks first; the others wait for it."""
        if self._released is None:
            self._released = asyncio.create_task(self._release())
        await asyncio.shield(self._released)

    async def _release(self) -> None:
        if self._reader is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._reader, DRAIN)
        self.child.close()
        if self._watch is not None:
            self._watch.cancel()
        if self.finish is not None:
            finish, self.finish = self.finish, None
            try:
                self.notes += await finish()
            except Exception:
                log.exception("what %s made could not be looked at", self.name)
                self.notes.append("[what the command made could not be looked at; the log says why]")
                return  # with what is in its folder
        try:
            await asyncio.to_thread(
                command_folder.discard, self.scratch
            )  # last: `finish` may keep what is in it
        except RecursionError:
            log.warning("%s is too deep to be removed", self.scratch)

    async def _hold_limits(self) -> None:
        """End the command when it and its children together pass a limit."""
        rounds, meter = itertools.count(1), resource_limits.ScratchMeter(self.scratch)
        while self.over is None and self.child.running:
            await asyncio.sleep(resource_limits.INTERVAL)
            looks = (
                self.listens is not None and next(rounds).bit_count() == 1
            )  # ever more seldom: it costs some ms
            self.over, port = await asyncio.to_thread(self._look, meter, looks)
            if port is not None and self.listens is not None:
                listens, self.listens = self.listens, None
                try:
                    await listens(port)
                except Exception:  # the limits must hold all the same
                    log.exception("that %s listens could not be said", self.name)
        if self.over is not None:
            await self.child.sweep()

    def _look(self, meter: resource_limits.ScratchMeter, at_ports: bool) -> tuple[str | None, int | None]:
        """Return which limit is passed, and, where `at_ports`, the port on which it listens."""
        pids = [pid for pid, _ in running_descendants(self.child.mark, self.child.popen.pid)]
        over = resource_limits.exceeded(resource_limits.measure(pids, meter.look()))
        return over, closed_port(pids) if at_ports else None

    async def _collect(self, emit: Callable[[str], None]) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        streamed = 0
        while data := await self.child.output.read(CHUNK):
            if self.size < self.room:
                self._keep(data)
            self.size += len(data)
            self._grown.set()
            if streamed < STREAMED_CHARS:
                decoded = decoder.decode(data)
                text = output_limits.clean(decoded)
                if output_limits.is_noisy(decoded, text):
                    text = output_limits.output(data)
                text = text[: STREAMED_CHARS - streamed]
                streamed += len(text)
                emit(text if streamed < STREAMED_CHARS else f"{text}\n[more output is not shown here]\n")
        self._grown.set()

    def _keep(self, data: bytes) -> None:
        """Write output into the spool; on a full disk what follows is only counted, so that the command is not held up."""
        written = 0
        with contextlib.suppress(OSError):
            written = self.spool.write(data) or 0
        if written != len(data):
            self.room = self.size + written

    def text(self, start: int, length: int) -> str:
        """Return at most `length` bytes of output from byte `start`, as clean text."""
        return output_limits.output(os.pread(self.spool.fileno(), length, start))

    def summary(self) -> str:
        """Return the whole output, or its beginning and end with a pointer to what is between."""
        kept = min(self.size, self.room)
        full = ": the disk for temporary files is full" if self.room < SPOOL_BYTES else ""
        lost = f"\n[of {self.size} bytes only the first {kept} were kept{full}]" if self.size > kept else ""
        if kept <= HEAD + TAIL:
            return f"{self.text(0, kept)}{lost}"
        gap = kept - TAIL - HEAD
        pointer = f'[{gap} bytes left out; shell_output with id="{self.name}", offset={HEAD} reads them]'
        return f"{self.text(0, HEAD)}\n{pointer}\n{self.text(kept - TAIL, TAIL)}{lost}"

    @property
    def how(self) -> str:
        """Describe how it ended."""
        if self.code is None:
            return f"still running after {time.monotonic() - self.started:.0f} s"
        if self.over is not None:
            return f"ended: {self.over}"
        if self.code < 0:
            return f"ended by {signal.Signals(-self.code).name}"
        # A shell reports a child's signal as 128 + its number.
        if self.code > 128 and self.code - 128 in {s.value for s in signal.Signals}:
            return f"exit code {self.code} ({signal.Signals(self.code - 128).name})"
        return f"exit code {self.code}"
