"""The order of a damaged journal: lines that were sorted, repeated, or joined from two files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from mazu_ls.journal.events import Event

_SEQ = b'{"seq":'


def has_order(path: Path) -> bool:
    """Return whether the numbers of a journal's lines only grow, as they are written. Decodes none of them; blocks."""
    last = 0
    with path.open("rb") as lines:
        for line in lines:
            if line.startswith(_SEQ) and (number := line[len(_SEQ) : line.find(b",")]).isdigit():
                if int(number) <= last:
                    return False
                last = int(number)
    return True


def put_in_order(events: Iterable[Event]) -> list[Event]:
    """Return the events by number, each once. What another session wrote with the same numbers is appended after the others.

    What was appended since, by a program that read the file in this way, keeps its numbers.
    """
    found: dict[int, Event] = {}
    highest = shift = 0
    for written in events:
        event = written
        if event.seq > highest:
            shift = 0
        elif event == found.get(event.seq):
            continue
        elif shift or event.seq in found:
            if not shift or event.seq + shift in found:
                shift = highest
            parent = event.parent + shift if event.parent else highest
            event = replace(event, seq=event.seq + shift, parent=parent)
        found[event.seq] = event
        highest = max(highest, event.seq)
    return [found[seq] for seq in sorted(found)]
