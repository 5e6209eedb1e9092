"""How a conversation begins: a new one, the last one, one by its id, or one that is chosen; its first line, and its mode."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import Kind, MazuError
from mazu_ls.terminal.chat.question_keys import Ask, QuestionOption
from mazu_ls.terminal.screen import styled_text as styled
from mazu_ls.terminal.screen.styled_text import Line, line
from mazu_ls.terminal.times import local_time

if TYPE_CHECKING:
    import argparse

    from mazu_ls.agent.background_tasks import BackgroundTasks
    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.state import ServerState
    from mazu_ls.terminal.chat.chat_session import ChatSession

PICKED = 9
WATCH_SECONDS = 2.0
"""Seconds between two looks at which process has the conversation open."""


async def open_conversation(chat: ChatSession, given: argparse.Namespace) -> dict[str, Any] | None:
    """Open the conversation that the command line asks for; None if a new one will begin."""
    from mazu_ls.server.commands.models import current_model

    resume = getattr(given, "resume", None) or getattr(given, "sessionId", None)
    if resume is True:
        resume = await pick_conversation(chat)
    opened = await chat.open(resume=resume, last=bool(getattr(given, "continued", False)))
    project = await chat.server.wait_opened()
    chat.model_note = await note_of_model(project, given)
    if chat.model is None:
        chat.model = await current_model(project)
    if opened is None and (broken := await project.sessions.last_interrupted()):
        chat.interrupted = broken.name or "unnamed"
    return opened


async def note_of_model(project: Project, given: argparse.Namespace) -> str:
    """Return what is to be said of the name after `--model`; empty if nothing."""
    from mazu_ls.models.pricing.model_note import model_note

    if not (named := getattr(given, "model", None)):
        return ""
    with contextlib.suppress(MazuError):  # said with the first message
        return await model_note((await project.model(named)).name, project.config, project.env)
    return ""


async def pick_conversation(chat: ChatSession, none: str = "A new one") -> str | None:
    """Have the user choose one of the last conversations; None for the answer `none`. Raises MazuError if there is none."""
    listed = (await chat.execute("mazu.session.list", {}))["sessions"]
    sessions = [one for one in listed if one["id"] != chat.session_id][:PICKED]
    if not sessions:
        raise MazuError(
            Kind.NOT_FOUND, "There is no other conversation here.", "Write a message to begin one."
        )
    options = [
        QuestionOption(str(number), f"{one['name'] or 'unnamed'} · {local_time(one['updatedAt'])} · {styled.plural(one['turnCount'], 'turn')}")
        for number, one in enumerate(sessions, 1)
    ]  # fmt: skip
    ask = Ask("Which conversation?", (*options, QuestionOption("n", none)))
    answer = await chat.host.surface.ask(ask, None)
    return sessions[int(answer.key) - 1]["id"] if answer.key and answer.key.isdecimal() else None


def opening_lines(
    server: ServerState, chat: ChatSession, opened: dict[str, Any] | None, mode: str
) -> list[Line]:
    """Return the opening lines: model, place, mode; whether this is a new conversation."""
    where = server.folders[0].name if server.folders else "no project"
    which = "new conversation"
    if opened is not None:
        turns = styled.plural(opened["turnCount"], "turn")
        which = f"“{opened['name'] or 'unnamed'}”, {turns}, {local_time(opened['updatedAt'])}"
    facts = styled.join([where, which, f"mode {mode}", chat.model or ""])
    first, *rest = styled.wrapped(f"mazu-ls {styled.clean(facts)}", styled.width_of_terminal() - 1)
    rows = [line(("bold", first[:7]), first[7:]), *map(line, rest)]
    if opened is not None and opened.get("interrupted"):
        rows.append(line(("yellow", "The last turn was interrupted. Type continue, or /undo it.")))
    hints = [chat.model_note] if chat.model_note else []
    if chat.interrupted:
        said = f"A turn of “{styled.clean(chat.interrupted)}” was interrupted: `mazu-ls --continue` shows it, `mazu-ls undo` reverts it."
        hints.append(said)
    if chat.model is None and chat.shared_with is None:
        hints.append(
            "No model can be called yet: run `mazu-ls setup`, or set ANTHROPIC_API_KEY or another provider's key."
        )
    for hint in hints:
        rows += [line(("yellow", row)) for row in styled.wrapped(hint, styled.width_of_terminal() - 1)]
    return rows


def subscribe_mode(chat: ChatSession, tasks: BackgroundTasks, listener: Callable[[str], None]) -> None:
    """Call `listener` with the mode in force, and whose it is, when it is another one for what another process does or did: the one
    that has the conversation open, which may change its mode, end, or be followed by another one."""
    alone = asyncio.Lock()

    async def check() -> None:
        async with alone:
            before, was_shared = chat.mode_shown, chat.shared_with
            if await chat.mode() != before and (was_shared or chat.shared_with):
                listener(chat.mode_shown)

    async def watch() -> None:
        while True:  # a conversation that is opened in another process is said by nobody
            await chat.is_shared.wait()
            await asyncio.sleep(WATCH_SECONDS)
            await check()

    def changed(what: Sequence[str]) -> None:
        if "permissions" in what and chat.is_shared.is_set():
            tasks.spawn(check())

    chat.check_mode = check
    chat.server.on_changed.append(changed)
    tasks.spawn(watch())
