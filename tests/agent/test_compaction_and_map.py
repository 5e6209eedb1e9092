"""A compaction draws the project map anew; it waits for no answer of the turn, since it has had one: the summary."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.project_map import client
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.demo.model_server import ModelServer
from tests.scenario import Story, World

REPLIES = [{"text": "Fine."}, {"fault": "context_length"}, {"text": "They said hello."}, {"text": "Well."}]


async def test_a_compaction_before_the_first_answer_does_not_wait_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    world = World(Story(files={"a.py": "def hello(): pass\n"}), tmp_path)
    async with ModelServer(REPLIES) as server:
        world.env |= {"ANTHROPIC_BASE_URL": server.url}
        project = await Project.open([world.root], world.host, settings=world.story.settings, env=world.env)
        session = await project.sessions.new()
        assert (await session.prompt(Prompt("one"))).stop_reason == "end_turn"
        await project._map._end()  # as after some minutes
        monkeypatch.setattr(client, "START_SECONDS", 600.0)
        async with asyncio.timeout(30):
            assert (await session.prompt(Prompt("two"))).stop_reason == "end_turn"
        assert len(server.requests) == len(REPLIES)
        await project.close()
