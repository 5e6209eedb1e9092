"""The events of a session as its updates on the wire say them."""

from __future__ import annotations

from typing import Any

from mazu_ls.journal import journal
from mazu_ls.messages import Message, Text, Usage


def body_of_update(update: dict[str, Any]) -> journal.Body | None:
    """The event of which an update says what a terminal shows; None for others."""
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
