"""Where the user's HEAD was: git's own log of it, read as a file."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from mazu_ls.gitcmd.user_repository import UserRepository
from mazu_ls.workspace.project_files import read_file

MAX_BYTES = 1 << 24
_LINE = re.compile(r"([0-9a-f]{40,64}) ([0-9a-f]{40,64}) .*?> (\d+) [-+]\d{4}\t(.*)")


class HeadLogEntry(Struct, frozen=True):
    """One move of HEAD: the commits before (zeros: none yet) and after, when in seconds since the epoch, and git's words for it."""

    before: str
    after: str
    at: int
    what: str

    @property
    def is_commit(self) -> bool:
        """Whether it made a commit, amending included."""
        return self.what.startswith("commit")

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
    whole = [(int(start), end) for start, end in spans]
    found = (HeadLogEntry(m[1], m[2], int(m[3]), m[4]) for m in _LINE.finditer(text))
    return [one for one in found if any(start <= one.at <= end for start, end in whole)]
