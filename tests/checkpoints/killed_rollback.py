"""A process that rolls back and is killed (SIGKILL) at a named step: `python -m tests.checkpoints.killed_rollback JSON`."""

from __future__ import annotations

import asyncio
import errno
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


HALF_COPIED = "staging:half_copied"
"""As if the state directory were on another device, and the process killed in the middle of a copy to it."""


def kill_at(step: str) -> None:
    """From now on the call of this function of `restore/` is the last thing that the process does."""
    if step == HALF_COPIED:
        _kill_in_a_copy()
        return
    module, _, name = step.partition(":")

    def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(importlib.import_module(f"mazu_ls.checkpoints.restore.{module}"), name, die)


def _kill_in_a_copy() -> None:
    staging = importlib.import_module("mazu_ls.checkpoints.restore.staging")
    rename = os.rename

    def across(old: Any, new: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        if "rescue" in Path(os.fsdecode(new)).parts and src_dir_fd is not None:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    def copy_half(source: Any, copy: Any) -> None:
        copy.write(source.read(1 << 20))
        copy.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    os.rename = across  # type: ignore[assignment]
    staging.shutil.copyfileobj = copy_half


async def roll_back(root: str, state: str, step: str, planned: dict[str, Any], choice: str) -> None:
    engine = await open_engine([Path(root)], Path(state))
    if redone := planned.pop("redo_of", None):
        planned["redo_of"] = PastRollback(*redone)
    plan = await engine.plan(**planned)
    kill_at(step)
    await plan.apply(choice)  # type: ignore[arg-type]


if __name__ == "__main__":
    asyncio.run(roll_back(**json.loads(sys.argv[1])))
