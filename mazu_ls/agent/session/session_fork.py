"""Forks: a new session that begins with the conversation of another one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import structs

from mazu_ls.agent.session.recovery import interrupted_turn
from mazu_ls.journal import journal
from mazu_ls.messages import Usage
from mazu_ls.workspace.atomic_write import replace_private_file

OWN = (
    journal.SessionStarted,
    journal.SessionNamed,
    journal.SessionEnded,
    journal.MessageQueued,
    journal.MessageDequeued,
)
"""What belongs to the original alone: its name, its end, and queued messages, which would otherwise be sent twice."""


def fork_point(events: Sequence[journal.Event], turn_id: str, with_turn: bool) -> int:
    """Return the event (seq) before a turn, or at its end, also of one that was undone. Raises MazuError(not_found)."""
    from mazu_ls.agent.session.session import start_of_turn

    before = start_of_turn(events, turn_id).parent
    if not with_turn:
        return before
    of = [event for event in events if event.turn == turn_id]
    return next((event.seq for event in of if isinstance(event.body, journal.TurnEnded)), of[-1].seq)


def write_fork(path: Path, events: Sequence[journal.Event], name: str) -> None:
    """Write a journal with the same conversation as `events`, on one branch. Its cost stays with the original.

    Blocks. Raises OSError; the file at `path` is complete and synced, or does not exist.
    """
    lines: list[bytes] = []
    kept = _finished(events)
    bodies: list[tuple[str, str | None, journal.Body]] = [(journal.now(), None, journal.SessionStarted(name))]
    bodies += [(event.at, event.turn, event.body) for event in kept if not isinstance(event.body, OWN)]
    if interrupted_turn(kept) is not None:  # only the original continues it
        bodies.append((journal.now(), None, journal.ResumeAnswered("leave")))
    for number, (at, turn, body) in enumerate(bodies, 1):
        lines.append(msgspec.json.encode(journal.Event(number, number - 1, at, turn, _unpaid(body))) + b"\n")
    replace_private_file(path, b"".join(lines))


def _finished(events: Sequence[journal.Event]) -> Sequence[journal.Event]:
    """Return the events before the start of a turn that has not ended: it continues in the original, not here."""
    for index in range(len(events) - 1, -1, -1):
        if isinstance(events[index].body, journal.TurnEnded):
            break
        if isinstance(events[index].body, journal.TurnStarted):
            return events[:index]
    return events


def _unpaid(body: journal.Body) -> journal.Body:
    """Return the event without its cost, which counts once, where it arose."""
    if isinstance(body, journal.ModelSaid | journal.Compacted | journal.UsageRecorded):
        return structs.replace(body, usage=Usage())
    return body
