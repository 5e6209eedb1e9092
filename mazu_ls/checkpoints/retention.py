"""Which checkpoints stay, and giving back the space of those that do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mazu_ls.checkpoints import schema
from mazu_ls.checkpoints.project import Project
from mazu_ls.checkpoints.records import Checkpoint
from mazu_ls.checkpoints.repository import REFS
from mazu_ls.store import transaction

if TYPE_CHECKING:
    import apsw

TURNS_DAYS = 7


def due(checkpoints: Sequence[Checkpoint], now: datetime, keep_days: int, protected: set[str]) -> list[str]:
    """Ids that the policy gives up, oldest first; `checkpoints` are newest first.

    The last of every turn stays for 7 days, the last of every session for `keep_days`; so long stay, too, those
    that the user took. Pinned and `protected` ones stay for ever.
    """
    gone: list[str] = []
    turns: set[tuple[str | None, str | None]] = set()
    sessions: set[str | None] = set()
    for checkpoint in checkpoints:
        age = now - checkpoint.created_at
        turn, session = (checkpoint.session_id, checkpoint.turn_id), checkpoint.session_id
        if age > timedelta(days=keep_days):
            stays = False
        elif checkpoint.kind == "manual" or session is None:
            stays = True
        elif age <= timedelta(days=TURNS_DAYS):
            stays = turn not in turns
        else:
            stays = session not in sessions
        turns.add(turn)
        sessions.add(session)
        if not stays and checkpoint.id not in protected and not checkpoint.pinned:
            gone.append(checkpoint.id)
    return gone[::-1]


def protected(db: apsw.Connection, checkpoints: Iterable[Checkpoint], running: set[str]) -> set[str]:
    """Never pruned: the current one, the base, the ends of the journal, the last safety, running sessions."""
    ids = {schema.state(db, "current"), schema.state(db, "base")}
    ids |= {id for row in db.execute("SELECT safety_id, target_id FROM checkpoint_journal") for id in row}
    last_safety = next((c.id for c in checkpoints if c.kind == "safety"), None)
    ids |= {c.id for c in checkpoints if c.session_id in running}
    return {id for id in (*ids, last_safety) if id is not None}


def prune(
    project: Project,
    db: apsw.Connection,
    now: datetime,
    running: set[str],
    *,
    keep: int | None = None,
    older_than_days: int | None = None,
) -> list[str]:
    """Give up checkpoints: all but the newest `keep`, those older than so many days, or what the policy names.

    Returns their ids; their objects take room until they are collected.
    """
    everything = schema.newest(db, -1)
    safe = protected(db, everything, running)
    if keep is None and older_than_days is None:
        gone = due(everything, now, project.settings.keep_days, safe)
    else:
        gone = _asked(everything, now, keep, older_than_days, safe)
    return remove(project, db, gone)


def _asked(
    everything: Sequence[Checkpoint], now: datetime, keep: int | None, days: int | None, safe: set[str]
) -> list[str]:
    chosen = [
        c.id
        for number, c in enumerate(everything)
        if (keep is None or number >= keep)
        and (days is None or now - c.created_at > timedelta(days=days))
        and c.id not in safe
        and not c.pinned
    ]
    return chosen[::-1]


def prune_oldest(project: Project, db: apsw.Connection) -> list[str]:
    """Give up a quarter of all, the oldest, even of a running session; none if all that are left are protected."""
    everything = schema.newest(db, -1)
    safe = protected(db, everything, set())
    left = [c.id for c in everything[::-1] if c.id not in safe and not c.pinned]
    return remove(project, db, left[: max(1, len(left) // 4)])


def remove(project: Project, db: apsw.Connection, ids: list[str]) -> list[str]:
    """Rows first (their commit decides), then refs. Returns the ids."""
    if ids:
        transaction(db, lambda d: schema.remove(d, ids))
    named = {c.id for c in schema.newest(db, -1)}
    orphans = [name for name in project.repository.refs() if name not in named]
    project.repository.delete_refs(REFS + name for name in orphans)
    return ids
