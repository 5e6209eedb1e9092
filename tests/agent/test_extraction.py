"""What a session leaves behind when it ends: memories and a summary, by one forced call; a failure loses nothing."""

import asyncio
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from mazu_ls.agent.jobs import extraction
from mazu_ls.agent.project.project import Project
from mazu_ls.agent.session.journal_views import total_usage
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.models.catalog import cheapest_like
from mazu_ls.models.model import ModelSpec
from mazu_ls.models.pricing import model_prices
from tests.scenario import PATIENCE, Story, World, check

FOUND = {
    "memories": [
        {
            "title": "The port is 8080 because 80 needs root.",
            "category": "decision",
            "body": "Asked by the user.",
        },
        {"title": "The user prefers tabs.", "category": "user_preference"},
    ],
    "summary": {"title": "Choosing the port", "text": "The port was chosen."},
}
SAVE = {"calls": [{"name": "save_memories", "arguments": FOUND}], "usage": {"input": 100, "output": 10}}
STORY = f"""
        -- settings --
        [memory]
        write = "WRITE"
        -- user --
        Which port do we use, and why?
        -- model says --
        8080, since 80 needs root.
        -- end --
        -- model replies --
        {json.dumps(SAVE)}
        """


async def open_project(world: World) -> Project:
    return await Project.open(
        [world.root], world.host, settings=world.story.settings, env=world.env, patience=PATIENCE
    )


def story(write: str) -> str:
    return STORY.replace("WRITE", write)


def test_memories_and_a_summary_are_kept_and_told_in_the_next_session():
    world = check(
        story("auto")
        + """
        -- user --
        Remind me of the port.
        -- model says --
        8080.
        """,
        """
        assistant: 8080, since 80 needs root.
        stop: end_turn
        memory: created The port is 8080 because 80 needs root. (and 1 more)
        assistant: 8080.
        stop: end_turn
        """,
    )
    _, asked, told = world.bodies
    assert asked["tool_choice"] == {"type": "tool", "name": "save_memories"}
    assert "Which port do we use" in json.dumps(asked["messages"])
    ((_, notice),) = [said for said in world.host.said if "remembered from" in said[1]]
    assert "remembered from “Choosing the port”: The port is 8080 because 80 needs root (m_000001);" in notice
    assert notice.endswith("Forget it: mazu-ls memory forget m_000001")
    assert "80 needs root" in json.dumps(told["system"]) and "prefers tabs" in json.dumps(told["system"])
    assert "Choosing the port" in told["messages"][0]["content"][0]["text"]


def test_what_repeats_a_file_that_was_read_keeps_that_file_as_its_origin():
    found = {
        "memories": [
            {
                "title": "Releases are signed with the falcon key and published by the release bot",
                "category": "fact",
            },
            {"title": "Never deploy the shop on Fridays", "category": "decision"},
        ],
        "summary": {"title": "Reading", "text": "The file was read."},
    }
    world = check(
        f"""
        -- docs.md --
        Releases are signed with the falcon key and published by the release bot.
        Never deploy the shop on Fridays.
        -- user --
        Read docs.md. Never deploy the shop on Fridays, by the way.
        -- model calls read_file --
        path: docs.md
        -- model says --
        Read.
        -- end --
        -- model replies --
        {json.dumps({"calls": [{"name": "save_memories", "arguments": found}]})}
        -- user --
        Who publishes releases?
        -- model says --
        That.
        """,
        """
        tool: …
        assistant: Read.
        stop: end_turn
        assistant: That.
        stop: end_turn
        """,
    )
    told = json.dumps(world.bodies[-1])
    assert "untrusted, from docs.md" in told
    assert "Never deploy the shop on Fridays" in json.dumps(world.bodies[-1]["system"])


def test_switched_off_nothing_is_asked():
    world = check(story("off"), "assistant: 8080, since 80 needs root.\nstop: end_turn")
    assert len(world.bodies) == 1


@pytest.mark.parametrize(("answer", "kept"), [("allow_once", True), ("deny", False)])
def test_the_user_is_asked_first_where_the_settings_say_so(answer: str, kept: bool):
    world = check(
        f"        -- answers --\n        {answer}" + story("ask"),
        """
        assistant: 8080, since 80 needs root.
        stop: end_turn
        asked: Keep 2 memories from this session?
        """,
    )
    (noticed,) = [line for line in world.lines if line.startswith("memory: created")] or [""]
    assert noticed.endswith("(and 1 more)") == kept
    assert "- decision: The port is 8080" in world.host.asked[0].detail


async def test_a_failure_is_said_and_the_next_start_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    world = World(Story(), tmp_path)
    monkeypatch.setattr(extraction, "START_SECONDS", 0.0)

    async with ModelServer([{"text": "8080."}, {"fault": "401"}, SAVE]) as server:
        world.env["ANTHROPIC_BASE_URL"] = server.url
        project = await open_project(world)
        session = await project.sessions.get()
        await session.prompt(Prompt("Which port?"))
        project.extractions.on_session_end(session.id)
        await project.extractions.wait_idle()
        assert "nothing is lost" in world.host.said[-1][1]
        await project.close()

        project = await open_project(world)
        assert project.memories
        async with asyncio.timeout(60):
            while not await project.memories.summaries.list():  # noqa: ASYNC110 - seen from outside
                await asyncio.sleep(0.01)
        found, count = await project.memories.list()
        assert count == 2 and {memory.source for memory in found} == {"extracted"}
        assert not await project.memories.extractions.waiting()
        counted = total_usage(project.state.glob("**/*.jsonl"))
        assert counted.total.model_calls == 2
        await project.close()


