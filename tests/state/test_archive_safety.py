"""An import never costs what the project had, and takes the backups of earlier versions."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mazu_ls.agent.archive import import_state
from mazu_ls.agent.archive.archived_tables import OWNERS
from mazu_ls.agent.archive.import_state import StagedImport, stage_import
from mazu_ls.errors import MazuError
from mazu_ls.state import identity, paths
from mazu_ls.state.store import Migrations, connect
from tests.server.client import connected
from tests.state.test_state_archive import Entries, rewritten

STEPS = [(owner, number) for owner, one in OWNERS.items() for number in range(len(one.steps))]


def of_version(owner: str, number: int, scratch: Path) -> Callable[[Entries], None]:
    """Give the archive the database of a version that had only the first steps of one owner's tables."""

    def change(entries: Entries) -> None:
        new, old = scratch / "of then.db", scratch / "of now.db"
        old.write_bytes(entries["memory.db"])
        steps = [
            Migrations(one.owner, one.steps[:number]) if one.owner == owner else one
            for one in OWNERS.values()
        ]
        db = connect(new, steps)
        db.execute("ATTACH ? AS now", (str(old),))
        for table in ("memory", "checkpoint", "checkpoint_state"):
            columns = [row[1] for row in db.execute(f"PRAGMA main.table_info({table})").fetchall()]
            if columns:
                named = ", ".join(columns)
                db.execute(f"INSERT INTO main.{table} ({named}) SELECT {named} FROM now.{table}")
        db.execute("DETACH now")
        db.execute("PRAGMA journal_mode = delete").fetchall()
        db.close()
        entries["memory.db"] = new.read_bytes()

    return change


@pytest.mark.parametrize(("owner", "number"), STEPS, ids=[f"{owner} {number}" for owner, number in STEPS])
async def test_a_backup_of_every_earlier_schema_is_taken_in(
    env: dict[str, str], folder: Path, tmp_path: Path, owner: str, number: int
):
    file = tmp_path / "backup.mazu"
    (folder / "a.txt").write_text("1")
    async with connected(env) as client:
        await client.initialize(folder)
        await client.command("mazu.remember", {"title": "then"})
        await client.command("mazu.checkpoint", {"label": "one"})
        await client.command("mazu.state.export", {"uri": file.as_uri()})
        file.write_bytes(rewritten(file.read_bytes(), of_version(owner, number, tmp_path)))
        await client.command("mazu.state.import", {"uri": file.as_uri(), "mine": True, "replace": True})
        known = {memory["title"] for memory in (await client.command("mazu.memory.list"))["memories"]}
        assert known == ({"then"} if (owner, number) != ("memory", 0) else set())
        listed = (await client.command("mazu.checkpoint.list"))["checkpoints"]
        assert [one["label"] for one in listed] == (["one"] if (owner, number) != ("checkpoints", 0) else [])
        if listed:
            (folder / "a.txt").write_text("2")
            rolled = await client.command(
                "mazu.rollback", {"id": listed[0]["id"], "only": ["code"], "onConflict": "overwrite"}
            )
            assert rolled["verified"]
            assert (folder / "a.txt").read_text() == "1"


class PowerLoss(BaseException):
    """The process ends at this moment."""


def staged_beside(tmp_path: Path) -> tuple[StagedImport, Path, dict[str, str]]:
    """A checked import that waits beside the state of a project that has one row."""
    env, root = {"MAZU_STATE_HOME": str(tmp_path / "state")}, tmp_path / "project"
    root.mkdir()
    current = paths.private_folder(paths.root_state(root, env))
    (current / "mine").write_text("what the user had")
    staged = paths.private_folder(current.with_name(f"{current.name}.{import_state.STAGED}-123456"))
    (staged / "theirs").write_text("what the archive holds")
    lock = identity.lock_state(staged, root)
    return StagedImport(root, staged, None, lock), current, env  # type: ignore[arg-type]


def kept(current: Path, name: str) -> list[Path]:
    return [place.parent for place in current.parent.glob(f"*/{name}")]


@pytest.mark.parametrize("moment", ["before the exchange", "after the exchange"])
@pytest.mark.parametrize("stop", [OSError(5, "no"), PowerLoss()], ids=["an error", "a kill"])
def test_an_import_that_stops_half_way_loses_nothing_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, stop: BaseException
):
    staged, current, env = staged_beside(tmp_path)
    exchange = import_state.exchange

    def stopped(*names: int | bytes) -> None:
        if moment == "after the exchange":
            exchange(*names)  # type: ignore[arg-type]
        raise stop

    monkeypatch.setattr(import_state, "exchange", stopped)
    if isinstance(stop, PowerLoss):  # nothing runs any more, so neither does what would clean up
        monkeypatch.setattr(StagedImport, "discard", lambda self: os.close(self.lock))
    with pytest.raises(type(stop)):
        staged.put_in_place(env)
    with pytest.raises(MazuError, match="cannot be read"):  # the next import sweeps
        stage_import(staged.root, tmp_path / "none.mazu", env, mine=True, replace=True)
    (place,) = kept(current, "mine")
    if moment == "before the exchange":
        assert place == current
    else:
        assert place.name.startswith(f"{current.name}.replaced-")
        assert (current / "theirs").exists()
