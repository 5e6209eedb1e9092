"""Retention: which checkpoints stay, and freeing the space of the others."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.git.repository import REFS
from mazu_ls.checkpoints.models import Checkpoint
from mazu_ls.checkpoints.store import schema
from mazu_ls.checkpoints.unheld import renamed_files, unheld_edits
from mazu_ls.state.store import transaction

if TYPE_CHECKING:
    import apsw

SAFETY_DAYS = 3
"""Days that an automatic safety checkpoint stays, unless it is the last one of its session."""
STEP_DAYS = 7
"""Days that the middle steps of a turn stay."""
log = logging.getLogger(__name__)


def expired(
    checkpoints: Sequence[Checkpoint], now: datetime, keep_days: int, protected: set[str]
) -> list[str]:
    """Return the ids that the policy deletes, oldest first; `checkpoints` are newest first.

    Pinned, labelled and `protected` ones stay permanently. The first and the last of every turn and what the user took
    stay for `keep_days`; middle steps for STEP_DAYS, safety ones for SAFETY_DAYS.
    """
    ranks = shed_ranks(checkpoints)
    days = {0: STEP_DAYS, 1: SAFETY_DAYS}
    return [
        one.id
        for one in reversed(checkpoints)
        if now - one.created_at > timedelta(days=min(keep_days, days.get(ranks[one.id], keep_days)))
        and one.id not in protected
        and not one.pinned
        and not one.labelled
    ]


def shed_ranks(checkpoints: Sequence[Checkpoint]) -> dict[str, int]:
    """Return the order in which a store that is too large deletes its checkpoints, the lowest first; `checkpoints`
    newest first.

    0: middle steps of turns. 1: safety checkpoints but the last of each session. 2: ends of turns. 3: what the user
    took.
    """
    turns: set[tuple[str | None, str]] = set()
    safeties: set[str | None] = set()
    baselines = {(one.session_id, one.turn_id): one.id for one in checkpoints}
    ranks: dict[str, int] = {}
    for one in checkpoints:
        turn = (one.session_id, one.turn_id)
        if one.kind == "manual":
            ranks[one.id] = 3
        elif one.kind == "safety":
            ranks[one.id] = 2 if one.session_id not in safeties else 1
            safeties.add(one.session_id)
        elif one.turn_id is None:
            ranks[one.id] = 2
        else:
            ends = one.kind == "baseline" or (one.session_id, one.turn_id) not in turns
            ranks[one.id] = 2 if ends or baselines[turn] == one.id else 0
            turns.add((one.session_id, one.turn_id))
    return ranks


def protected_checkpoints(db: apsw.Connection, checkpoints: Iterable[Checkpoint]) -> set[str]:
    """Return those that are never pruned: the current one, the base, the ends of the journal, the last safety
    checkpoint."""
    ids = {schema.state(db, "current"), schema.state(db, "base")}
    ids |= {id for row in db.execute("SELECT safety_id, target_id FROM checkpoint_journal") for id in row}
    last_safety = next((c.id for c in checkpoints if c.kind == "safety"), None)
    return {id for id in (*ids, last_safety) if id is not None}


def prune(
    project: CheckpointContext,
    db: apsw.Connection,
    now: datetime,
    *,
    keep: int | None = None,
    older_than_days: int | None = None,
    labelled: bool = False,
    named: Collection[str] = (),
) -> list[str]:
    """Delete checkpoints: all but the newest `keep`, those older than so many days, or what the policy names.

    A labelled one is deleted only with `labelled`, a pinned one or one of `named` never. Returns their ids; their
    objects use space until they are collected.
    """
    everything = schema.newest(db, -1)
    safe = protected_checkpoints(db, everything) | set(named)
    if keep is None and older_than_days is None:
        gone = expired(everything, now, project.settings.keep_days, safe)
    else:
        spared = safe | {one.id for one in everything if one.pinned or (one.labelled and not labelled)}
        gone = _asked(everything, now, keep, older_than_days, spared)
    return remove(project, db, gone)


def _asked(
    everything: Sequence[Checkpoint], now: datetime, keep: int | None, days: int | None, spared: set[str]
) -> list[str]:
    chosen = [
        one.id
        for number, one in enumerate(everything)
        if (keep is None or number >= keep)
        and (days is None or now - one.created_at > timedelta(days=days))
        and one.id not in spared
    ]
    return chosen[::-1]


def drop_for_size(
    project: CheckpointContext, db: apsw.Connection, named: Collection[str] = ()
) -> tuple[list[str], bool]:
    """Delete some for the size cap: of the lowest rank present, a quarter, the oldest.

    Also returns whether more than middle steps and safety checkpoints were deleted: what undo may need. Nothing is
    deleted if all that is left is protected, pinned or one of `named`.
    """
    everything = schema.newest(db, -1)
    ranks = shed_ranks(everything)
    safe = protected_checkpoints(db, everything)
    left = [one for one in reversed(everything) if one.id not in safe and not one.pinned]
    if not left:
        return [], False
    lowest = min(ranks[one.id] + 4 * (one.id in named) for one in left)
    rank = [one.id for one in left if ranks[one.id] + 4 * (one.id in named) == lowest]
    return remove(project, db, rank[: max(1, len(rank) // 4)]), lowest > 1


def remove(project: CheckpointContext, db: apsw.Connection, ids: list[str]) -> list[str]:
    """Delete rows first (their commit decides), then refs. Return the ids."""
    if ids:
        transaction(db, lambda d: schema.remove(d, ids))
    named = {c.id for c in schema.newest(db, -1)}
    orphans = [name for name in project.repository.refs() if name not in named]
    project.repository.delete_refs(REFS + name for name in orphans)
    unheld_edits.drop_unneeded(project, db)
    renamed_files.drop_unneeded(db)
    return ids
