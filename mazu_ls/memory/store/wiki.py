"""The wiki: Markdown pages under slash slugs, searched and checkpointed like every other memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.memory import validation
from mazu_ls.memory.io import markdown
from mazu_ls.memory.models import Memory, MemoryEntry, micros, now
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.memory.store.store import MemoryStores
from mazu_ls.memory.store.writers import writer_of


class Wiki:
    """Pages of both scopes; the project's come first."""

    def __init__(self, shelves: MemoryStores) -> None:
        self._shelves = shelves

    async def write(
        self,
        slug: str,
        text: str,
        *,
        mode: Literal["replace", "append"] = "replace",
        tags: Sequence[str] = (),
        scope: str | None = None,
        source: str = "user",
        session_id: str | None = None,
        origin: str | None = None,
    ) -> Memory:
        """Write a page, or append to it. Front matter may give `tags`, a first `# ` line the title.

        Secrets are redacted. Raises InvalidArguments for a bad slug, mode or text.
        """
        if mode not in ("replace", "append"):
            raise InvalidArguments(f"`mode` is {str(mode)[:40]!r}; it must be replace or append.", "mode")
        key = validation.slug(slug)
        fields, rest = markdown.front_matter(validation.body(text, "text", validation.MAX_PAGE), key)
        title, body = _titled(rest, key)
        named = validation.tags([*tags, *map(str, fields.get("tags", ()))])
        page = MemoryEntry(
            kind="page", key=key, category="wiki", title=title or _from(key), body=body, tags=named, source=source,
            session_id=session_id, origin=origin,
        )  # fmt: skip
        shelf = self._shelves.store(scope or self._shelves.default_store)
        writer = writer_of(source, session_id)
        return await shelf.write(lambda rows: _write(rows, page, mode, bool(title)), writer)

    async def read(self, slug: str, scope: str | None = None) -> Memory:
        """Return one page; `page_text` renders it as Markdown. Raises MazuError(not_found)."""
        key = validation.slug(slug)
        for shelf in self._shelves.for_id(scope):
            found = await shelf.read(
                lambda rows: rows.memories([e] if (e := rows.keyed("page", key)) else [])
            )
            if found:
                return found[0]
        raise _no_page(key)

    async def delete(self, slug: str, scope: str | None = None) -> Memory:
        """Remove a page and return what it was. Raises MazuError(not_found)."""
        page = await self.read(slug, scope)
        key = page.key or ""

        def work(rows: EntryTable) -> None:
            entry = rows.keyed("page", key)
            if entry is None or entry.n is None:
                raise _no_page(key)
            rows.delete(entry.n)

        await self._shelves.store(page.scope).write(work)
        return page

    async def list(self, prefix: str = "", tag: str | None = None, scope: str | None = None) -> list[Memory]:
        """Return pages ordered by slug, below `prefix` and with `tag` if given."""
        below = validation.slug(prefix, "prefix") if prefix.strip("/ ") else ""

        def work(rows: EntryTable) -> list[Memory]:
            where = "kind = 'page' AND (?1 = '' OR key = ?1 OR substr(key, 1, length(?1) + 1) = ?1 || '/')"
            entries = rows.entries(where, (below,), "ORDER BY key LIMIT 1000")
            return rows.memories(entry for entry in entries if tag is None or tag in entry.tags)

        return [page for shelf in self._shelves.for_id(scope) for page in await shelf.read(work)]


def page_text(page: Memory) -> str:
    """Render a page for editing: tags as front matter, the title as its first line."""
    front = f"---\ntags: [{', '.join(page.tags)}]\n---\n" if page.tags else ""
    return f"{front}# {page.title}\n" + (f"\n{page.body}\n" if page.body else "")


def _write(rows: EntryTable, page: MemoryEntry, mode: str, titled: bool) -> Memory:
    assert page.key is not None
    known = rows.keyed("page", page.key)
    if known is None or known.n is None:
        return rows.memory(rows.insert(page))
    if mode == "append":
        # A heading in appended text is part of the text; the page keeps its own title.
        added = f"# {page.title}\n\n{page.body}".rstrip("\n") if titled else page.body
        body = validation.body(
            "\n\n".join(part for part in (known.body.rstrip("\n"), added) if part),
            "text",
            validation.MAX_PAGE,
        )
        tags = tuple(dict.fromkeys((*known.tags, *page.tags)))
        page = replace(known, body=body, tags=tags, origin=known.origin or page.origin)
    rows.put(
        replace(
            page,
            n=known.n,
            created_at=known.created_at,
            updated_at=micros(now()),
            pinned=known.pinned,
            anchors=known.anchors,
        )
    )
    return rows.memory(known.n)


def _titled(text: str, key: str) -> tuple[str, str]:
    text = text.lstrip("\n")
    if not text.strip():
        raise InvalidArguments(f"The text of {key!r} is empty; delete the page instead.", "text")
    first, _, rest = text.partition("\n")
    if first.startswith("# ") and first[2:].strip():
        return validation.title(first[2:]), rest.removeprefix("\n").rstrip("\n")
    return "", text.rstrip("\n")


def _from(key: str) -> str:
    return key.rsplit("/", 1)[-1].replace("-", " ").replace("_", " ").capitalize()


def _no_page(key: str) -> MazuError:
    return MazuError(Kind.NOT_FOUND, f"There is no page {key!r}.", "List the pages, or write it.")
