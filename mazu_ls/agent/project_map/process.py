"""The process that holds the project map: files, facts, ranks. Started as `python -m mazu_ls.agent.project_map.process CACHE ROOT...`."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mazu_ls.agent.project_map.cache import MapCache
from mazu_ls.agent.project_map.files import list_source_files
from mazu_ls.agent.project_map.ipc import FileFacts, MapAnswer, MapRequest, answer_requests
from mazu_ls.agent.project_map.pool import ParserPool
from mazu_ls.agent.project_map.rank import ReferenceGraph
from mazu_ls.agent.project_map.render import render_map
from mazu_ls.errors import MazuError
from mazu_ls.gitcmd import distrust_programs
from mazu_ls.workspace import Workspace

log = logging.getLogger(__name__)
LESS_IMPORTANT = 10
"""What is added to the niceness of this process and its readers: no call waits for a map."""
KEEP_EVERY = 2.0
"""Seconds between two saves during a long first reading, so that its progress survives when it is ended halfway."""


def main() -> None:
    """Answer requests until the parent is gone."""
    if hasattr(os, "nice"):
        os.nice(LESS_IMPORTANT)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    held = MapIndex([Path(root) for root in sys.argv[2:]], Path(sys.argv[1]))

    def answer(frame: bytes) -> bytes:
        try:
            answer = held.answer(msgspec.msgpack.decode(frame, type=MapRequest))
        except Exception as error:
            log.exception("the project map failed")
            answer = MapAnswer(error=f"{type(error).__name__}: {error}")
        return msgspec.msgpack.encode(answer)

    answer_requests(answer)
    held.close()


class MapIndex:
    """Facts of all files, the graph built from them, and the cache on disk if there is one."""

    def __init__(self, roots: Sequence[Path], cache: Path) -> None:
        self._workspace = Workspace(roots)
        distrust_programs(roots)
        self._readers = ParserPool(roots)
        self._cache: MapCache | None = None
        self._facts: dict[bytes, FileFacts] = {}
        self._graph: ReferenceGraph | None = None
        try:
            self._cache = MapCache.open(cache)
            self._facts = self._cache.load()
        except MazuError as error:
            log.warning("the project map is not kept: %s", error.message)

    def answer(self, ask: MapRequest) -> MapAnswer:
        """Carry out a request."""
        parsed = self._refresh(set(ask.changed))
        graph = self._graph or ReferenceGraph([self._facts[path] for path in sorted(self._facts)])
        self._graph = graph
        text = ""
        if ask.kind == "render":
            text = render_map(graph, self._numbers(ask.focus), ask.budget_tokens, self._shown)
        return MapAnswer(text, len(self._facts), len(graph.file_of), parsed)

    def close(self) -> None:
        """End the readers and close the cache."""
        self._readers.close()
        if self._cache is not None:
            self._cache.close()

    def _refresh(self, changed: set[bytes]) -> int:
        present = list_source_files(self._workspace.roots)
        stale = [
            path
            for path, stamp in present.items()
            if path in changed or path not in self._facts or not self._facts[path].matches(stamp)
        ]
        gone = [path for path in self._facts if path not in present]
        for path in gone:
            del self._facts[path]
        unsaved: list[FileFacts] = []
        saved = time.monotonic()
        for batch in self._readers.read(stale) if stale else ():
            read = [f if f.size >= 0 else FileFacts(f.path, *present[f.path]) for f in batch]
            self._facts.update((f.path, f) for f in read)
            unsaved += read
            if time.monotonic() - saved > KEEP_EVERY:
                self._save(unsaved, ())
                unsaved, saved = [], time.monotonic()
        if stale or gone:
            self._graph = None
            self._save(unsaved, gone)
        return len(stale)

    def _save(self, changed: Sequence[FileFacts], gone: Sequence[bytes]) -> None:
        if self._cache is not None:
            try:
                self._cache.store(changed, gone)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with the disk, the map in memory is right
                log.warning("the project map is not kept: %s", error)
                self._cache = None

    def _numbers(self, focus: Sequence[str]) -> list[int]:
        wanted: set[bytes] = set()
        for name in focus:
            with contextlib.suppress(MazuError):  # a mentioned file need not exist or lie inside
                wanted.add(os.fsencode(self._workspace.resolve(name)))
        return [number for number, path in enumerate(sorted(self._facts)) if path in wanted] if wanted else []

    def _shown(self, path: bytes) -> str:
        return self._workspace.relative(Path(os.fsdecode(path)))


if __name__ == "__main__":
    main()
