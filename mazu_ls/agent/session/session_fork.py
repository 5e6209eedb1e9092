"""A new session that begins with the conversation of another one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import structs

from mazu_ls import journal
from mazu_ls.messages import Usage


def write_fork(path: Path, events: Sequence[journal.Event], name: str) -> None:
    """Write a journal that tells the same conversation as `events`, in one line. What it cost stays with the original.

    Blocks. Raises OSError; `path` is there as a whole and synced, or not at all.
    """
    lines: list[bytes] = []
    started = journal.SessionStarted(name)
    kept = [
        event for event in events if not isinstance(event.body, journal.SessionStarted | journal.SessionNamed)
    ]
    for number, (at, turn, body) in enumerate(
        [(journal.now(), None, started), *((event.at, event.turn, event.body) for event in kept)], 1
    ):
        lines.append(msgspec.json.encode(journal.Event(number, number - 1, at, turn, _unpaid(body))) + b"\n")
    draft = path.with_suffix(".part")
    with draft.open("wb", buffering=1 << 16) as file:
        os.fchmod(file.fileno(), 0o600)
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _unpaid(body: journal.Body) -> journal.Body:
    """The event without its cost, which is counted once, where it arose."""
    if isinstance(body, journal.ModelSaid | journal.Compacted | journal.UsageRecorded):
        return structs.replace(body, usage=Usage())
    return body
