"""Collects what was refused during a turn, so that a script can see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls.journal import journal
from mazu_ls.terminal.screen.call_lines import describe_call

if TYPE_CHECKING:
    from mazu_ls.terminal.host import TerminalHost


class Refusals:
    """Listens to a turn. `by` is "nobody" if there was no terminal to ask in, else the journal's `decided_by`."""

    def __init__(self, host: TerminalHost) -> None:
        self.found: list[dict[str, Any]] = []
        self._host = host
        self._calls: dict[str, str] = {}

    def collect(self, session_id: str, event: journal.Event) -> None:
        """Add one event."""
        match event.body:
            case journal.CallStarted(call_id, tool, _, arguments):
                self._calls[call_id] = describe_call(tool, arguments)
            case journal.CallDecided(call_id, "deny", reason, decided_by):
                by = "nobody" if call_id in self._host.unanswered else decided_by
                what = self._calls.get(call_id, "")
                self.found.append({"callId": call_id, "what": what, "by": by, "reason": reason})
