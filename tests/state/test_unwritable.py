"""A state directory that cannot be written: memory, chat and reading work, and it heals when the cause goes."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.errors import Kind, MazuError
from mazu_ls.server import state as server_state
from mazu_ls.state import volatile
from mazu_ls.state.paths import root_state
from tests.scenario import PATIENCE, Story, World
from tests.server.client import Client, RpcFailure, connected

SAID = "The state directory cannot be written"


async def opened(world: World) -> Project:
    return await Project.open(
        [world.root], world.host, settings={"context": {"map_tokens": 0}}, env=world.env, patience=PATIENCE
    )


async def test_what_is_there_is_read_chat_works_and_what_was_said_is_brought_back(tmp_path, monkeypatch):
    world = World(Story(), tmp_path)
    async with ModelServer([{"text": "One."}, {"text": "Two."}, {"text": "Three."}]) as server:
        world.env["ANTHROPIC_BASE_URL"] = server.url
        project = await opened(world)
        await (await project.sessions.get()).prompt(Prompt("First."))
        assert project.memories is not None
        await project.memories.remember("Amounts are whole cents")
        await project.close()

        read_only = True
        real = volatile.why_unwritable
        monkeypatch.setattr(
            volatile, "why_unwritable", lambda folder: "read-only" if read_only else real(folder)
        )
        project = await opened(world)
        assert [SAID in warning for warning in project.warnings] == [True]
        assert project.memories is not None
        assert [found.title for found in await project.memories.recall("cents")]
        session = await project.sessions.get()
        assert (await session.prompt(Prompt("Second."))).reply == "Two."
        with pytest.raises(MazuError, match="state directory") as refused:
            raise project.no_checkpoints or AssertionError
        assert refused.value.kind is Kind.STORAGE
        assert not project.disk or not project.disk.may_return()
        read_only = False
        assert project.disk and project.disk.may_return()
        await project.close()

        project = await opened(world)
        assert not project.warnings
        assert project.checkpoints is not None
        assert [
            m.text for m in (await project.sessions.get()).conversation.messages if m.role == "assistant"
        ] == ["One.", "Two."]
        await project.close()


def test_a_conversation_that_went_on_elsewhere_stays_as_it_is(tmp_path):
    copies, reals = tmp_path / "copies", tmp_path / "reals"
    copies.mkdir()
    reals.mkdir()
    for name, copy, real in (
        ("longer", b"a\nb\n", b"a\n"),
        ("other", b"a\nb\n", b"a\nc\n"),
        ("new", b"a\n", None),
    ):
        (copies / f"{name}.jsonl").write_bytes(copy)
        if real is not None:
            (reals / f"{name}.jsonl").write_bytes(real)
    volatile.bring_back(copies, reals)
    assert {path.stem: path.read_bytes() for path in reals.iterdir()} == {
        "longer": b"a\nb\n", "other": b"a\nc\n", "new": b"a\n",
    }  # fmt: skip


def test_a_full_or_impossible_place_is_seen_and_a_new_one_is_not_made(tmp_path):
    assert volatile.why_unwritable(tmp_path / "a" / "b") == ""
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    assert volatile.why_unwritable(tmp_path / "file" / "b")


async def warnings(client: Client) -> list[str]:
    """What the status warns of; where the project is just opened again, that."""
    try:
        return (await client.command("mazu.status"))["warnings"]
    except RpcFailure as busy:
        assert busy.data["kind"] == "busy", busy
        return [busy.message]


async def test_a_file_in_the_way_is_said_once_until_it_is_gone(env, folder, monkeypatch):
    """The folders can be written, the project's state cannot be opened all the same."""
    monkeypatch.setattr(server_state, "HEAL_SECONDS", 0.05)
    marker = root_state(folder, env) / "project.json"
    marker.mkdir(parents=True)
    async with connected(env) as client:
        await client.initialize(folder)
        assert not (await client.command("mazu.status"))["checkpoints"]["available"]
        await asyncio.sleep(0.5)  # ten looks
        said = [note["message"] for note in client.notes("window/showMessage")]
        assert len([one for one in said if "cannot be written (" in one]) == 1 == len(said), said
        marker.rmdir()
        async with asyncio.timeout(40):
            while await warnings(client):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert (await client.command("mazu.status"))["checkpoints"]["available"]


async def test_the_server_says_it_once_and_heals_when_the_cause_goes(env, folder, monkeypatch):
    monkeypatch.setattr(server_state, "HEAL_SECONDS", 0.05)
    place = Path(env["MAZU_STATE_HOME"])
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("a file stands where the folder should be")
    async with connected(env) as client:
        await client.initialize(folder)
        status = await client.command("mazu.status")
        assert not status["checkpoints"]["available"]
        assert len([one for one in status["warnings"] if "cannot be written" in one]) == 1
        assert (await client.command("mazu.memory.list"))["memories"] == []
        place.unlink()
        async with asyncio.timeout(40):
            while await warnings(client):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert (await client.command("mazu.status"))["checkpoints"]["available"]
    assert any("can be written again" in str(message) for message in client.received)


