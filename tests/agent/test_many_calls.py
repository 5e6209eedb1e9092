"""An answer of a model with more calls than anybody needs."""

import asyncio
from pathlib import Path

from mazu_ls.agent.turn.tool_executor import AT_ONCE, MAX_CALLS, TOO_MANY
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.journal import journal
from tests.agent.test_cancel import opened

SENT = MAX_CALLS + 50


async def test_the_first_hundred_run_and_others_have_their_turn_between_them(tmp_path: Path) -> None:
    calls = [{"name": f"no_such_tool_{n}", "arguments": {}} for n in range(SENT - 1)]
    read = {"name": "read_file", "arguments": {"path": "a.txt"}}
    async with opened(tmp_path, {"calls": [*calls[:7], read, *calls[7:]]}) as (world, project):
        seen: list[object] = []
        project.subscribe(lambda _, event: seen.append(event.body))
        turn = asyncio.create_task((await project.sessions.new()).prompt(Prompt("Go.")))
        most = before = 0
        while not turn.done():
            await asyncio.sleep(0)
            called = [one for one in seen if isinstance(one, journal.CallStarted | journal.CallEnded)]
            most, before = max(most, len(called) - before), len(called)
        assert (await turn).stop_reason == "end_turn"
        ended = [one for one in seen if isinstance(one, journal.CallEnded)]
        assert len(ended) == SENT
        assert sum(one.text == TOO_MANY for one in ended) == SENT - MAX_CALLS
        assert sum(one.ok for one in ended) == 1
        assert most <= 2 * AT_ONCE
        results = world.requests[-1].body["messages"][-1]["content"]
        assert [TOO_MANY in str(result) for result in results][-SENT:] == [False] * MAX_CALLS + [True] * 50
