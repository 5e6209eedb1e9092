"""Files of commits in the user's repository, read as data."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mazu_ls.gitcmd.user_repository import UserRepository

SECONDS = 20.0
_OBJECT = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def object_ids_at(
    repository: UserRepository, commits: Sequence[str], paths: Sequence[bytes]
) -> list[tuple[str | None, ...]]:
    """Return for each path, relative to the repository's folder, the object that each commit has there; None for nothing.

    A name that git cannot be asked for, with a line break in it, has none. Raises MazuError(git) if git does not end in time.
    """
    inside = repository.folder.relative_to(repository.top).as_posix()
    above = b"" if inside == "." else inside.encode("utf-8", "surrogateescape") + b"/"
    asked = [
        commit.encode() + b":" + (b"" if b"\n" in path else above + path)
        for path in paths
        for commit in commits
    ]
    # git reads one name a line
    found = repository.isolated.read_history(
        "cat-file", "--batch-check=%(objectname)", cwd=repository.top, input=b"\n".join(asked) + b"\n", seconds=SECONDS
    ).split(b"\n")  # fmt: skip
    ids = [line.decode() if _OBJECT.fullmatch(line) else None for line in found[: len(asked)]]
    named = [None if b"\n" in path else path for path in paths]
    size = len(commits)
    return [
        tuple(ids[at * size : (at + 1) * size]) if path is not None else (None,) * size
        for at, path in enumerate(named)
    ]


def read_objects(repository: UserRepository, oids: Sequence[str]) -> list[bytes | None]:
    """Return the data of these objects; None for one that is not there, as in a partial clone.

    Raises MazuError(git) if git does not end in time.
    """
    if not oids:
        return []
    out = repository.isolated.read_history(
        "cat-file", "--batch=%(objectname) %(objectsize)", cwd=repository.top,
        input="".join(f"{oid}\n" for oid in oids).encode(), seconds=SECONDS,
    )  # fmt: skip
    found: list[bytes | None] = []
    at = 0
    for _ in oids:
        head, _, _ = out[at:].partition(b"\n")
        at += len(head) + 1
        name, _, size = head.partition(b" ")
        if not (_OBJECT.fullmatch(name) and size.isdigit()):
            found.append(None)
            continue
        found.append(out[at : at + int(size)])
        at += int(size) + 1
    return found
