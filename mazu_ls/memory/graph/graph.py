"""The graph of memories, pages, files, symbols, tags, sessions and named things, traversed by recursive SQL queries."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.memory import validation
from mazu_ls.memory.models import MemoryEntry, identifier
from mazu_ls.memory.store.entries import EntryTable, digest
from mazu_ls.memory.store.store import MemoryStore, MemoryStores
from mazu_ls.memory.store.writers import writer_of
from mazu_ls.state.store import select

MAX_DEPTH = 6
MAX_NODES = 200
Direction = Literal["out", "in", "both"]
_ID = re.compile(r"[mg]_\d{6,}")
_TYPED = re.compile(r"(page|trait|session|tag|file|symbol|entity):\S.*", re.DOTALL)


class GraphEdge(Struct, frozen=True, order=True):
    """One relation between two nodes. A node is a memory's id, or `page:`, `file:`, `symbol:`, `tag:`, `session:`, `entity:` and a
    name."""

    source: str
    relation: str
    target: str


class Neighbour(Struct, frozen=True):
    """A reachable node, its distance in edges, and the title if it is an entry."""

    node: str
    depth: int
    title: str = ""


class MemoryGraph:
    """The relations of one scope: the project's if a folder is open."""

    def __init__(self, shelves: MemoryStores) -> None:
        self._shelves = shelves

    async def add(
        self,
        source: str,
        relation: str,
        target: str,
        *,
        scope: str | None = None,
        writer: str = "user",
        session_id: str | None = None,
    ) -> GraphEdge:
        """Relate two nodes; names without a type are entities. Known relations stay as they are. `session_id`: of the agent."""
        edge = GraphEdge(node(source, "source"), _relation(relation), node(target, "target"))
        title = validation.title(
            f"{label(edge.source)} {edge.relation} {label(edge.target)}"[: validation.MAX_TITLE]
        )
        entry = MemoryEntry(
            kind="relation", key=digest(edge.source, f"{edge.relation}\n{edge.target}").hex(), category="relation",
            title=title, source=writer,
            details={"source": edge.source, "relation": edge.relation, "target": edge.target},
        )  # fmt: skip

        def work(rows: EntryTable) -> None:
            if rows.keyed("relation", entry.key or "") is None:
                rows.insert(entry)

        await self._shelf(scope).write(work, writer_of(writer, session_id))
        return edge

    async def remove(self, source: str, relation: str, target: str, *, scope: str | None = None) -> GraphEdge:
        """Remove a relation that was added. Raises MazuError(not_found), also for derived edges."""
        edge = GraphEdge(node(source, "source"), _relation(relation), node(target, "target"))
        key = digest(edge.source, f"{edge.relation}\n{edge.target}").hex()

        def work(rows: EntryTable) -> None:
            entry = rows.keyed("relation", key)
            if entry is None or entry.n is None:
                raise MazuError(
                    Kind.NOT_FOUND,
                    f"Nobody added {edge.source} {edge.relation} {edge.target}.",
                    "Match the graph to see its edges.",
                )
            rows.delete(entry.n)

        await self._shelf(scope).write(work)
        return edge

    async def match(
        self,
        source: str | None = None,
        relation: str | None = None,
        target: str | None = None,
        *,
        limit: int = 100,
        scope: str | None = None,
    ) -> list[GraphEdge]:
        """Return the edges that match the given parts; `*` in a part matches anything."""
        given = {
            "source": None if source is None else _pattern(node(source, "source")),
            "relation": None if relation is None else _pattern(_relation(relation)),
            "target": None if target is None else _pattern(node(target, "target")),
        }
        parts = [(name, value) for name, value in given.items() if value is not None]
        where = " AND ".join(f"{name} GLOB ?" for name, _ in parts) or "1"
        sql = f"SELECT DISTINCT source, relation, target FROM memory_edge WHERE {where} ORDER BY 1, 2, 3 LIMIT ?"
        values = (*(value for _, value in parts), validation.limit(limit))
        return await self._shelf(scope).read(
            lambda rows: [GraphEdge(*row) for row in select(rows.db, sql, values)]
        )

    async def neighbours(
        self,
        start: str,
        depth: int = 1,
        *,
        direction: Direction = "both",
        limit: int = 50,
        scope: str | None = None,
    ) -> list[Neighbour]:
        """Return the nodes within `depth` edges, nearest first. Raises MazuError(not_found) if no edge names `start`."""
        origin, reach, most = node(start, "node"), _depth(depth), min(validation.limit(limit), MAX_NODES)

        def work(rows: EntryTable) -> list[Neighbour]:
            reached = _walk(rows, _known(rows, origin), reach, direction, most)
            return [Neighbour(name, far, _title(rows, name)) for name, far in reached.items() if far]

        return await self._shelf(scope).read(work)

    async def full_name(self, name: str) -> str:
        """Return the node that a name stands for: a bare one may be that of a page, file or tag. Raises MazuError(not_found)."""
        wanted = node(name, "node")
        return await self._shelf(None).read(lambda rows: _known(rows, wanted))

    async def path(self, start: str, end: str, *, scope: str | None = None) -> list[GraphEdge]:
        """Return the shortest chain of at most six edges between two nodes, in either direction; empty if there is none."""
        first, last = node(start, "start"), node(end, "end")

        def work(rows: EntryTable) -> list[GraphEdge]:
            return _path(rows, _known(rows, first), _known(rows, last))

        return await self._shelf(scope).read(work)

    async def mermaid(self, start: str, depth: int = 1, *, limit: int = 30, scope: str | None = None) -> str:
        """Return a neighbourhood as the text of a Mermaid flow chart."""
        origin, reach, most = node(start, "node"), _depth(depth), min(validation.limit(limit), MAX_NODES)

        def work(rows: EntryTable) -> str:
            names = list(_walk(rows, _known(rows, origin), reach, "both", most))
            lines = [
                f'    n{at}["{_drawn(_title(rows, name) or label(name))}"]' for at, name in enumerate(names)
            ]
            for edge in _between(rows, names):
                lines.append(
                    f'    n{names.index(edge.source)} -->|"{_drawn(edge.relation)}"| n{names.index(edge.target)}'
                )
            return "\n".join(("graph LR", *lines, ""))

        return await self._shelf(scope).read(work)

    def _shelf(self, scope: str | None) -> MemoryStore:
        return self._shelves.store(scope or self._shelves.default_store)


