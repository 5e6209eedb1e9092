"""The graph edges derived from an entry: tags, anchors, what it supersedes, links, its session."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mazu_ls.memory.models import identifier

if TYPE_CHECKING:
    import apsw

    from mazu_ls.memory.models import MemoryEntry

_LINK = re.compile(r"\[\[([^\]\[|#\n]{1,200})(?:[|#][^\]\n]{0,200})?\]\]")
_MENTION = re.compile(r"\b[mg]_\d{6,}\b")


def node(entry: MemoryEntry, scope: str) -> str:
    """Return the name of an entry in the graph: a memory's id, `page:slug`, `trait:name`, `session:id`."""
    match entry.kind:
        case "page":
            return f"page:{entry.key}"
        case "trait":
            return f"trait:{entry.key}"
        case "summary":
            return f"session:{entry.key}"
    return identifier(scope, entry.n or 0)


def edges_for_entry(entry: MemoryEntry, scope: str) -> set[tuple[str, str, str]]:
    """Return all (source, relation, target) derived from an entry."""
    if entry.kind == "relation" and entry.details:
        return {(entry.details["source"], entry.details["relation"], entry.details["target"])}
    here = node(entry, scope)
    found = {(here, "tagged", f"tag:{tag}") for tag in entry.tags}
    for anchor in entry.anchors:
        found.add((here, "about", f"file:{anchor.path}"))
        if anchor.symbol:
            found.add((here, "about", f"symbol:{anchor.path}#{anchor.symbol}"))
            found.add((f"symbol:{anchor.path}#{anchor.symbol}", "in", f"file:{anchor.path}"))
    if entry.supersedes is not None:
        found.add((here, "supersedes", identifier(scope, entry.supersedes)))
    if entry.session_id and entry.kind == "memory":
        found.add((here, "learnt in", f"session:{entry.session_id}"))
    for link in _LINK.findall(entry.body):
        found.add((here, "links", f"page:{'-'.join(link.strip().strip('/').casefold().split())}"))
    found.update((here, "mentions", id) for id in _MENTION.findall(entry.body) if id != here)
    return found


def update_edges(db: apsw.Connection, entry: MemoryEntry, scope: str) -> None:
    """Store the edges of an entry."""
    db.executemany(
        "INSERT OR IGNORE INTO memory_edge VALUES (?, ?, ?, ?)",
        ((*edge, entry.n) for edge in sorted(edges_for_entry(entry, scope))),
    )
