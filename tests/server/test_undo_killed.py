"""A rollback that was killed while the editor was to change an open document is finished at the next start."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import NO_ANSWER, eventually
from tests.server.test_process import real_server
from tests.server.test_undo_stories import OPTED, chat, edits, restarted


@pytest.mark.parametrize("typed", ["", "# mine\n"])
async def test_the_open_document_is_rolled_back_after_the_restart_unless_the_user_typed(
    env: dict[str, str], folder: Path, typed: str
):
    path = folder / "app.py"
    path.write_text("x = 1\n")
    async with ModelServer(edits("app.py", "x = 1", "x = 2")) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key", "PATH": os.environ["PATH"]}
        async with real_server({**env, **keys}) as (client, process):
            client.answers["workspace/applyEdit"] = client.apply_edit
            client.answers["client/registerCapability"] = lambda params: None
            client.allow("edit_file: app.py")
            await client.initialize(folder, **OPTED)
            document = client.open(path.as_uri(), "x = 1\n")
            await chat(client, "edit")
            assert document.text == "x = 2\n"
            asked = asyncio.Event()

            def kill(params: Any) -> Any:
                process.kill()
                asked.set()
                return NO_ANSWER

            client.answers["workspace/applyEdit"] = kill
            _, undoing = client.start("workspace/executeCommand", {"command": "mazu.undo", "arguments": [{}]})
            await asyncio.wait_for(asked.wait(), 60)
            undoing.cancel()
            await process.wait()
        async with restarted(env, folder, model) as client:
            again = client.open(path.as_uri(), "x = 2\n" + typed)
            await client.command("mazu.status", within=60)
            if typed:
                await client.command("mazu.checkpoint", within=60)
                assert again.text == "x = 2\n# mine\n"
            else:
                await eventually(lambda: shows(again, "x = 1\n"), 60)


async def shows(document: Any, text: str) -> bool:
    return document.text == text
