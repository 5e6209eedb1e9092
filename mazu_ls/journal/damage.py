"""What of a session's journal cannot be read, or is not as it was written."""

from __future__ import annotations

from pathlib import Path

from mazu_ls.journal import journal
from mazu_ls.journal.order import has_order, put_in_order


def describe_damage(path: Path) -> str:
    """Return it in words that continue "it is damaged: "; empty if there is none. Blocks.

    The last line does not count, which a crash may have cut.
    """
    with path.open("rb") as file:
        lines = [line for line in file.read().split(b"\n") if line.strip()]
    decoded = [journal.decode(line) for line in lines]
    events = [event for event in decoded if event]
    if not events:
        return "nothing of it can be read"
    found = []
    if lost := decoded[:-1].count(None):
        found.append(f"{lost} of its entries cannot be read, the others are shown")
    if not has_order(path):
        ordered = put_in_order(events)
        if len(ordered) < len(events):
            found.append(f"{len(events) - len(ordered)} of its entries are there twice")
        if {event.seq for event in ordered} - {event.seq for event in events}:
            found.append("it holds parts of two conversations, which are shown one after the other")
        elif len(ordered) == len(events):
            found.append("its entries are not in the order in which they were written")
    return ", and ".join(found)
