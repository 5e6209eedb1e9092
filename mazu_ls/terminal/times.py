"""Times as a person reads them."""

from __future__ import annotations

from datetime import datetime, timedelta


def local_stamp(rfc3339: str) -> str:
    """Format a time of the wire in the user's time zone, to the second: "2026-11-27 10:42:05"."""
    return datetime.fromisoformat(rfc3339.replace("Z", "+00:00")).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def local_time(rfc3339: str, now: datetime | None = None, *, seconds: bool = False) -> str:
    """Format a time of the wire in the user's time zone: "10:42", "yesterday 18:03", "3 Nov 09:15", "3 Nov 2025"."""
    at = datetime.fromisoformat(rfc3339.replace("Z", "+00:00")).astimezone()
    today = (now or datetime.now().astimezone()).date()
    clock = at.strftime("%H:%M:%S" if seconds else "%H:%M")
    if at.date() == today:
        return clock
    if at.date() == today - timedelta(days=1):
        return f"yesterday {clock}"
    if at.year == today.year:
        return f"{at.day} {at.strftime('%b')} {clock}"
    return f"{at.day} {at.strftime('%b')} {at.year}"
