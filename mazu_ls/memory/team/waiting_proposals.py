"""Counts the proposals that wait to be accepted, often asked for: files are read again only after one has changed."""

from __future__ import annotations

import asyncio
import logging
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

log = logging.getLogger(__name__)

_DECIDED = (
    "SELECT (SELECT count(*) FROM memory_shared), (SELECT total(length(versions)) FROM memory_shared),"
    " (SELECT count(*) FROM memory_shared_rejected)"
)
_counted: WeakKeyDictionary[MemoryStore, tuple[object, int]] = WeakKeyDictionary()


async def count_waiting(memories: Memories, root: Path) -> int:
    """Return how many proposals wait to be accepted: in the project's folder, and from other agents' files.

    0 where they cannot be counted; that is logged.
    """
    store = memories.shelves.project
    try:
        shared = await _count_shared(store, root) if store is not None else 0
        return shared + (await memories.imported.proposals(1))[1]
    except (MazuError, OSError) as error:
        log.warning("proposals of memories were not counted: %s", error)
        return 0


async def _count_shared(store: MemoryStore, root: Path) -> int:
    """Count the proposals of the folder; its files are read again only after one of them or what is shared has changed."""
    folder = await asyncio.to_thread(project_files.stamp_folder, root, shared_folder.FOLDER)
    if not folder:
        return 0
    stamp = (folder, await store.read(lambda rows: select(rows.db, _DECIDED)))
    known = _counted.get(store)
    if known is None or known[0] != stamp:
        found, _ = await TeamMemory(store, root).proposals()
        known = _counted[store] = (stamp, len(found))
    return known[1]
