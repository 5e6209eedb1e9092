"""Going back to an older mazu-ls: it stops with a sentence, and never begins with nothing where there is something."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from mazu_ls.state import identity, paths
from mazu_ls.state.store import quarantined
from tests.server.client import RpcFailure, connected


async def test_the_layout_before_0_1_finds_a_tombstone_where_it_wants_its_folder(
    env: dict[str, str], folder: Path
):
    """What the version before did first of all, before it made `.mazu/memory.db` in the project."""
    async with connected(env) as client:
        await client.initialize(folder)
        await client.command("mazu.remember", {"title": "known"})
    old_place = paths.state_home(env) / "roots" / paths.legacy_root_key(folder)
    with pytest.raises(FileExistsError):
        old_place.mkdir(mode=0o700, parents=True, exist_ok=True)
    assert str(paths.root_state(folder, env)) in old_place.read_text()
    assert "Update mazu-ls" in old_place.read_text()


def test_a_project_that_was_made_again_has_a_tombstone_under_its_new_key_too(tmp_path: Path):
    """The older key held the folder's inode, so a project that is cloned anew has another one."""
    env = {"MAZU_STATE_HOME": str(tmp_path / "state")}
    project = tmp_path / "project"
    project.mkdir()
    identity.open_state(project, env).release()
    project.rename(tmp_path / "away")
    project.mkdir()
    identity.open_state(project, env).release()
    keys = {paths.legacy_root_key(project), paths.legacy_root_key(tmp_path / "away")}
    held = {path.name for path in (tmp_path / "state" / "roots").iterdir() if path.is_file()}
    assert paths.legacy_root_key(project) in held
    assert len(keys) == 2


async def test_a_database_of_a_newer_mazu_ls_is_left_as_it_is_and_nothing_empty_stands_in_for_it(
    env: dict[str, str], folder: Path
):
    async with connected(env) as client:
        await client.initialize(folder)
        await client.command("mazu.remember", {"title": "known"})
    database = paths.root_state(folder, env) / "memory.db"
    with sqlite3.connect(database) as newer:
        newer.execute("UPDATE schema_version SET version = 99 WHERE owner = 'memory'")
        newer.execute("CREATE TABLE of_the_future (x)")
    newer.close()
    async with connected(env) as client:
        await client.initialize(folder)
        with pytest.raises(RpcFailure, match=r"newer mazu-ls \(schema 99\)"):
            await client.command("mazu.remember", {"title": "new"})
        with pytest.raises(RpcFailure, match="newer mazu-ls"):
            await client.command("mazu.memory.list")
        said = [note["message"] for note in client.notes("window/showMessage")]
        assert [text for text in said if "newer mazu-ls" in text], said
    assert quarantined(database) == []
    with sqlite3.connect(database) as newer:
        assert newer.execute("SELECT title FROM memory").fetchall() == [("known",)]
        assert newer.execute("SELECT name FROM sqlite_schema WHERE name = 'of_the_future'").fetchall()
    newer.close()
