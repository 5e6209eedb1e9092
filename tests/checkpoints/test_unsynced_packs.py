"""What an earlier version left: packs that the database holds because their files may not be durable."""

from __future__ import annotations

from pathlib import Path

import pytest

from mazu_ls.state.store import select, transaction
from tests.checkpoints.bed import open_engine


async def left_behind(root: Path, state: Path) -> tuple[str, Path]:
    """A checkpoint whose pack an earlier version kept in the database; return its id, and the pack's path."""
    root.mkdir()
    engine = await open_engine([root], state)
    await engine.take(kind="manual")
    await engine.upkeep.idle()
    folder = engine._project.repository.packs
    before = {*folder.glob("*.pack")}
    (root / "a.txt").write_text("text\n")
    id = (await engine.take(kind="step", touched=[root / "a.txt"])).id
    await engine.upkeep.idle()
    engine._project.repository.write_out()
    (pack,) = {*folder.glob("*.pack")} - before
    row = pack.stem, pack.read_bytes(), pack.with_suffix(".idx").read_bytes()
    transaction(
        engine._store.connection, lambda db: db.execute("INSERT INTO checkpoint_pack VALUES (?, ?, ?)", row)
    )
    await engine.close()
    return id, pack


@pytest.mark.parametrize("left", [None, b"", b"\0" * 700])
@pytest.mark.parametrize("suffix", [".pack", ".idx"])
async def test_files_that_a_power_failure_took_are_written_again(
    tmp_path: Path, left: bytes | None, suffix: str
):
    root, state = tmp_path / "project", tmp_path / "state"
    id, pack = await left_behind(root, state)
    pack.with_suffix(suffix).unlink()
    if left is not None:
        pack.with_suffix(suffix).write_bytes(left)
    engine = await open_engine([root], state)
    store = engine._project.repository
    entry = store.trees.at(bytes.fromhex((await engine.get(id)).tree), b"code/a.txt")
    assert entry is not None
    assert store.read(entry.oid) == b"text\n"
    assert store.run_unchecked("fsck", "--full")[0] == 0
    assert not select(engine._store.connection, "SELECT 1 FROM checkpoint_pack")
    await engine.close()


async def test_packs_that_are_not_whole_are_set_aside_after_the_next_boot(tmp_path: Path):
    root, state = tmp_path / "project", tmp_path / "state"
    _, pack = await left_behind(root, state)
    for suffix in (".pack", ".idx"):
        (pack.parent / f"pack-{'ab' * 20}{suffix}").write_bytes(b"\0" * 700)
    (pack.parents[2] / "boot").write_text("the boot before")
    engine = await open_engine([root], state)
    assert engine._project.repository.run_unchecked("fsck", "--full")[0] == 0
    assert len([*pack.parent.glob("*.torn")]) == 2
    await engine.close()
