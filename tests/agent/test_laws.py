"""Laws that hold for any script of model turns: text, thinking, calls, faults, cancels and limits in any mix."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.session.conversation import replay
from mazu_ls.agent.session.journal_views import total_usage
from mazu_ls.agent.turn.limits import Limits
from mazu_ls.agent.turn.turn import Prompt, TurnResult
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.demo.model_server.script import FAULTS
from mazu_ls.journal import journal
from mazu_ls.messages import Usage
from mazu_ls.models.retry import RetryPolicy
from tests.scenario import Story, World

CALLS = [
    {"name": "read_file", "arguments": {"path": "a.txt"}},
    {"name": "read_file", "arguments": {"path": "missing.txt"}},
    {"name": "write_file", "arguments": {"path": "b.txt", "content": "b\n"}},
    {"name": "edit_file", "arguments": {"path": "a.txt", "old": "hello", "new": "hello"}},
    {"name": "remember", "arguments": {"title": "The sky is blue."}},
    {"name": "fly", "arguments": {}},
    {"name": "read_file", "arguments": {"wrong": 1}},
    {"name": "read_file", "raw": "{not json"},
]
texts = st.sampled_from(["", "Fine.", "A longer answer that comes in several pieces, one after the other."])
replies = st.fixed_dictionaries(
    {"text": texts},
    optional={
        "thinking": st.just("Hm, let me think about that."),
        "calls": st.lists(st.sampled_from(CALLS), max_size=3),
        "fault": st.sampled_from(sorted(FAULTS)),
        "delay": st.just(0.01),
    },
)
turns = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["chat", "run"]),
        "limits": st.builds(
            Limits,
            steps=st.integers(1, 4),
            tokens=st.sampled_from([None, 9000]),
            seconds=st.sampled_from([None, 0.1]),
        ),
        "cancel": st.sampled_from([None, None, 0.0, 0.01, 0.05]),
        "model": st.sampled_from(["anthropic:claude-sonnet-5-5", "openai:gpt-6-sol", "openai:gpt-6.1-sol"]),
    }
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(replies, min_size=1, max_size=8), st.lists(turns, min_size=1, max_size=4))
def test_any_script_of_turns(script: list[dict[str, Any]], asked: list[dict[str, Any]]):
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(script, asked, Path(folder)))


async def play(script: list[dict[str, Any]], asked: list[dict[str, Any]], root: Path) -> None:
    allowed = ["allow_once write_file: b.txt"] * 100  # a chat asks before an edit
    world = World(Story(files={"a.txt": "hello\n"}, answers=allowed), root)
    patience = RetryPolicy(retries=1, base=0.001, cap=0.002, first=40, idle=0.3)
    async with ModelServer(script) as server:
        world.env |= {"ANTHROPIC_BASE_URL": server.url, "OPENAI_BASE_URL": f"{server.url}/v1"}
        project = await Project.open(
            [world.root], world.host, settings=world.story.settings, env=world.env, patience=patience
        )
        session = await project.sessions.new()
        results = [await one(session, number, what) for number, what in enumerate(asked)]
        events = list(journal.read(session.journal.path))
        assert replay(journal.branch_events(events, events[-1].seq)) == session.conversation
        every_call_has_one_result(events)
        no_request_was_refused(events)
        money_is_counted_once(events, results, project)
        turns_end(events, results)
        server.script.used.update(range(len(script)))  # from here on nothing fails
        final = await session.prompt(Prompt("And now?", model="anthropic:claude-sonnet-5-5"))
        assert final.stop_reason == "end_turn", final
        await project.close()


async def one(session: Any, number: int, what: dict[str, Any]) -> TurnResult:
    prompt = Prompt(f"Question {number}.", limits=what["limits"], kind=what["kind"], model=what["model"])
    turn = asyncio.create_task(session.prompt(prompt))
    if what["cancel"] is not None:
        await asyncio.sleep(what["cancel"])
        session.cancel()
    return await asyncio.wait_for(turn, 60)


def every_call_has_one_result(events: Sequence[journal.Event]) -> None:
    asked = Counter(
        call.id for e in events if isinstance(e.body, journal.ModelSaid) for call in e.body.message.calls
    )
    ended = Counter(e.body.call_id for e in events if isinstance(e.body, journal.CallEnded))
    assert set(asked.values()) <= {1} and ended == asked


def no_request_was_refused(events: Sequence[journal.Event]) -> None:
    """The scripted server answers 400 to whatever a strict service would refuse, which is an error of kind model."""
    errors = [e.body.error for e in events if isinstance(e.body, journal.TurnEnded) and e.body.error]
    assert not [
        error for error in errors if "status 400" in error["message"] or error["kind"] == "internal"
    ], errors


def money_is_counted_once(
    events: Sequence[journal.Event], results: Sequence[TurnResult], project: Project
) -> None:
    spent = (journal.ModelSaid, journal.Compacted, journal.UsageRecorded)
    said = [e.body.usage for e in events if isinstance(e.body, spent)]
    told = sum((result.usage for result in results), Usage())
    journalled = sum(said, Usage())
    counted = total_usage(project.journals.glob("*.jsonl")).total
    assert told.tokens == journalled.tokens == counted.tokens
    assert told.cost_usd == journalled.cost_usd == counted.cost_usd or (
        told.cost_usd is not None and abs(told.cost_usd - (journalled.cost_usd or 0)) < 1e-9
    )


def turns_end(events: Sequence[journal.Event], results: Sequence[TurnResult]) -> None:
    ended = [e.body.stop_reason for e in events if isinstance(e.body, journal.TurnEnded)]
    assert ended == [result.stop_reason for result in results]
