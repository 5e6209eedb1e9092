"""Repositories inside the project: their files are ordinary files, but their own ignore lists count."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from mazu_ls.gitcmd import user_repository
from mazu_ls.workspace.text import split_lines


def without_excluded(folder: Path, paths: Iterable[bytes]) -> set[bytes]:
    """Return untracked `paths` of `folder` without those that the `info/exclude` of a repository on their way names.

    Their `.gitignore`s were applied when the paths were listed.
    """
    kept: set[bytes] = set()
    inside: dict[bytes, set[bytes]] = {}
    roots: dict[bytes, bytes | None] = {b"": None}
    for path in paths:
        if (root := _root(folder, path.rpartition(b"/")[0], roots)) is None:
            kept.add(path)
        else:
            inside.setdefault(root, set()).add(path[len(root) + 1 :])
    for root, below in inside.items():
        excluded = excluded_in(folder / os.fsdecode(root), below)
        kept |= {root + b"/" + path for path in below - excluded}
    return kept


def _root(folder: Path, place: bytes, known: dict[bytes, bytes | None]) -> bytes | None:
    """Return the innermost folder on the way to `place` that is a repository, below `folder`."""
    if place not in known:
        is_root = os.path.lexists(b"%s/%s/.git" % (os.fsencode(folder), place))
        known[place] = place if is_root else _root(folder, place.rpartition(b"/")[0], known)
    return known[place]


def excluded_in(root: Path, paths: set[bytes]) -> set[bytes]:
    """Return those of a nested repository's paths that its own `info/exclude` names."""
    repository = user_repository.find(root)
    if repository is None or repository.top != root.resolve() or not _has_rules(repository.info_exclude()):
        return set()
    return repository.ignored(sorted(paths)) & paths


def _has_rules(text: str) -> bool:
    return any(line.strip() and not line.startswith("#") for line in split_lines(text, ends=False))
