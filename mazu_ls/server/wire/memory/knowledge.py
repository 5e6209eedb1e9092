"""States of memories, traits, wiki and graph over the wire (docs/protocol.md, section 2)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from mazu_ls.server.wire.codec import Params, Wire
from mazu_ls.server.wire.common import Scope, Text
from mazu_ls.server.wire.memory.memories import MemoryView


class MemoryStateParams(Params, frozen=True):
    id: str
    """An id."""
    scope: Scope | None = None
    """Of this project, or of all projects."""


class SupersedeParams(Params, frozen=True):
    """`by` is the memory that holds from now on."""

    id: str
    """An id."""
    by: str
    """The id of the one that replaces it."""
    scope: Scope | None = None
    """Of this project, or of all projects."""


class MemoryStats(Wire, frozen=True):
    """By scope: `entries`, memories by `states`, entries by `kinds`, `bytes` on the disk."""

    project: dict[str, Any] | None
    common: dict[str, Any]


class ListTraitsParams(Params, frozen=True):
    scope: Scope | None = None
    """Of this project, or of all projects."""


class SetTraitParams(Params, frozen=True):
    key: Text
    """Its name."""
    value: Text
    """Its value."""
    pinned: bool | None = None
    """Never forget it."""
    scope: Scope | None = None
    """Of this project, or of all projects."""


class DeleteTraitParams(Params, frozen=True):
    key: Text
    """Its name."""
    scope: Scope | None = None
    """Of this project, or of all projects."""


class ListPagesParams(Params, frozen=True):
    """`prefix`: pages below this slug."""

    prefix: str = ""
    """Only pages whose slug begins with this."""
    tag: str | None = None
    """Only pages with this tag."""


class PageParams(Params, frozen=True):
    slug: Text
    """The page's name."""


class WritePageParams(Params, frozen=True):
    slug: Text
    """The page's name."""
    text: Text
    """Markdown."""
    mode: Literal["replace", "append"] = "replace"
    """Replace the page or append to it."""


class SearchPagesParams(Params, frozen=True):
    query: Text
    """Words to search for."""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 10
    """Return at most this many."""


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
    """A node: an id of a memory, file:PATH or tag:NAME."""
    query: str | None = None
    """Words to search for."""
    depth: Annotated[int, Meta(ge=1, le=4)] = 1
    """How many relations away."""
    format: Literal["text", "mermaid", "json"] = "text"
    """The form of the drawing."""


class GraphView(Wire, frozen=True):
    """`text` is the drawing; with `json` it is empty. `edges` are those found, as [source, relation, target]."""

    text: str
    nodes: list[str]
    edges: list[list[str]]
