"""The graph of what is remembered as the model's tools."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from mazu_ls.memory.graph.graph import GraphEdge
from mazu_ls.tools.base import Effect, tool
from mazu_ls.tools.context import ToolContext
from mazu_ls.tools.knowledge.memory import memories_of, writable

Node = Annotated[
    str,
    Meta(min_length=1, description="A memory's id, page:SLUG, file:PATH, symbol:PATH#NAME, tag:NAME, or the name of a thing."),
]  # fmt: skip
Relation = Annotated[str, Meta(min_length=1, description="Such as depends_on, owned_by, replaces.")]


class GraphAddArgs(Struct, forbid_unknown_fields=True):
    source: Node
    relation: Relation
    target: Node


class GraphMatchArgs(Struct, forbid_unknown_fields=True):
    source: Annotated[str, Meta(description="`*` stands for anything.")] | None = None
    relation: str | None = None
    target: str | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class GraphNeighboursArgs(Struct, forbid_unknown_fields=True):
    node: Node
    depth: Annotated[int, Meta(ge=1, le=4)] = 1


class GraphPathArgs(Struct, forbid_unknown_fields=True):
    start: Node
    end: Node


@tool(Effect.REMEMBER)
async def graph_add(args: GraphAddArgs, turn: ToolContext) -> str:
    """Relate two things in the project's graph."""
    edge = await writable(turn).graph.add(
        args.source, args.relation, args.target, writer="agent", session_id=turn.session_id
    )
    turn.remembered(edge.source, "updated", _line(edge))
    return _line(edge)


@tool(Effect.READ)
async def graph_match(args: GraphMatchArgs, turn: ToolContext) -> str:
    """The relations that fit what is given."""
    edges = await memories_of(turn).graph.match(args.source, args.relation, args.target, limit=args.limit)
    return "\n".join(map(_line, edges)) or "nothing is related so"


@tool(Effect.READ)
async def graph_neighbours(args: GraphNeighboursArgs, turn: ToolContext) -> str:
    """What is related to something: memories, pages, files, symbols, tags, things."""
    found = await memories_of(turn).graph.neighbours(args.node, args.depth)
    return "\n".join(f"{n.node} ({n.depth} away){': ' + n.title if n.title else ''}" for n in found)


@tool(Effect.READ)
async def graph_path(args: GraphPathArgs, turn: ToolContext) -> str:
    """How two things are connected."""
    edges = await memories_of(turn).graph.path(args.start, args.end)
    return "\n".join(map(_line, edges)) or "they are not connected within six steps"


def _line(edge: GraphEdge) -> str:
    return f"{edge.source} {edge.relation} {edge.target}"
