"""A turn that changed files of several workspace folders is undone as a whole, or not at all, from a terminal in one of them."""

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
async def test_a_terminal_in_one_of_several_folders_undoes_all_of_a_turn_or_nothing(
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
            assert len(json.loads(seen[1])["plan"]["write"]) == 2  # the editor's server did it
            # Paths are those of the terminal, which has one folder: it does that itself.
            assert (await typed(env, folder, "checkpoint", "file", "cp_000001", "a.txt"))[1] == "one\n"
            assert (await typed(env, folder, "undo"))[0] == 0
            assert texts() == ["one\n", "two\n", None]
            assert (await typed(env, folder, "redo"))[0] == 0
            assert texts() == ["changed\n"] * 3
    for command in (
        ("undo", "--preview"),
        ("undo",),
        ("rollback", "cp_000001", "--on-conflict", "overwrite"),
    ):
        code, _, said = await typed(env, folder, *command)
        assert code == 1
        assert f"{other / 'new.txt'}, {other / 'w.txt'} changed since cp_000001 too" in said
        assert texts() == ["changed\n"] * 3
    both = ("--folder", str(folder), "--folder", str(other))
    assert (await typed(env, folder, "undo", *both))[0] == 0
    assert texts() == ["one\n", "two\n", None]
    assert (await typed(env, folder, "redo"))[0] == 1
    assert (await typed(env, folder, "redo", *both))[0] == 0
    assert texts() == ["changed\n"] * 3
    assert (await typed(env, folder, "rollback", "cp_000001", "--path", "a.txt"))[0] == 0
    assert texts() == ["one\n", "changed\n", "changed\n"]
