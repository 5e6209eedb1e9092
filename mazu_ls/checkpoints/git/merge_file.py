"""Three-way merges of one file's content, by `git merge-file`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mazu_ls.checkpoints.git.repository import StoreRepository


def merge_file(
    repository: StoreRepository, mine: bytes, ancestor: bytes, theirs: bytes, *, prefer_mine: bool = False
) -> bytes | None:
    """Return both changes of the ancestor in one text; None if one is binary, or if they overlap, unless `prefer_mine`.

    `prefer_mine`: the lines that both changed are as in `mine`.
    """
    options = ("--ours",) if prefer_mine else ()
    with tempfile.TemporaryDirectory(dir=repository.path) as folder:
        files = []
        for name, data in (("mine", mine), ("ancestor", ancestor), ("theirs", theirs)):
            file = Path(folder) / name
            file.write_bytes(data)
            files.append(str(file))
        status, clean = repository.run_unchecked("merge-file", "-p", "-q", *options, *files)
    return clean if status == 0 else None  # 1 to 127: the number of conflicts; 255: not mergeable
