"""New files that hold the text of a file which is gone: the user gave it another name, or moved its text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.scan.unsaved_buffers import file_bytes

MOST_FILES = 50
MOST_BYTES = 1 << 20
SAME_SHARE = 0.5
"""Share of its lines that a file has in common with one that it is taken for, as in git."""


def renamed_texts(
    project: CheckpointContext, tree: bytes | None, new: Iterable[bytes], gone: Mapping[bytes, bytes | None]
) -> dict[bytes, bytes]:
    """Return which of the `new` places of a tree holds the text of which place that is `gone`; that comes with its last text."""
    texts = {place: data for place, data in [*gone.items()][:MOST_FILES] if data and len(data) <= MOST_BYTES}
    found: dict[bytes, bytes] = {}
    for place in [*new][:MOST_FILES] if texts else ():
        data = file_bytes(project, tree, place)
        if not data or len(data) > MOST_BYTES:
            continue
        share, name = max((_share(data, text), name) for name, text in texts.items())
        if share >= SAME_SHARE:
            found[place] = name
    return found


def _share(one: bytes, other: bytes) -> float:
    if one == other:
        return 2.0
    lines, others = Counter(one.split(b"\n")), Counter(other.split(b"\n"))
    return 2 * (lines & others).total() / (lines.total() + others.total())
