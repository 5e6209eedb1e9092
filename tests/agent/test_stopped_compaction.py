"""A turn that is stopped after the summary of a compaction was paid for: the summary is in the journal's costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.host import Buffer
from mazu_ls.journal import journal
from tests.agent.test_laws import money_is_counted_once
from tests.plain_host import PlainHost
from tests.scenario import Story, World

REPLIES = [{"text": "Fine."}, {"fault": "context_length"}, {"text": "They said hello."}]


@dataclass
class BusyEditor(PlainHost):
    """An editor that does not answer any more once `is_busy`; `stop` is called then."""

    is_busy: Callable[[], bool] = lambda: False
    stop: Callable[[], object] = lambda: None

    async def buffers(self) -> Sequence[Buffer]:
        if self.is_busy():
            self.stop()
            await asyncio.sleep(60)
        return await super().buffers()


async def test_a_summary_that_was_paid_for_is_counted_if_the_turn_is_stopped(tmp_path: Path):
    world = World(Story(files={"a.txt": "hello\n"}), tmp_path)
    async with ModelServer(REPLIES) as server:
        world.env |= {"ANTHROPIC_BASE_URL": server.url}
        host = BusyEditor(world.host.workspace, is_busy=lambda: len(server.requests) >= len(REPLIES))
        project = await Project.open([world.root], host, settings=world.story.settings, env=world.env)
        session = await project.sessions.new()
        host.stop = session.cancel
        results = [await session.prompt(Prompt(f"Question {number}.")) for number in range(2)]
        assert [result.stop_reason for result in results] == ["end_turn", "cancelled"]
        events = list(journal.read(session.journal.path))
        assert not any(isinstance(event.body, journal.Compacted) for event in events)
        money_is_counted_once(events, results, project)
        assert results[1].usage.model_calls == 1 and results[1].usage.output_tokens > 0
        await project.close()
