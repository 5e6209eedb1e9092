"""A terminal in the first of the folders that an editor has open is answered by the editor's server, in all of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.platform import peer_credentials
from mazu_ls.server.rpc.live import peers
from mazu_ls.state import live_socket
from tests.server.client import connected
from tests.server.test_live_turns import typed
from tests.server.test_turns import ALL
from tests.server.test_two_editors import until


@pytest.mark.skipif(not peer_credentials.is_supported(), reason="needs SO_PEERCRED")
async def test_a_terminal_in_the_first_of_several_folders_undoes_a_turn_in_all_of_them(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "refusal_reason", lambda pid, uid: "")
    other = folder.parent / "other folder"
    other.mkdir()
    (folder / "a.txt").write_text("one\n")
    (other / "w.txt").write_text("two\n")
    calls = [
        {"name": "write_file", "arguments": {"path": path, "content": "changed\n"}}
        for path in ("a.txt", str(other / "w.txt"), str(other / "new.txt"))
    ]

    def texts() -> list[str | None]:
        files = (folder / "a.txt", other / "w.txt", other / "new.txt")
        return [file.read_text() if file.exists() else None for file in files]

    async with ModelServer([{"calls": calls}, {"text": "Done."}]) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
        async with connected({**env, **keys}) as editor:
            editor.answers["workspace/applyEdit"] = editor.apply_edit
            editor.answers["window/workDoneProgress/create"] = lambda params: None
            editor.allow("write_file: ")
            folders = [{"uri": one.as_uri(), "name": one.name} for one in (folder, other)]
            opened = {"processId": None, "workspaceFolders": folders, "capabilities": ALL}
            await editor.ask("initialize", opened)
            editor.notify("initialized", {})
            await editor.command("mazu.chat", {"message": "go", "wait": True})
            assert texts() == ["changed\n"] * 3
            await until(live_socket.socket_path(folder, env).exists)
            seen = await typed(env, folder, "undo", "--preview", "--json")
            assert len(json.loads(seen[1])["plan"]["write"]) == 2
            # Paths are those of the terminal, which has one folder: it does that itself.
            assert (await typed(env, folder, "checkpoint", "file", "cp_000001", "a.txt"))[1] == "one\n"
            assert (await typed(env, folder, "undo"))[0] == 0
            assert texts() == ["one\n", "two\n", None]
            assert (await typed(env, folder, "redo"))[0] == 0
            assert texts() == ["changed\n"] * 3
