"""Whether mazu-ls runs on this system at all. Standard library only: read before anything else is imported."""

from __future__ import annotations

import sys

WINDOWS = (
    "mazu-ls does not run on Windows itself: it opens a project's files through descriptors of their folders, so that no link"
    " leads it out of the project, and Windows has none. Install and start it inside WSL (learn.microsoft.com/windows/wsl)."
)


def unsupported_reason() -> str:
    """The sentence that says why it does not run here and what to do; empty where it does."""
    return WINDOWS if sys.platform == "win32" else ""
