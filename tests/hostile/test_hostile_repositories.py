"""Opening, chatting, checkpoints and rollback in hostile repositories: no program of theirs runs, nothing outside changes.

A real server process, default settings, a model that lists, reads, greps and edits. `evil` leaves a line in a marker
file, whatever starts it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.hostile.shapes import SHAPES, Target, create_project
from tests.server.client import Client

CAPABILITIES = {
    "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
    "experimental": {"mazu": {"updates": True, "permissions": True, "save": True}},
}


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


REPLIES = [
    {
        "calls": [
            call("list_dir", path=".", depth=3),
            call("read_file", path="app.py"),
            call("read_file", path="AGENTS.md"),
        ]
    },
    {"calls": [call("grep", pattern="add"), call("glob_files", pattern="**/*.py")]},
    {"calls": [call("edit_file", path="app.py", old="a - b", new="a + b")]},
    {"calls": [call("write_file", path="made/new.py", content="new = 1\n")]},
    {"text": "Done."},
]


@pytest.fixture
def target(tmp_path: Path) -> Target:
    root, outside, evil = tmp_path / "work/project", tmp_path / "outside", tmp_path / "evil.sh"
    create_project(root)
    outside.mkdir()
    (outside / "secret").write_text("0123456789abcdef0123456789abcdef01234567\n")
    evil.write_text(f'#!/bin/sh\necho "$0 $*" >> {tmp_path / "marker"}\ncat > /dev/null &\nexit 0\n')
    evil.chmod(0o755)
    (tmp_path / "user").mkdir()
    return Target(root, evil, outside)


def contents(*folders: Path) -> dict[str, str]:
    """Kind, mode and content of everything below some folders; nothing in them is followed."""
    found: dict[str, str] = {}
    for top in folders:
        for folder, folders_, names in os.walk(top):
            for name in [*names, *folders_]:
                path = Path(folder, name)
                status = path.lstat()
                data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
                found[str(path)] = f"{status.st_mode:o} {hashlib.sha256(data).hexdigest()}"
    return found


@asynccontextmanager
async def started(env: dict[str, str], folder: Path) -> AsyncIterator[Client]:
    """The installed program, started in the project's folder as editors do."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "mazu-ls"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **env}, cwd=folder,
    )  # fmt: skip
    assert process.stdin and process.stdout
    client = Client(process.stdin.write)

    async def pump(stdout: asyncio.StreamReader) -> None:
        while data := await stdout.read(65536):
            client.deliver(data)

    pumping = asyncio.create_task(pump(process.stdout))
    try:
        yield client
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await pumping


@asynccontextmanager
async def opened(folder: Path, tmp_path: Path) -> AsyncIterator[Client]:
    """A real server on `folder`, with an editor that agrees to every edit and to nothing else."""
    async with ModelServer(list(REPLIES)) as model:
        env = {
            "ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key", "HOME": str(tmp_path / "user"),
            "MAZU_HOME": str(tmp_path / "mazu-home"), "MAZU_STATE_HOME": str(tmp_path / "state"),
        }  # fmt: skip
        async with started(env, folder) as client:
            client.answers["workspace/applyEdit"] = client.apply_edit
            client.answers["window/workDoneProgress/create"] = lambda params: None
            client.answers["mazu/permission/request"] = agrees_to_edits
            await client.initialize(folder, **CAPABILITIES)
            yield client


def agrees_to_edits(params: Any) -> dict[str, str]:
    return {"optionId": "allow_once" if params["tool"] in ("edit_file", "write_file") else "deny"}


@pytest.mark.parametrize("name", SHAPES)
async def test_nothing_of_a_hostile_repository_runs(name: str, target: Target, tmp_path: Path):
    folder = SHAPES[name](target) or target.root
    marker = tmp_path / "marker"
    marker.unlink(missing_ok=True)
    git_dir = target.root / ".git"
    before = contents(target.outside, tmp_path / "user", git_dir)
    source = (folder / "app.py").read_text()
    async with opened(folder, tmp_path) as client:
        first = await client.command("mazu.checkpoint", {"label": "before"}, within=60)
        result = await client.command("mazu.chat", {"message": "Fix add", "wait": True}, within=90)
        assert result["stopReason"] == "end_turn", result
        assert "a + b" in (folder / "app.py").read_text()
        await client.command("mazu.remember", {"title": "add() adds"})
        await client.command("mazu.recall", {"query": "add"})
        await client.command("mazu.role.show")
        await client.command("mazu.status")
        await client.command("mazu.checkpoint.diff", {"id": first["id"]}, within=60)
        undone = await client.command(
            "mazu.rollback", {"id": first["id"], "onConflict": "overwrite"}, within=60
        )
        assert undone["applied"] and undone["verified"], undone
        await client.ask("shutdown")
        client.notify("exit")
    assert (folder / "app.py").read_text() == source
    assert not (folder / "made/new.py").exists()
    assert not marker.exists(), marker.read_text()
    assert contents(target.outside, tmp_path / "user", git_dir) == before
