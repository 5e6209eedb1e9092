"""States of memories, traits, wiki and graph over the wire (docs/protocol.md, section 2)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from mazu_ls.server.wire.codec import Params, Wire
from mazu_ls.server.wire.common import Scope, Text
from mazu_ls.server.wire.memory.memories import MemoryView


class MemoryStateParams(Params, frozen=True):
    id: str
    scope: Scope | None = None


class SupersedeParams(Params, frozen=True):
    """`by` is the memory that holds from now on."""

    id: str
    by: str
    scope: Scope | None = None


class MemoryStats(Wire, frozen=True):
    """By scope: `entries`, memories by `states`, entries by `kinds`, `bytes` on the disk."""

    project: dict[str, Any] | None
    common: dict[str, Any]


class ListTraitsParams(Params, frozen=True):
    scope: Scope | None = None


class SetTraitParams(Params, frozen=True):
    key: Text
    value: Text
    pinned: bool | None = None
    scope: Scope | None = None


class DeleteTraitParams(Params, frozen=True):
    key: Text
    scope: Scope | None = None


class ListPagesParams(Params, frozen=True):
    """`prefix`: pages below this slug."""

    prefix: str = ""
    tag: str | None = None


class PageParams(Params, frozen=True):
    slug: Text


class WritePageParams(Params, frozen=True):
    slug: Text
    text: Text
    mode: Literal["replace", "append"] = "replace"


class SearchPagesParams(Params, frozen=True):
    query: Text
    limit: Annotated[int, Meta(ge=1, le=1000)] = 10


class PageResult(Wire, frozen=True):
    """`text` is the page as Markdown, tags as front matter, the title as its first line."""

    slug: str
    text: str
    memory: MemoryView


class PageView(Wire, frozen=True):
    slug: str
    title: str
    tags: list[str]


class PageList(Wire, frozen=True):
    pages: list[PageView]


class ShowGraphParams(Params, frozen=True):
    """A node by `id` (a memory, `file:PATH`, `tag:NAME`, ...) or the best memory for `query`."""

    id: str | None = None
    query: str | None = None
    depth: Annotated[int, Meta(ge=1, le=4)] = 1
    format: Literal["text", "mermaid", "json"] = "text"


class GraphView(Wire, frozen=True):
    """`text` is the drawing; with `json` it is empty. `edges` are those found, as [source, relation, target]."""

    text: str
    nodes: list[str]
    edges: list[list[str]]
