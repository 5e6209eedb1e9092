"""Recovery after a crash: closes the turn during which mazu-ls ended, with what is known of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import to_builtins

from mazu_ls.agent.session.conversation import INTERRUPTED
from mazu_ls.agent.session.partial_message import discard, read_partial
from mazu_ls.agent.turn.limits import Limits
from mazu_ls.agent.turn.types import Prompt
from mazu_ls.errors import Kind
from mazu_ls.journal import journal
from mazu_ls.messages import Message, Text, Usage, estimate_tokens
from mazu_ls.models.pricing.tokens import estimate_messages

if TYPE_CHECKING:
    from mazu_ls.agent.turn.running_turn import TurnSession

CONTINUE = "continue"
BROKEN_OFF = "mazu-ls ended before this turn did."
LEFT = "mazu-ls was closed before this turn ended."
UNANSWERED = "error: not run, as far as the record goes: mazu-ls stopped while the user was still being asked about it."
NOT_BEGUN = "error: not run, as far as the record goes: mazu-ls stopped before it was this call's turn."


def interrupted_turn(events: Sequence[journal.Event]) -> journal.Event | None:
    """Return the start of a conversation's last turn if mazu-ls ended during it and the user has not decided on it yet."""
    start: journal.Event | None = None
    broken = False
    for event in events:
        if isinstance(event.body, journal.TurnStarted):
            start, broken = event, True
        elif isinstance(event.body, journal.TurnEnded):
            broken = event.body.detail in (BROKEN_OFF, LEFT)
        elif isinstance(event.body, journal.ResumeAnswered):
            broken = False
    return start if broken else None


def resumed_prompt(start: journal.Event | None, limits: Limits) -> Prompt:
    """Return the request that continues a turn, within the limits of the original; `limits` if those are not known."""
    body = start.body if start else None
    if not isinstance(body, journal.TurnStarted):
        return Prompt(CONTINUE, limits=limits)
    own = Limits(**to_builtins(body.limits)) if body.limits else limits
    kind = "run" if body.kind == "run" else "chat"
    allow_shell = body.allow_shell if body.limits else kind != "run"
    return Prompt(
        CONTINUE, limits=own, kind=kind, allow_shell=allow_shell, checkpoint_every=body.checkpoint_every
    )


async def recover(session: TurnSession) -> None:
    """Close the turn of a session that was just loaded, if it is open; `interrupted` is then its kind."""
    if session.journal.head != session.journal.last:
        return  # a rollback moved the head there on purpose
    events = await asyncio.to_thread(session.events)
    turns = (e for e in reversed(events) if isinstance(e.body, journal.TurnStarted | journal.TurnEnded))
    last = next(turns, None)
    if (start := interrupted_turn(events)) is not None and isinstance(start.body, journal.TurnStarted):
        session.interrupted = start.body.kind
    if last is None or not isinstance(last.body, journal.TurnStarted):
        return
    if said := read_partial(session.journal):
        message = Message("assistant", (Text(said),), last.body.model)
        sent = session.conversation.messages_to_send()
        used = Usage(estimate_messages(sent), estimate_tokens(said), 0, 0, 1, 0, None, estimated=True)
        session.append(journal.ModelSaid(message, "cut", used), last.turn)
        events = await asyncio.to_thread(session.events)
    discard(session.journal.path)
    _end_calls(session, events, last.turn)
    spoken = [e.body for e in events if e.turn == last.turn and isinstance(e.body, journal.ModelSaid)]
    reply = next((body.message.text for body in reversed(spoken) if body.message.text), "")
    usage = sum((body.usage for body in spoken), Usage())
    failure = {
        "kind": Kind.INTERNAL.value,
        "message": BROKEN_OFF,
        "hint": "Say continue, or undo the turn.",
    }
    session.append(journal.TurnEnded("error", reply, usage, BROKEN_OFF, failure), last.turn)


def _end_calls(session: TurnSession, events: Sequence[journal.Event], turn: str | None) -> None:
    """Close the questions that were open, and give each call without a result one that says how far it had come."""
    asked = [e.body.call_id for e in events if isinstance(e.body, journal.QuestionAsked)]
    closed = {e.body.call_id for e in events if isinstance(e.body, journal.QuestionClosed)}
    started = {e.body.call_id for e in events if isinstance(e.body, journal.CallStarted)}
    unanswered = [call_id for call_id in asked if call_id not in closed]
    for call_id in unanswered:
        session.append(journal.QuestionClosed(call_id, "void", "restart"), turn)
    for call_id in session.conversation.pending_tool_calls():
        if call_id in unanswered:
            ended = journal.CallEnded(call_id, False, "not run", UNANSWERED)
        elif call_id not in started:
            ended = journal.CallEnded(call_id, False, "not run", NOT_BEGUN)
        else:
            ended = journal.CallEnded(call_id, False, "interrupted", INTERRUPTED)
        session.append(ended, turn)
