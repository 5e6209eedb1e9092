"""The end of a turn counts what its commands changed, where that is known in time; it waits for no more."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import Any

import git
import pytest

from mazu_ls.agent.turn import turn_checkpoints
from mazu_ls.checkpoints import diff
from tests.server.test_turns import ALL, agent
from tests.server.test_two_editors import until

RUNS = {
    "name": "run_shell",
    "arguments": {"command": "printf 'a\\nb\\n' > made.txt; printf 'c\\n' > other.txt"},
}


@pytest.fixture(autouse=True)
def no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stands still for a moment changes no count; the tests of the limit set their own."""
    for module in (turn_checkpoints, diff):
        monkeypatch.setattr(module, "COUNT_SECONDS", 60.0)


def is_end(message: dict[str, Any]) -> bool:
    return (
        message.get("method") == "mazu/session/update" and message["params"]["update"].get("state") == "done"
    )


async def changes_of(env: dict[str, str], folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The edits in a turn's result, and the changes in its last update."""
    async with agent(
        env, folder, [{"calls": [RUNS]}, {"text": "Made."}], allow=["run_shell: printf"], **ALL
    ) as client:
        result = await client.command("mazu.chat", {"message": "make it", "wait": True}, within=90)
        assert result["stopReason"] == "end_turn", result
        note = await client.until(is_end)
    assert (folder / "made.txt").exists()
    return result["edits"], note["params"]["update"]["changes"]


async def test_files_that_a_command_made_are_counted(env: dict[str, str], folder: Path):
    edits, changes = await changes_of(env, folder)
    found = {one["uri"].rsplit("/", 1)[-1]: (one["added"], one["removed"]) for one in edits}
    assert found == {"made.txt": (2, 0), "other.txt": (1, 0)}
    assert changes == {"files": 2, "added": 3, "removed": 0}


async def test_what_a_command_changes_in_an_edited_file_is_counted(env: dict[str, str], folder: Path):
    (folder / "calc.txt").write_text("".join(f"{number}\n" for number in range(30)))
    edit = {"name": "edit_file", "arguments": {"path": "calc.txt", "old": "3\n4\n", "new": "33\n4\n"}}
    format_ = {"name": "run_shell", "arguments": {"command": "sed -i s/^20$/2020/ calc.txt"}}
    script = [{"calls": [edit]}, {"calls": [format_]}, {"text": "Made."}]
    async with agent(env, folder, script, allow=["edit_file", "run_shell: sed"], **ALL) as client:
        result = await client.command("mazu.chat", {"message": "make it", "wait": True}, within=90)
    assert [(one["added"], one["removed"]) for one in result["edits"]] == [(2, 2)], result
    assert not result["uncounted"]


@pytest.mark.parametrize("limit", ["MOST_COUNTED", "COUNT_SECONDS"])
async def test_what_is_too_much_to_count_is_said_to_be_unknown(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch, limit: str
):
    monkeypatch.setattr(turn_checkpoints, limit, 0)
    edits, changes = await changes_of(env, folder)
    assert edits == []
    assert changes == {"files": 0, "added": 0, "removed": 0, "uncounted": True}


async def test_a_turn_that_was_stopped_does_not_wait_for_a_count(env: dict[str, str], folder: Path):
    waits = {"name": "run_shell", "arguments": {"command": "echo more > more.txt; sleep 100"}}
    async with agent(
        env,
        folder,
        [{"calls": [RUNS]}, {"calls": [waits]}],
        allow=["run_shell: printf", "run_shell: echo more"],
        **ALL,
    ) as client:
        turn = await client.command("mazu.chat", {"message": "make it"})
        await until((folder / "more.txt").exists)
        await client.command("mazu.cancel", {"sessionId": turn["sessionId"]})
        note = await client.until(is_end)
        assert note["params"]["update"]["stopReason"] == "cancelled"
        assert note["params"]["update"]["changes"] == {
            "files": 0, "added": 0, "removed": 0, "uncounted": True,
        }  # fmt: skip


@pytest.mark.parametrize("seconds", [0.001, 60], ids=["later", "in time"])
async def test_a_count_that_fails_leaves_one_short_line_in_the_log(
    env: dict[str, str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    seconds: float,
):
    go_on = threading.Event()

    def fail(*given: Any) -> None:  # as git does where it is slow, with the names of all files
        if seconds < 1:
            go_on.wait(60)
        raise git.GitCommandError(["git", "diff-tree", *(f"file{number}" for number in range(10_000))], -9)

    monkeypatch.setattr(turn_checkpoints, "COUNT_SECONDS", seconds)
    monkeypatch.setattr(diff, "count_changes", fail)
    async with agent(
        env, folder, [{"calls": [RUNS]}, {"text": "Made."}], allow=["run_shell: printf"], **ALL
    ) as client:
        await client.command("mazu.chat", {"message": "make it", "wait": True}, within=90)
        assert (await client.until(is_end))["params"]["update"]["changes"]["uncounted"]
        go_on.set()
        await client.command("mazu.checkpoint.list")  # behind the count
    gc.collect()
    assert "never retrieved" not in caplog.text
    said = [record.getMessage() for record in caplog.records if "is not counted" in record.getMessage()]
    assert len(said) == 1 and len(said[0]) < 400
