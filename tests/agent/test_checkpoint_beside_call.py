"""The checkpoint of a step is taken while the model is asked what comes next; nothing of its answer comes before it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.agent.turn.types import TurnResult
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.host import Buffer
from mazu_ls.journal import journal
from tests.plain_host import PlainHost
from tests.scenario import Story, World

WRITES = {"calls": [{"name": "write_file", "arguments": {"path": "new.txt", "content": "new\n"}}]}
READS = {"text": "I look at it.", "calls": [{"name": "read_file", "arguments": {"path": "new.txt"}}]}
TURNS_OF_THE_LOOP = 300
"""More than an answer takes from the server, in this process, to the turn that asked."""


@dataclass
class SlowEditor(PlainHost):
    """An editor that tells its buffers for the first step's checkpoint only after the next request to the model."""

    server: ModelServer | None = None
    ended: int = 0
    failure: Exception | None = None
    asked_beside: int = 0

    async def buffers(self) -> Sequence[Buffer]:
        if self.ended == 1 and self.server and not self.asked_beside:
            while len(self.server.requests) < 2:  # noqa: ASYNC110 - the scripted server has no event for it
                await asyncio.sleep(0.001)
            for _ in range(TURNS_OF_THE_LOOP):
                await asyncio.sleep(0)
            self.asked_beside = len(self.server.requests)
            if self.failure:
                raise self.failure
        return await super().buffers()


async def play(
    tmp_path: Path, replies: list[dict[str, Any]], failure: Exception | None = None
) -> tuple[TurnResult, list[journal.Body], SlowEditor]:
    world = World(Story(answers=["allow_session"]), tmp_path)
    heard: list[journal.Body] = []
    async with ModelServer(replies) as server:
        world.env |= {"ANTHROPIC_BASE_URL": server.url}
        host = SlowEditor(world.host.workspace, answers=["allow_session"], server=server, failure=failure)
        project = await Project.open([world.root], host, settings=world.story.settings, env=world.env)

        def listen(_: str, event: journal.Event) -> None:
            heard.append(event.body)
            if isinstance(event.body, journal.CallEnded):
                host.ended += 1

        project.subscribe(listen)
        session = await project.sessions.new()
        async with asyncio.timeout(30):
            result = await session.prompt(Prompt("Write it."))
        await project.close()
    return result, heard, host


def after_the_edit(heard: list[journal.Body]) -> list[str]:
    """The events after the first tool call, told once where they follow each other."""
    first = next(n for n, body in enumerate(heard) if isinstance(body, journal.CallEnded))
    names = [type(body).__name__ for body in heard[first + 1 :]]
    return [name for n, name in enumerate(names) if n == 0 or names[n - 1] != name]


async def test_the_model_is_asked_while_the_checkpoint_is_taken(tmp_path: Path):
    result, heard, host = await play(tmp_path, [WRITES, READS, {"text": "Done."}])
    assert result.stop_reason == "end_turn" and host.asked_beside == 2
    assert after_the_edit(heard)[:4] == ["CheckpointTaken", "Delta", "ModelSaid", "CallStarted"]
    assert len(result.checkpoints) == 2


async def test_a_call_that_fails_meanwhile_ends_the_turn_after_the_checkpoint(tmp_path: Path):
    result, heard, host = await play(tmp_path, [WRITES, {"fault": "401"}])
    assert result.stop_reason == "error" and host.asked_beside == 2
    assert after_the_edit(heard) == ["CheckpointTaken", "TurnEnded"]
    assert len(result.checkpoints) == 2


async def test_a_checkpoint_that_fails_stops_the_next_tools_and_what_was_asked_is_paid(tmp_path: Path):
    result, heard, _ = await play(tmp_path, [WRITES, READS, {"text": "Done."}], RuntimeError("a fault"))
    assert result.stop_reason == "error" and result.error and result.error.kind.value == "internal"
    assert [type(body).__name__ for body in heard].count("CallStarted") == 1
    assert result.usage.model_calls == 2
