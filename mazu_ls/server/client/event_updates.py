"""Journal events as the updates of `mazu/session/update` and `mazu.session.events`: the same for stream and replay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mazu_ls.redact import redact
from mazu_ls.server import uris
from mazu_ls.tools.tool_titles import call_title, tool_verb
from mazu_ls.workspace.visible_text import make_line, make_tool_name

LINE = 400
"""Characters of a call's title."""


def updates_from_event(body: Any) -> list[dict[str, Any]]:
    """Return the updates for one event: at least one for each stored event."""
    from mazu_ls.journal import journal

    match body:
        case journal.Delta(kind, text):
            return [{"kind": kind, "text": text}]
        case journal.MessageRestarted():
            return [{"kind": "restart"}]
        case journal.Retrying(attempt, seconds, reason):
            return [{"kind": "retry", "attempt": attempt, "seconds": seconds, "reason": redact(reason)}]
        case journal.CallOutput(call_id, text):
            return [{"kind": "tool_output", "callId": call_id, "text": redact(text)}]
        case journal.ModelSaid(message, _, usage):
            said = {"kind": "reply", "text": message.text, "thought": message.thought}
            return [said, {"kind": "usage", "usage": usage}]
        case journal.UsageRecorded(_, usage):
            return [{"kind": "usage", "usage": usage}]
        case journal.CheckpointTaken(id, kind, label):
            return [{"kind": "checkpoint", "checkpointId": id, "checkpointKind": kind, "label": label}]
        case journal.MemoryTouched(id, outcome, title):
            return [{"kind": "memory", "memoryId": id, "outcome": outcome, "title": title}]
        case journal.Compacted(summary):
            return [{"kind": "compacted", "summary": summary}]
        case journal.MessageQueued(id, text):
            return [{"kind": "queued", "queueId": id, "text": text}]
        case journal.MessageDequeued(id):
            return [{"kind": "dequeued", "queueId": id}]
    return _of_turn(body) or _of_call(body) or _of_session(body)


def _of_turn(body: Any) -> list[dict[str, Any]]:
    from mazu_ls.journal import journal

    match body:
        case journal.TurnStarted(kind, model, injected, titles):
            named = [*titles, *injected[len(titles) :]]
            memories = [{"id": id, "title": title} for id, title in zip(injected, named, strict=True)]
            turn = {"kind": "turn", "turnKind": kind, "model": model, "memories": memories}
            return [turn, {"kind": "state", "state": "running"}]
        case journal.UserSaid(message, shown, attached):
            places = [_place(one) for one in attached]
            text = shown or message.text
            return [{"kind": "user", "text": text, "shown": shown, "attachments": places}]
        case journal.TurnEnded(stop_reason, reply, usage, detail, error, changes, checkpoints):
            done = {
                "kind": "state", "state": "done", "stopReason": stop_reason, "reply": reply, "usage": usage,
                "detail": detail, "changes": changes, "checkpoints": checkpoints,
            }  # fmt: skip
            return [done if error is None else {**done, "error": error}]
    return []


def _place(attached: Any) -> dict[str, Any]:
    if attached.text is not None:
        return {"name": attached.path}
    if attached.first is None:
        return {"path": attached.path}
    lines = {"start": attached.first, "end": attached.last or attached.first}
    return {
        "path": attached.path,
        "range": {side: {"line": line, "character": 0} for side, line in lines.items()},
    }


def _of_call(body: Any) -> list[dict[str, Any]]:
    from mazu_ls.journal import journal

    match body:
        case journal.CallStarted(call_id, tool, _, arguments):
            return [
                {
                    "kind": "tool_call",
                    "callId": call_id,
                    "tool": make_tool_name(tool),
                    "verb": tool_verb(tool),
                    "title": make_line(call_title(tool, arguments), LINE),
                    "arguments": arguments,
                }
            ]
        case journal.CallDecided(call_id, verdict, reason, by, arguments):
            decision = {"kind": "decision", "callId": call_id, "verdict": verdict, "by": by, "reason": reason}
            return [decision if arguments is None else {**decision, "arguments": arguments}]
        case journal.CallEnded(call_id, ok, summary, _, _, diff):
            ended = {"kind": "tool_result", "callId": call_id, "ok": ok, "summary": summary}
            return [ended if diff is None else {**ended, "diff": diff}]
        case journal.QuestionAsked():
            return [{"kind": "question", "callId": body.call_id, **_asked_fields(body)}]
        case journal.QuestionClosed(call_id, verdict, by):
            return [{"kind": "question_closed", "callId": call_id, "verdict": verdict, "by": by}]
    return []


def _asked_fields(asked: Any) -> dict[str, Any]:
    """Return a question for the wire; absent fields are left out."""
    fields = {
        "tool": asked.tool,
        "title": asked.title,
        "detail": asked.detail,
        "options": list(asked.options),
    }
    more = {
        "diff": asked.diff, "hunks": list(asked.hunks), "rule": asked.rule,
        "document": asked.document and uris.from_path(Path(asked.document)), "editable": list(asked.editable),
        "reason": asked.reason,
    }  # fmt: skip
    return {**fields, **{name: value for name, value in more.items() if value}}


def _of_session(body: Any) -> list[dict[str, Any]]:
    from mazu_ls.journal import journal

    match body:
        case journal.SessionStarted(name) | journal.SessionNamed(name):
            return [{"kind": "named", "name": name}]
        case journal.ModelChosen(model):
            return [{"kind": "model", "model": model}]
        case journal.ResumeAnswered(choice):
            return [{"kind": "resume", "choice": choice}]
        case journal.SessionEnded():
            return [{"kind": "state", "state": "ended"}]
    return []