def node(name: str, field: str) -> str:
    """Return a node's full name: a bare one is an entity, in lower case with single spaces."""
    text = " ".join(validation.validate(name, field).split())
    if not text or len(text) > 500:
        raise InvalidArguments(f"`{field}` must name a node in 1 to 500 characters.", field)
    if _ID.fullmatch(text):
        return text
    if _TYPED.fullmatch(text):
        return f"entity:{text[7:].casefold()}" if text.startswith("entity:") else text
    return f"entity:{text.casefold()}"


def label(name: str) -> str:
    """Return a node's name for people."""
    return name.partition(":")[2] or name


def _walk(rows: EntryTable, origin: str, depth: int, direction: Direction, limit: int) -> dict[str, int]:
    """Return nodes and their distance, breadth first: UNION drops nodes already reached at the same distance."""
    if direction not in ("out", "in", "both"):
        raise InvalidArguments("`direction` must be out, in or both.", "direction")
    joined = " UNION ".join(
        f"SELECT e.{other}, w.depth + 1 FROM walk w JOIN memory_edge e ON e.{here} = w.node WHERE w.depth < ?2"
        for other, here in (("target", "source"), ("source", "target"))
        if direction == "both" or (direction == "out") == (other == "target")
    )
    sql = f"WITH RECURSIVE walk (node, depth) AS (VALUES (?1, 0) UNION {joined} LIMIT 5000) SELECT node, min(depth) FROM walk GROUP BY node ORDER BY 2, 1 LIMIT ?3"
    return dict(select(rows.db, sql, (origin, depth, limit + 1)))


