"""Names of all files that the user's repository ever held, including those no present commit has."""

from __future__ import annotations

import re
from pathlib import Path

from mazu_ls.errors import Kind, MazuError
from mazu_ls.gitcmd.user_repository import UserRepository
from mazu_ls.workspace.project_files import list_folder, read_file

SECONDS = 10.0
"""Seconds after which the search of a history is given up; one of 50,000 commits takes about two."""
MAX_REFS = 5_000
MAX_BYTES = 1 << 24
_COMMIT = re.compile(rb"\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b")
_LOGS = ("logs/HEAD", "logs/refs/stash")  # amended or dropped commits can still be shown

_found: dict[Path, tuple[frozenset[bytes] | None, tuple[bytes, ...] | MazuError]] = {}


def names_in_history(repository: UserRepository) -> tuple[bytes, ...]:
    """Return each path, from the top of the work tree, that a commit of any branch, tag, stash or of HEAD's log added.

    Cached for as long as those stay as they are. Raises MazuError(git) if the history cannot be read in time.
    """
    points = _start_points(repository)
    known, found = _found.get(repository.git_dir, (None, ()))
    if isinstance(found, MazuError):  # a long history is not tried again for each new commit
        raise found
    if points != known:
        try:
            found = _read_names(repository, points)
        except MazuError as error:
            found = error
        _found[repository.git_dir] = (points, found)
    if isinstance(found, MazuError):
        raise found
    return found


def _read_names(repository: UserRepository, points: frozenset[bytes]) -> tuple[bytes, ...]:
    if not points:
        return ()
    out = repository.isolated.read_history(
        "log", "--stdin", "--ignore-missing", "--diff-filter=A", "--no-renames", "--name-only", "-z", "--format=",
        cwd=repository.top, input=b"\n".join(sorted(points)) + b"\n", seconds=SECONDS,
    )  # fmt: skip
    return tuple(sorted({name for name in out.split(b"\0") if name}))


def _start_points(repository: UserRepository) -> frozenset[bytes]:
    common = repository.common_dir
    if (common / "reftable").exists():
        raise MazuError(Kind.GIT, "The references of the repository are in a format that is not known.")
    texts = [_read(repository.git_dir, "HEAD"), _read(common, "packed-refs")]
    texts += [_read(repository.git_dir, name) for name in _LOGS] + [_read(common, name) for name in _LOGS]
    todo = ["refs"]
    while todo:
        folder = todo.pop()
        try:
            entries = list_folder(common, folder)
        except OSError:
            continue
        todo += [f"{folder}/{entry.name}" for entry in entries if entry.kind == "folder"]
        texts += [_read(common, f"{folder}/{entry.name}") for entry in entries if entry.kind == "file"]
        if len(texts) + len(todo) > MAX_REFS:
            raise MazuError(Kind.GIT, f"The repository has over {MAX_REFS} references.")
    return frozenset(commit for text in texts for commit in _COMMIT.findall(text) if commit.strip(b"0"))


def _read(folder: Path, name: str) -> bytes:
    try:
        return read_file(folder, name, MAX_BYTES)
    except OSError:
        return b""
