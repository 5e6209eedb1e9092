"""The latest events of a journal, decoded from its end: of a long one nearly everything is older than what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mazu_ls.journal.events import Event
from mazu_ls.journal.journal import decode, read
from mazu_ls.journal.order import has_order

BLOCK = 256 * 1024
_AT, _MOST_BEFORE = b'"at":"', 80


def read_latest(path: Path, is_later: Callable[[str], bool]) -> list[Event]:
    """Return the events after the last one whose time is not later, in order of writing. Blocks; raises OSError.

    A file whose lines are not in order is read as a whole, see `put_in_order`.
    """
    events = _decoded_from_end(path, is_later) if has_order(path) else list(read(path))
    older = [place for place, event in enumerate(events) if not is_later(event.at)]
    return events[older[-1] + 1 :] if older else events


def _decoded_from_end(path: Path, is_later: Callable[[str], bool]) -> list[Event]:
    """Return the last events, back to one whose time is not later."""
    lines, size = list[bytes](), BLOCK
    with path.open("rb") as file:
        end, rest, found = file.seek(0, 2), b"", False
        while end and not found:
            start, size = max(0, end - size), size * 2  # a line may be as long as all of them
            file.seek(start)
            pieces = (file.read(end - start) + rest).split(b"\n")
            rest, end = (pieces.pop(0) if start else b""), start
            for line in reversed(pieces):
                lines.append(line)
                if (at := _time_of(line)) is not None and not is_later(at) and decode(line):
                    found = True
                    break
    return [event for line in reversed(lines) if (event := decode(line))]


def _time_of(line: bytes) -> str | None:
    """Return the time of an event without decoding the rest of it; None for a line that is none."""
    begin = line.find(_AT, 0, _MOST_BEFORE)
    if begin < 0:
        return None
    begin += len(_AT)
    return line[begin : line.find(b'"', begin)].decode("ascii", "replace")
