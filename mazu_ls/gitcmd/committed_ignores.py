"""The `.gitignore` files as the user's last commit has them: an edit since then must not uncover what was ignored."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path, PurePosixPath

from mazu_ls.errors import MazuError
from mazu_ls.gitcmd import user_repository

logger = logging.getLogger(__name__)
SECONDS = 10.0
MAX_BYTES = 1 << 20
"""Bytes of one file that are used."""
_NAME = b".gitignore"
_read: dict[Path, tuple[str, dict[str, str] | None, float]] = {}
AGAIN_SECONDS = 60.0
"""After which a commit that could not be read is read again: a busy machine may have been the reason."""


def committed_ignores(root: Path) -> dict[str, str] | None:
    """Return the text of each `.gitignore` of HEAD, by its absolute folder; None without a commit, or if it cannot be read.

    Cached as long as HEAD stays. Blocks.
    """
    repository = user_repository.find(root)
    commit = repository.state().commit if repository is not None else None
    if repository is None or commit is None:
        return None
    known = _read.get(repository.git_dir)
    now = time.monotonic()
    if known is None or known[0] != commit or (known[1] is None and now - known[2] > AGAIN_SECONDS):
        try:
            known = (commit, _texts(repository, commit), now)
        except MazuError as error:  # a shallow or damaged repository; what is on the disk still counts
            logger.warning("The ignore files of the last commit could not be read: %s", error)
            known = (commit, None, now)
        _read[repository.git_dir] = known
    return known[1]


def _texts(repository: user_repository.UserRepository, commit: str) -> dict[str, str]:
    top, isolated = repository.top, repository.isolated
    listed = isolated.read_history(
        "ls-tree", "-r", "-z", "--full-tree", commit, cwd=top, input=b"", seconds=SECONDS
    )
    named: list[tuple[str, bytes]] = []
    for line in listed.split(b"\0"):
        about, _, path = line.partition(b"\t")
        if path.rpartition(b"/")[2] == _NAME and about.startswith(b"100"):
            named.append((os.fsdecode(path), about.split()[2]))
    wanted = b"".join(blob + b"\n" for _, blob in named)
    out = (
        isolated.read_history("cat-file", "--batch", cwd=top, input=wanted, seconds=SECONDS) if named else b""
    )
    found: dict[str, str] = {}
    for path, _ in named:
        head, _, out = out.partition(b"\n")
        fields = head.split()
        if len(fields) != 3 or not fields[2].isdigit():  # the object is missing
            continue
        size = int(fields[2])
        found[str(top / PurePosixPath(path).parent)] = out[: min(size, MAX_BYTES)].decode("utf-8", "replace")
        out = out[size + 1 :]
    return found
