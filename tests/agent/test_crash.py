"""kill -9 in the middle of a turn: the session opens with what was acknowledged, and says honestly what is not known."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.session.conversation import INTERRUPTED
from mazu_ls.agent.session.journal_views import audit, transcript
from mazu_ls.agent.session.recovery import NOT_BEGUN, UNANSWERED
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.host import Question, UserReply
from mazu_ls.journal import journal
from mazu_ls.workspace.workspace import Workspace
from tests.plain_host import PlainHost
from tests.scenario import Story, World

ALLOW = '[[permissions.rules]]\ntool = "run_shell"\nverdict = "allow"\n[context]\nmap_tokens = 0\n'
EDIT = {"name": "write_file", "arguments": {"path": "new.txt", "content": "new\n"}}
WAIT = {"name": "run_shell", "arguments": {"command": "sleep 30"}}


def waits(journals: Path) -> bool:
    """Whether a command of the model's runs."""
    return any(
        isinstance(event.body, journal.CallDecided) and event.body.call_id == "wait"
        for path in journals.glob("s_*.jsonl")
        for event in journal.read(path)
    )


def speaks(journals: Path) -> bool:
    """Whether the model has begun an answer."""
    return any("hears it" in path.read_text() for path in journals.glob("s_*.unfinished"))


async def killed_in_mid_turn(world: World, url: str, when: Callable[[Path], bool]) -> None:
    """A real `mazu-ls run` in a process of its own, killed `when` its journals are so."""
    home = world.root.parent / "home"
    home.mkdir()
    (home / "config.toml").write_text(ALLOW)
    env = {**os.environ, **world.env, "ANTHROPIC_BASE_URL": url}
    command = [sys.executable, "-m", "mazu_ls", "run", "Make it new.", "--allow-shell", "--json"]
    process = subprocess.Popen(  # noqa: ASYNC220 - it is killed, not waited for
        command, cwd=world.root, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(120):
            state = world.root.parent / "state"
            while not any(map(when, state.glob("projects/*/journal"))):  # noqa: ASYNC110 - seen from outside
                await asyncio.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


async def test_what_was_acknowledged_is_there_and_the_open_call_is_closed_honestly(tmp_path: Path):
    world = World(Story(files={"old.txt": "old\n"}), tmp_path)
    script = [
        {"text": "First the file.", "calls": [{**EDIT, "id": "edit"}]},
        {"text": "Now I wait.", "calls": [{**WAIT, "id": "wait"}]},
        {"text": "Going on."},
    ]
    async with ModelServer(script) as server:
        await killed_in_mid_turn(world, server.url, waits)
        world.env["ANTHROPIC_BASE_URL"] = server.url
        project = await Project.open([world.root], world.host, settings=world.story.settings, env=world.env)
        session = await project.sessions.get()
        assert session.interrupted
        (turn,) = transcript(session.id, session.events())
        assert (turn.user, turn.reply, turn.stop_reason) == ("Make it new.", "Now I wait.", "error")
        assert (turn.usage.model_calls, turn.usage.steps) == (2, 2)
        assert [call.outcome for call in turn.calls] == ["created new.txt (1 lines)", "failed: interrupted"]
        assert len(turn.checkpoints) == 2
        assert [call.tool for call in audit([session.journal.path], 10)] == ["run_shell", "write_file"]

        result = await session.prompt(Prompt("continue"))
        assert (result.stop_reason, result.reply) == ("end_turn", "Going on.")
        (answer,) = [
            part for part in server.bodies[-1]["messages"][-1]["content"] if part["type"] == "tool_result"
        ]
        assert (answer["tool_use_id"], answer["content"]) == ("wait", INTERRUPTED)
        await project.close()


async def test_what_the_user_read_of_an_unfinished_answer_is_there(tmp_path: Path):
    secret = "ghp_" + "a1B2" * 9
    world = World(Story(), tmp_path)
    script = [
        {"text": f"The key is {secret}, who hears it is. " + "And on. " * 500, "delay": 0.05, "chunk": 20}
    ]
    async with ModelServer([*script, {"text": "Going on."}]) as server:
        await killed_in_mid_turn(world, server.url, speaks)
        world.env["ANTHROPIC_BASE_URL"] = server.url
        project = await Project.open([world.root], world.host, settings=world.story.settings, env=world.env)
        session = await project.sessions.get()
        (turn,) = transcript(session.id, session.events())
        assert turn.reply.startswith("The key is [redacted")
        assert "who hears it is." in turn.reply
        assert turn.stop_reason == "error"
        used = turn.usage
        assert used.estimated and used.input_tokens > 0 < used.output_tokens and used.cost_usd is None
        assert (await session.prompt(Prompt("continue"))).reply == "Going on."
        said = [part["text"] for part in server.bodies[-1]["messages"][1]["content"]]
        assert said == [turn.reply]
        assert not list(session.journal.path.parent.glob("*.unfinished"))
        await project.close()


class PowerCut(PlainHost):
    """The state directory as it is while the first question is open is what is left of it."""

    async def ask(self, question: Question, timeout: float) -> UserReply:
        state = self.workspace.roots[0].parent / "state"
        if not self.asked:
            shutil.copytree(state, state.with_name("left"), symlinks=True)
        return await super().ask(question, timeout)


async def test_a_call_that_was_only_asked_about_was_not_run(tmp_path: Path):
    world = World(Story(), tmp_path)
    world.host = PowerCut(Workspace([world.root]), answers=["deny", "deny"])
    script = [
        {"text": "Two steps.", "calls": [{**WAIT, "id": "first"}, {**EDIT, "id": "second"}]},
        {"text": "Then not."},
        {"text": "Going on."},
    ]
    async with ModelServer(script) as server:
        world.env["ANTHROPIC_BASE_URL"] = server.url
        project = await Project.open([world.root], world.host, settings=world.story.settings, env=world.env)
        await (await project.sessions.get()).prompt(Prompt("Make it new."))
        await project.close()
        world.env["MAZU_STATE_HOME"] = str(tmp_path / "left")
        project = await Project.open([world.root], world.host, settings=world.story.settings, env=world.env)
        session = await project.sessions.get()
        assert session.interrupted
        (turn,) = transcript(session.id, session.events())
        assert [call.outcome for call in turn.calls] == ["failed: not run"]
        assert (await session.prompt(Prompt("continue"))).reply == "Going on."
        results = [
            part for part in server.bodies[-1]["messages"][-1]["content"] if part["type"] == "tool_result"
        ]
        assert [(one["tool_use_id"], one["content"]) for one in results] == [
            ("first", UNANSWERED),
            ("second", NOT_BEGUN),
        ]
        await project.close()


async def test_a_torn_last_line_is_passed_over(tmp_path: Path):
    world = World(Story(), tmp_path)
    async with ModelServer([{"text": "One."}, {"text": "Two."}]) as server:
        world.env["ANTHROPIC_BASE_URL"] = server.url
        project = await Project.open([world.root], world.host, settings=world.story.settings, env=world.env)
        session = await project.sessions.get()
        await session.prompt(Prompt("Say one."))
        path = session.journal.path
        await project.close()
        with path.open("ab") as file:
            file.write(b'{"seq":99,"parent":98,"at":"2026-')
        project = await Project.open([world.root], world.host, settings=world.story.settings, env=world.env)
        assert await project.sessions.continued() == session.id, "the one that a list calls current"
        session = await project.sessions.get()
        assert (await session.prompt(Prompt("Say two."))).reply == "Two."
        assert [turn.reply for turn in transcript(session.id, session.events())] == ["One.", "Two."]
        await project.close()
