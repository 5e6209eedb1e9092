"""Which files the user changed after they had become too large for checkpoints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.models import OWN_CHANGES, Checkpoint
from mazu_ls.checkpoints.store import schema
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw

    from mazu_ls.checkpoints.restore.restore_steps import RestoreStep


def changed_since_outgrown(
    db: apsw.Connection, target: Checkpoint, steps: Sequence[RestoreStep]
) -> set[bytes]:
    """Return the places to be set aside whose file the user changed after it had become too large for checkpoints.

    No checkpoint holds that change. It shows in the file's size at the checkpoints since the target, and in its time now: that of a
    file which only a step of an agent's turn changed is not later than this step.
    """
    aside = [step for step in steps if step.aside is not None]
    if not aside:
        return set()
    number = schema.checkpoint_number(target.id)
    rows = select(
        db,
        "SELECT kind, label, created_at, skipped FROM checkpoint WHERE number > ? ORDER BY number",
        (number,),
    )
    moments = [
        (
            datetime.fromisoformat(at).timestamp() if kind == "step" and label != OWN_CHANGES else None,
            {one["path"]: one["bytes"] for one in json.loads(skipped)},
        )
        for kind, label, at, skipped in rows
    ]
    return {step.place for step in aside if _is_users(step, moments)}


def _is_users(step: RestoreStep, moments: Sequence[tuple[float | None, dict[str, int]]]) -> bool:
    """Return whether the user changed an outgrown file. `moments`: when an agent's step ended, else None, and sizes."""
    assert step.aside is not None
    size: int | None = None
    ended: float | None = None
    for at, sizes in moments:
        now = sizes.get(step.shown)
        if now is not None and now != size:
            if at is None and size is not None:
                return True
            ended = at
        size = now
    return size is not None and (step.aside[2] != size or (ended is not None and step.aside[0] / 1e9 > ended))
