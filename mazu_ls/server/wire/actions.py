"""Arguments of what code actions run (docs/protocol.md, section 2)."""

from __future__ import annotations

from mazu_ls.server.wire.codec import Params
from mazu_ls.server.wire.common import Text


class ChoosePointParams(Params, frozen=True):
    """`uri`: the file to roll back; without it everything."""

    uri: str | None = None


class RecallHereParams(Params, frozen=True):
    """Without `query` the text of the last code action's range."""

    query: Text | None = None
    uri: str | None = None
