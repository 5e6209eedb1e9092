"""The LSP methods other than commands: one file per family, found by `load`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from msgspec import Struct

FAMILIES = ("sync", "notebooks", "workspace", "code_actions", "lenses", "hover", "chat", "virtual")
Handler = Callable[..., Any]


class LspFeature(Struct, frozen=True):
    """One LSP method: the type of its params, and `handler(server, params)`, plain or async."""

    method: str
    params: type[Any] | None
    handler: Handler


REGISTRY: dict[str, LspFeature] = {}


def feature(method: str, params: type[Any] | None = None) -> Callable[[Handler], Handler]:
    """Register the handler of one method."""

    def register(handler: Handler) -> Handler:
        REGISTRY[method] = LspFeature(method, params, handler)
        return handler

    return register


def load() -> list[LspFeature]:
    """Return every feature."""
    for family in FAMILIES:
        importlib.import_module(f"{__name__}.{family}")
    return list(REGISTRY.values())
