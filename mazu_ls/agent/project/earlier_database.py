"""Imports the rows of a `.mazu/memory.db` that a version before 0.1 kept in this project, once."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from mazu_ls.errors import MazuError
from mazu_ls.state import paths
from mazu_ls.state.identity import read_marker
from mazu_ls.workspace import project_files
from mazu_ls.workspace.visible_text import plural

if TYPE_CHECKING:
    from pathlib import Path

    from mazu_ls.memory.memories import Memories

log = logging.getLogger(__name__)
DATABASE = f"{paths.PROJECT_FOLDER}/memory.db"


async def take_over_earlier_database(root: Path, state: Path, memories: Memories) -> str | None:
    """Return a notice for the user about what was imported; None if there was nothing to do.

    Only if this machine's own state shows that an earlier version worked here: a clone may bring such a database along,
    but not that. The file may have been changed since, so its rows are untrusted: unpinned and with their origin
    marked.
    """
    done = state / "earlier-database-taken"
    if not await asyncio.to_thread(_is_due, root, state, done):
        return None
    try:
        taken = await memories.import_rows(root / DATABASE)
    except MazuError as error:
        await asyncio.to_thread(done.touch, 0o600)
        return f"{DATABASE} of an earlier version was not imported: {error.message} {error.hint}"
    await asyncio.to_thread(done.touch, 0o600)
    for problem in taken.problems:
        log.warning("%s: %s", root / DATABASE, problem)
    return (
        f"{DATABASE}, which an earlier version kept here, was imported: {plural(taken.count, 'memory', 'memories')}, marked with"
        " that origin and not pinned. The file is no longer used."
    )


def _is_due(root: Path, state: Path, done: Path) -> bool:
    try:
        marker = read_marker(state)
        return (
            marker is not None
            and marker.legacy is not None
            and not done.exists()
            and project_files.is_regular(root, DATABASE)
        )
    except OSError as error:
        log.warning("%s: %s", root / DATABASE, error)
        return False
