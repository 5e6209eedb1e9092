"""What figures.py measures of long sessions: reading one again, and what its requests come to."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import tempfile
from pathlib import Path
from typing import Any

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.turn.limits import Limits
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.journal import journal
from mazu_ls.messages import Message, Text, Usage
from mazu_ls.terminal.host import TerminalHost
from mazu_ls.terminal.surfaces.plain_surface import PlainSurface

SAID = "An answer of a usual length, which says what was done and why it was done that way. " * 20


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return 1000 * (used.ru_utime + used.ru_stime)


async def _opened(place: Path, url: str = "http://127.0.0.1:1") -> Project:
    root = place / "project"
    root.mkdir(exist_ok=True)
    env = {
        **os.environ, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "test-key", "MAZU_MODEL": "claude-sonnet-5-5",
        "MAZU_HOME": str(place / "home"), "MAZU_STATE_HOME": str(place / "state"),
    }  # fmt: skip
    return await Project.open([root], TerminalHost([root], PlainSurface(quiet=True)), env=env)


def resume(events: int) -> tuple[float, float]:
    """CPU milliseconds to open a session of so many events, and to decode its lines with json."""

    async def measured(place: Path) -> tuple[float, float]:
        project = await _opened(place)
        session = await project.sessions.new()
        for turn in range(events // 4):
            name = f"t_{turn}"
            session.journal.append(journal.TurnStarted("chat", "anthropic:claude-sonnet-5-5"), name)
            session.journal.append(
                journal.UserSaid(Message("user", (Text(f"Question {turn}"),)), f"Question {turn}"), name
            )
            session.journal.append(
                journal.ModelSaid(Message("assistant", (Text(SAID),)), "end_turn", Usage()), name
            )
            session.journal.append(journal.TurnEnded("end_turn", SAID, Usage()), name)
        id, path = session.id, session.journal.path
        await project.close()
        project = await _opened(place)
        before = cpu()
        await project.sessions.get(id)
        ours = cpu() - before
        await project.close()
        before = cpu()
        for line in path.read_bytes().splitlines():
            json.loads(line)
        return ours, cpu() - before

    with tempfile.TemporaryDirectory() as place:
        return asyncio.run(measured(Path(place)))


def long_session(turns: int) -> tuple[float, int, float]:
    """The largest request of a session in KB, how often it was compacted, and what all that was said comes to."""

    async def measured(place: Path) -> tuple[float, int, float]:
        replies: list[dict[str, Any]] = [{"text": SAID, "repeat": True}]
        async with ModelServer(replies) as model:
            project = await _opened(place, model.url)
            compactions = 0

            def count(session_id: str, event: journal.Event) -> None:
                nonlocal compactions
                compactions += isinstance(event.body, journal.Compacted)

            project.subscribe(count)
            session = await project.sessions.new()
            largest = 0
            for turn in range(turns):
                await session.prompt(Prompt(f"Question {turn}", limits=Limits(steps=5)))
                largest = max([largest, *(len(json.dumps(request.body)) for request in model.requests)])
                model.requests.clear()
            await project.close()
        return largest / 1000, compactions, turns * (len(SAID) + 12) / 1000

    with tempfile.TemporaryDirectory() as place:
        return asyncio.run(measured(Path(place)))