def _path(rows: EntryTable, first: str, last: str) -> list[GraphEdge]:
    """Search breadth first from `first`, remembering the edge by which each node was reached."""
    reached: dict[str, GraphEdge | None] = {first: None}
    frontier = [first]
    for _ in range(MAX_DEPTH):
        following = []
        for here in frontier:
            for edge in _edges_of(rows, here):
                other = edge.target if edge.source == here else edge.source
                if other not in reached:
                    reached[other] = edge
                    following.append(other)
        if last in reached or not following:
            break
        frontier = following[:5000]
    chain: list[GraphEdge] = []
    here = last
    while (edge := reached.get(here)) is not None:
        chain.append(edge)
        here = edge.source if edge.target == here else edge.target
    return chain[::-1]


def _edges_of(rows: EntryTable, name: str) -> list[GraphEdge]:
    sql = (
        "SELECT source, relation, target FROM memory_edge WHERE source = ?1"
        " UNION SELECT source, relation, target FROM memory_edge WHERE target = ?1 LIMIT 1000"
    )
    return [GraphEdge(*row) for row in select(rows.db, sql, (name,))]


def _between(rows: EntryTable, names: list[str]) -> list[GraphEdge]:
    inside = set(names)
    return sorted(
        {edge for name in names for edge in _edges_of(rows, name) if {edge.source, edge.target} <= inside}
    )


def _known(rows: EntryTable, name: str) -> str:
    """Return the node: of a bare name the entity, else the page, file or tag with that name. Raises MazuError(not_found)."""
    names = [
        name,
        *(f"{kind}:{label(name)}" for kind in ("page", "file", "tag") if name.startswith("entity:")),
    ]
    for one in names:
        if select(rows.db, "SELECT 1 FROM memory_edge WHERE source = ?1 OR target = ?1 LIMIT 1", (one,)):
            return one
    for one in names[1:]:  # an entity is in lower case
        sql = "SELECT node FROM (SELECT source AS node FROM memory_edge UNION ALL SELECT target FROM memory_edge)"
        if found := select(rows.db, f"{sql} WHERE node = ? COLLATE NOCASE LIMIT 1", (one,)):
            return found[0][0]
    if title := next((title for one in names if (title := _title(rows, one))), ""):
        raise MazuError(
            Kind.NOT_FOUND,
            f"{label(name)} “{title[:80]}” is related to nothing yet.",
            "Relations come from tags, code that a memory is about, memories that it replaces, and links such as [[page]];"
            f" `mazu-ls memory update {label(name)} --tag TAG` adds a tag."
            if _ID.fullmatch(name)
            else "Relations come from its tags and links, such as [[page]].",
        )
    raise MazuError(
        Kind.NOT_FOUND, f"The graph has no {label(name)[:80]!r}.", "Without a node it shows all of them."
    )


def _title(rows: EntryTable, name: str) -> str:
    if _ID.fullmatch(name) and name[:2] == identifier(rows.scope, 0)[:2]:  # another store has its own numbers
        titles = select(rows.db, "SELECT title FROM memory WHERE n = ?", (int(name[2:]),))
    elif name.startswith("page:"):
        titles = select(rows.db, "SELECT title FROM memory WHERE kind = 'page' AND key = ?", (name[5:],))
    else:
        return ""
    return titles[0][0] if titles else ""


def _relation(name: str) -> str:
    text = " ".join(validation.validate(name, "relation").split()).casefold()
    if not text or len(text) > 80:
        raise InvalidArguments("`relation` must have 1 to 80 characters, like `depends on`.", "relation")
    return text


def _depth(depth: int) -> int:
    if not isinstance(depth, int) or not 1 <= depth <= MAX_DEPTH:
        raise InvalidArguments(f"`depth` must be from 1 to {MAX_DEPTH}.", "depth")
    return depth


def _pattern(text: str) -> str:
    return text.replace("[", "[[]").replace("?", "[?]")


def _drawn(text: str) -> str:
    """Escape text for Mermaid, whose own signs become entity codes."""
    short = text if len(text) <= 48 else text[:47] + "…"
    return (
        short.replace("#", "#35;")
        .replace('"', "#quot;")
        .replace("<", "#lt;")
        .replace(">", "#gt;")
        .replace("\\", "#92;")
    )
