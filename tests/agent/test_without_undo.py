"""Where no checkpoint of what stands can be taken, nothing is changed unasked: here by a `.gitignore` that git never gets through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.gitcmd import process
from tests.hostile.shapes import git
from tests.server.client import connected

CAPABILITIES = {
    "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
    "experimental": {"mazu": {"permissions": True, "updates": True}},
}
WRITES = {"name": "write_file", "arguments": {"path": "made.txt", "content": "made\n"}}
RUNS = {"name": "run_shell", "arguments": {"command": "echo ran > ran.txt"}}


@pytest.mark.parametrize(
    ("mode", "answer", "changes"),
    [
        ("ask", "deny", False),
        ("ask", "allow_once", True),
        ("auto", "allow_once", False),
        ("bypass", "deny", True),
    ],
)
async def test_nothing_is_changed_without_undo_unless_the_user_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, answer: str, changes: bool,
):  # fmt: skip
    folder, env = (
        tmp_path / "project",
        {"MAZU_HOME": str(tmp_path / "home"), "MAZU_STATE_HOME": str(tmp_path / "state")},
    )
    folder.mkdir()
    monkeypatch.setattr(process, "SCAN_CPU_SECONDS", 1)
    git(folder, "init", "-q")
    (folder / ".gitignore").write_text("*a" * 12 + "*b\n")
    (folder / ("a" * 150 + ".py")).write_text("")
    questions: list[str] = []

    def answers(params: Any) -> dict[str, str]:
        questions.append(params["tool"])
        return {"optionId": answer if params["tool"] == "checkpoint" else "allow_once"}

    async with ModelServer([{"calls": [WRITES]}, {"calls": [RUNS]}, {"text": "Well."}]) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
        async with connected({**env, **keys}) as client:
            client.answers["mazu/permission/request"] = answers
            client.answers["workspace/applyEdit"] = client.apply_edit
            await client.initialize(folder, **CAPABILITIES)
            await client.command("mazu.permissions.mode", {"mode": mode, "confirm": mode})
            result = await client.command("mazu.chat", {"message": "make it", "wait": True}, within=400)
            assert result["stopReason"] == "end_turn", result
            said = [note["message"] for note in client.notes("window/showMessage")]
            assert [text for text in said if "No checkpoint was taken" in text], said
    assert questions.count("checkpoint") == (0 if mode in ("auto", "bypass") else 1), questions
    assert (folder / "made.txt").exists() == changes
    assert (folder / "ran.txt").exists() == changes
