"""Which boot of the machine this is: what a file system had not written yet is lost with it."""

from __future__ import annotations

from pathlib import Path


def boot_id() -> str:
    """Return a value that is another one after each start of the machine; empty where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
