"""The files that rollbacks wrote and that no checkpoint has seen since."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.store import schema

if TYPE_CHECKING:
    import apsw


def unseen_files(db: apsw.Connection) -> list[Path]:
    """Return the files that a rollback wrote since the base was taken, or since their folder was open."""
    listed = schema.state(db, "unseen")
    return [Path(os.fsdecode(bytes.fromhex(path))) for path in json.loads(listed)] if listed else []


def note_unseen(
    db: apsw.Connection, written: Iterable[bytes], locate: Callable[[Path], object | None]
) -> None:
    """Record what a rollback wrote, none after a checkpoint; what `locate` does not find, in folders that are not open, stays."""
    left = (os.fsencode(path) for path in unseen_files(db) if locate(path) is None)
    listed = [path.hex() for path in (*written, *left)]
    schema.set_state(db, "unseen", json.dumps(listed) if listed else None)
