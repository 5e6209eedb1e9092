"""mazu.session.*: list, show, new, end, delete, rewind, compact."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mazu_ls.errors import Kind, MazuError
from mazu_ls.server.commands import command
from mazu_ls.server.turns import check_ready
from mazu_ls.server.wire import sessions as wire
from mazu_ls.server.wire import turns

if TYPE_CHECKING:
    from mazu_ls.agent.project import Project
    from mazu_ls.agent.records import SessionInfo
    from mazu_ls.agent.session import Session
    from mazu_ls.journal import Event
    from mazu_ls.server.jobs import Job, Token
    from mazu_ls.server.server import Server


@command("mazu.session.list")
async def list_sessions(server: Server, params: turns.OfSession) -> wire.SessionList:
    """Every session, the last used first; with an id that one alone."""
    project = await server.opened()
    infos = [info for info in await project.sessions.list() if params.session_id in (None, info.id)]
    return wire.SessionList([wire.SessionSummary.of(info) for info in infos], project.sessions.current)


@command("mazu.session.show")
async def show(server: Server, params: turns.ShowSession) -> wire.Session:
    """One session with its last turns; the one meant stays the same, and another editor may have it open."""
    project = await server.opened()
    if params.session_id is None:
        return await _shown(project, await project.sessions.get(create=False), params.turns)
    try:
        return await _shown(project, await project.sessions.look(params.session_id), params.turns)
    except MazuError as error:
        if error.kind is not Kind.BUSY:
            raise
    events = await project.sessions.events(params.session_id)
    return _told(await project.sessions.info(params.session_id), events, params.turns)


@command("mazu.session.new")
async def new(server: Server, params: turns.NewSession) -> wire.Session:
    """Begin a session; it is the one meant from now on."""
    project = await server.opened()
    session = await project.sessions.new(params.name)
    server.notify_changed("sessions")
    return await _shown(project, session)


@command("mazu.session.end")
async def end(server: Server, params: turns.OfSession) -> wire.Session:
    """End a session: its running turn is stopped; it can still be read and gone on with."""
    from mazu_ls import journal

    project = await server.opened()
    session = await project.sessions.get(params.session_id, create=False)
    session.cancel()
    await session.settled()
    session.append(journal.SessionEnded())
    project.sessions.current = None
    server.notify_changed("sessions")
    return await _shown(project, session)


@command("mazu.session.delete")
async def delete(server: Server, params: turns.OfSession) -> wire.SessionList:
    """Remove a session and its journal for good; without an id the current one, and never another in its place."""
    project = await server.opened()
    session_id = params.session_id or project.sessions.current
    if session_id is None:
        raise MazuError(
            Kind.NOT_FOUND,
            "There is no current session that could be deleted.",
            "Name one of mazu.session.list.",
        )
    await project.sessions.delete(session_id)
    server.notify_changed("sessions")
    return await list_sessions(server, turns.OfSession())


@command("mazu.session.rewind")
async def rewind(server: Server, params: turns.Rewind) -> wire.Session:
    """Take the last turns out of the conversation; files stay as they are."""
    project = await server.opened()
    session = await project.sessions.get(params.session_id, create=False)
    await session.rewind(params.turns)
    server.notify_changed("sessions")
    return await _shown(project, session)


@command("mazu.session.compact", progress=True)
async def compact(server: Server, params: turns.Compact, token: Token | None) -> wire.Session | turns.Started:
    """Replace what was said by a summary; a checkpoint is taken first."""
    project = await server.opened()
    session = await project.sessions.get(params.session_id, create=False)
    await check_ready(session)

    async def work(job: Job) -> wire.Session:
        await session.compact()
        server.notify_changed("sessions", "checkpoints")
        return await _shown(project, session)

    async def tell(result: wire.Session) -> None:
        await server.host.say("info", f"Mazu: the conversation {result.name!r} was compacted.")

    started = turns.Started(session.id, None)
    return await server.jobs.answer(
        "compacting the conversation", work, wait=params.wait, token=token, started=started, then=tell
    )


async def _shown(project: Project, session: Session, turns_shown: int | None = None) -> wire.Session:
    info = await project.sessions.info(session.id)
    return _told(info, await asyncio.to_thread(session.events), turns_shown)


def _told(info: SessionInfo, events: Sequence[Event], turns_shown: int | None) -> wire.Session:
    from mazu_ls.agent.records import transcript

    records = transcript(info.id, events)
    return wire.Session.with_turns(info, records[-turns_shown:] if turns_shown else records)
