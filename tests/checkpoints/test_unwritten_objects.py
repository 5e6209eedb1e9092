"""The objects of steps are in the database alone until git needs them: what a power failure, a kill or another process leaves is read."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mazu_ls.checkpoints.engine import Checkpoints
from mazu_ls.checkpoints.git.repository import REFS
from mazu_ls.checkpoints.git.unwritten_objects import MOST, MOST_BYTES
from mazu_ls.checkpoints.upkeep import upkeep
from mazu_ls.errors import MazuError
from mazu_ls.state.store import select, transaction
from tests.checkpoints.bed import open_engine


async def step(engine: Checkpoints, root: Path, text: str, name: str = "a.txt") -> str:
    """Take a step; what these tests do with the store themselves is on this thread, so nothing else may run on the other."""
    (root / name).write_text(text)
    taken = await engine.take(kind="step", touched=[root / name])
    await engine.upkeep.idle()
    return taken.id


async def steps(root: Path, state: Path, count: int) -> tuple[Checkpoints, list[str]]:
    """Take a checkpoint and `count` steps, each of which changes one file; return their ids."""
    root.mkdir()
    engine = await open_engine([root], state)
    ids = [(await engine.take(kind="manual")).id]
    await engine.upkeep.idle()  # once for each process it runs git
    return engine, ids + [await step(engine, root, f"{number}\n") for number in range(count)]


async def text_at(engine: Checkpoints, id: str, name: str = "a.txt") -> str:
    """What a checkpoint holds of the file."""
    store = engine._project.repository
    entry = store.trees.at(bytes.fromhex((await engine.get(id)).tree), b"code/" + name.encode())
    return "" if entry is None else store.read(entry.oid).decode()


async def reopened(root: Path, state: Path, ids: list[str]) -> list[str]:
    """What each checkpoint holds, read after opening the store again; git must find it sound, with a ref for each."""
    engine = await open_engine([root], state)
    store = engine._project.repository
    found = [await text_at(engine, id) for id in ids]
    assert store.run_unchecked("fsck", "--full")[0] == 0
    assert set(ids) <= store.refs().keys()
    await engine.close()
    return found


def packs(engine: Checkpoints) -> int:
    return len([*engine._project.repository.packs.glob("*.pack")])


def unwritten(engine: Checkpoints) -> int:
    return select(engine._store.connection, "SELECT count(*) FROM checkpoint_unwritten")[0][0]


async def abandon(engine: Checkpoints) -> None:
    """Leave a store as a process that was killed does: nothing is written out."""
    engine._project.repository.unwritten = None
    await engine.close()


async def test_a_step_makes_no_file_in_the_store(tmp_path: Path):
    engine, _ = await steps(tmp_path / "project", tmp_path / "state", 1)
    await engine.upkeep.idle()
    before = {path for path in engine._project.repository.path.rglob("*") if "scan" not in path.parts}
    for number in range(5):
        await step(engine, tmp_path / "project", f"later {number}\n")
    assert {path for path in engine._project.repository.path.rglob("*") if "scan" not in path.parts} == before
    await engine.close()


async def test_a_killed_process_loses_no_step(tmp_path: Path):
    root, state = tmp_path / "project", tmp_path / "state"
    engine, ids = await steps(root, state, 4)
    assert unwritten(engine) == 4
    await abandon(engine)
    assert await reopened(root, state, ids) == ["", "0\n", "1\n", "2\n", "3\n"]


async def test_closing_writes_one_pack(tmp_path: Path):
    root, state = tmp_path / "project", tmp_path / "state"
    engine, ids = await steps(root, state, 4)
    await engine.upkeep.idle()
    before = packs(engine)
    await engine.close()
    assert packs(engine) == before + 1
    assert await reopened(root, state, ids) == ["", "0\n", "1\n", "2\n", "3\n"]


async def test_a_lost_database_costs_no_step_that_was_written_out(tmp_path: Path):
    root, state = tmp_path / "project", tmp_path / "state"
    engine, ids = await steps(root, state, 3)
    await engine.close()
    for path in state.rglob("memory.db*"):
        path.unlink()
    assert await reopened(root, state, ids) == ["", "0\n", "1\n", "2\n"]


async def test_steps_are_written_out_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(upkeep, "QUIET_SECONDS", 0.01)
    engine, _ = await steps(tmp_path / "project", tmp_path / "state", 3)
    async with asyncio.timeout(20):
        while unwritten(engine):  # noqa: ASYNC110 - the engine tells nobody
            await asyncio.sleep(0.01)
    await engine.close()


async def test_a_step_fails_where_the_store_was_deleted(tmp_path: Path):
    engine, _ = await steps(tmp_path / "project", tmp_path / "state", 2)
    await engine.upkeep.idle()
    shutil.rmtree(engine._project.repository.path)
    with pytest.raises(MazuError, match="checkpoint store could not be used"):
        await step(engine, tmp_path / "project", "not kept\n")
    await engine.close()


async def test_another_process_reads_and_continues_what_is_not_written(tmp_path: Path):
    root, state = tmp_path / "project", tmp_path / "state"
    first, ids = await steps(root, state, 1)
    second = await open_engine([root], state)
    await second.take(kind="manual")
    await second.upkeep.idle()
    ids.append(await step(first, root, "of the first\n"))
    ids.append(await step(second, root, "of the second\n"))
    ids.append(await step(first, root, "of the first again\n"))
    expected = ["", "0\n", "of the first\n", "of the second\n", "of the first again\n"]
    for engine in (first, second):
        assert [await text_at(engine, id) for id in ids] == expected
    assert first._project.repository.write_out()
    for engine in (second, first):
        assert [await text_at(engine, id) for id in ids] == expected
    await first.close()
    await second.close()
    assert await reopened(root, state, ids) == expected


async def test_many_steps_and_many_bytes_are_written_out(tmp_path: Path):
    root, state = tmp_path / "project", tmp_path / "state"
    engine, ids = await steps(root, state, 1)
    repository = engine._project.repository
    assert not repository.write_out(MOST)
    assert repository.write_out(1)
    (root / "a.txt").write_bytes(os.urandom(100_000))
    await engine.take(kind="step", touched=[root / "a.txt"])
    assert unwritten(engine) == 0  # a large one is a pack at once
    for number in range(20):
        await step(engine, root, f"{number}" * 30_000)
    assert unwritten(engine) == 20
    await step(engine, root, "x" * 60_000)
    while (
        sum(
            size
            for (size,) in select(
                engine._store.connection, "SELECT length(objects) FROM checkpoint_unwritten"
            )
        )
        < MOST_BYTES
    ):
        await step(engine, root, f"{len(ids)}" * 50_000)
        ids.append("")
    assert repository.write_out(MOST)
    assert unwritten(engine) == 0
    await engine.close()


async def test_a_transaction_that_fails_leaves_nothing_that_can_be_read(tmp_path: Path):
    root, state = tmp_path / "project", tmp_path / "state"
    engine, ids = await steps(root, state, 2)
    connection = engine._store.connection
    connection.execute(
        "CREATE TEMP TRIGGER refused BEFORE INSERT ON checkpoint BEGIN SELECT raise(ABORT, 'refused'); END"
    )
    with pytest.raises(Exception, match="refused"):
        await step(engine, root, "never\n")
    connection.execute("DROP TRIGGER refused")
    assert unwritten(engine) == 2
    ids.append(await step(engine, root, "never\n"))
    await abandon(engine)
    assert await reopened(root, state, ids) == ["", "0\n", "1\n", "never\n"]


async def test_a_damaged_row_costs_its_checkpoint_alone(tmp_path: Path):
    root, state = tmp_path / "project", tmp_path / "state"
    engine, ids = await steps(root, state, 3)
    for number, damage in (
        (2, "CAST(substr(objects, 1, 30) || x'00' || substr(objects, 32) AS BLOB)"),
        (3, "substr(objects, 1, 90)"),
    ):
        transaction(
            engine._store.connection,
            lambda db, number=number, damage=damage: db.execute(
                f"UPDATE checkpoint_unwritten SET objects = {damage} WHERE number = {number}"
            ),
        )
    await abandon(engine)
    engine = await open_engine([root], state)
    assert [one.id for one in (await engine.list())[0]] == [ids[3], ids[0]]
    assert await text_at(engine, ids[3]) == "2\n"
    await engine.close()


async def test_a_store_that_is_gone_is_not_half_restored(tmp_path: Path):
    root, state = tmp_path / "project", tmp_path / "state"
    engine, _ = await steps(root, state, 2)
    await abandon(engine)
    for path in next(state.glob("**/store.git/objects/pack")).iterdir():
        path.unlink()
    engine = await open_engine([root], state)
    assert (await engine.list())[0] == []
    await engine.close()


async def test_git_sees_every_object_whenever_it_runs(tmp_path: Path):
    engine, ids = await steps(tmp_path / "project", tmp_path / "state", 3)
    repository = engine._project.repository
    commits = [bytes.fromhex((await engine.get(id)).commit) for id in ids]
    assert not repository.missing(commits)
    assert repository.refs().keys() == set(ids)
    await step(engine, tmp_path / "project", "more\n")
    changed = (await engine.diff(ids[0], "now")).files
    assert [one.path for one in changed] == ["a.txt"]
    await engine.close()


async def test_packed_refs_that_another_process_writes_are_left_alone(tmp_path: Path):
    root, state = tmp_path / "project", tmp_path / "state"
    engine, ids = await steps(root, state, 12)
    store = engine._project.repository.path
    (store / "packed-refs.lock").write_text("")
    assert engine._project.repository.write_out()
    assert (store / REFS / ids[-1]).exists()
    (store / "packed-refs.lock").unlink()
    ids += [await step(engine, root, f"more {number}\n") for number in range(12)]
    assert engine._project.repository.write_out()
    assert not (store / REFS / ids[-1]).exists()
    await engine.close()
    texts = [*(f"{number}\n" for number in range(12)), *(f"more {number}\n" for number in range(12))]
    assert await reopened(root, state, ids) == ["", *texts]


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("step"), st.integers(0, 2), st.text("ab\n", max_size=5)),
        st.tuples(st.sampled_from(("write out", "kill", "close", "fail", "preview", "prune", "other"))),
    ),
    max_size=9,
)


@given(ACTIONS)
@settings(max_examples=100, deadline=None)
def test_any_sequence_of_steps_kills_and_writes_gives_the_same_texts(actions: list[tuple[str, ...]]):
    place = Path(tempfile.mkdtemp())
    try:
        asyncio.run(_carry_out(place, actions))
    finally:
        shutil.rmtree(place)


async def _carry_out(place: Path, actions: list[tuple[str, ...]]) -> None:
    root, state = place / "project", place / "state"
    engine, ids = await steps(root, state, 1)
    files = {"a.txt": "0\n"}
    expected = {ids[0]: dict[str, str](), ids[1]: dict(files)}
    for action in actions:
        if action[0] == "step":
            name = f"{'abc'[int(action[1])]}.txt"
            files[name] = action[2]
            expected[await step(engine, root, action[2], name)] = dict(files)
        elif action[0] == "write out":
            engine._project.repository.write_out()
        elif action[0] == "fail":
            transaction_rolled_back(engine)
        elif action[0] == "preview":
            await engine.plan()
        elif action[0] == "prune":
            await engine.prune(keep=1)
            kept = {one.id for one in (await engine.list(-1))[0]}
            expected = {id: texts for id, texts in expected.items() if id in kept}
        elif action[0] == "other":
            other = await open_engine([root], state)
            files["b.txt"] = "of another\n"
            expected[await step(other, root, "of another\n", "b.txt")] = dict(files)
            await abandon(other)
        else:
            await (abandon(engine) if action[0] == "kill" else engine.close())
            engine = await open_engine([root], state)
        for id, texts in expected.items():
            assert {name: text for name in "abc" if (text := await text_at(engine, id, f"{name}.txt"))} == {
                name[0]: text for name, text in texts.items() if text
            }
    await engine.close()
    engine = await open_engine([root], state)
    assert {one.id for one in (await engine.list(-1))[0]} == expected.keys()
    assert engine._project.repository.run_unchecked("fsck", "--full")[0] == 0
    await engine.close()


def transaction_rolled_back(engine: Checkpoints) -> None:
    """Write out inside a transaction that fails."""

    class Refused(Exception):
        pass

    def work(_: object) -> None:
        engine._project.repository.write_out()
        raise Refused

    with pytest.raises(Refused):
        transaction(engine._store.connection, work)
