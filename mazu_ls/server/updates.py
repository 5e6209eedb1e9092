"""Readers of the journal: `mazu/session/update`, progress lines and `mazu/changed` for whoever wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls.redact import redact

if TYPE_CHECKING:
    from mazu_ls.journal import Event
    from mazu_ls.messages import Usage
    from mazu_ls.server.editor import Editor
    from mazu_ls.server.jobs import Job

LINE = 120


class Updates:
    """Turns events into what the client is sent. `seq` counts the updates of a session from 1, without gaps."""

    def __init__(self, editor: Editor | None) -> None:
        self._editor = editor if editor and editor.profile.opted("updates") else None
        self._jobs: dict[str, Job] = {}
        self._sequence: dict[str, int] = {}
        self._turns: dict[str, str] = {}

    def follow(self, turn_id: str, job: Job) -> None:
        """Show what this turn does as the progress of `job`."""
        self._jobs[turn_id] = job

    def hear(self, session_id: str, event: Event) -> None:
        """One event of the journal."""
        from mazu_ls import journal

        body = event.body
        if job := self._jobs.get(event.turn or ""):
            if isinstance(body, journal.TurnEnded):
                del self._jobs[event.turn or ""]
            elif line := _progress_line(body):
                job.report(line)
        if self._editor is None:
            return
        if isinstance(body, journal.TurnStarted):
            self._turns[session_id] = event.turn or ""
        for update in _updates(body):
            self._send(session_id, event.turn, update)
        if isinstance(body, journal.TurnEnded):
            self._editor.link.notify("mazu/changed", {"what": ["sessions", "usage"]})
        elif isinstance(body, journal.CheckpointTaken):
            self._editor.link.notify("mazu/changed", {"what": ["checkpoints"]})
        elif isinstance(body, journal.MemoryTouched):
            self._editor.link.notify("mazu/changed", {"what": ["memory"]})

    def waiting(self, session_id: str, waits: bool) -> None:
        """A turn waits for the user's answer, or has it."""
        if self._editor is not None:
            state = {"kind": "state", "state": "waiting" if waits else "running"}
            self._send(session_id, self._turns.get(session_id), state)

    def _send(self, session_id: str, turn_id: str | None, update: dict[str, Any]) -> None:
        assert self._editor is not None
        number = self._sequence[session_id] = self._sequence.get(session_id, 0) + 1
        params = {"sessionId": session_id, "turnId": turn_id, "seq": number, "update": update}
        self._editor.link.notify("mazu/session/update", params)


def _updates(body: Any) -> list[dict[str, Any]]:
    """What the client hears of one event; nothing for most."""
    from mazu_ls import journal

    match body:
        case journal.TurnStarted():
            return [{"kind": "state", "state": "running"}]
        case journal.Delta(kind, text):
            return [{"kind": kind, "text": text}]
        case journal.Restarted():
            return [{"kind": "restart"}]
        case journal.Retrying(attempt, seconds, reason):
            return [{"kind": "retry", "attempt": attempt, "seconds": seconds, "reason": redact(reason)}]
        case journal.ModelSaid(_, _, usage):
            return [{"kind": "usage", "usage": usage}]
        case journal.CallStarted(call_id, tool, title, arguments):
            return [
                {"kind": "tool_call", "callId": call_id, "tool": tool, "title": title, "arguments": arguments}
            ]
        case journal.CallOutput(call_id, text):
            return [{"kind": "tool_output", "callId": call_id, "text": redact(text)}]
        case journal.CallEnded(call_id, ok, summary, _, _, diff):
            ended = {"kind": "tool_result", "callId": call_id, "ok": ok, "summary": summary}
            return [ended if diff is None else {**ended, "diff": diff}]
        case journal.CheckpointTaken(id, kind, label):
            return [{"kind": "checkpoint", "checkpointId": id, "checkpointKind": kind, "label": label}]
        case journal.MemoryTouched(id, outcome, title):
            return [{"kind": "memory", "memoryId": id, "outcome": outcome, "title": title}]
        case journal.TurnEnded(stop_reason, reply, usage, detail):
            return [_done(stop_reason, reply, usage, detail)]
    return []


def _done(stop_reason: str, reply: str, usage: Usage, detail: str) -> dict[str, Any]:
    return {
        "kind": "state", "state": "done", "stopReason": stop_reason, "reply": reply, "usage": usage, "detail": detail,
    }  # fmt: skip


def _progress_line(body: Any) -> str:
    """The event as one line beside a spinner; "" for most."""
    from mazu_ls import journal

    match body:
        case journal.CallStarted(_, _, title):
            return title[:LINE]
        case journal.Retrying(attempt, seconds, reason):
            return f"retry {attempt} in {seconds:.0f} s: {reason}"[:LINE]
        case journal.CheckpointTaken(id):
            return f"checkpoint {id}"
    return ""
