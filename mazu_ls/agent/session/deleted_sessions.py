"""Deleted conversations: kept for some days in a folder of their own, so that a deletion can be undone.

One that was begun for a message that was then refused is not kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.agent.session.journal_views import Spending, total_usage
from mazu_ls.agent.session.partial_message import partial_path
from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.platform.file_lock import try_lock
from mazu_ls.state.paths import private_folder

if TYPE_CHECKING:
    from mazu_ls.journal.journal import Journal

KEPT_DAYS = 14
"""Days for which a deleted conversation can be restored."""
FOLDER = "deleted"
CLAIMED = ".removed"
"""Suffix of a journal that a process is removing for good; its lock is held for as long as that process lives."""


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
            raise MazuError(
                Kind.NOT_FOUND, what, "`mazu-ls session list --deleted` lists those that can be restored."
            )
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
        """Those that were kept for long enough, and those whose removal was cut off by the end of its process."""
        oldest = time.time() - KEPT_DAYS * 86_400
        cut_off = [
            DeletedSession(path, path.stem.rpartition("-")[0], 0) for path in self._folder.glob(f"*{CLAIMED}")
        ]
        return [*cut_off, *(one for one in self.list() if one.at < oldest)]

    @contextmanager
    def removing(self, one: DeletedSession) -> Iterator[Spending | None]:
        """Yield what a deleted session cost, and remove it for good afterwards; None where another process removes it.

        If that is cut off, by an error too, the files stay and `expired` lists them.
        """
        claimed = one.path.with_suffix(CLAIMED)
        with ExitStack() as held:
            try:
                if one.path != claimed:
                    one.path.replace(claimed)
                file = held.enter_context(claimed.open("rb"))
            except FileNotFoundError:
                file = None
            if file is None or not try_lock(file.fileno()) or not os.fstat(file.fileno()).st_nlink:
                yield None
                return
            yield total_usage([claimed])
            partial_path(claimed).unlink(missing_ok=True)
            claimed.unlink(missing_ok=True)


class SessionStart:
    """Whether a session was begun for a message that was then refused, so that nothing of it is shown or kept."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._was_refused = False

    @contextmanager
    def noting_refusal(self) -> Iterator[None]:
        """Do here what begins a turn, to note whether it is refused."""
        try:
            yield
        except (MazuError, InvalidArguments):
            self._was_refused = True
            raise

    @property
    def is_void(self) -> bool:
        """Whether the session holds nothing but its start, and the turn it was begun for was refused."""
        return self._was_refused and self._journal.last <= 1
