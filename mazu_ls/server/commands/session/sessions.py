"""mazu.session.*: list, show, new, rename, search, end, delete, restore, rewind, fork, compact, transcript, queue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mazu_ls.agent.session.undo import end_commands
from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.server.commands import command
from mazu_ls.server.commands.turn.turn_jobs import check_ready
from mazu_ls.server.wire import deleted_sessions, turns
from mazu_ls.server.wire import sessions as wire
from mazu_ls.server.wire.memory import past_words

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.agent.session.journal_views import SessionInfo
    from mazu_ls.agent.session.session import Session
    from mazu_ls.journal.journal import Event
    from mazu_ls.server.jobs import BackgroundJob, Token
    from mazu_ls.server.state import ServerState


@command("mazu.session.list")
async def list_sessions(server: ServerState, params: wire.ListSessionsParams) -> wire.SessionList:
    """Every session, the last used first, or those that were deleted; with an id that one alone."""
    project = await server.wait_opened()
    listed = await (project.sessions.deleted() if params.deleted else project.sessions.list())
    infos = [info for info in listed if params.session_id in (None, info.id)]
    states = {info.id: server.updates.state_elsewhere(info.id) for info in infos}
    infos = [replace(info, state=states[info.id] or info.state) for info in infos]
    current = await project.sessions.continued()
    return wire.SessionList([wire.SessionSummary.from_info(info) for info in infos], current)


@command("mazu.session.show")
async def show(server: ServerState, params: wire.ShowSessionParams) -> wire.SessionView:
    """Show one session with its last turns; the current session stays the same, and another editor may have this one open."""
    project = await server.wait_opened()
    session_id = params.session_id or await project.sessions.last_used()
    try:
        return await _shown(project, await project.sessions.read_events(session_id), params.turns)
    except MazuError as error:
        if error.kind is not Kind.BUSY:
            raise
    events = await project.sessions.events(session_id)
    return _session_view(await project.sessions.info(session_id), events, params.turns)


@command("mazu.session.new")
async def new(server: ServerState, params: wire.NewSessionParams) -> wire.SessionView:
    """Start a session and make it the current one."""
    project = await server.wait_opened()
    session = await project.sessions.new(params.name)
    server.notify_changed("sessions")
    return await _shown(project, session)


async def _renamed_by_message(server: ServerState) -> wire.RenameSessionParams:
    """Without arguments: the current session is named by what the user said first in it."""
    from mazu_ls.agent.session.ids import headline
    from mazu_ls.journal import journal

    project = await server.wait_opened()
    session = await project.sessions.get(create=False)
    events = await asyncio.to_thread(session.events)
    said = [e.body.shown for e in events if isinstance(e.body, journal.UserSaid) and e.body.shown]
    if not said:
        raise InvalidArguments("`name` is missing, and nothing was said in the session yet", "name")
    return wire.RenameSessionParams(headline(said[0]))


@command("mazu.session.rename", natural=_renamed_by_message)
async def rename(server: ServerState, params: wire.RenameSessionParams) -> wire.SessionView:
    """Rename a session."""
    from mazu_ls.journal import journal

    project = await server.wait_opened()
    session = await project.sessions.get(params.session_id, create=False)
    session.append(journal.SessionNamed(params.name.strip()))
    server.notify_changed("sessions")
    return await _shown(project, session)


async def _selected_words(server: ServerState) -> wire.SearchSessionsParams:
    """Without arguments: what is selected."""
    from mazu_ls.server.commands.turn.turn_jobs import selection

    return wire.SearchSessionsParams(selection(server, "query"))


@command("mazu.session.search", natural=_selected_words)
async def search(server: ServerState, params: wire.SearchSessionsParams) -> past_words.SessionMatches:
    """Return turns of all sessions in which words of the query occur, the best first."""
    from mazu_ls.agent.session import session_search

    project = await server.wait_opened()
    found = await asyncio.to_thread(session_search.search, project.journals, params.query, params.limit)
    imported = await project.memories.imported.search(params.query, params.limit) if project.memories else []
    names = {info.id: info.name for info in await project.sessions.list()}
    return past_words.SessionMatches(
        [
            past_words.SessionMatchView(
                one.session_id,
                names.get(one.session_id, ""),
                one.at,
                one.turn_id,
                one.role,
                one.text,
                one.answer,
            )
            for one in found
        ],
        tuple(
            past_words.ImportedMatchView(one.agent, one.session, one.role, one.at, one.text)
            for one in imported
        ),
    )


@command("mazu.session.fork")
async def fork(server: ServerState, params: wire.ForkSessionParams) -> wire.SessionView:
    """Start a session with the conversation up to before a turn, to its end, or all of it; it becomes the current one."""
    project = await server.wait_opened()
    session = await project.sessions.fork(params.session_id, params.turn_id, params.name, params.with_turn)
    server.notify_changed("sessions")
    return await _shown(project, session)


@command("mazu.session.transcript")
async def transcript_of(server: ServerState, params: wire.TranscriptParams) -> wire.TranscriptText:
    """Return a conversation as Markdown; with `uri` it is written there."""
    from mazu_ls.server.features.virtual import transcript_text

    project = await server.wait_opened()
    session_id = params.session_id or (await project.sessions.get(create=False)).id
    text = await transcript_text(project, session_id)
    if params.uri is None:
        return wire.TranscriptText(text, None)
    path = server.path_of(params.uri)
    try:
        await asyncio.to_thread(path.write_text, text, "utf-8")
    except OSError as error:
        raise MazuError(
            Kind.STORAGE, f"{path} cannot be written: {error.strerror or error}.", "Choose another place."
        ) from error
    return wire.TranscriptText(None, params.uri)


@command("mazu.session.queue")
async def queue(server: ServerState, params: wire.QueueParams) -> wire.QueuedMessages:
    """List the queued messages; `remove` takes one out."""
    from mazu_ls.server.chat.message_queue import remove

    project = await server.wait_opened()
    session = await project.sessions.get(params.session_id, create=False)
    if params.remove is not None:
        remove(session, params.remove)
    return wire.QueuedMessages([wire.QueuedMessageView(one.id, one.text) for one in session.queue.values()])


@command("mazu.session.end")
async def end(server: ServerState, params: wire.SessionParams) -> wire.SessionView:
    """End a session: its running turn is stopped; it can still be read and continued."""
    from mazu_ls.journal import journal

    project = await server.wait_opened()
    session = await project.sessions.get(params.session_id, create=False)
    session.cancel()
    await session.wait_idle()
    session.append(journal.SessionEnded())
    project.sessions.current = None
    server.notify_changed("sessions")
    return await _shown(project, session)


@command("mazu.session.delete")
async def delete(
    server: ServerState, params: deleted_sessions.DeleteSessionParams
) -> deleted_sessions.DeletedSessionList:
    """Delete a session; without an id the current one, and never another in its place. It can be restored for some days."""
    from mazu_ls.agent.session.deleted_sessions import KEPT_DAYS

    project = await server.wait_opened()
    session_id = params.session_id or project.sessions.current
    if session_id is None:
        raise MazuError(
            Kind.NOT_FOUND,
            "There is no current session that could be deleted.",
            "Name one of mazu.session.list.",
        )
    restorable = await project.sessions.delete(session_id, for_good=params.for_good)
    server.notify_changed("sessions")
    left = await list_sessions(server, wire.ListSessionsParams())
    until = (datetime.now(UTC) + timedelta(days=KEPT_DAYS)).isoformat(timespec="seconds")
    return deleted_sessions.DeletedSessionList(left.sessions, left.current, until if restorable else None)


@command("mazu.session.restore")
async def restore(server: ServerState, params: deleted_sessions.RestoreSessionParams) -> wire.SessionSummary:
    """Undo the deletion of a session, the last one if none is named."""
    project = await server.wait_opened()
    info = await project.sessions.restore(params.session_id)
    server.notify_changed("sessions")
    return wire.SessionSummary.from_info(info)


@command("mazu.session.rewind")
async def rewind(server: ServerState, params: wire.RewindParams) -> wire.SessionView:
    """Remove the last turns, or those from one on, from the conversation; files stay as they are."""
    project = await server.wait_opened()
    session = await project.sessions.get(params.session_id, create=False)
    await session.rewind(params.turns, params.turn_id)
    left = {event.turn for event in await asyncio.to_thread(session.events)}
    running = [one for one in session.shell.background.values() if one.code is None and one.turn not in left]
    await end_commands(running, server.host)
    server.notify_changed("sessions")
    return await _shown(project, session)


@command("mazu.session.compact", progress=True)
async def compact(
    server: ServerState, params: wire.CompactParams, token: Token | None
) -> wire.SessionView | turns.StartedResult:
    """Replace the conversation so far by a summary; a checkpoint is taken first."""
    project = await server.wait_opened()
    session = await project.sessions.get(params.session_id, create=False)
    await check_ready(session)

    async def work(job: BackgroundJob) -> wire.SessionView:
        compacted = await session.compact()
        server.notify_changed("sessions", "checkpoints")
        return replace(await _shown(project, session), compacted=compacted)

    async def report(result: wire.SessionView) -> None:
        done = "" if result.compacted else "not "
        await server.host.say("info", f"Mazu: the conversation {result.name!r} was {done}compacted.")

    started = turns.StartedResult(session.id, None)
    return await server.jobs.answer(
        "compacting the conversation", work, wait=params.wait, token=token, started=started, then=report
    )


async def _shown(project: Project, session: Session, turns_shown: int | None = None) -> wire.SessionView:
    info = await project.sessions.info(session.id)
    return _session_view(info, await asyncio.to_thread(session.events), turns_shown)


def _session_view(info: SessionInfo, events: Sequence[Event], turns_shown: int | None) -> wire.SessionView:
    from mazu_ls.agent.session.journal_views import transcript

    records = transcript(info.id, events)
    return wire.SessionView.with_turns(info, records[-turns_shown:] if turns_shown else records)
