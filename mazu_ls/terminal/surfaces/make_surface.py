"""The surface that a command line asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.terminal.surfaces.json_surface import JsonStreamSurface
from mazu_ls.terminal.surfaces.plain_surface import PlainSurface

if TYPE_CHECKING:
    import argparse

    from mazu_ls.terminal.surfaces.surface import Surface


def make_surface(given: argparse.Namespace) -> Surface:
    """Return plain lines, or JSON; the inline screen replaces it later."""
    if getattr(given, "stream_json", False):
        return JsonStreamSurface()
    return PlainSurface(quiet=bool(getattr(given, "json", False)), words=bool(getattr(given, "plain", False)))
