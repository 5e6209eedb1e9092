"""What stays, what goes, and how much room it takes."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mazu_ls.checkpoints.models import Checkpoint, FileCounts, MemoryCounts
from mazu_ls.checkpoints.upkeep.retention import expired
from tests.checkpoints.bed import Bed, bed, open_engine

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def taken(
    number: int,
    days: float,
    session: str | None = "s",
    *,
    turn: str | None = "t",
    kind: str = "step",
    pinned: bool = False,
    label: str = "",
):
    return Checkpoint(
        id=f"cp_{number:06d}",
        parent_id=None,
        created_at=NOW - timedelta(days=days),
        label=label,
        kind=kind,  # type: ignore[arg-type]
        session_id=session,
        turn_id=turn,
        commit="",
        tree="",
        files=FileCounts(),
        memories=MemoryCounts(),
        bytes=0,
        pinned=pinned,
    )


def test_both_ends_of_every_turn_stay_for_as_long_as_the_settings_say():
    newest_first = [
        taken(12, 1, turn="t2"),
        taken(11, 1, turn="t2"),
        taken(10, 8, turn="t1"),
        taken(9, 8, turn="t1"),
        taken(8, 8, turn="t1"),
        taken(7, 8, turn="t1", kind="baseline"),
        taken(6, 8, "other", turn="t1", kind="manual"),
        taken(5, 29, "old", turn="t1", kind="baseline"),
        taken(4, 31, "older"),
        taken(3, 31, "older", pinned=True),
        taken(2, 31, None, kind="manual"),
        taken(1, 31, None, kind="manual", label="good"),
    ]
    assert expired(newest_first, NOW, 30, set()) == ["cp_000002", "cp_000004", "cp_000008", "cp_000009"]
    assert expired(newest_first, NOW, 30, {"cp_000002", "cp_000009"}) == ["cp_000004", "cp_000008"]


def test_automatic_safety_checkpoints_go_first_but_the_last_of_a_session_stays():
    newest_first = [
        taken(4, 4, turn=None, kind="safety"),
        taken(3, 4, turn=None, kind="safety"),
        taken(2, 4, "b", turn=None, kind="safety"),
        taken(1, 2, turn=None, kind="safety"),
    ]
    assert expired(newest_first, NOW, 30, set()) == ["cp_000003"]


async def test_the_cap_sheds_middle_steps_first_and_says_when_it_took_more(tmp_path: Path):
    said: list[str] = []
    async with bed(tmp_path, max_bytes=600_000) as project:
        project.engine.upkeep.on_warning = said.append

        async def turn(name: str) -> list[str]:
            ids = []
            for kind in ("baseline", "step", "step", "step"):
                project.write("noise", os.urandom(50_000))
                ids.append((await project.engine.take(kind=kind, session_id="s", turn_id=name)).id)  # type: ignore[arg-type]
            await project.engine.upkeep.idle()
            return ids

        turns = [await turn(f"t{number}") for number in range(4)]
        left = {one.id for one in (await project.engine.list(-1))[0]}
        ends = {one for ids in turns for one in (ids[0], ids[-1])}
        assert ends <= left
        assert said == []
        for number in range(4, 12):
            await turn(f"t{number}")
        assert said and "checkpoints.max_bytes" in said[0]


async def test_a_labelled_one_goes_only_when_told_and_a_pinned_one_never(project: Bed):
    for label in ("good", "", "pinned"):
        project.write("a", label)
        await project.engine.take(kind="manual", label=label)
    await project.engine.pin("cp_000003")
    for number in range(2):
        project.write("a", str(number))
        await project.take()
    assert (await project.engine.prune(keep=0)).removed == ("cp_000002", "cp_000004")
    assert (await project.engine.prune(keep=0, labelled=True)).removed == ("cp_000001",)
    assert (await project.engine.pin("cp_000003", False)).pinned is False
    assert (await project.engine.prune(keep=0, labelled=True)).removed == ("cp_000003",)


async def test_pruning_keeps_the_newest_the_pinned_the_current_and_the_last_safety(project: Bed):
    taken = []
    for number in range(10):
        project.write("a", str(number))
        taken.append(await project.take())
    await project.engine.pin(taken[1].id)
    report = await project.roll_back(taken[2])
    pruned = await project.engine.prune(keep=3)
    listed, current = await project.engine.list()
    assert current == taken[2].id
    assert [c.id for c in listed] == ["cp_000011", "cp_000010", "cp_000009", "cp_000003", "cp_000002"]
    assert {c.id: c.parent_id for c in listed}["cp_000009"] == "cp_000003"
    assert pruned.removed == tuple(f"cp_{n:06d}" for n in (1, 4, 5, 6, 7, 8))
    assert pruned.bytes_freed > 0
    project.fsck()
    for checkpoint, text in ((taken[1], "1"), (report.safety, "9"), (taken[8], "8")):
        assert (await project.roll_back(checkpoint)).verified
        assert project.read("a") == text


async def test_numbers_are_not_used_twice(project: Bed):
    for _ in range(3):
        await project.take()
    await project.engine.prune(keep=1)
    assert (await project.take()).id == "cp_000004"


async def test_the_cap_holds(tmp_path: Path):
    async with bed(tmp_path, max_bytes=300_000) as project:
        for _ in range(10):
            project.write("noise", os.urandom(100_000))
            await project.take()
        await project.engine.prune()
        stats = await project.engine.stats()
        assert stats.bytes <= stats.max_bytes == 300_000
        assert stats.count >= 2
        project.fsck()


async def test_the_cap_holds_by_itself(tmp_path: Path):
    async with bed(tmp_path, max_bytes=300_000) as project:
        for number in range(40):
            project.write("noise", os.urandom(50_000))
            await project.take(kind="step", session_id=f"s{number}")
            await project.engine.upkeep.idle()
        assert (await project.engine.stats()).bytes <= 600_000


async def test_files_that_another_window_pruned_are_stored_again(project: Bed):
    project.write("a", "precious")
    await project.take()
    project.write("a", "other")
    await project.take()
    other = await open_engine([project.root], project.state)
    try:
        await other.prune(keep=1)
    finally:
        await other.close()
    project.write("a", "precious")
    again = await project.take()
    project.write("a", "x")
    assert (await project.roll_back(again)).verified
    assert project.read("a") == "precious"
    project.fsck()


async def test_a_thousand_checkpoints(project: Bed):
    """Packs are put together on the way, every tenth state can still be had, and the store is sound."""
    project.write("still", "x" * 10_000)
    states = {}
    for number in range(1000):
        project.write(f"d{number % 7}/f{number % 11}", str(number))
        checkpoint = await project.take(touched=[f"d{number % 7}/f{number % 11}"])
        if number % 100 == 99:
            states[checkpoint] = project.files()
    await project.engine.upkeep.idle()
    packs = list((project.engine._project.repository.path / "objects" / "pack").glob("*.pack"))
    assert len(packs) < 100
    project.fsck()
    for checkpoint, state in states.items():
        assert (await project.roll_back(checkpoint)).verified
        assert project.files() == state
    await project.engine.prune(keep=5)
    project.fsck()