async def test_a_session_can_be_continued_while_a_model_is_asked_what_to_keep_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Who loads the window anew and goes on in the same conversation is not told that it is open elsewhere."""
    world = World(Story(), tmp_path)
    monkeypatch.setattr(extraction, "START_SECONDS", 0.0)

    replies = [{"text": "8080."}, SAVE | {"when": "worth keeping", "fault": "stall"}, {"text": "Yes."}]
    async with ModelServer(replies) as server:
        world.env["ANTHROPIC_BASE_URL"] = server.url
        project = await open_project(world)
        session = await project.sessions.get()
        await session.prompt(Prompt("Which port?"))
        await project.close()

        window, other = await open_project(world), await open_project(world)
        async with asyncio.timeout(60):
            while len(server.requests) < 2:  # noqa: ASYNC110 - seen from outside
                await asyncio.sleep(0.01)
        for opened in (window, other):
            same = await opened.sessions.get(session.id)
            result = await same.prompt(Prompt("Still?"))
            assert result.error is None
            await opened.sessions.close()
        assert window.memories
        await asyncio.gather(window.close(), other.close())


async def test_a_process_of_one_turn_looks_at_a_session_that_has_rested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    world = World(Story(), tmp_path)
    monkeypatch.setattr(extraction, "AFTER_SECONDS", 60.0)

    async def one_turn(message: str) -> tuple[int, int]:
        project = await Project.open(
            [world.root], world.host, settings=world.story.settings, env=world.env, patience=PATIENCE
        )
        if message:
            await (await project.sessions.get()).prompt(Prompt(message))
        await project.extractions.look_at_oldest()
        assert project.memories
        counted = (await project.memories.list())[1], len(await project.memories.extractions.waiting())
        await project.close()
        return counted

    async with ModelServer([{"text": "8080."}, SAVE]) as server:
        world.env["ANTHROPIC_BASE_URL"] = server.url
        assert await one_turn("Which port?") == (0, 1)
        assert await one_turn("") == (0, 1), "it may still be continued"
        monkeypatch.setattr(extraction, "REST_SECONDS", 0.0)
        monkeypatch.setattr(extraction, "AFTER_SECONDS", 0.0)
        monkeypatch.setattr(extraction, "POSTPONE_SECONDS", 0.0)
        assert await one_turn("") == (0, 1), "it took too long"
        monkeypatch.setattr(extraction, "AFTER_SECONDS", 60.0)
        assert await one_turn("") == (2, 0)


def test_another_model_may_find_what_to_remember_and_the_session_s_own_where_it_fails():
    chosen = story("auto").replace(
        'write = "auto"', 'write = "auto"\n        extraction_model = "anthropic:claude-haiku-scripted"'
    )
    world = check(
        chosen,
        """
        assistant: 8080, since 80 needs root.
        stop: end_turn
        memory: created The port is 8080 because 80 needs root. (and 1 more)
        """,
    )
    assert world.bodies[-1]["model"] == "claude-haiku-scripted"
    unknown = chosen.replace("anthropic:claude-haiku-scripted", "nobody:model")
    world = check(
        unknown,
        """
        assistant: 8080, since 80 needs root.
        stop: end_turn
        memory: created The port is 8080 because 80 needs root. (and 1 more)
        """,
    )
    assert world.bodies[-1]["model"] == world.bodies[0]["model"]


def test_the_cheapest_model_is_one_of_the_same_provider_at_its_own_address():
    sonnet = model_prices.known("anthropic", "claude-sonnet-5-5")
    assert sonnet
    assert cheapest_like(replace(sonnet, hosted=True)) == "anthropic:claude-haiku-5-5"
    assert cheapest_like(sonnet) == "anthropic:claude-sonnet-5-5"
    unknown = ModelSpec("mine", "llama", 8000, 1000, hosted=True)
    assert cheapest_like(unknown) == "mine:llama"


async def test_the_next_conversation_knows_what_was_said_in_one_that_waits_for_its_extraction(tmp_path: Path):
    """Nobody waits for an extraction: leave, begin anew and ask."""
    world = World(Story(), tmp_path)
    async with ModelServer(
        [{"text": "Noted."}, {"text": "Done."}, {"text": "On Tuesdays."}, {"text": "No idea."}]
    ) as server:
        world.env["ANTHROPIC_BASE_URL"] = server.url
        project = await Project.open(
            [world.root], world.host, settings=world.story.settings, env=world.env, patience=PATIENCE
        )
        first = await project.sessions.get()
        await first.prompt(Prompt("Deploys happen on Tuesdays, with sk-ant-api03-" + "a1B2" * 20))
        head = first.journal.head
        await first.prompt(Prompt("A turn that is undone"))
        await project.move_head(first.id, head, first.journal.last)
        second = await project.sessions.new()
        await second.prompt(Prompt("When do we deploy?"))
        told = json.dumps(server.requests[-1].body["messages"], ensure_ascii=False)
        assert "conversations that have no summary yet" in told
        assert "“Deploys happen on Tuesdays, with" in told and "a1B2a1B2" not in told
        assert "A turn that is undone" not in told
        project.configure({"memory": {"write": "ask"}})  # nobody was asked yet
        third = await project.sessions.new()
        await third.prompt(Prompt("And when do we test?"))
        told = json.dumps(server.requests[-1].body["messages"], ensure_ascii=False)
        assert "Deploys happen" not in told
        await project.close()
