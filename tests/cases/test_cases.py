"""Files as they really are, and what the agent's tools make of them: each folder here is one case, played as a real turn.

`case.toml` of a case holds
    about         one sentence
    [[input]]     a file before the turn: `path`, and `text` (with `encoding`, absent: utf-8) or `bytes`
    [[buffer]]    `path` and `text` of a file that is open in the editor, unsaved
    [[call]]      a call of the model: `tool`, `arguments`; `result` must be in what the model is told, `without` must not;
                  `allowed = true` where the user is asked, and allows it
    [[expected]]  a file after the turn, like `input`; all others must be as they were, to the byte
In `bytes`, and in `path` behind `raw:`, each character is one byte.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.agent.turn.limits import Limits
from mazu_ls.agent.turn.types import Prompt
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.journal import journal
from tests.scenario import Story, World

HERE = Path(__file__).parent
CASES = sorted(path.parent.name for path in HERE.glob("*/case.toml"))


def location(root: Path, path: str) -> Path:
    """The place of a file; its name may be any bytes."""
    return root / (os.fsdecode(path[4:].encode("latin-1")) if path.startswith("raw:") else path)


def content(entry: dict[str, Any]) -> bytes:
    """The bytes of a file."""
    if "bytes" in entry:
        return entry["bytes"].encode("latin-1")
    return entry["text"].encode(entry.get("encoding", "utf-8"))


def tree(root: Path) -> dict[Path, bytes]:
    """All files below a folder."""
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


async def play(case: dict[str, Any], root: Path) -> tuple[World, list[journal.CallEnded], list[Any]]:
    """Let the model make its calls in one turn; what they gave, and what the model's last request held."""
    replies = [{"calls": [{"name": call["tool"], "arguments": call["arguments"]}]} for call in case["call"]]
    answers = [f"allow_once {call['tool']}" for call in case["call"] if call.get("allowed")]
    story = Story(replies=[*replies, {"text": "Done."}], answers=answers)
    world = World(story, root)
    for entry in case.get("input", []):
        path = location(world.root, entry["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(entry))
    world.host.open = {world.root / entry["path"]: entry["text"] for entry in case.get("buffer", [])}
    ended: list[journal.CallEnded] = []
    async with ModelServer(story.replies) as server:
        world.env |= {"ANTHROPIC_BASE_URL": server.url}
        project = await world.open()
        project.subscribe(
            lambda _, event: ended.append(event.body) if isinstance(event.body, journal.CallEnded) else None
        )
        session = await project.sessions.get()
        result = await session.prompt(
            Prompt("Go.", limits=Limits.from_settings(project.config.limits), kind="chat")
        )
        assert (result.stop_reason, result.reply) == ("end_turn", "Done."), result
        await project.close()
        return world, ended, server.bodies


@pytest.mark.parametrize("name", CASES)
async def test_case(name: str, tmp_path: Path) -> None:
    case = tomllib.loads((HERE / name / "case.toml").read_text())
    world, ended, _ = await play(case, tmp_path)
    assert len(ended) == len(case["call"])
    for call, end in zip(case["call"], ended, strict=True):
        for wanted in [call["result"]] if isinstance(call["result"], str) else call["result"]:
            assert wanted in end.text, end.text
        for unwanted in call.get("without", []):
            assert unwanted not in end.text, end.text
    wanted = {location(world.root, entry["path"]): content(entry) for entry in case.get("input", [])}
    for entry in case.get("expected", []):
        path = location(world.root, entry["path"])
        if path in world.host.open:
            assert world.host.open[path] == entry["text"]
        else:
            wanted[path] = content(entry)
    assert tree(world.root) == wanted
