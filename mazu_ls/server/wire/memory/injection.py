"""Memory injection over the wire (docs/protocol.md, section 2)."""

from __future__ import annotations

from typing import Literal

from mazu_ls.server.rpc.lsp_types import LspRange
from mazu_ls.server.wire.codec import Params, Wire
from mazu_ls.server.wire.common import Text
from mazu_ls.server.wire.memory.memories import MemoryView


class ExplainInjectionParams(Params, frozen=True):
    """`uri` and `range`: what would be attached to the message."""

    message: Text
    """The message."""
    uri: str | None = None
    range: LspRange | None = None


class InjectedMemory(Wire, frozen=True):
    """A memory that the turn is given: in the standing block, or in that of this request."""

    memory: MemoryView
    block: Literal["standing", "context"]
    why: str


class LeftOutMemory(Wire, frozen=True):
    memory: MemoryView
    why: str


class InjectionView(Wire, frozen=True):
    """`tokens` (an estimate) of `budget`, the setting `memory.inject_tokens`. `saidBefore` are lines about conversations that have no summary
    yet: their date and what the user said last."""

    told: list[InjectedMemory]
    left: list[LeftOutMemory]
    tokens: int
    budget: int
    said_before: list[str]
