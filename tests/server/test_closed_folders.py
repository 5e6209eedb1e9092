"""A turn in several workspace folders where only the first is open afterwards: undo and redo do all of it or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import RpcFailure
from tests.server.test_turns import edit_call
from tests.server.test_undo_stories import chat, restarted


async def test_an_editor_with_the_first_folder_alone_undoes_and_redoes_no_half(
    env: dict[str, str], folder: Path
):
    second = folder.parent / "second"
    second.mkdir()
    files = folder / "app.py", second / "closed.py"
    for path in files:
        path.write_text("x = 0\n")
    reads = [{"name": "read_file", "arguments": {"path": name}} for name in ("app.py", "second/closed.py")]
    changes = [edit_call(name, "x = 0", "x = 1") for name in ("app.py", "second/closed.py")]
    async with ModelServer([{"calls": reads}, {"calls": changes}, {"text": "Done."}]) as model:

        def texts() -> list[str]:
            return [path.read_text() for path in files]

        async def is_refused(command: str) -> None:
            was = texts()
            async with restarted(env, folder, model) as client:
                await client.command("mazu.checkpoint", within=60)
                with pytest.raises(RpcFailure, match=f"{files[1]} changed since .* not open here"):
                    await client.command(command, within=60)
            assert texts() == was

        async with restarted(env, folder, model, second) as client:
            client.allow(
                f"edit_file: {folder.name}/app.py", "edit_file: app.py", "edit_file: second/closed.py"
            )
            await chat(client, "edit")
        await is_refused("mazu.undo")
        async with restarted(env, folder, model, second) as client:
            undone = await client.command("mazu.undo", within=60)
            assert undone["applied"] and undone["verified"] and texts() == ["x = 0\n"] * 2
        await is_refused("mazu.redo")
        async with restarted(env, folder, model, second) as client:
            redone = await client.command("mazu.redo", within=60)
            assert redone["applied"] and redone["verified"] and texts() == ["x = 1\n"] * 2
