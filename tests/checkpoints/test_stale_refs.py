"""Each checkpoint has its own ref: not that of a step that was never committed, and not one of two processes at once."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from mazu_ls.checkpoints.engine import Checkpoints
from mazu_ls.checkpoints.git.packed_refs import set_loose_ref
from mazu_ls.checkpoints.git.repository import REFS
from mazu_ls.checkpoints.store import schema
from mazu_ls.errors import MazuError
from tests.checkpoints.bed import open_engine
from tests.checkpoints.test_unwritten_objects import reopened, step, steps


async def fail_after_its_ref(engine: Checkpoints, root: Path) -> None:
    """Take a step that is large, so that it has a pack and a ref of its own, on a disk that is full at its commit."""

    def full(*_: object) -> None:
        raise apsw.FullError("database or disk is full")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(MazuError):
        patch.setattr(schema, "insert", full)
        await step(engine, root, "x" * 100_000)


@pytest.mark.parametrize("later", [1, 5, 12, 30])
async def test_a_step_after_one_that_failed_is_never_collected(tmp_path: Path, later: int):
    root, state = tmp_path / "project", tmp_path / "state"
    engine, ids = await steps(root, state, 1)
    await fail_after_its_ref(engine, root)
    ids += [await step(engine, root, f"later {number}\n") for number in range(later)]
    assert engine._project.repository.write_out() or later > 16
    assert await engine.upkeep._collect()
    await engine.close()
    assert await reopened(root, state, ids) == ["", "0\n", *(f"later {number}\n" for number in range(later))]


async def test_opening_gives_each_checkpoint_its_own_ref(tmp_path: Path):
    root, state = tmp_path / "project", tmp_path / "state"
    engine, ids = await steps(root, state, 12)
    repository = engine._project.repository
    repository.write_out()
    repository.set_ref(REFS + ids[3], repository.refs()[ids[0]])  # hides the packed one
    await engine.close()
    engine = await open_engine([root], state)
    found = engine._project.repository.refs()
    assert [found[id].hex() for id in ids] == [(await engine.get(id)).commit for id in ids]
    await engine.close()


def test_two_processes_may_write_the_same_ref(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    replace, ref, oid = Path.replace, REFS + "cp_000001", bytes(range(20))

    def meanwhile(draft: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "replace", replace)
        set_loose_ref(tmp_path, ref, oid)
        return replace(draft, target)

    monkeypatch.setattr(Path, "replace", meanwhile)
    set_loose_ref(tmp_path, ref, oid)
    assert [path.read_text() for path in (tmp_path / REFS).iterdir()] == [f"{oid.hex()}\n"]
