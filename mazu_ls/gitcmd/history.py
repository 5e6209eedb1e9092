"""Names that the files of the user's repository had in earlier commits, including those no present commit has."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path

from mazu_ls.errors import Kind, MazuError
from mazu_ls.gitcmd.user_repository import UserRepository
from mazu_ls.workspace.project_files import list_folder, read_file

SECONDS = 10.0
"""Seconds after which the search of a history is given up; one of 50,000 commits takes about four."""
RENAME_COMMITS, RENAME_SECONDS = 300, 2.0
"""Maximum number of commits in which renames are looked for, and of seconds for each of the two reads."""
MAX_REFS = 5_000
MAX_BYTES = 1 << 24
log = logging.getLogger(__name__)
_COMMIT = re.compile(rb"\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b")
_HEADS = ("HEAD", "FETCH_HEAD", "ORIG_HEAD", "MERGE_HEAD", "packed-refs")
_FOLDERS = ("refs", "logs", "worktrees")  # amended or dropped commits can still be shown
RETRY_AFTER = 600.0
"""Seconds after which a history that could not be read is tried again."""
_found: dict[Path, tuple[frozenset[bytes], tuple[bytes, ...]]] = {}
_recent_renames: dict[Path, tuple[str, tuple[tuple[bytes, bytes], ...]]] = {}
_failed: dict[Path, tuple[float, MazuError]] = {}


def names_in_history(repository: UserRepository) -> tuple[bytes, ...]:
    """Return each path, from the top of the work tree, that a commit of a branch, tag, stash, worktree or log added.

    Cached as long as those stay as they are. Raises MazuError(git) if the history cannot be read in time.
    """
    failed_at, error = _failed.get(repository.git_dir, (0.0, None))
    if error is not None and time.monotonic() < failed_at + RETRY_AFTER:  # not again for each new commit
        raise error
    points = _start_points(repository)
    known = _found.get(repository.git_dir)
    if known is None or known[0] != points:
        try:
            known = _found[repository.git_dir] = (points, _read_names(repository, points))
        except MazuError as error:
            _failed[repository.git_dir] = (time.monotonic(), error)
            raise
    return known[1]


def _read_names(repository: UserRepository, points: frozenset[bytes]) -> tuple[bytes, ...]:
    if not points:
        return ()
    out = repository.isolated.read_history(
        "log", "--stdin", "--ignore-missing", "--diff-filter=A", "--no-renames", "--diff-merges=separate", "--name-only",
        "-z", "--format=", cwd=repository.top, input=b"\n".join(sorted(points)) + b"\n", seconds=SECONDS,
    )  # fmt: skip
    return tuple(sorted({name for name in out.split(b"\0") if name}))


def renamed_to(repository: UserRepository, path: bytes) -> bytes | None:
    """Return the present name of a file (from the top of the work tree) that one of the last commits renamed; None if none
    did, or the history could not be read in time. One read of it answers for all files until HEAD moves."""
    commit = repository.state().commit
    if commit is None:
        return None
    renames = _renames(repository.git_dir, commit)
    if renames is None:
        try:
            renames = _read_renames(repository, commit.encode())
        except MazuError as error:
            log.info("the renames of %s are not known: %s", repository.top, error)
            renames = ()
        _recent_renames[repository.git_dir] = commit, renames
    at = next((at for at, (old, _) in enumerate(renames) if old == path), None)
    if at is None:
        return None
    name = renames[at][1]
    for old, new in reversed(renames[:at]):
        name = new if old == name else name
    return name


def _renames(git_dir: Path, commit: str) -> tuple[tuple[bytes, bytes], ...] | None:
    known = _recent_renames.get(git_dir)
    return known[1] if known is not None and known[0] == commit else None


def _read_renames(repository: UserRepository, commit: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Return old and new name of each rename in the last commits, the latest first."""

    def read(*arguments: str, points: bytes) -> bytes:
        return repository.isolated.read_history(
            *arguments, cwd=repository.top, input=points, seconds=RENAME_SECONDS
        )

    commits = read("rev-list", "--stdin", f"--max-count={RENAME_COMMITS}", points=commit + b"\n")
    changes = read(
        "diff-tree", "--stdin", "-r", "-M", "--diff-filter=R", "--name-status", "-z", points=commits
    )
    found: list[tuple[bytes, bytes]] = []
    fields = iter(changes.split(b"\0"))
    for field in fields:  # a commit, or the status of a file with its old and new name
        if field.startswith(b"R"):
            found.append((next(fields, b""), next(fields, b"")))
    return tuple(found)


def _start_points(repository: UserRepository) -> frozenset[bytes]:
    common = repository.common_dir
    if (common / "reftable").exists():
        raise MazuError(Kind.GIT, "The references of the repository are in a format that is not known.")
    texts = [_read(folder, name) for folder in {repository.git_dir, common} for name in _HEADS]
    todo = list(_FOLDERS)
    while todo:
        folder = todo.pop()
        try:
            entries = [entry for entry in list_folder(common, folder) if entry.name != "index"]
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unreadable(folder) from error
        todo += [f"{folder}/{entry.name}" for entry in entries if entry.kind == "folder"]
        texts += [_read(common, f"{folder}/{entry.name}") for entry in entries if entry.kind == "file"]
        if len(texts) + len(todo) > MAX_REFS:
            raise MazuError(Kind.GIT, f"The repository has over {MAX_REFS} references.")
    return frozenset(commit for text in texts for commit in _COMMIT.findall(text) if commit.strip(b"0"))


def _read(folder: Path, name: str) -> bytes:
    try:
        return read_file(folder, name, MAX_BYTES)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise _unreadable(name) from error


def _unreadable(name: str) -> MazuError:
    return MazuError(Kind.GIT, f"`{name}` of the repository cannot be read.")
