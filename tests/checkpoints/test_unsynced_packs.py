"""Packs of steps are durable in the database before their files are: what a power failure leaves of the files is repaired."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mazu_ls.checkpoints.git.unsynced_packs import MOST_BYTES, sync_packs
from mazu_ls.state.store import select
from tests.checkpoints.bed import open_engine


async def steps(root: Path, state: Path, count: int) -> list[str]:
    """Take a checkpoint and `count` steps, each of which changes one file; return their ids."""
    root.mkdir()
    engine = await open_engine([root], state)
    ids = [(await engine.take(kind="manual")).id]
    for number in range(count):
        (root / "a.txt").write_text(f"{number}\n")
        ids.append((await engine.take(kind="step", touched=[root / "a.txt"])).id)
    await engine.close()
    return ids


def packs_of(state: Path) -> Path:
    return next(state.glob("**/store.git/objects/pack"))


async def texts(root: Path, state: Path, ids: list[str]) -> list[str]:
    """What each checkpoint holds of the file, read after opening the store again; git must find it sound."""
    engine = await open_engine([root], state)
    store, found = engine._project.repository, []
    for id in ids:
        entry = store.trees.at(bytes.fromhex((await engine.get(id)).tree), b"code/a.txt")
        found.append("" if entry is None else store.read(entry.oid).decode())
    assert store.run_unchecked("fsck", "--full")[0] == 0
    await engine.close()
    return found


@pytest.mark.parametrize("left", [None, b"", b"\0" * 700])
@pytest.mark.parametrize("suffix", [".pack", ".idx"])
async def test_files_that_a_power_failure_took_are_written_again(
    tmp_path: Path, left: bytes | None, suffix: str
):
    root, state = tmp_path / "project", tmp_path / "state"
    ids = await steps(root, state, 4)
    files = sorted(packs_of(state).glob(f"pack-*{suffix}"), key=lambda path: path.stat().st_mtime_ns)
    for path in files[1:]:  # the first checkpoint of a store was synced
        path.unlink()
        if left is not None:
            path.write_bytes(left)
    assert await texts(root, state, ids) == ["", "0\n", "1\n", "2\n", "3\n"]


async def test_what_a_step_left_that_was_never_committed_is_set_aside_after_the_next_boot(tmp_path: Path):
    root, state = tmp_path / "project", tmp_path / "state"
    ids = await steps(root, state, 2)
    for suffix in (".pack", ".idx"):
        (packs_of(state) / f"pack-{'ab' * 20}{suffix}").write_bytes(b"\0" * 700)
    (packs_of(state).parents[1] / "boot").write_text("the boot before")
    assert await texts(root, state, ids) == ["", "0\n", "1\n"]
    assert len([*packs_of(state).glob("*.torn")]) == 2


async def test_synced_packs_leave_the_database(tmp_path: Path):
    root, state = tmp_path / "project", tmp_path / "state"
    ids = await steps(root, state, 3)
    engine = await open_engine([root], state)
    db, folder = engine._store.connection, engine._project.repository.packs
    assert len(select(db, "SELECT 1 FROM checkpoint_pack")) == 3
    sync_packs(db, folder)  # too few
    assert len(select(db, "SELECT 1 FROM checkpoint_pack")) == 3
    sync_packs(db, folder, 3)
    assert not select(db, "SELECT 1 FROM checkpoint_pack")
    await engine.close()
    assert await texts(root, state, ids) == ["", "0\n", "1\n", "2\n"]


async def test_the_database_holds_no_large_pack_and_not_many_bytes(tmp_path: Path):
    root, state = tmp_path / "project", tmp_path / "state"
    await steps(root, state, 1)
    engine = await open_engine([root], state)
    db, folder = engine._store.connection, engine._project.repository.packs

    async def step(size: int) -> None:
        (root / "a.txt").write_bytes(os.urandom(size))
        await engine.take(kind="step", touched=[root / "a.txt"])

    await step(100_000)
    assert len(select(db, "SELECT 1 FROM checkpoint_pack")) == 1
    for _ in range(20):
        await step(60_000)
    sync_packs(db, folder)
    assert sum(size for (size,) in select(db, "SELECT length(pack) FROM checkpoint_pack")) < MOST_BYTES
    await engine.close()


async def test_a_store_that_is_gone_is_not_half_restored(tmp_path: Path):
    root, state = tmp_path / "project", tmp_path / "state"
    await steps(root, state, 2)
    for path in packs_of(state).iterdir():
        path.unlink()
    engine = await open_engine([root], state)
    assert (await engine.list())[0] == []
    await engine.close()