@pytest.mark.skipif(not shutil.which("bwrap"), reason="needs bubblewrap for a read-only file system")
@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["recall", "cents"],
        ["doctor"],
        ["session", "list"],
        ["config", "set", "limits.max_steps", "3"],
        ["remember", "The port is 8080"],
    ],
)
def test_a_command_on_a_read_only_disk_ends_with_a_sentence(env, folder, command):
    run = [sys.executable, "-m", "mazu_ls"]
    place, home = env["MAZU_STATE_HOME"], env["MAZU_HOME"]
    Path(place).mkdir(parents=True, exist_ok=True)
    Path(home).mkdir(parents=True, exist_ok=True)
    whole = os.environ | env
    subprocess.run(
        [*run, "remember", "Amounts are whole cents"], cwd=folder, env=whole, check=True, capture_output=True
    )
    shut = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", place, place, "--ro-bind", home, home]
    if subprocess.run([*shut, "true"], capture_output=True, check=False).returncode:
        pytest.skip("bubblewrap does not work here")
    done = subprocess.run(
        [*shut, *run, *command], cwd=folder, env=whole, check=False, capture_output=True, text=True
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert "Read-only file system" in done.stdout + done.stderr
    if command[0] == "remember":
        assert (done.returncode, done.stdout) == (1, "")
        assert "Nothing was changed" in done.stderr
    if command[0] == "recall":
        assert "Amounts are whole cents" in done.stdout


def test_without_any_temporary_folder_the_user_hears_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    nowhere = str(tmp_path / "missing")
    env = {"MAZU_HOME": str(tmp_path / "file"), "MAZU_STATE_HOME": str(tmp_path / "file" / "state")}
    monkeypatch.setattr(tempfile, "tempdir", nowhere)
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.setattr(volatile, "IN_MEMORY", str(memory))
    state = volatile.open_project_state(tmp_path, env)
    assert state.is_volatile
    assert state.folder.is_relative_to(memory), "the memory takes what no disk takes"
    state.release()
    assert not state.folder.exists()
    monkeypatch.setattr(volatile, "IN_MEMORY", nowhere)
    with pytest.raises(MazuError, match="no temporary folder either") as refused:
        volatile.open_project_state(tmp_path, env)
    assert refused.value.kind is Kind.STORAGE


@pytest.mark.skipif(not shutil.which("bwrap"), reason="needs bubblewrap for a read-only file system")
def test_a_read_only_home_takes_nothing_from_the_project(env, folder):
    """As where a home folder's settings are managed, or a container mounts them."""
    run = [sys.executable, "-m", "mazu_ls"]
    home = env["MAZU_HOME"]
    Path(home).mkdir(parents=True, exist_ok=True)
    shut = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", home, home]
    if subprocess.run([*shut, "true"], capture_output=True, check=False).returncode:
        pytest.skip("bubblewrap does not work here")

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*shut, *run, *words], cwd=folder, env=os.environ | env, check=False, capture_output=True, text=True
        )  # fmt: skip

    taken = command("checkpoint", "take", "here")
    assert (taken.returncode, "Traceback" in taken.stderr) == (0, False)
    assert "Your mazu-ls folder cannot be written" in taken.stderr
    assert "state directory cannot" not in taken.stderr
    assert "here" in command("checkpoint", "list").stdout
    assert command("remember", "The port is 8080").returncode == 0
    assert "The port is 8080" in command("recall", "port").stdout
    refused = command("remember", "I like short answers", "--scope", "global")
    assert (refused.returncode, "Nothing was changed" in refused.stderr) == (1, True)
    refused = command("memory", "forget", "g_000001")
    assert (refused.returncode, "Nothing was changed" in refused.stderr) == (1, True)


async def test_a_read_only_home_heals_too(env, folder, monkeypatch):
    monkeypatch.setattr(server_state, "HEAL_SECONDS", 0.05)
    real, shut = volatile.why_unwritable, [Path(env["MAZU_HOME"])]
    monkeypatch.setattr(
        volatile, "why_unwritable", lambda folder: "read-only" if folder in shut else real(folder)
    )
    async with connected(env) as client:
        await client.initialize(folder)
        status = await client.command("mazu.status")
        assert status["checkpoints"]["available"]
        assert ["Your mazu-ls folder cannot be written" in one for one in status["warnings"]] == [True]
        await client.command("mazu.remember", {"title": "I like short answers", "scope": "global"})
        shut.clear()
        async with asyncio.timeout(40):
            while await warnings(client):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert (await client.command("mazu.memory.list", {"scope": "global"}))["total"] == 0
