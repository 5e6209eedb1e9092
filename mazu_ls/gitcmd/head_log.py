"""Where the user's HEAD was, and what was stashed: git's own logs of it, read as files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.gitcmd.user_repository import UserRepository
from mazu_ls.workspace.project_files import read_end, stat_entry

LOOKED_AT = 1 << 20
"""Bytes at the end of a log that are read: thousands of moves, while what is asked for is of one conversation."""
SLACK = 0.02
"""Seconds by which the times of files may be behind the clock."""
_LINE = re.compile(rb"([0-9a-f]{40,64}) ([0-9a-f]{40,64}) [^>]*+> (\d{1,12}) [-+]\d{4}\t(.{0,4096})")
"""One line, from its start: searched for in a whole log, a long line of commits would take hours."""
_SWITCHED = re.compile(r"checkout: moving from (\S+) to (\S+)")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_MADE = frozenset(("commit", "revert", "cherry-pick", "am", "merge", "pull"))
"""How git's words for a move begin that made a commit, or brought some to the branch."""
_BROUGHT = frozenset(("merge", "pull"))
STASH = "refs/stash"


class HeadLogEntry(Struct, frozen=True):
    """One move of HEAD: the commits before (zeros: none yet) and after, when in seconds since the epoch, and git's words for it.

    `certain`: it was within the span that was asked about, not only within the second in which that began or ended.
    """

    before: str
    after: str
    at: int
    what: str
    certain: bool = True

    @property
    def _verb(self) -> str:
        return self.what.partition(":")[0].partition(" ")[0]

    @property
    def is_commit(self) -> bool:
        """Whether it made a commit, amending included, or brought commits to the branch."""
        return self._verb in _MADE

    @property
    def is_written(self) -> bool:
        """Whether its commit was written then: what a fast-forward brings is older."""
        return self.is_commit and not self.what.endswith("Fast-forward")

    @property
    def switched(self) -> tuple[str | None, str] | None:
        """The branch that was left (None: HEAD was detached), and the branch or commit that was switched to; None for other moves."""
        match = _SWITCHED.match(self.what)
        return match and (None if _COMMIT.fullmatch(match[1]) else match[1], match[2])

    @property
    def subject(self) -> str:
        """The first line of the commit's message; of commits that it brought, git's words for it."""
        command, _, message = self.what.partition(": ")
        return command if self._verb in _BROUGHT else message


def head_log(repository: UserRepository, spans: Iterable[tuple[float, float]]) -> list[HeadLogEntry]:
    """Return how HEAD moved during some spans of seconds since the epoch, the oldest first; empty if git keeps no log of it."""
    return [move for _, move in _logged(repository, repository.git_dir / "logs", "HEAD", spans)]


def stashes(
    repository: UserRepository, spans: Iterable[tuple[float, float]]
) -> list[tuple[int, HeadLogEntry]]:
    """Return the stashes that were made during some spans and are still there, with their numbers as git counts them."""
    return _logged(repository, repository.common_dir / "logs", STASH, spans)


def _logged(
    repository: UserRepository, folder: Path, name: str, spans: Iterable[tuple[float, float]]
) -> list[tuple[int, HeadLogEntry]]:
    """Return the entries of a log during some spans, with how many followed each."""
    try:
        lines = read_end(folder, name, LOOKED_AT).split(b"\n")
    except OSError:
        return []
    asked = list(spans)
    found: list[tuple[int, HeadLogEntry]] = []
    moves = [m for m in map(_LINE.match, lines) if m is not None]
    for later, m in zip(reversed(range(len(moves))), moves, strict=True):
        before, after, at, what = (part.decode("utf-8", "replace") for part in m.groups())
        move = HeadLogEntry(before, after, int(at), what)
        near = [(start, end) for start, end in asked if int(start) <= move.at <= end]
        if any(start <= move.at < int(end) for start, end in near):
            found.append((later, move))
        elif near:  # git counts whole seconds: the move may have been before the span, or after it
            written = _written(repository, move) if name == STASH or move.is_written else None
            if written is None or any(start - SLACK <= written <= end + SLACK for start, end in near):
                found.append((later, replace(move, certain=written is not None)))
    return found


def _written(repository: UserRepository, move: HeadLogEntry) -> float | None:
    """Return when the commit that HEAD moved to was written, if the object is still a file of its own."""
    status = stat_entry(repository.common_dir, f"objects/{move.after[:2]}/{move.after[2:]}")
    return None if status is None else status.st_mtime
