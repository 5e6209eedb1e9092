"""What a rollback says of a file that has another name now."""

from __future__ import annotations

import pytest

from mazu_ls.platform.birth_time import birth_time
from tests.checkpoints.bed import Bed


async def test_a_file_that_the_user_renamed_is_named_with_its_old_name(project: Bed) -> None:
    for name in ("cart.txt", "mine.txt"):
        project.write(name, "one\ntwo\n")
    if birth_time(bytes(project.root)) is None:
        pytest.skip("this file system does not say when a file was created")
    before = await project.take()
    await project.agent_writes("cart.txt", "ONE\ntwo\n")
    project.write("mine.txt", "one\nTWO\n")
    await project.take(kind="step", session_id="s")
    for name in ("cart.txt", "mine.txt"):
        project.place(name).rename(project.place(f"new_{name}"))
    for on_conflict in (None, "keep"):
        plan = await project.engine.plan(before.id, session="s", own=True, on_conflict=on_conflict)
        kept = {one.path: one.reason for one in plan.preview().plan.keep}
        assert kept["new_mine.txt"] == "only you changed it"
        assert kept["new_cart.txt"].endswith("since it has another name now: it was cart.txt")
