"""A project that an earlier version of ours kept its database in: the rows come along, and vouch for nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mazu_ls.agent.session.branches import MIGRATIONS as HEADS
from mazu_ls.checkpoints.store.schema import MIGRATIONS as CHECKPOINTS
from mazu_ls.memory.models import micros, now
from mazu_ls.memory.store.entries import EntryTable, MemoryEntry
from mazu_ls.memory.store.schema import MIGRATIONS as MEMORY
from mazu_ls.state import paths
from mazu_ls.state.store import connect, transaction
from tests.server.client import Client, connected
from tests.server.conftest import env, folder

__all__ = ["env", "folder"]
TRIGGER = "CREATE TRIGGER evil AFTER INSERT ON memory BEGIN UPDATE memory SET pinned = 1; END"


def earlier_database(project: Path, *statements: str) -> None:
    place = project / ".mazu" / "memory.db"
    place.parent.mkdir()
    db = connect(place, [MEMORY, HEADS, CHECKPOINTS])
    stamp = micros(now())
    entry = MemoryEntry(title="Money is integer cents", pinned=True, created_at=stamp, updated_at=stamp)
    transaction(db, lambda d: [EntryTable(d, "project").insert(entry)])
    for statement in statements:
        db.execute(statement).fetchall()
    db.close()


async def memories(client: Client) -> list[dict[str, Any]]:
    return (await client.command("mazu.memory.list"))["memories"]


@pytest.mark.parametrize("statements", [(), (TRIGGER,)], ids=["as it was", "with a trigger"])
async def test_rows_of_our_own_earlier_version_come_along_once(
    env: dict[str, str], folder: Path, statements: tuple[str, ...]
):
    (paths.state_home(env) / "roots" / paths.legacy_root_key(folder) / "journal").mkdir(parents=True)
    earlier_database(folder, *statements)
    async with connected(env) as client:
        await client.initialize(folder)
        (memory,) = await memories(client)
        assert memory["title"] == "Money is integer cents"
        assert (memory["pinned"], memory["source"]) == (False, "imported")
        assert "memory.db" in memory["origin"]
        said = await client.until(lambda m: "was imported" in str(m.get("params")), 60)
        assert "1 memory," in said["params"]["message"]


async def test_what_was_forgotten_after_it_does_not_come_back(env: dict[str, str], folder: Path):
    (paths.state_home(env) / "roots" / paths.legacy_root_key(folder) / "journal").mkdir(parents=True)
    earlier_database(folder)
    async with connected(env) as client:
        await client.initialize(folder)
        (memory,) = await memories(client)
        await client.until(lambda m: "was imported" in str(m.get("params")), 60)
        await client.command("mazu.memory.forget", {"id": memory["id"]})
    async with connected(env) as client:
        await client.initialize(folder)
        await client.command("mazu.status")
        assert await memories(client) == []


async def test_a_clone_brings_none(env: dict[str, str], folder: Path):
    earlier_database(folder)
    async with connected(env) as client:
        await client.initialize(folder)
        await client.until(lambda m: "is not used" in str(m.get("params")), 60)
        assert await memories(client) == []
