"""Where a project's state is: outside the project, found by its real path, moved only when the user says so."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.agent.session.branches import MIGRATIONS as HEADS
from mazu_ls.checkpoints.store.schema import MIGRATIONS as CHECKPOINTS
from mazu_ls.errors import MazuError
from mazu_ls.memory.store.schema import MIGRATIONS as MEMORY
from mazu_ls.state import identity, paths
from mazu_ls.state.store import connect, quarantined, select
from tests.server.client import Client, connected
from tests.server.test_process import real_server


async def titles(client: Client) -> set[str]:
    return {memory["title"] for memory in (await client.command("mazu.memory.list"))["memories"]}


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if ".git" not in path.parts}


def git_init(folder: Path) -> None:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)


def git_clean(folder: Path) -> None:
    subprocess.run(["git", "-C", str(folder), "clean", "-fdxq", "-e", "a.txt"], check=True)


async def test_git_clean_and_a_deleted_mazu_folder_lose_nothing_while_the_server_runs_or_not(
    env: dict[str, str], folder: Path
):
    git_init(folder)
    (folder / "a.txt").write_text("1")
    async with real_server(env) as (client, _):
        await client.initialize(folder)
        await client.command("mazu.remember", {"title": "The first is known"})
        taken = await client.command("mazu.checkpoint")
        git_clean(folder)
        shutil.rmtree(folder / ".mazu", ignore_errors=True)
        await client.command("mazu.remember", {"title": "A second after git clean"})
        await client.command("mazu.remember", {"title": "Nothing is lost, third"})
    git_clean(folder)
    async with real_server(env) as (client, _):
        await client.initialize(folder)
        assert await titles(client) == {
            "The first is known", "A second after git clean", "Nothing is lost, third"
        }  # fmt: skip
        (folder / "a.txt").write_text("2")
        report = await client.command("mazu.rollback", {"id": taken["id"], "onConflict": "overwrite"})
        assert report["applied"]
        assert (folder / "a.txt").read_text() == "1"


async def test_opening_remembering_and_a_checkpoint_put_nothing_into_the_project(
    env: dict[str, str], folder: Path
):
    (folder / "a.txt").write_text("1")
    async with real_server(env) as (client, _):
        await client.initialize(folder)
        await client.command("mazu.remember", {"title": "Known"})
        await client.command("mazu.checkpoint")
        await client.command("mazu.status")
    assert files_of(folder) == {"a.txt"}


async def test_the_state_is_private(env: dict[str, str], folder: Path):
    async with real_server(env) as (client, _):
        await client.initialize(folder)
        await client.command("mazu.remember", {"title": "Known"})
        place = paths.root_state(folder, env)
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in place.glob("memory.db*")} == {0o600}


def test_the_same_path_is_the_same_project_whatever_its_inode(tmp_path: Path):
    env = {"MAZU_STATE_HOME": str(tmp_path / "state")}
    project = tmp_path / "project"
    project.mkdir()
    first = identity.open_state(project, env)
    project.rename(tmp_path / "away")
    project.mkdir()
    again = identity.open_state(project, env)
    assert (again.folder, again.marker.id) == (first.folder, first.marker.id)


def test_a_state_under_the_key_of_an_older_version_is_taken_over(tmp_path: Path):
    env = {"MAZU_STATE_HOME": str(tmp_path / "state")}
    project = tmp_path / "project"
    project.mkdir()
    old = tmp_path / "state" / "roots" / paths.legacy_root_key(project)
    (old / "journal").mkdir(parents=True)
    (old / "journal" / "s_1.jsonl").write_text("{}\n")
    opened = identity.open_state(project, env)
    assert (opened.folder / "journal" / "s_1.jsonl").read_text() == "{}\n"
    assert opened.marker.legacy == old.name
    assert "Update mazu-ls" in old.read_text()
    assert identity.open_state(project, env).marker == opened.marker


def test_a_renamed_project_is_offered_and_attached_only_when_asked_to(tmp_path: Path):
    env = {"MAZU_STATE_HOME": str(tmp_path / "state")}
    project, renamed = tmp_path / "project", tmp_path / "renamed"
    project.mkdir()
    first = identity.open_state(project, env)
    first.release()
    (first.folder / "memory.db").write_text("rows")
    with pytest.raises(MazuError, match="still exists"):
        identity.attach(renamed, project, env)
    project.rename(renamed)
    opened = identity.open_state(renamed, env)
    assert [marker.id for marker in opened.moved] == [first.marker.id]
    assert not (opened.folder / "memory.db").exists()
    opened.release()
    identity.decline(renamed, (first.marker.id,), env)
    declined = identity.open_state(renamed, env)
    declined.release()
    assert declined.moved == ()
    identity.attach(renamed, project, env)
    again = identity.open_state(renamed, env)
    assert (again.marker.id, again.moved) == (first.marker.id, ())
    assert (again.folder / "memory.db").read_text() == "rows"
    again.release()
    moved = identity.open_state(renamed.rename(tmp_path / "once more"), env).moved
    assert [marker.id for marker in moved] == [first.marker.id], "what was set aside is not offered"


def test_another_project_that_cannot_be_looked_at_does_not_take_the_state_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    env = {"MAZU_STATE_HOME": str(tmp_path / "state")}
    mounted, project = tmp_path / "mount" / "project", tmp_path / "project"
    for folder in (mounted, project):
        folder.mkdir(parents=True)
    first = identity.open_state(project, env)
    identity.open_state(mounted, env)
    looked_at = Path.stat

    def stat_of_dead_mount(path: Path, **flags: bool) -> os.stat_result:
        if path == mounted:
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")
        return looked_at(path, **flags)

    monkeypatch.setattr(Path, "stat", stat_of_dead_mount)
    again = identity.open_state(project, env)
    assert (again.folder, again.moved) == (first.folder, ())


@pytest.mark.parametrize("error", [errno.ENOTEMPTY, errno.ENOENT])
def test_two_servers_that_take_an_older_state_over_at_once_both_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
):
    env = {"MAZU_STATE_HOME": str(tmp_path / "state")}
    project = tmp_path / "project"
    project.mkdir()
    old = tmp_path / "state" / "roots" / paths.legacy_root_key(project)
    (old / "journal").mkdir(parents=True)
    (old / "memory.db").write_text("rows")
    renamed, others = Path.rename, iter([True])

    def lose_the_race(path: Path, target: Path) -> Path:
        if next(others, False):
            identity.open_state(project, env)
            raise OSError(error, "the other server was quicker")
        return renamed(path, target)

    monkeypatch.setattr(Path, "rename", lose_the_race)
    opened = identity.open_state(project, env)
    assert (opened.folder / "memory.db").read_text() == "rows"
    assert (opened.folder / "journal").is_dir()


LATER, ATTACH, AFRESH = 0, 1, 2


def says(text: str) -> Callable[[dict[str, Any]], bool]:
    """A message to the user that holds this text."""
    return lambda message: (
        message.get("method") == "window/showMessage" and text in message["params"]["message"]
    )


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(90):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_renamed_project_is_asked_about_when_it_is_opened_and_gets_its_state(
    env: dict[str, str], folder: Path
):
    (folder / "a.txt").write_text("1")
    async with real_server(env) as (client, _):
        await client.initialize(folder)
        await client.command("mazu.remember", {"title": "Known before"})
        taken = await client.command("mazu.checkpoint")
    renamed = folder.rename(folder.with_name("renamed"))
    asked: list[str] = []

    def answer(params: Any) -> Any:
        asked.append(params["message"])
        return params["actions"][ATTACH]

    async with real_server(env) as (client, _):
        client.answers["window/showMessageRequest"] = answer
        await client.initialize(renamed)
        await client.until(says("is this project's now"))
        assert str(folder) in asked[0]
        assert await titles(client) == {"Known before"}
        (renamed / "a.txt").write_text("2")
        report = await client.command("mazu.rollback", {"id": taken["id"], "onConflict": "overwrite"})
        assert report["verified"], report
        assert (renamed / "a.txt").read_text() == "1"
    async with connected(env) as client:
        client.answers["window/showMessageRequest"] = answer
        await client.initialize(renamed)
        assert await titles(client) == {"Known before"}
        assert len(asked) == 1


def declined(root: Path, env: dict[str, str]) -> tuple[str, ...]:
    marker = identity.read_marker(paths.root_state(root, env))
    return marker.declined if marker else ()


async def renamed_project(env: dict[str, str], folder: Path) -> Path:
    """A project with one memory, at another place now."""
    async with connected(env) as client:
        await client.initialize(folder)
        await client.command("mazu.remember", {"title": "Known before"})
    return folder.rename(folder.with_name("renamed"))


async def test_a_moved_project_is_left_alone_where_the_user_says_not_now_and_asked_about_no_more_afresh(
    env: dict[str, str], folder: Path
):
    renamed = await renamed_project(env, folder)
    for chosen, asked_again in ((LATER, True), (AFRESH, True), (ATTACH, False)):
        asked: list[str] = []
        async with connected(env) as client:
            client.answers["window/showMessageRequest"] = lambda params, chosen=chosen, asked=asked: (
                asked.append(params["message"]) or params["actions"][chosen]
            )
            await client.initialize(renamed)
            assert await titles(client) == set()
            if asked_again:
                await until(lambda asked=asked: bool(asked))
            if chosen == AFRESH:
                await until(lambda: len(declined(renamed, env)) == 1)
        assert bool(asked) == asked_again, chosen
    async with connected(env) as client:  # what was declined is still there for who names it
        await client.initialize(renamed)
        attached = await client.command("mazu.state.attach", {"from": str(folder)})
        assert attached["attached"] == str(folder)
        assert await titles(client) == {"Known before"}


async def test_an_editor_that_cannot_ask_is_told_how_a_moved_project_gets_its_state(
    env: dict[str, str], folder: Path
):
    renamed = await renamed_project(env, folder)
    async with connected(env) as client:  # answers no question: there is no such method
        await client.initialize(renamed)
        await client.command("mazu.remember", {"title": "Known in the new place only"})
        await client.until(says("mazu.state.attach"))
        client.answers["window/showMessageRequest"] = lambda params: params["actions"][0]
        attached = await client.command("mazu.state.attach")
        assert attached["attached"] == str(folder)
        assert Path(attached["setAside"], "memory.db").is_file()
        assert await titles(client) == {"Known before"}


async def test_a_copy_of_a_project_that_is_still_there_is_not_asked_about(
    env: dict[str, str], folder: Path, tmp_path: Path
):
    async with connected(env) as client:
        await client.initialize(folder)
        await client.command("mazu.remember", {"title": "Known before"})
    copy = Path(shutil.copytree(folder, tmp_path / "other" / folder.name))
    async with connected(env) as client:
        asked: list[str] = []
        client.answers["window/showMessageRequest"] = lambda params: asked.append(params["message"])
        await client.initialize(copy)
        assert await titles(client) == set()
        await client.command("mazu.status")
        said = [note["message"] for note in client.notes("window/showMessage")]
        assert [text for text in (*said, *asked) if str(folder) in text] == []


def test_no_state_is_attached_under_a_process_that_has_the_project_open(tmp_path: Path):
    env = {"MAZU_STATE_HOME": str(tmp_path / "state")}
    project, renamed = tmp_path / "project", tmp_path / "renamed"
    project.mkdir()
    identity.open_state(project, env).release()
    project.rename(renamed)
    opened = identity.open_state(renamed, env)
    with pytest.raises(MazuError, match="open"):
        identity.attach(renamed, project, env)
    opened.release()
    assert identity.read_marker(identity.attach(renamed, project, env).folder)


HOSTILE = {
    "a trigger": "CREATE TRIGGER evil AFTER INSERT ON memory BEGIN UPDATE memory SET title = 'evil'; END",
    "a trigger of another's name": (
        "DROP TRIGGER memory_count_out; CREATE TRIGGER memory_count_out AFTER DELETE ON memory BEGIN"
        " DELETE FROM checkpoint; END"
    ),
    "a view": "CREATE VIEW evil AS SELECT 1",
    "a trigger on the checkpoints": (
        "CREATE TRIGGER evil AFTER INSERT ON checkpoint BEGIN DELETE FROM checkpoint; END"
    ),
    "a table that is a view": (
        "DROP TABLE session_taken; CREATE VIEW session_taken AS SELECT 'a' session, 1 head, 2 size"
    ),
    "another column": "ALTER TABLE session_head ADD COLUMN evil TEXT",
    "an index with an expression": "CREATE INDEX evil ON memory (lower(title))",
}


@pytest.mark.parametrize("sql", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_database_with_a_schema_that_is_not_ours_is_set_aside(tmp_path: Path, sql: str):
    path, ours = tmp_path / "memory.db", [MEMORY, HEADS, CHECKPOINTS]
    connect(path, ours).close()
    connect(path, ours).close()
    assert quarantined(path) == []
    connection = connect(path, ours)
    connection.execute(sql)
    connection.close()
    again = connect(path, ours)
    assert len(quarantined(path)) == 1
    assert select(again, "SELECT name FROM sqlite_schema WHERE name = 'evil'") == []
    again.close()


def test_our_databases_are_opened_defensively(tmp_path: Path):
    import apsw

    connection = connect(tmp_path / "memory.db", [MEMORY])
    assert connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, -1) == 1
    assert connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, -1) == 0
    with pytest.raises(apsw.SQLError):
        connection.execute("INSERT INTO memory_index_data VALUES (9, x'00')")
    connection.close()
