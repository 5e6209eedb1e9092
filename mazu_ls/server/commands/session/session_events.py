"""mazu.session.events: a session's journal in pages, which continue in `mazu/session/update` without a gap; mazu.turn.output."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

from mazu_ls.errors import Kind, MazuError
from mazu_ls.messages import unwrap_untrusted
from mazu_ls.server.client.event_updates import updates_from_event
from mazu_ls.server.commands import command
from mazu_ls.server.wire import sessions as wire
from mazu_ls.server.wire.turn_changes import CallOutputParams, CallOutputView
from mazu_ls.workspace.visible_text import make_visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mazu_ls.agent.project.project import Project
    from mazu_ls.agent.session.sessions import Snapshot
    from mazu_ls.journal.journal import Event
    from mazu_ls.server.state import ServerState


@command("mazu.session.events")
async def events(server: ServerState, params: wire.SessionEventsParams) -> wire.EventPage:
    """Return the stored events after `after`, the conversation's head, and what has streamed since the last event."""
    project = await server.wait_opened()

    def now(session_id: str) -> tuple[int, dict[str, str] | None, str | None]:
        return (
            server.updates.sent(session_id),
            server.updates.partial(session_id),
            _state(project, session_id),
        )

    seen = await project.sessions.snapshot(params.session_id, now=now)
    updates, partial, state = seen.beside
    page = await asyncio.to_thread(_page, seen, params.after, params.limit)
    return wire.EventPage(
        session_id=seen.session_id,
        name=page.name,
        head=seen.head,
        last=seen.last,
        events=page.rows,
        next=page.next,
        updates=updates,
        partial=wire.PartialMessageView(**partial) if partial else None,
        state=state or (await project.sessions.info(seen.session_id)).state,
    )


@command("mazu.turn.output")
async def output(server: ServerState, params: CallOutputParams) -> CallOutputView:
    """Return what a tool call gave back: the updates have one line of it. Raises MazuError(not_found)."""
    from mazu_ls.journal import journal

    project = await server.wait_opened()

    def nothing(session_id: str) -> None:
        """Nothing is to be known of that moment."""

    seen = await project.sessions.snapshot(params.session_id, now=nothing)
    for event in reversed(seen.events):
        if isinstance(event.body, journal.CallEnded) and params.call_id in (None, event.body.call_id):
            return CallOutputView(make_visible(unwrap_untrusted(event.body.text)), event.body.ok)
    raise MazuError(Kind.NOT_FOUND, "That call has not ended.", "See mazu.session.events.")


class Page(NamedTuple):
    """The rows of one page, and the `seq` after which the next one begins, if there is one."""

    name: str
    rows: list[wire.EventView]
    next: int | None


def _page(seen: Snapshot[Any], after: int, limit: int) -> Page:
    """Return one page. Long conversations take a while: call it from a thread."""
    from mazu_ls.journal import journal

    standing = {event.seq for event in journal.branch_events(seen.events, seen.head)}
    first = bisect_right(seen.events, after, key=lambda event: event.seq)
    page = seen.events[first : first + limit]
    more = first + len(page) < len(seen.events)
    rows = [row for event in page for row in _rows(event, event.seq in standing)]
    return Page(_name(seen.events), rows, page[-1].seq if more else None)


def _state(project: Project, session_id: str) -> str | None:
    """Return the state of a session that this process holds."""
    session = project.sessions.find(session_id)
    return session.state if session else None


def _name(events: Iterable[Event]) -> str:
    from mazu_ls.journal import journal

    name = ""
    for event in events:
        if isinstance(event.body, journal.SessionStarted | journal.SessionNamed):
            name = event.body.name or name
    return name


def _rows(event: Event, live: bool) -> list[wire.EventView]:
    updates: list[dict[str, Any]] = updates_from_event(event.body)
    return [wire.EventView(event.seq, event.parent, event.at, event.turn, live, update) for update in updates]
