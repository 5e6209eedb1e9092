"""Deleted conversations: kept for some days in a folder of their own, so that a deletion can be undone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mazu_ls.agent.session.journal_views import Spending, total_usage
from mazu_ls.agent.session.partial_message import partial_path
from mazu_ls.errors import Kind, MazuError
from mazu_ls.state.paths import private_folder

KEPT_DAYS = 14
"""Days for which a deleted conversation can be restored."""
FOLDER = "deleted"


@dataclass(frozen=True)
class DeletedSession:
    """The journal of a deleted session, and when it was deleted, in seconds since 1970."""

    path: Path
    session_id: str
    at: int


class DeletedSessions:
    """The deleted sessions of one project, in files called `<id>-<seconds since 1970>.jsonl`. Everything here blocks."""

    def __init__(self, journals: Path) -> None:
        """`journals` is the folder of the sessions that are not deleted."""
        self._journals = journals
        self._folder = journals / FOLDER

    def list(self) -> list[DeletedSession]:
        """All that can still be restored, the last deleted first."""
        found: list[DeletedSession] = []
        for path in self._folder.glob("s_*-*.jsonl"):
            session_id, _, at = path.stem.rpartition("-")
            if at.isdigit():
                found.append(DeletedSession(path, session_id, int(at)))
        return sorted(found, key=lambda one: (one.at, one.session_id), reverse=True)

    def put(self, journal: Path) -> bool:
        """Take a journal that nobody has open, and the unfinished message next to it, out of the conversations.

        Returns False where there is none: nothing was said in the session, so closing it removed it.
        """
        private_folder(self._folder)
        kept = self._folder / f"{journal.stem}-{int(time.time())}.jsonl"
        try:
            journal.replace(kept)
        except FileNotFoundError:
            partial_path(journal).unlink(missing_ok=True)
            return False
        if partial_path(journal).exists():  # after the journal: until then it belongs to it
            partial_path(journal).replace(partial_path(kept))
        return True

    def restore(self, session_id: str | None) -> str:
        """Put a session back, the one deleted last if none is named; its id. Raises MazuError(not_found)."""
        one = next((one for one in self.list() if session_id in (None, one.session_id)), None)
        if one is None:
            what = f"There is no deleted session {session_id}." if session_id else "No session was deleted."
            raise MazuError(Kind.NOT_FOUND, what, "List the deleted sessions to see which can be restored.")
        journal = self._journals / f"{one.session_id}.jsonl"
        if journal.exists():
            raise MazuError(
                Kind.CONFLICT, f"There is a session {one.session_id} already.", "Delete it first."
            )
        if partial_path(one.path).exists():
            partial_path(one.path).replace(partial_path(journal))
        one.path.replace(journal)
        return one.session_id

    def expired(self) -> Sequence[DeletedSession]:
        """Those that were kept for long enough."""
        oldest = time.time() - KEPT_DAYS * 86_400
        return [one for one in self.list() if one.at < oldest]

    def remove(self, one: DeletedSession) -> Spending | None:
        """Remove a deleted session for good and return what it cost; None where another process removes it."""
        claimed = one.path.with_suffix(".removed")
        try:
            one.path.replace(claimed)
        except FileNotFoundError:
            return None
        spent = total_usage([claimed])
        claimed.unlink(missing_ok=True)
        partial_path(one.path).unlink(missing_ok=True)
        return spent
