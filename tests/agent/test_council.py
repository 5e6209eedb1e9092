"""Several models asked at once: parallel, blind, read-only; dissent kept; a failing member does not end it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.agent.jobs.council import council
from mazu_ls.agent.project.project import Project
from mazu_ls.agent.session.journal_views import total_usage
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.errors import Kind, MazuError
from tests.scenario import PATIENCE, Story, World

A, B = "anthropic:claude-opus-4-8", "openai:gpt-6-sol"
LEAD = "anthropic:claude-sonnet-5-5"
SYNTHESIS = "Both name a queue. Take SQLite.\n\n## Dissent\ngpt-6-sol would take Redis, for speed."


@asynccontextmanager
async def opened(
    root: Path, script: list[dict[str, Any]], **settings: Any
) -> AsyncIterator[tuple[World, Project, ModelServer]]:
    story = Story(files={"queue.py": "jobs = []\n"})
    story.settings |= settings
    world = World(story, root)
    async with ModelServer(script) as server:
        world.env |= {"ANTHROPIC_BASE_URL": server.url, "OPENAI_BASE_URL": f"{server.url}/v1"}
        project = await Project.open(
            [world.root], world.host, settings=story.settings, env=world.env, patience=PATIENCE
        )
        try:
            yield world, project, server
        finally:
            await project.close()


async def test_members_are_blind_to_each_other_read_only_and_the_lead_keeps_the_dissent(tmp_path: Path):
    read = {"when": "opus", "calls": [{"name": "read_file", "arguments": {"path": "queue.py"}}]}
    script = [
        read,
        {"when": "opus", "text": "Take SQLite: it is there."},
        {"when": "gpt-6", "text": "Take Redis: it is fast."},
        {"when": "sonnet", "text": SYNTHESIS},
    ]
    async with opened(tmp_path, script) as (_, project, server):
        heard: list[tuple[str, str]] = []
        verdict = await council(
            project,
            "Which queue?",
            members=[A, B],
            lead=LEAD,
            report=lambda model, state: heard.append((model, state)),
        )
        assert [answer.reply for answer in verdict.answers] == [
            "Take SQLite: it is there.",
            "Take Redis: it is fast.",
        ]
        assert verdict.synthesis == "Both name a queue. Take SQLite."
        assert verdict.dissent == "gpt-6-sol would take Redis, for speed."
        members = [body for body in server.bodies if "sonnet" not in body["model"]]
        assert all("Redis" not in json.dumps(body) or "gpt" in body["model"] for body in members)
        offered = {tool.get("name") or tool["function"]["name"] for tool in server.bodies[0]["tools"]}
        assert "read_file" in offered and not offered & {"write_file", "run_shell", "remember"}
        assert {model for model, _ in heard} == {A, B, LEAD} and heard[-1] == (LEAD, "compares")
        counted = total_usage(project.state.glob("**/*.jsonl")).total
        assert (counted.model_calls, counted.tokens) == (4, verdict.usage.tokens)
        assert (await project.sessions.get()).conversation.turns == 0, "no member is gone on with"


async def test_members_are_asked_at_the_same_time(tmp_path: Path):
    endless = {"text": "word " * 4000, "chunk": 5, "delay": 0.5, "repeat": True}
    async with opened(tmp_path, [endless]) as (_, project, server):
        asking = asyncio.create_task(council(project, "Which queue?", members=[A, B], lead=LEAD))
        async with asyncio.timeout(60):
            while len(server.requests) < 2:  # noqa: ASYNC110 - seen from outside
                await asyncio.sleep(0.01)
        assert sum(session.running for session in project.sessions.opened()) == 2, "both at once"
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_a_member_that_fails_is_reported_and_the_rest_goes_on(tmp_path: Path):
    script = [
        {"when": "opus", "text": "Take SQLite."}, {"when": "haiku", "text": "SQLite, too."}, {"when": "gpt-6", "fault": "401"},
        {"when": "sonnet", "text": "SQLite."},
    ]  # fmt: skip
    async with opened(tmp_path, script) as (_, project, _server):
        verdict = await council(
            project, "Which queue?", members=[A, B, "anthropic:claude-haiku-4-5"], lead=LEAD
        )
        error = verdict.answers[1].error
        assert error and error.kind is Kind.AUTH
        assert [answer.reply for answer in verdict.answers] == ["Take SQLite.", "", "SQLite, too."]
        assert (verdict.synthesis, verdict.dissent, verdict.error) == ("SQLite.", "", None)


async def test_one_answer_is_not_compared_and_a_mistyped_member_costs_nothing(tmp_path: Path):
    script = [{"when": "opus", "text": "Take SQLite."}, {"when": "gpt-6", "fault": "401"}]
    async with opened(tmp_path, script) as (_, project, server):
        verdict = await council(project, "Which queue?", members=[A, B], lead=LEAD)
        assert (verdict.answers[0].reply, verdict.synthesis) == ("Take SQLite.", "")
        assert verdict.error and "nothing to compare" in verdict.error.message
        asked = len(server.requests)
        with pytest.raises(MazuError, match="nope"):
            await council(project, "Which queue?", members=[A, "nope:z"], lead=LEAD)
        assert len(server.requests) == asked


async def test_if_all_fail_so_does_the_council_and_one_alone_is_none(tmp_path: Path):
    async with opened(tmp_path, [{"fault": "401", "repeat": True}]) as (_, project, _server):
        with pytest.raises(MazuError) as failed:
            await council(project, "Which queue?", members=[A, B], lead=LEAD)
        assert failed.value.kind is Kind.AUTH
        with pytest.raises(MazuError, match="at least two"):
            await council(project, "Which queue?", members=[A], lead=LEAD)


async def test_above_the_threshold_the_user_is_asked_first(tmp_path: Path):
    settings = {"council": {"confirm_above_usd": 0.000001}}
    async with opened(tmp_path, [{"text": "Never asked."}], **settings) as (world, project, server):
        world.host.answers = ["deny"]
        with pytest.raises(MazuError) as refused:
            await council(project, "Which queue?", members=[A, B], lead=LEAD)
        assert refused.value.kind is Kind.BUDGET and not server.requests
        assert "2 models and a lead, about $" in world.host.asked[0].detail


async def test_cancelling_stops_every_member(tmp_path: Path):
    slow = {"text": "word " * 200, "delay": 0.05, "repeat": True}
    async with opened(tmp_path, [slow]) as (_, project, server):
        asking = asyncio.create_task(council(project, "Which queue?", members=[A, B], lead=LEAD))
        async with asyncio.timeout(60):
            while len(server.requests) < 2:  # noqa: ASYNC110 - seen from outside
                await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asking, 60)
        assert not any(session.running for session in project.sessions.opened())
        assert len(server.requests) == 2, "the lead was not asked"


async def test_a_money_limit_holds_for_a_council(tmp_path: Path):
    """Above it the user is asked first; where they decline nobody is. What members spend counts before the lead is asked."""
    script = [
        {"when": "opus", "text": "Yes."},
        {"when": "gpt-6", "text": "No."},
        {"when": "sonnet", "text": SYNTHESIS},
    ]
    limits: dict[str, Any] = {"limits": {"max_cost_usd": 0.0001}}
    async with opened(tmp_path / "asked", script, **limits) as (world, project, server):
        world.host.answers = ["deny"]
        with pytest.raises(MazuError) as refused:
            await council(project, "Which?", members=[A, B], lead=LEAD)
        assert refused.value.kind is Kind.BUDGET and "limits.max_cost_usd is $0.0001" in refused.value.message
        assert server.bodies == []
    spent = {**script[0], "usage": {"input": 3_000_000, "output": 10}}
    async with opened(tmp_path / "spent", [spent, *script[1:]], limits={"max_cost_usd": 1.0}) as (
        _,
        project,
        server,
    ):
        found = await council(project, "Which?", members=[A, B], lead=LEAD)
        assert found.error is not None and "The limit of $1 is reached" in found.error.message
        assert not found.synthesis and len(server.bodies) == 2
