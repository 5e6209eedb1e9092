"""Readers of the journal: send `mazu/session/update`, progress lines and `mazu/changed` to subscribed clients."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from mazu_ls.journal.growing_text import GrowingText
from mazu_ls.server.client.event_updates import updates_from_event
from mazu_ls.server.rpc.client_requests import MOST_UNREAD
from mazu_ls.tools.tool_titles import call_title
from mazu_ls.workspace.visible_text import make_line

if TYPE_CHECKING:
    from mazu_ls.journal.journal import Event
    from mazu_ls.server.client.editor import ConnectedEditor
    from mazu_ls.server.client.profile import ClientConnection
    from mazu_ls.server.jobs import BackgroundJob

LINE = 120
STREAMED = frozenset({"message", "thought", "tool_output"})
"""Updates that are in no journal, and that the finished message or the transcript makes up for."""
WHOLE = frozenset({"reply", "restart", "turn", "tool_call"})
"""Updates after which what streams is whole again."""
INTERRUPTED = {
    "kind": "state", "state": "done", "stopReason": "interrupted", "reply": "",
    "detail": "The editor or terminal in which it ran was closed.", "changes": None, "checkpoints": [],
}  # fmt: skip
"""The end of a turn that is in no journal: it can be continued, as after a crash."""


class StreamedText(Struct):
    """Streamed text of a message that is not finished: pieces of text and of thought."""

    message: GrowingText = field(default_factory=GrowingText)
    thought: GrowingText = field(default_factory=GrowingText)


class TurnElsewhere(Struct, frozen=True):
    """A turn that runs in another server: the connection that reported it, and whether it is "running" or "waiting"."""

    sender: ClientConnection
    turn_id: str | None
    state: str


class TurnNotifications:
    """Converts events to what clients are sent. `seq` counts the updates of a session from 1, without gaps."""

    def __init__(self, editor: ConnectedEditor | None) -> None:
        self._followers: list[ClientConnection] = []
        self._behind: set[tuple[int, str]] = set()
        """Followers and sessions for which the rest of a streaming message is left out."""
        if editor and editor.profile.opted("updates"):
            self._followers.append(editor.link)
        self._jobs: dict[str, BackgroundJob] = {}
        self._sequence: dict[str, int] = {}
        self._turns: dict[str, str] = {}
        self._partial: dict[str, StreamedText] = {}
        self._elsewhere: dict[str, TurnElsewhere] = {}
        self._moving: list[set[str]] = []
        """Of each reverting command that runs, the sessions whose heads were moved since it began."""
        self.on_reverted: list[Callable[[str, str, str], object]] = []
        """Called with a session, the sentence about what reverted a part of it, and who asked for that ("": a client of this server)."""
        self.on_relayed: list[Callable[[dict[str, Any]], object]] = []
        """Called with the updates of sessions that another server has open."""

    def add_follower(self, link: ClientConnection) -> Callable[[], None]:
        """Send everything to one more client; call the result to unsubscribe."""
        self._followers.append(link)

        def unsubscribe() -> None:
            self._followers.remove(link)
            self._behind = {one for one in self._behind if one[0] != id(link)}

        return unsubscribe

    def notify(self, method: str, params: dict[str, Any], besides: ClientConnection | None = None) -> None:
        """Notify every following client, except the one it came from."""
        for link in tuple(self._followers):
            if link is not besides:
                link.notify(method, params)

    def relay_update(self, params: dict[str, Any], sender: ClientConnection) -> None:
        """Relay an update of a session that another server has open; if it is opened here later, `seq` continues from
        there."""
        session_id, number = params.get("sessionId"), params.get("seq")
        if isinstance(session_id, str) and isinstance(number, int):
            self._sequence[session_id] = max(number, self._sequence.get(session_id, 0))
            self.notify("mazu/session/update", params, besides=sender)
            for listener in tuple(self.on_relayed):
                listener(params)
            update = params.get("update")
            if isinstance(update, dict) and update.get("kind") == "state":
                self._elsewhere.pop(session_id, None)
                if (state := update.get("state")) in ("running", "waiting"):
                    turn_id = params.get("turnId")
                    turn_id = turn_id if isinstance(turn_id, str) else None
                    self._elsewhere[session_id] = TurnElsewhere(sender, turn_id, state)

    def announce(self, session_id: str, state: str, link: ClientConnection) -> None:
        """Tell a server that connects now that a turn runs in a session; the number is that of the last update, the first
        where nobody followed until now."""
        number = self._sequence.setdefault(session_id, 1)
        turn_id, update = self._turns.get(session_id), {"kind": "state", "state": state}
        link.notify(
            "mazu/session/update",
            {"sessionId": session_id, "turnId": turn_id, "seq": number, "update": update},
        )

    def state_elsewhere(self, session_id: str) -> str | None:
        """Return whether a turn of another server is "running" or "waiting" in a session; None if none is."""
        found = self._elsewhere.get(session_id)
        return found and found.state

    def end_elsewhere(self, sender: ClientConnection) -> None:
        """The server behind that connection is gone, and its turns with it: send their end to the clients that show
        them."""
        for session_id, turn in tuple(self._elsewhere.items()):
            if turn.sender is sender:
                del self._elsewhere[session_id]
                self._send(session_id, turn.turn_id, INTERRUPTED)
                for listener in tuple(self.on_relayed):
                    listener({"sessionId": session_id, "turnId": turn.turn_id, "update": INTERRUPTED})

    def track_job(self, turn_id: str, job: BackgroundJob) -> None:
        """Show what this turn does as the progress of `job`."""
        self._jobs[turn_id] = job

    def sent(self, session_id: str) -> int:
        """Return the `seq` of the last update sent for a session; 0 before the first."""
        return self._sequence.get(session_id, 0)

    def partial(self, session_id: str) -> dict[str, str] | None:
        """Return what has streamed of a session's unfinished message; None if there is none."""
        found = self._partial.get(session_id)
        return found and {"message": str(found.message), "thought": str(found.thought)}

    def on_event(self, session_id: str, event: Event) -> None:
        """Handle one event of the journal."""
        from mazu_ls.journal import journal

        body = event.body
        self._keep_partial(session_id, body)
        if job := self._jobs.get(event.turn or ""):
            if isinstance(body, journal.TurnEnded):
                del self._jobs[event.turn or ""]
            elif line := _progress_line(body):
                job.report(line)
        if isinstance(body, journal.TurnStarted):
            self._turns[session_id] = event.turn or ""
        stored = None if isinstance(body, journal.TRANSIENT) else event
        for update in updates_from_event(body) if self._followers else ():
            self._send(session_id, event.turn, update, stored)
        if isinstance(body, journal.TurnEnded):
            self._turns.pop(session_id, None)
            self.notify("mazu/changed", {"what": ["sessions", "usage"]})
        elif isinstance(body, journal.CheckpointTaken):
            self.notify("mazu/changed", {"what": ["checkpoints"]})
        elif isinstance(body, journal.MemoryTouched):
            self.notify("mazu/changed", {"what": ["memory"]})

    def head_moved(self, session_id: str, head: int) -> None:
        """An undo, redo, rollback, rewind or branch moved a conversation's head."""
        for moved in self._moving:
            moved.add(session_id)
        self._send(session_id, None, {"kind": "head", "head": head})

    @contextmanager
    def collect_moved(self) -> Generator[set[str]]:
        """Collect the sessions whose heads are moved meanwhile, whoever notices it."""
        moved: set[str] = set()
        self._moving.append(moved)
        try:
            yield moved
        finally:
            self._moving = [one for one in self._moving if one is not moved]

    def say_reverted(self, moved: Collection[str], command: str, said: str, by: str) -> None:
        """Tell what an undo, redo, rollback or rewind did to the conversations whose heads it moved; `by`: see `on_reverted`."""
        for other in self._moving:  # a command that waits for an answer did not move them
            other.difference_update(moved)
        for session_id in sorted(moved):
            self._send(
                session_id, None, {"kind": "reverted", "command": command, "text": said, "by": by or None}
            )
            for listener in tuple(self.on_reverted):
                listener(session_id, said, by)

    def send_waiting(self, session_id: str, waits: bool) -> None:
        """A turn waits for the user's answer, or has it. A question outside a turn changes no session's state."""
        if session_id not in self._turns:
            return
        state = {"kind": "state", "state": "waiting" if waits else "running"}
        self._send(session_id, self._turns.get(session_id), state)

    def _send(
        self, session_id: str, turn_id: str | None, update: dict[str, Any], stored: Event | None = None
    ) -> None:
        if not self._followers:
            return
        number = self._sequence[session_id] = self._sequence.get(session_id, 0) + 1
        params = {"sessionId": session_id, "turnId": turn_id, "seq": number, "update": update}
        if stored is not None:
            params |= {"journalSeq": stored.seq, "parent": stored.parent, "at": stored.at}
        for link in tuple(self._followers):
            if not self._is_left_out(link, session_id, update["kind"]):
                link.notify("mazu/session/update", params)

    def _is_left_out(self, link: ClientConnection, session_id: str, kind: str) -> bool:
        """Return whether a client that does not read is spared this piece of a message, and so the rest of it."""
        behind = id(link), session_id
        if kind in WHOLE:
            self._behind.discard(behind)
        elif kind in STREAMED and link.unread() > MOST_UNREAD:
            self._behind.add(behind)
        return kind in STREAMED and behind in self._behind

    def _keep_partial(self, session_id: str, body: Any) -> None:
        from mazu_ls.journal import journal

        if isinstance(body, journal.Delta):
            partial = self._partial.setdefault(session_id, StreamedText())
            (partial.message if body.kind == "message" else partial.thought).append(body.text)
        elif isinstance(body, journal.MessageRestarted | journal.ModelSaid | journal.TurnEnded):
            self._partial.pop(session_id, None)


def _progress_line(body: Any) -> str:
    """Return the event as one line next to a spinner; "" for most."""
    from mazu_ls.journal import journal

    match body:
        case journal.CallStarted(_, tool, _, arguments):
            return make_line(call_title(tool, arguments), LINE)
        case journal.Retrying(attempt, seconds, reason):
            return f"retry {attempt} in {seconds:.0f} s: {reason}"[:LINE]
        case journal.CheckpointTaken(id):
            return f"checkpoint {id}"
    return ""
