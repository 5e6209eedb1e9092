"""Children that end when they are told to: own process group, no input, one pipe for all output, confined before they start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GRACE = 2.0  # seconds between SIGTERM and SIGKILL
MARK = "MAZU_CHILD"
Confine = Callable[[], None]


@dataclass
class Child:
    """One running process with its group. `output` is its standard output and error, as a reader of bytes."""

    popen: subprocess.Popen[bytes]
    output: asyncio.StreamReader
    mark: str
    _ended: asyncio.Future[int]
    _transport: asyncio.ReadTransport

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not self._ended.done()

    async def wait(self) -> int:
        """Its exit code, or minus the signal that ended it. Cancelling the wait leaves it running."""
        return await asyncio.shield(self._ended)

    async def end(self) -> int:
        """SIGTERM to the whole group, SIGKILL after GRACE seconds, and to whatever left the group; returns like `wait`."""
        if self.running:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), GRACE)
        await self.sweep()
        return await self.wait()

    async def sweep(self) -> int:
        """Kill what is left of the group, and those who left it, and return how many there were."""
        left = await asyncio.to_thread(marked, self.mark)
        self._signal(signal.SIGKILL)
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return len([pid for pid in left if pid != self.popen.pid])

    def close(self) -> None:
        """Let go of the pipe; what others still write to it is lost."""
        self._transport.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, number)


async def spawn(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    confine: Confine | None = None,
    pass_fds: Sequence[int] = (),
) -> Child:
    """Start a child. `confine` runs in the thread that starts it, whose restrictions it inherits. Raises OSError."""
    loop = asyncio.get_running_loop()
    mark = secrets.token_hex(12)
    read, write = os.pipe2(os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
    ended: asyncio.Future[int] = loop.create_future()
    try:
        popen = await _in_own_thread(
            lambda: subprocess.Popen(
                argv, cwd=cwd, env={**env, MARK: mark}, stdin=subprocess.DEVNULL, stdout=write, stderr=write,
                pass_fds=pass_fds, start_new_session=True,
            ),
            confine,
            ended,
        )  # fmt: skip
    except BaseException:
        os.close(read)
        raise
    finally:
        os.close(write)
    reader = asyncio.StreamReader(limit=2**17, loop=loop)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", 0)
    )
    return Child(popen, reader, mark, ended, transport)


async def _in_own_thread(
    start: Callable[[], subprocess.Popen[bytes]], confine: Confine | None, ended: asyncio.Future[int]
) -> subprocess.Popen[bytes]:
    """Start in a thread that stays until the child has ended.

    Landlock and seccomp bind the calling thread and its children; and a child that wants to die with its parent
    (bubblewrap, by PR_SET_PDEATHSIG) dies with the thread that started it.
    """
    loop = asyncio.get_running_loop()
    started: asyncio.Future[subprocess.Popen[bytes]] = loop.create_future()

    def run() -> None:
        try:
            if confine is not None:
                confine()
            popen = start()
        except BaseException as error:  # noqa: BLE001  handed to the caller, whatever it is
            loop.call_soon_threadsafe(_settle, started, None, error)
            return
        loop.call_soon_threadsafe(_settle, started, popen, None)
        code = popen.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(lambda: ended.done() or ended.set_result(code))

    threading.Thread(target=run, name="child", daemon=True).start()
    return await started


def _settle(
    started: asyncio.Future[subprocess.Popen[bytes]],
    popen: subprocess.Popen[bytes] | None,
    error: BaseException | None,
) -> None:
    if started.cancelled():  # nobody waits any more: the child must not live on
        if popen is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(popen.pid, signal.SIGKILL)
    elif error is not None:
        started.set_exception(error)
    elif popen is not None:
        started.set_result(popen)


def marked(mark: str) -> list[int]:
    """Processes that carry the mark in their environment: also those that made themselves a session of their own."""
    found = []
    needle = f"{MARK}={mark}".encode()
    with contextlib.suppress(FileNotFoundError):  # no /proc: the group has to do
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if needle in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
    return found
