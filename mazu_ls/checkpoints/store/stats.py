"""Counts and sizes of a project's checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.models import StoreStats
from mazu_ls.checkpoints.store import schema
from mazu_ls.state.store import quarantined

if TYPE_CHECKING:
    import apsw


def store_stats(project: CheckpointContext, db: apsw.Connection, database: Path) -> StoreStats:
    """Return counts and sizes of one project's store; `database` is its memory.db."""
    rescue = project.rescue_folder
    return StoreStats(
        count=schema.count(db),
        bytes=project.repository.bytes(),
        max_bytes=project.settings.max_bytes,
        current=schema.state(db, "current"),
        damaged=tuple(str(path) for path in quarantined(database)),
        rescued=tuple(sorted(str(path) for path in rescue.rglob("*") if not path.is_dir())),
    )
