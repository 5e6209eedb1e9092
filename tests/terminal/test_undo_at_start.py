"""A terminal's undo right after an editor's server started knows what is unsaved in that editor."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mazu_ls.platform import peer_credentials
from mazu_ls.state import starting
from tests.server.test_live_server import EditorProcess, clean_environment, environment_in, typed, wait_until

pytestmark = pytest.mark.skipif(not peer_credentials.is_supported(), reason="needs SO_PEERCRED")


def started_with_unsaved_text(place: Path, folder: Path, text: str) -> EditorProcess:
    """An editor whose server answered `initialize`, with an unsaved text."""
    editor = EditorProcess(environment_in(place), folder)
    item = {"uri": (folder / "a.py").as_uri(), "languageId": "python", "version": 1, "text": text}
    editor.send(method="textDocument/didOpen", params={"textDocument": item})
    return editor


@pytest.mark.parametrize("command", ["rollback", "checkpoint"])
def test_a_terminal_waits_for_the_server_of_an_editor_that_starts(tmp_path: Path, command: str):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.py").write_text("one\n")
    env = clean_environment(environment_in(tmp_path))
    entry = [sys.executable, "-m", "mazu_ls"]
    subprocess.run(
        [*entry, "checkpoint", "take", "first"], cwd=folder, env=env, check=True, capture_output=True
    )
    (folder / "a.py").write_text("two\n")
    editor = started_with_unsaved_text(tmp_path, folder, "two\nunsaved\n")
    try:
        wait_until(lambda: starting.is_another_starting(folder, editor.env))
        if command == "checkpoint":
            taken = json.loads(typed(editor, "checkpoint", "take", "second", "--json").stdout)
            assert typed(editor, "checkpoint", "file", taken["id"], "a.py").stdout == "two\nunsaved\n"
            return
        done = json.loads(typed(editor, "rollback", "first", "--on-conflict", "keep", "--json").stdout)
        assert done["plan"]["keep"], "what is unsaved there is the user's"
        held = typed(editor, "checkpoint", "file", done["safety"]["id"], "a.py").stdout
        assert held == "two\nunsaved\n", "the checkpoint before the rollback holds it"
    finally:
        editor.kill()


def test_a_server_that_dies_while_it_starts_holds_nobody_up(tmp_path: Path):
    env = environment_in(tmp_path)
    mark = "from mazu_ls.state.starting import mark_starting; import os, pathlib; "
    code = (
        f"{mark}m = mark_starting(pathlib.Path({str(tmp_path)!r})); print(m.path, flush=True); os.read(0, 1)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], env=clean_environment(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:  # fmt: skip
        assert server.stdout
        path = Path(server.stdout.readline().strip())
        assert path.is_file() and starting.is_another_starting(tmp_path, env)
        server.kill()
    assert not starting.is_another_starting(tmp_path, env)
    assert not path.exists()


def test_a_server_does_not_wait_for_itself(tmp_path: Path):
    env = environment_in(tmp_path)
    own = starting.mark_starting(tmp_path, env)
    assert own is not None
    assert not starting.is_another_starting(tmp_path, env, own)
    other = starting.mark_starting(tmp_path, env)
    assert other is not None and starting.is_another_starting(tmp_path, env, own)
    other.close()
    assert not starting.is_another_starting(tmp_path, env, own) and not other.path.exists()
    own.close()
