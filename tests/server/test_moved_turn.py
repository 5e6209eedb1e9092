"""A turn typed in a terminal outlives the editor whose server carries it out: it continues in the terminal."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.platform import peer_credentials
from tests.server.test_live_server import EditorProcess, clean_environment, environment_in, typed
from tests.server.test_turns import edit_call

pytestmark = pytest.mark.skipif(not peer_credentials.is_supported(), reason="needs SO_PEERCRED")
SLOW = {"text": "word " * 400, "delay": 0.05, "chunk": 5}
EDIT = {"calls": [edit_call("app.py", "x = 1", "x = 2")]}


@pytest.mark.parametrize(
    ("ending", "words", "before"),
    [("end", ("run", "make it two"), [EDIT]), ("kill", ("chat", "how many?"), [])],
)
async def test_a_turn_from_a_terminal_goes_on_when_its_editor_is_closed(
    tmp_path: Path, ending: str, words: tuple[str, ...], before: list[dict[str, object]]
):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text("x = 1\n")
    async with ModelServer([*before, SLOW, {"text": "It is done."}]) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
        env = {**environment_in(tmp_path), **keys}
        editor = await asyncio.to_thread(lambda: EditorProcess(env, folder).listens())
        terminal = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mazu_ls", *words, "--json", cwd=folder, env=clean_environment(env), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        async with asyncio.timeout(60):
            while len(model.requests) <= len(before):  # noqa: ASYNC110 - the reply of the model has begun
                await asyncio.sleep(0.02)
            await asyncio.to_thread(getattr(editor, ending))
            out, err = await terminal.communicate()
        result = json.loads(out)
        assert (terminal.returncode, result["reply"], result["stopReason"]) == (
            0,
            "It is done.",
            "end_turn",
        ), err
        assert b"the editor that carried this out was closed: it continues here" in err
        said = json.dumps(model.requests[-1].body)
        assert words[1] in said and "continue" in said
        listed = await asyncio.to_thread(typed, editor, "session", "list", "--json")
        sessions = json.loads(listed.stdout)["sessions"]
        assert [(one["id"], one["turnCount"]) for one in sessions] == [(result["sessionId"], 2)]
        assert (folder / "app.py").read_text() == ("x = 2\n" if before else "x = 1\n")
