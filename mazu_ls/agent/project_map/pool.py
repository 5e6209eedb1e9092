"""The processes that parse files for the project map: several while much is to be read, one kept for later changes."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, LifoQueue
from typing import IO, Any, cast

import msgspec

from mazu_ls.agent.project_map.ipc import FileFacts, command, read_frame, write_frame
from mazu_ls.tools.shell.environment import without_secrets

log = logging.getLogger(__name__)
BATCH = 48
MOST = 4


class ParserPool:
    """Parses files in processes that end when this one does, because their pipe ends."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._command = command("parse", *map(str, roots))
        self._idle: LifoQueue[subprocess.Popen[bytes]] = LifoQueue()

    def read(self, paths: Sequence[bytes]) -> Iterator[list[FileFacts]]:
        """Yield the facts of all paths, batch by batch. A file that crashes its reader counts as one without
        definitions."""
        batches = [paths[at : at + BATCH] for at in range(0, len(paths), BATCH)]
        if len(batches) == 1:
            yield self._batch(batches[0])
            return
        with ThreadPoolExecutor(min(MOST, _processors())) as threads:
            yield from threads.map(self._batch, batches)
        self.close(keep=1)

    def close(self, keep: int = 0) -> None:
        """End the idle processes except `keep` of them."""
        while self._idle.qsize() > keep:
            _end(self._idle.get_nowait())

    def _batch(self, paths: Sequence[bytes]) -> list[FileFacts]:
        found = self._ask(paths)
        if found is None and len(paths) == 1:  # the reader may have ended while it was idle
            found = self._ask(paths)
        if found is not None:
            return found
        if len(paths) == 1:
            log.warning("%s could not be parsed: its reader ended", os.fsdecode(paths[0]))
            return [FileFacts(paths[0], -1, 0, 0)]
        return [one for path in paths for one in self._batch([path])]

    def _ask(self, paths: Sequence[bytes]) -> list[FileFacts] | None:
        try:
            reader = self._idle.get_nowait()
        except Empty:
            reader = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=without_secrets(os.environ)
            )
        incoming, outgoing = cast("IO[bytes]", reader.stdout), cast("IO[bytes]", reader.stdin)
        try:
            write_frame(cast(Any, outgoing), msgspec.msgpack.encode(list(paths)))
            frame = read_frame(cast(Any, incoming))
        except OSError:
            frame = None
        if frame is None:
            _end(reader)
            return None
        self._idle.put(reader)
        return msgspec.msgpack.decode(frame, type=list[FileFacts])


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _end(reader: subprocess.Popen[bytes]) -> None:
    for pipe in (reader.stdin, reader.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:  # output that was not written yet does not matter
                continue
    reader.kill()
    reader.wait()
