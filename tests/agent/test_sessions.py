"""Sessions: resumed, rewound, undone, branched from a checkpoint, gone on with by another model."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.session.ids import headline
from mazu_ls.agent.session.undo import checkpoint_before_turn
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.errors import Kind, MazuError
from mazu_ls.journal import journal
from tests.scenario import PATIENCE, Story, World, check


@asynccontextmanager
async def served(root: Path, *script: dict[str, Any]) -> AsyncIterator[tuple[World, ModelServer]]:
    world = World(Story(files={"a.txt": "one\n"}), root)
    async with ModelServer(list(script)) as server:
        world.env |= {"ANTHROPIC_BASE_URL": server.url, "OPENAI_BASE_URL": f"{server.url}/v1"}
        yield world, server


async def opened(world: World) -> Project:
    return await Project.open(
        [world.root], world.host, settings=world.story.settings, env=world.env, patience=PATIENCE
    )


def write(text: str) -> dict[str, Any]:
    return {"calls": [{"name": "write_file", "arguments": {"path": "a.txt", "content": text}}]}


async def rolled_back(project: Project, checkpoint: str) -> None:
    assert project.checkpoints
    plan = await project.checkpoints.plan(checkpoint)
    report = await plan.apply("overwrite", lambda buffer, text: asyncio.sleep(0, True))
    assert report.verified, report.problems


def test_the_last_session_goes_on_by_itself_after_a_restart():
    world = check(
        """
        -- user --
        My name is Ada.
        -- model says --
        Hello Ada.
        -- restart --
        -- user --
        What is my name?
        -- model says --
        Ada.
        """,
        """
        assistant: Hello Ada.
        stop: end_turn
        assistant: Ada.
        stop: end_turn
        """,
    )
    assert "My name is Ada." in json.dumps(world.bodies[1]["messages"])


async def test_a_rewind_takes_turns_out_of_the_conversation_and_leaves_the_files(tmp_path: Path):
    async with served(tmp_path, write("two\n"), {"text": "Done."}, {"text": "Again?"}) as (world, server):
        project = await opened(world)
        session = await project.sessions.get()
        await session.prompt(Prompt("Write two.", kind="run"))
        assert await session.rewind() == 1
        await session.prompt(Prompt("Something else."))
        assert "Write two." not in json.dumps(server.bodies[-1]["messages"])
        assert (world.root / "a.txt").read_text() == "two\n"
        assert (
            len([e for e in journal.read(session.journal.path) if isinstance(e.body, journal.TurnStarted)])
            == 2
        )
        await project.close()


async def test_undo_brings_code_conversation_and_memory_back(tmp_path: Path):
    remember = {"calls": [{"name": "remember", "arguments": {"title": "Two is better than one."}}]}
    async with served(tmp_path, {"text": "Hi."}, remember, write("two\n"), {"text": "Done."}) as (world, _):
        project = await opened(world)
        session = await project.sessions.get()
        await session.prompt(Prompt("Hello."))
        await session.prompt(Prompt("Write two.", kind="run"))
        baseline, _ = await checkpoint_before_turn(project, session)
        await rolled_back(project, baseline)
        await session.refresh()
        assert (world.root / "a.txt").read_text() == "one\n"
        assert session.conversation.turns == 1
        assert project.memories and (await project.memories.list())[1] == 0
        await project.close()


async def test_from_any_checkpoint_the_conversation_of_that_point_goes_on_as_a_branch(tmp_path: Path):
    script = (write("two\n"), write("three\n"), {"text": "Done."}, {"text": "From two."})
    async with served(tmp_path, *script) as (world, server):
        project = await opened(world)
        session = await project.sessions.get()
        result = await session.prompt(Prompt("Count.", kind="run"))
        await rolled_back(project, result.checkpoints[1])
        assert (world.root / "a.txt").read_text() == "two\n"
        assert (await session.prompt(Prompt("Go on."))).reply == "From two."
        sent = json.dumps(server.bodies[-1]["messages"])
        assert "Count." in sent and "Go on." in sent and "three" not in sent
        assert any(isinstance(e.body, journal.CallEnded) and "a.txt" in e.body.summary
                   for e in journal.read(session.journal.path) if e.seq > session.journal.head // 2)  # fmt: skip
        await project.close()


async def test_another_model_goes_on_with_the_same_conversation(tmp_path: Path):
    first = {"thinking": "Let me look.", "calls": [{"name": "read_file", "arguments": {"path": "a.txt"}}]}
    script = (first, {"text": "One."}, {"text": "Still one."}, {"text": "Yes, one."})
    async with served(tmp_path, *script) as (world, server):
        project = await opened(world)
        session = await project.sessions.get()
        for model, text in (
            ("claude-sonnet-5-5", "Read."),
            ("openai:gpt-6-sol", "Sure?"),
            ("claude-sonnet-5-5", "And now?"),
        ):
            result = await session.prompt(Prompt(text, model=model))
            assert result.stop_reason == "end_turn", result
        to_openai, back = server.bodies[-2], server.bodies[-1]
        assert [message["role"] for message in to_openai["messages"]][-4:] == [
            "assistant",
            "tool",
            "assistant",
            "user",
        ]
        assert "Let me look." not in json.dumps(to_openai)
        assert "Let me look." in json.dumps(back), "its own thoughts go back to the model that had them"
        await project.close()


async def test_a_session_of_another_process_is_not_taken_and_a_deleted_one_stays_paid_for(tmp_path: Path):
    async with served(tmp_path, {"text": "Hi."}, {"text": "Ho."}) as (world, _):
        ours, theirs = await opened(world), await opened(world)
        session = await ours.sessions.get()
        await session.prompt(Prompt("Hello."))
        with pytest.raises(MazuError) as busy:
            await theirs.sessions.get(session.id)
        assert busy.value.kind is Kind.BUSY
        other = await theirs.sessions.get()
        assert other.id != session.id
        await theirs.close()
        await ours.sessions.delete(session.id)
        assert session.id not in {info.id for info in await ours.sessions.list()}
        from mazu_ls.agent.session.journal_views import total_usage

        (model,) = total_usage(ours.state.glob("**/*.jsonl")).by_model
        used = total_usage(ours.state.glob("**/*.jsonl")).by_model[model]
        assert (used.model_calls, used.steps) == (1, 1)
        assert model.startswith("anthropic:")
        empty = await ours.sessions.new()
        await ours.sessions.delete(empty.id)
        assert set(total_usage(ours.state.glob("**/*.jsonl")).by_model) == {model}
        await ours.close()


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("@app.py#L1-L5 why is this slow?", "why is this slow?"),
        ("@app.py @b.py\n\n# Fix both\nplease", "Fix both"),
        ("@app.py", "@app.py"),
        ("mail ada@example.org", "mail ada@example.org"),
        (" \n", "untitled"),
    ],
)
def test_a_session_is_named_by_what_was_said_not_by_the_file_it_is_about(said: str, name: str):
    assert headline(said) == name


async def test_few_journals_are_held_and_an_older_session_goes_on_as_it_was(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("mazu_ls.agent.session.sessions.MOST_HELD", 3)
    async with served(tmp_path, *({"text": f"Hello {n}."} for n in range(8))) as (world, server):
        project = await opened(world)
        first = await project.sessions.new()
        first.mode = "plan"
        await first.prompt(Prompt("My name is Ada."))
        others = []
        for _ in range(5):
            others.append(await project.sessions.new())
            await others[-1].prompt(Prompt("Hello."))
        held = [path for path in project.journals.glob("*.jsonl") if journal.is_locked(path)]
        assert len(held) == 3
        assert project.sessions.find(first.id) is None
        assert await project.sessions.get(first.id) is first
        await first.prompt(Prompt("What is my name?"))
        assert "My name is Ada." in json.dumps(server.bodies[-1])
        assert first.mode == "plan"
        assert journal.is_locked(first.journal.path)
        others[0].append(journal.SessionNamed("named while released"))
        assert (await project.sessions.info(others[0].id)).name == "named while released"
        await project.close()
        assert not [path for path in project.journals.glob("*.jsonl") if journal.is_locked(path)]


async def test_a_session_whose_opening_was_cancelled_can_be_opened(tmp_path: Path):
    async with served(tmp_path, {"text": "Hello."}) as (world, _):
        project = await opened(world)
        session = await project.sessions.new()
        await session.prompt(Prompt("My name is Ada."))
        await project.close()
        project = await opened(world)
        for steps in range(12):
            opening = asyncio.create_task(project.sessions.get(session.id))
            for _ in range(steps):
                await asyncio.sleep(0)
            opening.cancel()
            await asyncio.wait([opening])
            held = journal.is_locked(session.journal.path)
            assert held is (project.sessions.find(session.id) is not None)
        assert (await project.sessions.get(session.id)).name == "My name is Ada."
        await project.close()
        assert (await opened(world)).sessions.opened() == []


async def test_a_session_that_began_to_work_is_not_released(tmp_path: Path):
    async with served(tmp_path, {"text": "Hello.", "delay": 0.05}) as (world, _):
        project = await opened(world)
        session = await project.sessions.new()
        releasing = asyncio.create_task(session.release())
        await asyncio.sleep(0)
        turn = asyncio.create_task(session.prompt(Prompt("Hello.")))
        await asyncio.wait([releasing])
        assert (await turn).reply == "Hello."
        assert session.journal.held
        assert await session.release()
        session.journal.close()
        assert session.journal.closed
        await project.close()


async def test_a_released_session_shows_what_another_process_said_in_it(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("mazu_ls.agent.session.sessions.MOST_HELD", 1)
    script = [{"text": "Hello."}] * 4
    async with served(tmp_path, *script) as (world, server):
        project, elsewhere = await opened(world), await opened(world)
        first = await project.sessions.new()
        await first.prompt(Prompt("My name is Ada."))
        await project.sessions.new()
        await project.sessions.new()
        there = await elsewhere.sessions.get(first.id)
        await there.prompt(Prompt("I live in Turin."))
        with pytest.raises(MazuError) as refused:
            await project.sessions.get(first.id)
        assert refused.value.kind is Kind.BUSY
        await elsewhere.close()
        with pytest.raises(MazuError) as stale:
            first.append(journal.SessionNamed("as I knew it"))
        assert stale.value.kind is Kind.CONFLICT
        await (await project.sessions.get(first.id)).prompt(Prompt("Where do I live?"))
        assert "I live in Turin." in json.dumps(server.bodies[-1])
        await project.close()
