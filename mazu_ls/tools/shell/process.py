"""Child processes with a reliable end: own process group, no input, one pipe for all output."""

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

from mazu_ls.platform import open_flags
from mazu_ls.platform.child_mark import MARK
from mazu_ls.platform.process_group import CREATION_FLAGS, NEW_SESSION, ask_group_to_end, kill_group

GRACE = 0.25  # seconds between SIGTERM and SIGKILL: a cancelled turn has to end within half a second
ROUNDS = 5  # of killing what is left: who forks meanwhile is met in the next one
Process = tuple[int, int]
"""A pid and its start time in clock ticks since boot, because pids are reused."""


@dataclass
class ChildProcess:
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
        """Return its exit code, or minus the signal that ended it. Cancelling the wait leaves it running."""
        return await asyncio.shield(self._ended)

    async def end(self) -> int:
        """Send SIGTERM to the whole group, SIGKILL after GRACE seconds, also to processes that left the group; return
        like `wait`."""
        known: frozenset[Process] = frozenset()
        if self.running:
            known = await asyncio.to_thread(running_descendants, self.mark, self.popen.pid)
            ask_group_to_end(self.popen.pid)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), GRACE)
        await self.sweep(known)
        return await self.wait()

    async def sweep(self, known: frozenset[Process] = frozenset()) -> int:
        """Kill what is left of the group, of those who left it and of `known`; return how many there were.

        The tree first, while its top still holds detached processes together (see `supervisor`).
        """
        top = self.popen.pid if self.running else None
        met = await asyncio.to_thread(kill, self.mark, known, top)
        kill_group(self.popen.pid)
        return len([pid for pid, _ in met if pid != self.popen.pid])

    def close(self) -> None:
        """Close the pipe; what others still write to it is lost."""
        self._transport.close()


async def spawn(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    pass_fds: Sequence[int] = (),
) -> ChildProcess:
    """Start a child process. Raises OSError."""
    loop = asyncio.get_running_loop()
    mark = secrets.token_hex(12)
    read, write = os.pipe2(open_flags.CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
    ended: asyncio.Future[int] = loop.create_future()
    try:
        popen = await _in_own_thread(
            lambda: subprocess.Popen(
                argv, cwd=cwd, env={**env, MARK: mark}, stdin=subprocess.DEVNULL, stdout=write, stderr=write,
                pass_fds=pass_fds, start_new_session=NEW_SESSION, creationflags=CREATION_FLAGS,
            ),
            ended,
            mark,
        )  # fmt: skip
    except BaseException:
        os.close(read)
        raise
    finally:
        os.close(write)
    reader = asyncio.StreamReader(limit=2**17, loop=loop)
    try:
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", 0)
        )
    except BaseException:  # nobody will get the child to end it
        threading.Thread(target=_kill_group, args=(popen, mark), daemon=True).start()
        raise
    return ChildProcess(popen, reader, mark, ended, transport)


async def _in_own_thread(
    start: Callable[[], subprocess.Popen[bytes]], ended: asyncio.Future[int], mark: str
) -> subprocess.Popen[bytes]:
    """Start in a thread that stays until the child has ended.

    A child that asks to die with its parent (bubblewrap, by PR_SET_PDEATHSIG) dies with the thread that started it.
    """
    loop = asyncio.get_running_loop()
    started: asyncio.Future[subprocess.Popen[bytes]] = loop.create_future()

    def run() -> None:
        try:
            popen = start()
        except BaseException as error:  # noqa: BLE001  handed to the caller, whatever it is
            loop.call_soon_threadsafe(_resolve, started, None, error, mark)
            return
        loop.call_soon_threadsafe(_resolve, started, popen, None, mark)
        code = popen.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: ended.done() or ended.set_result(code))

    threading.Thread(target=run, name="child", daemon=True).start()
    return await started


def _resolve(
    started: asyncio.Future[subprocess.Popen[bytes]],
    popen: subprocess.Popen[bytes] | None,
    error: BaseException | None,
    mark: str,
) -> None:
    if started.cancelled():  # nobody waits any more: the child must not live on
        if popen is not None:
            threading.Thread(target=_kill_group, args=(popen, mark), daemon=True).start()
    elif error is not None:
        started.set_exception(error)
    elif popen is not None:
        started.set_result(popen)


def _kill_group(popen: subprocess.Popen[bytes], mark: str) -> None:
    """Kill the child, its group, and those who left the group already."""
    kill(mark, top=popen.pid if popen.poll() is None else None)
    kill_group(popen.pid)


def kill(mark: str, known: frozenset[Process] = frozenset(), top: int | None = None) -> frozenset[Process]:
    """Kill processes that carry the mark, are `top` or in `known`, and all their descendants; return them.

    All are stopped first: a child forked while its parent is killed would be orphaned, and live on.
    """
    met, stopped = known, frozenset[Process]()
    for _ in range(ROUNDS):
        left = running_descendants(mark, top, met)
        met |= left
        if not left - stopped:
            break
        for pid, _started in left - stopped:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGSTOP)
        stopped |= left
    for pid, _started in stopped:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return met


def running_descendants(
    mark: str, pid: int | None = None, known: frozenset[Process] = frozenset()
) -> frozenset[Process]:
    """Return processes that carry the mark in their environment, are `pid` or in `known`, or descend from one of these.

    This includes those in a session of their own, and those of them that cleared their environment.
    """
    needle = f"{MARK}={mark}".encode()
    found: set[Process] = set()
    parents: dict[Process, int] = {}
    with contextlib.suppress(FileNotFoundError):  # no /proc: the group has to do
        for place in Path("/proc").iterdir():
            if place.name.isdigit():
                with contextlib.suppress(OSError):
                    process, parent = _stat(place)
                    parents[process] = parent
                    if process[0] == pid or process in known or needle in (place / "environ").read_bytes():
                        found.add(process)
    more = found
    while more:
        pids = {process[0] for process in more}
        more = {child for child, parent in parents.items() if parent in pids} - found
        found |= more
    return frozenset(found)


def _stat(place: Path) -> tuple[Process, int]:
    """Return fields 1, 22 and 4 of proc_pid_stat(5), after a name that may hold anything. Raises ProcessLookupError for
    the dead."""
    data = (place / "stat").read_bytes()
    fields = data[data.rindex(b")") + 2 :].split()
    if fields[0] in (b"Z", b"X"):
        raise ProcessLookupError
    return (int(place.name), int(fields[19])), int(fields[1])
