"""A process that rolls back and is killed (SIGKILL) at a named step: `python -m tests.checkpoints.killed_rollback JSON`."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from mazu_ls.checkpoints.store.schema import PastRollback
from tests.checkpoints.bed import open_engine

AFTER_COMMIT = ("rollback:finish_rollback", "restore_files:exchange", "staging:retire_replaced")
BEFORE_COMMIT = ("staging:stage_contents", "rollback:transaction")


def kill_at(step: str) -> None:
    """From now on the call of this function of `restore/` is the last thing that the process does."""
    module, _, name = step.partition(":")

    def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(importlib.import_module(f"mazu_ls.checkpoints.restore.{module}"), name, die)


async def roll_back(root: str, state: str, step: str, planned: dict[str, Any], choice: str) -> None:
    engine = await open_engine([Path(root)], Path(state))
    if redone := planned.pop("redo_of", None):
        planned["redo_of"] = PastRollback(*redone)
    plan = await engine.plan(**planned)
    kill_at(step)
    await plan.apply(choice)  # type: ignore[arg-type]


if __name__ == "__main__":
    asyncio.run(roll_back(**json.loads(sys.argv[1])))
