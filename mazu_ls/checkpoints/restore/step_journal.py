"""Restore steps as the redo journal stores them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mazu_ls.checkpoints.git.objects import TreeEntry
from mazu_ls.checkpoints.restore.restore_steps import RestoreStep
from mazu_ls.checkpoints.scan.roots import CheckpointRoot


def dump(steps: Sequence[RestoreStep]) -> bytes:
    """Serialise the steps for the journal."""
    rows = [
        (
            s.mount.prefix.decode(),
            s.path.hex(),
            _pair(s.was),
            _pair(s.now),
            s.permissions,
            s.aside,
            s.source and str(s.source),
            s.folders,
        )
        for s in steps
    ]
    return json.dumps(rows).encode()


def load(data: bytes, mounts: Sequence[CheckpointRoot]) -> Iterator[RestoreStep]:
    """Yield the journal's steps; those of a folder that is not open are left out."""
    by_prefix = {mount.prefix.decode(): mount for mount in mounts}
    for prefix, path, was, now, permissions, *more in json.loads(data):
        if prefix in by_prefix:
            defaults: list[Any] = [None, None, []]
            aside, source, folders = (*more, *defaults[len(more) :])  # earlier versions wrote fewer
            yield RestoreStep(
                by_prefix[prefix], bytes.fromhex(path), _entry(was), _entry(now), permissions,
                tuple(aside) if aside else None, Path(source) if source else None,
                folders=tuple(folders),
            )  # fmt: skip


def _pair(entry: TreeEntry | None) -> list[str] | None:
    return [entry.mode.decode(), entry.oid.hex()] if entry is not None else None


def _entry(pair: list[str] | None) -> TreeEntry | None:
    return TreeEntry(pair[0].encode(), bytes.fromhex(pair[1])) if pair is not None else None
