"""The proposals that wait to be accepted, often asked for: files are read again only after one has changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from mazu_ls.errors import MazuError
from mazu_ls.memory.store.store import MemoryStore
from mazu_ls.memory.team import shared_folder
from mazu_ls.memory.team.team_memory import TeamMemory
from mazu_ls.state.store import select
from mazu_ls.workspace import project_files

if TYPE_CHECKING:
    from mazu_ls.memory.memories import Memories
    from mazu_ls.memory.models import Memory

log = logging.getLogger(__name__)

_DECIDED = (
    "SELECT (SELECT count(*) FROM memory_shared), (SELECT total(length(versions)) FROM memory_shared),"
    " (SELECT count(*) FROM memory_shared_rejected)"
)
_found: WeakKeyDictionary[MemoryStore, tuple[object, tuple[str, ...]]] = WeakKeyDictionary()


async def count_waiting(memories: Memories, root: Path) -> int:
    """Return how many proposals wait to be accepted: in the project's folder, and from other agents' files.

    0 where they cannot be counted; that is logged.
    """
    store = memories.shelves.project
    try:
        shared = await _shared_ids(store, root) if store is not None else ()
        return len(shared) + (await memories.imported.proposals(1))[1]
    except (MazuError, OSError) as error:
        log.warning("proposals of memories were not counted: %s", error)
        return 0


async def find_changed_files(memories: Memories, root: Path, listed: Iterable[Memory]) -> list[str]:
    """Return the ids of those of these memories whose file in the project's folder says something that was not accepted yet."""
    shared = {memory.shared: memory.id for memory in listed if memory.shared}
    store = memories.shelves.project
    if not shared or store is None:
        return []
    try:
        return [shared[id] for id in await _shared_ids(store, root) if id in shared]
    except (MazuError, OSError) as error:
        log.warning("the files of shared memories were not compared: %s", error)
        return []


async def _shared_ids(store: MemoryStore, root: Path) -> tuple[str, ...]:
    """Return the shared ids that the folder's proposals are about; its files are read again only after one of them or what is shared
    has changed."""
    folder = await asyncio.to_thread(project_files.stamp_folder, root, shared_folder.FOLDER)
    if not folder:
        return ()
    stamp = (folder, await store.read(lambda rows: select(rows.db, _DECIDED)))
    known = _found.get(store)
    if known is None or known[0] != stamp:
        found, _ = await TeamMemory(store, root).proposals()
        known = _found[store] = (stamp, tuple(one.id.partition(".")[0] for one in found))
    return known[1]
