"""Rows of a database that nobody vouches for."""

from __future__ import annotations

from pathlib import Path

import pytest

from mazu_ls.errors import MazuError
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.models import MemoryEntry
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.memory.store.schema import MIGRATIONS
from mazu_ls.state.store import connect, transaction


def database(path: Path, *statements: str) -> Path:
    db = connect(path, [MIGRATIONS])
    entries = [
        MemoryEntry(title="Use tabs everywhere", pinned=True),
        MemoryEntry(kind="page", category="wiki", key="build", title="Build", body="make"),
        MemoryEntry(kind="page", category="wiki", key="../../escape", title="Escape", body="x"),
        MemoryEntry(kind="trait", category="trait", key="tone", title="tone", body="rude"),
    ]
    transaction(db, lambda d: [EntryTable(d, "project").insert(entry) for entry in entries])
    for statement in statements:
        db.execute(statement)
    db.close()
    return path


async def test_rows_come_unpinned_with_their_origin_and_replace_nothing(memories: Memories, tmp_path: Path):
    other = database(
        tmp_path / "backup.db", "CREATE TRIGGER evil AFTER INSERT ON memory BEGIN DELETE FROM memory; END"
    )
    before = other.read_bytes()
    await memories.remember("Use spaces everywhere", pinned=True)
    result = await memories.import_rows(other)
    listed, _ = await memories.list()
    got = {memory.title: (memory.pinned, memory.origin, memory.source) for memory in listed}
    assert got["Use tabs everywhere"] == (False, str(other), "imported")
    assert got["Use spaces everywhere"] == (True, None, "user")
    assert any("escape" in problem for problem in result.problems)
    assert any("left out" in problem for problem in result.problems)
    assert other.read_bytes() == before


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE memory_anchor; CREATE VIEW memory_anchor AS SELECT 1",
        "ALTER TABLE memory ADD COLUMN evil TEXT GENERATED ALWAYS AS (upper(title))",
    ],
)
async def test_tables_that_are_not_ours_are_refused(memories: Memories, tmp_path: Path, sql: str):
    other = database(tmp_path / "backup.db", sql)
    with pytest.raises(MazuError, match="not a memory database of mazu-ls"):
        await memories.import_rows(other)


async def test_no_database_at_all(memories: Memories, tmp_path: Path):
    (tmp_path / "x.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(MazuError):
        await memories.import_rows(tmp_path / "x.db")
    (tmp_path / "link.db").symlink_to(database(tmp_path / "backup.db"))
    with pytest.raises(MazuError, match="cannot be read"):
        await memories.import_rows(tmp_path / "link.db")
