"""Where no checkpoint of what stands can be taken, nothing is changed unasked: here by a `.gitignore` that git never gets through, or by a state directory that cannot be written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.gitcmd import process
from tests.hostile.shapes import git
from tests.server.client import connected
from tests.terminal.test_scripts import Script

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


@pytest.fixture
def unwritable(tmp_path: Path) -> Iterator[Script]:
    """A terminal command without a terminal, whose state directory is a file."""
    script = Script(tmp_path)
    Path(script.env["MAZU_STATE_HOME"]).write_text("a file stands where the folder should be")
    yield script
    script.close()


@pytest.mark.parametrize(
    "line", [("chat", "do it", "--mode", "auto"), ("run", "do it", "--allow-shell"), ("run", "do it")]
)
def test_nothing_is_changed_where_no_state_can_be_written_and_nobody_is_asked(
    unwritable: Script, line: tuple[str, ...]
):
    unwritable.model_says({"calls": [WRITES]}, {"calls": [RUNS]}, {"text": "I could not."})
    before = sorted(unwritable.root.rglob("*"))
    status, out, err = unwritable(*line, "--json")
    assert status == 4, err
    assert sorted(unwritable.root.rglob("*")) == before
    refusals = json.loads(out)["refusals"]
    assert {refusal["by"] for refusal in refusals} == {"nobody"}
    said = refusals[0]["what"], "no checkpoint could be taken" in refusals[0]["reason"]
    assert said == ("Write made.txt", True), refusals


def test_a_rewrite_that_could_not_be_undone_is_not_made(unwritable: Script):
    unwritable.model_says({"text": "def sum(a, b):\n"})
    before = (unwritable.root / "app.py").read_text()
    status, out, err = unwritable("edit", "app.py:1-1", "rename it")
    assert status == 1, err
    said = " ".join((out + err).split())
    assert "Nothing was changed: no checkpoint could be taken" in said, said
    assert (unwritable.root / "app.py").read_text() == before


def test_mode_bypass_does_not_ask(unwritable: Script):
    unwritable.model_says({"calls": [WRITES]}, {"text": "Done."})
    status, _, err = unwritable("chat", "do it", "--mode", "bypass", "--confirm", "bypass")
    assert status == 0, err
    assert (unwritable.root / "made.txt").read_text() == "made\n"
