"""The folders of a project: what lies inside them, text with its encoding, and atomic writes."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mazu_ls.workspace.text import DecodedText, NotText, decode
    from mazu_ls.workspace.workspace import UNCHECKED, PathRefused, UncheckedContent, Workspace

__all__ = ["UNCHECKED", "DecodedText", "NotText", "PathRefused", "UncheckedContent", "Workspace", "decode"]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: the short commands of a terminal need `visible_text` alone, not a third more CPU."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    place = "text" if name in ("DecodedText", "NotText", "decode") else "workspace"
    value = getattr(importlib.import_module(f"{__name__}.{place}"), name)
    globals()[name] = value
    return value
