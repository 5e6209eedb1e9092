"""Converts updates of the wire back to events of a session."""

from __future__ import annotations

from typing import Any

import msgspec

from mazu_ls.journal import journal
from mazu_ls.messages import Message, Text, Usage


def body_of_update(update: dict[str, Any]) -> journal.Body | None:
    """Return the event of an update that a terminal shows; None for others."""
    match update:
        case {"kind": "message" | "thought" as kind, "text": str(text)}:
            return journal.Delta(kind, text)
        case {"kind": "restart"}:
            return journal.MessageRestarted()
        case {"kind": "retry", "attempt": attempt, "seconds": seconds, "reason": reason}:
            return journal.Retrying(attempt, seconds, reason)
        case {"kind": "reply", "text": str(text)}:
            return journal.ModelSaid(Message("assistant", (Text(text),)), "end_turn", Usage())
        case {"kind": "tool_call", "callId": id, "tool": tool, "title": title, "arguments": arguments}:
            return journal.CallStarted(id, tool, title, arguments)
        case {"kind": "tool_output", "callId": id, "text": text}:
            return journal.CallOutput(id, text)
        case {"kind": "decision", "callId": id, "verdict": verdict, "reason": reason, "by": by}:
            return journal.CallDecided(id, verdict, reason, by)
        case {"kind": "tool_result", "callId": id, "ok": ok, "summary": summary}:
            return journal.CallEnded(id, ok, summary, "", (), update.get("diff"))
        case {"kind": "turn", "turnKind": kind, "model": model}:
            return journal.TurnStarted(kind, model)
    return None


def event_of_update(params: dict[str, Any]) -> journal.Event | None:
    """The event of a `mazu/session/update`, beginning and end of a turn among them; None for what a terminal does not draw."""
    update = params["update"]
    match update:
        case {"kind": "user", "shown": str(shown)}:
            body: journal.Body | None = journal.UserSaid(Message("user", ()), shown)
        case {"kind": "checkpoint", "checkpointId": id, "checkpointKind": kind, "label": label}:
            body = journal.CheckpointTaken(id, kind, label)
        case {"kind": "usage", "usage": dict(usage)}:
            said = Message("assistant", ())
            body = journal.ModelSaid(said, "end_turn", msgspec.convert(usage, Usage))
        case {"kind": "state", "state": "done", "stopReason": reason}:
            usage = msgspec.convert(update.get("usage") or {}, Usage)
            changes = msgspec.convert(update.get("changes") or {}, journal.Changes)
            detail, error = update.get("detail") or "", update.get("error")
            body = journal.TurnEnded(reason, update.get("reply") or "", usage, detail, error, changes)
        case _:
            body = body_of_update(update)
    return None if body is None else journal.Event(0, 0, "", params.get("turnId"), body)
