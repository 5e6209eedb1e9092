"""mazu.wiki.* and mazu.graph.show: the project's pages and relations, for the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.memory.models import matches
from mazu_ls.server.commands import command
from mazu_ls.server.commands.memory.memories import opened_memories
from mazu_ls.server.wire.memory import knowledge as wire
from mazu_ls.server.wire.memory.memories import MemoryView

if TYPE_CHECKING:
    from mazu_ls.memory.models import Memory
    from mazu_ls.server.state import ServerState

_MOST_NODES = 60


@command("mazu.wiki.list")
async def list_pages(server: ServerState, params: wire.ListPagesParams) -> wire.PageList:
    """The pages by slug, below `prefix` and with `tag` where given."""
    return _listed(await (await opened_memories(server)).wiki.list(params.prefix, params.tag))


async def _choose_page(server: ServerState) -> wire.PageParams:
    """Without arguments: the user chooses one."""
    pages = await (await opened_memories(server)).wiki.list()
    index = await server.pick("Which page?", [f"{page.key}: {page.title}" for page in pages])
    if index is None:
        raise InvalidArguments("`slug` is missing; mazu.wiki.list shows the slugs", "slug")
    return wire.PageParams(pages[index].key or "")


@command("mazu.wiki.show", natural=_choose_page)
async def show_page(server: ServerState, params: wire.PageParams) -> wire.PageResult:
    """One page as Markdown."""
    return _page(await (await opened_memories(server)).wiki.read(params.slug))


async def _document_as_page(server: ServerState) -> wire.WritePageParams:
    """Without arguments: the document becomes the page of its file's name."""
    document = server.editor.document if server.editor else None
    path, text = (document.path, document.text) if document else (None, "")
    if path is None or not text.strip():
        raise InvalidArguments(
            "`slug` is missing, and no document with a name and text is open that could become the page",
            "slug",
        )
    return wire.WritePageParams(path.stem, text)


@command("mazu.wiki.write", natural=_document_as_page)
async def write_page(server: ServerState, params: wire.WritePageParams) -> wire.PageResult:
    """Write a page, or add to its end."""
    page = await (await opened_memories(server)).wiki.write(params.slug, params.text, mode=params.mode)
    server.notify_changed("memory")
    return _page(page)


async def _selection_as_query(server: ServerState) -> wire.SearchPagesParams:
    """Without arguments: the selection is the query."""
    text = server.editor.selection.strip() if server.editor else ""
    if not text:
        raise InvalidArguments("`query` is missing, and no text is selected to use instead", "query")
    return wire.SearchPagesParams(text[:2000])


@command("mazu.wiki.search", natural=_selection_as_query)
async def search_pages(server: ServerState, params: wire.SearchPagesParams) -> wire.PageList:
    """The pages about something, best first."""
    memories = await opened_memories(server)
    found = await memories.recall(params.query, limit=params.limit, kinds=("page",))
    return _listed([page for page in found if matches(page)])


@command("mazu.wiki.delete", natural=_choose_page)
async def delete_page(server: ServerState, params: wire.PageParams) -> wire.PageResult:
    """Remove a page; answers with what it was."""
    page = await (await opened_memories(server)).wiki.delete(params.slug)
    server.notify_changed("memory")
    return _page(page)


@command("mazu.graph.show")
async def show_graph(server: ServerState, params: wire.ShowGraphParams) -> wire.GraphView:
    """Return what is related to a node, as text, a Mermaid flow chart or rows; without a node all relations."""
    graph = (await opened_memories(server)).graph
    start = params.id or await _best_node(server, params.query)
    if start is None:
        edges = await graph.match(limit=_MOST_NODES)
        names = list(dict.fromkeys(name for edge in edges for name in (edge.source, edge.target)))
    else:
        start = await graph.full_name(start)
        near = await graph.neighbours(start, params.depth, limit=_MOST_NODES)
        names = [start, *(neighbour.node for neighbour in near)]
        every = [
            edge for name in names for edge in (*await graph.match(name), *await graph.match(target=name))
        ]
        known = set(names)
        edges = [edge for edge in dict.fromkeys(every) if {edge.source, edge.target} <= known]
    if params.format == "mermaid" and start is not None:
        text = await graph.mermaid(start, params.depth, limit=_MOST_NODES)
    elif params.format == "json":
        text = ""
    else:
        text = "".join(f"{edge.source} -- {edge.relation} -> {edge.target}\n" for edge in edges)
    return wire.GraphView(text, names, [[edge.source, edge.relation, edge.target] for edge in edges])


async def _best_node(server: ServerState, query: str | None) -> str | None:
    if not query:
        return None
    found = await (await opened_memories(server)).recall(query, limit=1)
    if not found or not matches(found[0]):
        raise MazuError(Kind.NOT_FOUND, "No memories found.", "Try other words.")
    return f"page:{found[0].key}" if found[0].kind == "page" else found[0].id


def _page(page: Memory) -> wire.PageResult:
    from mazu_ls.memory.store.wiki import page_text

    return wire.PageResult(page.key or "", page_text(page), MemoryView.from_memory(page))


def _listed(pages: list[Memory]) -> wire.PageList:
    return wire.PageList([wire.PageView(page.key or "", page.title, list(page.tags)) for page in pages])
