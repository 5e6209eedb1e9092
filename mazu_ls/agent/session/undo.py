"""Undoing turns: finds the checkpoint with the state before one."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mazu_ls.errors import Kind, MazuError
from mazu_ls.journal import journal
from mazu_ls.workspace.visible_text import make_visible

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterable, Sequence

    from mazu_ls.agent.project.services import ProjectServices
    from mazu_ls.agent.session.journal_views import SessionInfo
    from mazu_ls.host import Host
    from mazu_ls.tools.context import ShellState
    from mazu_ls.tools.shell.background import BackgroundProcess


class StoppableSession(Protocol):
    """The part of a session that undoing a turn needs."""

    id: str

    @property
    def running(self) -> bool:
        """Whether a turn is in progress."""
        ...

    def cancel(self) -> bool:
        """Stop the running turn."""
        ...

    async def wait_idle(self) -> None:
        """Wait until no turn is in progress."""
        ...

    def events(self) -> list[journal.Event]:
        """Return the events of the conversation. Reads the file: call it from a thread."""
        ...


def commands_since(shells: Iterable[ShellState], moment: datetime) -> list[BackgroundProcess]:
    """Return the background commands that run and were started after a moment."""
    return [
        command
        for shell in shells
        for command in shell.background.values()
        if command.code is None and command.begun > moment
    ]


async def end_commands(commands: Iterable[BackgroundProcess], host: Host) -> None:
    """End background commands of turns that are taken back, which would write over what is restored, and say so."""
    for command in commands:
        await command.stop()
        await host.say("info", f"{shown_command(command)}: this background command was ended with its turn.")


def shown_command(command: BackgroundProcess) -> str:
    """Return a background command in messages for the user: its id, and the first line of what it runs."""
    line = command.command.strip().partition("\n")[0]
    return f"{command.name} ({make_visible(line[:80])}{'…' if line != command.command.strip() or len(line) > 80 else ''})"


class AllSessions(Protocol):
    """The part of a project's sessions that finding what they edited needs."""

    async def list(self) -> builtins.list[SessionInfo]:
        """Return all sessions."""
        ...

    async def events(self, session_id: str, is_later: Callable[[str], bool]) -> builtins.list[journal.Event]:
        """Return the events of a conversation after the last one whose time is not later."""
        ...


async def checkpoint_before_turn(
    project: ProjectServices,
    session: StoppableSession,
    turn_id: str | None = None,
    *,
    conversation_alone: bool = False,
) -> tuple[str, int]:
    """Return the checkpoint to roll back to, of one turn or the last one, and the conversation's event before that
    turn.

    The event is returned because the checkpoint does not know it for a conversation that was forked later. A turn that
    changed nothing took no checkpoint: then one is taken now, as of its start. With `conversation_alone` the files do not
    matter, so one is taken also where the turn's own was pruned. Raises MazuError(not_found) if there is no such turn.
    """
    if session.running:
        session.cancel()
        await session.wait_idle()
    found = find_turn(await asyncio.to_thread(session.events), turn_id)
    if found is None:
        missing = "There is no turn to undo in this session."
        if turn_id is not None:
            missing = f"There is no turn {turn_id!r} in the current conversation."
        raise MazuError(Kind.NOT_FOUND, missing, "See mazu.session.show and mazu.checkpoint.list.")
    turn, before, baseline = found
    label = "before a turn that changed no file"
    if (
        baseline
        and conversation_alone
        and project.checkpoints
        and not await project.checkpoints.has(baseline)
    ):
        baseline, label = None, "before a turn, the conversation alone"
    if baseline is None:
        baseline = await project.checkpoint(
            "baseline", label, session_id=session.id, turn_id=turn, touched=[], boundary=before
        )
    if baseline is None:
        raise project.no_checkpoints or MazuError(
            Kind.STORAGE, "No checkpoint can be taken here.", "See mazu.status."
        )
    if project.checkpoints and not await project.checkpoints.has(baseline):
        raise MazuError(
            Kind.NOT_FOUND,
            "The state before that turn is no longer available: its checkpoint was pruned.",
            "mazu.session.rewind removes the turn from the conversation; mazu.checkpoint.list shows the remaining checkpoints.",
        )
    return baseline, before


def find_turn(
    events: Sequence[journal.Event], turn_id: str | None = None
) -> tuple[str, int, str | None] | None:
    """Find a turn of a conversation (default: the last): its id, the event before it, its baseline checkpoint if it
    took one."""
    starts = (event for event in reversed(events) if isinstance(event.body, journal.TurnStarted))
    start = next((event for event in starts if turn_id in (None, event.turn)), None)
    if start is None or start.turn is None:
        return None
    taken = (event.body for event in events if event.turn == start.turn)
    baseline = next(
        (body.id for body in taken if isinstance(body, journal.CheckpointTaken) and body.kind == "baseline"),
        None,
    )
    return start.turn, start.parent, baseline


def edited_files(events: Sequence[journal.Event], after: int = 0) -> list[str]:
    """Return the files that the agent's tools edited after an event of a conversation, as the calls name them."""
    calls: dict[str, str] = {}
    found: dict[str, None] = {}
    for event in events:
        match event.body:
            case journal.CallStarted(call_id, _, _, arguments) if event.seq > after:
                calls[call_id] = str(arguments.get("path", ""))
            case journal.CallEnded(call_id, True, diff=diff, proposed=False) if diff and calls.get(call_id):
                found[calls[call_id]] = None
    return list(found)


async def edited_since(sessions: AllSessions, at: datetime) -> dict[str, list[str]]:
    """Return the sessions that were used since, each with the files that its agent's tools edited since, as the calls name them.

    A conversation that cannot be read, or without a whole event, is left out: no rollback is refused for that.
    """
    found: dict[str, list[str]] = {}
    for info in await sessions.list():
        if _is_later(info.updated_at, at):
            with suppress(MazuError, OSError):
                events = await sessions.events(info.id, lambda moment: _is_later(moment, at))
                found[info.id] = edited_files(events)
    return found


def _is_later(moment: str, at: datetime) -> bool:
    """Return whether a journal's time is after `at`; False if it is none."""
    with suppress(ValueError, TypeError):
        return datetime.fromisoformat(moment) > at
    return False


async def undo_targets(project: ProjectServices) -> set[str]:
    """Return the checkpoints that undoing the last turn of each session needs: pruning keeps them."""
    heads = await project.moved_heads()
    return await asyncio.to_thread(_targets, project.journals, heads)


def _targets(folder: Path, heads: dict[str, tuple[int, int]]) -> set[str]:
    found: set[str] = set()
    for path in folder.glob("*.jsonl"):
        events = list(journal.read(path))
        last = events[-1].seq if events else 0
        moved = heads.get(path.stem)
        head = moved[0] if moved and moved[1] == last else last
        turn = find_turn(journal.branch_events(events, head))
        if turn is not None and turn[2] is not None:
            found.add(turn[2])
    return found
