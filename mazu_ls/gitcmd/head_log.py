"""Where the user's HEAD was: git's own log of it, read as a file."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.gitcmd.user_repository import UserRepository
from mazu_ls.workspace.project_files import read_file, stat_entry

MAX_BYTES = 1 << 24
SLACK = 0.02
"""Seconds by which the times of files may be behind the clock."""
_LINE = re.compile(r"([0-9a-f]{40,64}) ([0-9a-f]{40,64}) .*?> (\d+) [-+]\d{4}\t(.*)")


_SWITCHED = re.compile(r"checkout: moving from (?![0-9a-f]{40})(\S+) to ")


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
    def is_commit(self) -> bool:
        """Whether it made a commit, amending included."""
        return self.what.startswith("commit")

    @property
    def branch_before(self) -> str:
        """The branch that was left, if the move left one."""
        match = _SWITCHED.match(self.what)
        return match[1] if match is not None else ""

    @property
    def subject(self) -> str:
        """The first line of the commit's message."""
        return self.what.partition(": ")[2]


def head_log(repository: UserRepository, spans: Iterable[tuple[float, float]]) -> list[HeadLogEntry]:
    """Return how HEAD moved during some spans of seconds since the epoch, the oldest first; empty if git keeps no log of it."""
    try:
        text = read_file(repository.git_dir / "logs", "HEAD", MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return []
    asked = list(spans)
    found: list[HeadLogEntry] = []
    for m in _LINE.finditer(text):
        move = HeadLogEntry(m[1], m[2], int(m[3]), m[4])
        near = [(start, end) for start, end in asked if int(start) <= move.at <= end]
        if any(start <= move.at < int(end) for start, end in near):
            found.append(move)
        elif near:  # git counts whole seconds: the move may have been before the span, or after it
            written = _written(repository, move)
            if written is None or any(start - SLACK <= written <= end + SLACK for start, end in near):
                found.append(replace(move, certain=written is not None))
    return found


def _written(repository: UserRepository, move: HeadLogEntry) -> float | None:
    """Return when the commit that HEAD moved to was written, if that was what moved it and the object is still a file of its own."""
    name = f"objects/{move.after[:2]}/{move.after[2:]}"
    status = stat_entry(repository.common_dir, name) if move.is_commit else None
    return None if status is None else status.st_mtime
