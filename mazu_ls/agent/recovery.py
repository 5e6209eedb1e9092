"""After a crash: the turn in whose middle mazu-ls ended is closed with what is known of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mazu_ls import journal
from mazu_ls.agent.conversation import INTERRUPTED
from mazu_ls.agent.unfinished import discard, left_behind
from mazu_ls.errors import Kind
from mazu_ls.messages import Message, Text, Usage

if TYPE_CHECKING:
    from mazu_ls.agent.session import Session

BROKEN_OFF = "mazu-ls ended before this turn did."


async def recover(session: Session) -> None:
    """Close the turn of a session that was just loaded, if it is open; `interrupted` then says of what kind it was."""
    if session.journal.head != session.journal.last:
        return  # a rollback put it there, on purpose
    events = await asyncio.to_thread(session.events)
    turns = (e for e in reversed(events) if isinstance(e.body, journal.TurnStarted | journal.TurnEnded))
    last = next(turns, None)
    if last is None or not isinstance(last.body, journal.TurnStarted):
        return
    session.interrupted = last.body.kind
    if said := left_behind(session.journal):
        message = Message("assistant", (Text(said),), last.body.model)
        session.append(journal.ModelSaid(message, "cut", Usage()), last.turn)
        events = await asyncio.to_thread(session.events)
    discard(session.journal.path)
    asked = [e.body.call_id for e in events if isinstance(e.body, journal.QuestionAsked)]
    closed = {e.body.call_id for e in events if isinstance(e.body, journal.QuestionClosed)}
    for call_id in asked:
        if call_id not in closed:
            session.append(journal.QuestionClosed(call_id, "void", "restart"), last.turn)
    for call_id in session.conversation.unanswered():
        session.append(journal.CallEnded(call_id, False, "interrupted", INTERRUPTED), last.turn)
    spoken = [e.body for e in events if e.turn == last.turn and isinstance(e.body, journal.ModelSaid)]
    reply = next((body.message.text for body in reversed(spoken) if body.message.text), "")
    usage = sum((body.usage for body in spoken), Usage())
    failure = {
        "kind": Kind.INTERNAL.value,
        "message": BROKEN_OFF,
        "hint": "Say continue, or undo the turn.",
    }
    session.append(journal.TurnEnded("error", reply, usage, BROKEN_OFF, failure), last.turn)
