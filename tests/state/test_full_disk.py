"""A disk that is full: memory, journal, checkpoints, edits, rollback and settings lose nothing, say so, and go on when there is space.

The file system is a real one of a few MiB; where the test may not mount one it is skipped.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import Client, RpcFailure, connected
from tests.server.test_turns import ALL, agent, edit_call

FULL = ("full", "No space left")
SIZE = 24 << 20
"""Bytes of the file system."""


class SmallDisk:
    """A mounted file system that a test fills and frees."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """Leave not one block; what is freed meanwhile is filled too."""
        for size in (1 << 16, 512, 512):
            left = 2 * SIZE // size
            with (
                (self.folder / f"filler{size}").open("ab", buffering=0) as file,
                contextlib.suppress(OSError),
            ):
                while left and file.write(bytes(size)) == size:
                    left -= 1
        assert os.statvfs(self.folder).f_bavail == 0

    def free(self) -> None:
        """Give the space back."""
        for size in (1 << 16, 512):
            (self.folder / f"filler{size}").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.decode(errors='replace').strip()}")
    try:
        if os.statvfs(folder).f_blocks * os.statvfs(folder).f_frsize > 2 * SIZE:
            pytest.skip("what was mounted here is larger than it was asked to be")
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True, timeout=60)


def on_disk(disk: SmallDisk) -> tuple[dict[str, str], Path]:
    """An environment and a project, all of it on the small disk."""
    names = {"MAZU_HOME": "home", "MAZU_STATE_HOME": "state", "HOME": "user"}
    env = {name: str(disk.folder / place) for name, place in names.items()} | {"PATH": "/usr/bin:/bin"}
    root = disk.folder / "project"
    for folder in (root, *(disk.folder / place for place in names.values())):
        folder.mkdir()
    return env, root


async def refused(client: Client, command: str, arguments: dict[str, Any] | None = None) -> str:
    """What is said of a command that the disk has no room for: one sentence, and that the disk is full."""
    with pytest.raises(RpcFailure) as failed:
        await client.command(command, arguments)
    said = str(failed.value)
    assert any(word in said for word in FULL), said
    assert "\n" not in said and "Traceback" not in said
    return said


async def test_nothing_is_lost_on_a_full_disk_and_all_goes_on_when_there_is_space(disk: SmallDisk):
    env, root = on_disk(disk)
    (root / "a.txt").write_text("one\n")
    (root / "b.txt").write_text("b\n")
    replies = [
        {"text": "Hello."},
        {"text": "Still here."},
        {"calls": [edit_call("b.txt", "b", "B")]},
        {"text": "Done."},
    ]
    async with agent(env, root, replies, allow=["edit_file: b.txt"]) as client:
        await client.command("mazu.chat", {"message": "Hi", "wait": True})
        await client.command("mazu.remember", {"title": "Amounts are whole cents"})
        first = await client.command("mazu.checkpoint", {"label": "first"})
        (root / "a.txt").write_text("two\n")
        disk.fill()
        await refused(client, "mazu.remember", {"title": "Names are in Latin", "body": "x" * 9000})
        await refused(client, "mazu.checkpoint", {"label": "second"})
        await refused(client, "mazu.rollback", {"id": first["id"], "onConflict": "overwrite"})
        disk.fill()  # what failed gave some blocks back
        long = {"message": "Are you there? " + "Say so. " * 30_000, "wait": True}
        await refused(client, "mazu.chat", long)
        assert (root / "a.txt").read_text() == "two\n"
        memories = (await client.command("mazu.memory.list"))["memories"]
        assert [one["title"] for one in memories] == ["Amounts are whole cents"]
        assert [one["id"] for one in (await client.command("mazu.checkpoint.list"))["checkpoints"]] == [
            first["id"]
        ]
        disk.free()
        await client.command("mazu.remember", {"title": "Names are in Latin"})
        said = await client.command("mazu.chat", {"message": "Are you there?", "wait": True})
        assert (said["stopReason"], said["reply"]) == ("end_turn", "Still here."), said
        said = await client.command("mazu.chat", {"message": "Edit b", "wait": True})
        assert said["stopReason"] == "end_turn" and (root / "b.txt").read_text() == "B\n", said
        back = await client.command("mazu.rollback", {"id": first["id"], "onConflict": "overwrite"})
        assert back["applied"] and back["verified"], back
        assert ((root / "a.txt").read_text(), (root / "b.txt").read_text()) == ("one\n", "b\n")
    async with ModelServer([]) as model, connected({**env, "ANTHROPIC_BASE_URL": model.url}) as client:
        await client.initialize(root, **ALL)
        turns = (await client.command("mazu.session.show", {"sessionId": said["sessionId"]}))["turns"]
        assert turns[0]["reply"] == "Hello."


async def test_an_edit_on_a_full_disk_leaves_the_file_whole_and_the_model_hears_of_it(
    disk: SmallDisk, env: dict[str, str]
):
    root = disk.folder / "project"
    root.mkdir()
    before = "b\n" * 6000
    (root / "b.txt").write_text(before)
    edit = edit_call("b.txt", before, "B\n" * 9000)
    new = {"name": "write_file", "arguments": {"path": "c.txt", "content": "c\n" * 5000}}
    replies = [
        {"calls": [edit]},
        {"calls": [new]},
        {"text": "No room."},
        {"calls": [edit]},
        {"text": "Done."},
    ]
    client: Any
    async with agent(env, root, replies, allow=["edit_file: b.txt", "write_file: c.txt"]) as client:
        disk.fill()
        said = await client.command("mazu.chat", {"message": "Edit b", "wait": True})
        assert (said["stopReason"], said["reply"]) == ("end_turn", "No room."), said
        told = str(client.model.bodies[-1]["messages"])
        assert any(word in told for word in FULL), told
        assert (root / "b.txt").read_text() == before
        assert sorted(path.name for path in root.iterdir() if "mazu" not in path.name) == ["b.txt"]
        disk.free()
        said = await client.command("mazu.chat", {"message": "Edit b", "wait": True})
        assert said["reply"] == "Done." and (root / "b.txt").read_text() == "B\n" * 9000
        undone = await client.command("mazu.undo", {})
        assert undone["applied"] and undone["verified"] and (root / "b.txt").read_text() == before


def test_settings_on_a_full_disk_stay_as_they_were(disk: SmallDisk):
    env, root = on_disk(disk)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mazu_ls", *arguments],
            cwd=root, env=os.environ | env, check=False, capture_output=True, text=True,
        )  # fmt: skip

    assert run("config", "set", "limits.max_steps", "3").returncode == 0
    (config,) = Path(env["MAZU_HOME"]).glob("config.toml")
    kept = config.read_bytes()
    disk.fill()
    done = run("config", "set", "role", "docs/" + "x" * 9000)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert any(word in done.stderr for word in FULL), done.stderr
    assert config.read_bytes() == kept
    said = run("doctor").stdout
    assert "missing state folder" in said and "nothing can be written there: No space left on device" in said
    disk.free()
    assert run("config", "set", "limits.max_steps", "4").returncode == 0
    assert b"4" in config.read_bytes()
