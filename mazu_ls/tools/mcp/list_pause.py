"""How often a list of tools that a server calls changed is read again."""

from __future__ import annotations

PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)


class ListPause:
    """The first change is read at once; each that follows within a minute waits longer, so that a server that never stops is read once a minute."""

    def __init__(self) -> None:
        self._row = 0
        self._read_at: float | None = None

    def delay(self, now: float) -> float:
        """Count a change at `now` (seconds, monotonic); return the seconds to wait before the list is read."""
        quiet = self._read_at is None or now - self._read_at > PAUSES[-1]
        self._row = 0 if quiet else self._row + 1
        delay = PAUSES[min(self._row, len(PAUSES)) - 1] if self._row else 0.0
        self._read_at = now + delay
        return delay
