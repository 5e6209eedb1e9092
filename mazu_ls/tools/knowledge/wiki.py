"""The wiki as the model's tools: pages of Markdown under slash slugs."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from mazu_ls.memory.models import matches
from mazu_ls.memory.store.wiki import page_text
from mazu_ls.tools.base import Effect, ToolOutput, tool
from mazu_ls.tools.context import ToolContext
from mazu_ls.tools.knowledge.memory import memories_of, writable
from mazu_ls.tools.knowledge.memory_origin import written_origin

Slug = Annotated[str, Meta(min_length=1, description="Such as architecture/storage.")]


class WikiReadArgs(Struct, forbid_unknown_fields=True):
    slug: Slug


class WikiWriteArgs(Struct, forbid_unknown_fields=True):
    slug: Slug
    text: Annotated[str, Meta(min_length=1, description="Markdown; a first line `# Title` names the page.")]
    mode: Literal["replace", "append"] = "replace"
    tags: list[str] = []


class WikiListArgs(Struct, forbid_unknown_fields=True):
    prefix: Annotated[str, Meta(description="Only pages below this slug.")] = ""
    tag: str | None = None


class WikiSearchArgs(Struct, forbid_unknown_fields=True):
    query: Annotated[str, Meta(min_length=1)]
    limit: Annotated[int, Meta(ge=1, le=50)] = 10


@tool(Effect.READ)
async def wiki_read(args: WikiReadArgs, turn: ToolContext) -> ToolOutput:
    """Read a page of the project's wiki."""
    page = await memories_of(turn).wiki.read(args.slug)
    return ToolOutput(page_text(page), untrusted=page.origin)


@tool(Effect.REMEMBER)
async def wiki_write(args: WikiWriteArgs, turn: ToolContext) -> str:
    """Write a page of the project's wiki, or add to its end: for knowledge that is longer than one memory."""
    page = await writable(turn).wiki.write(
        args.slug,
        args.text,
        mode=args.mode,
        tags=args.tags,
        source="agent",
        session_id=turn.session_id,
        origin=await written_origin(args.text, turn),
    )
    turn.remembered(page.id, "updated", page.title)
    return f"wrote {page.key}: {page.title}"


@tool(Effect.READ)
async def wiki_list(args: WikiListArgs, turn: ToolContext) -> str:
    """List the pages of the wiki."""
    pages = await memories_of(turn).wiki.list(args.prefix, args.tag)
    return "\n".join(f"{page.key}: {page.title}" for page in pages) or "there are no pages"


@tool(Effect.READ)
async def wiki_search(args: WikiSearchArgs, turn: ToolContext) -> str:
    """Search the pages of the wiki."""
    recalled = await memories_of(turn).recall(args.query, limit=args.limit, kinds=("page",))
    found = filter(matches, recalled)
    lines = [f"{page.key}: {page.title}\n  {' '.join(page.body.split())[:200]}" for page in found]
    return "\n".join(lines) or "no page is about that"
