"""Export to Markdown: a folder with a file for each entry, or one file with all."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from mazu_ls.errors import Kind, MazuError
from mazu_ls.memory import markdown
from mazu_ls.memory.record import identifier
from mazu_ls.memory.rows import Entry, Rows
from mazu_ls.memory.shelf import Shelf
from mazu_ls.store import select

MARK = "<!-- mazu: next memory -->"
"""Stands alone on a line between two entries of one file; such a line of a text gets a backslash more."""
_MARK_LINE = re.compile(rf"^(\\*{re.escape(MARK)})$", re.MULTILINE)
FOLDERS = {"page": "wiki", "summary": "sessions", "trait": "traits", "relation": "relations"}


async def export(shelves: Iterable[Shelf], target: Path) -> int:
    """Write every entry of `shelves` to `target`: one file where it ends in .md, else a folder of files.

    Returns how many. Files of an earlier export whose title changed are replaced. Raises MazuError(storage).
    """
    try:
        if target.suffix == ".md" and not target.is_dir():
            return await _export_file(shelves, target)
        return await _export_folder(shelves, target)
    except OSError as error:
        raise MazuError(
            Kind.STORAGE, f"{target} cannot be written: {error.strerror}.", "Choose another place."
        ) from error


async def _export_file(shelves: Iterable[Shelf], target: Path) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        async for _, texts in _pages(shelves):
            for _, text in texts:
                file.write(f"{MARK}\n" if count else "")
                file.write(text)
                count += 1
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)
    return count


async def _export_folder(shelves: Iterable[Shelf], target: Path) -> int:
    target.mkdir(parents=True, exist_ok=True)
    count = 0
    for shelf in shelves:
        (target / shelf.scope).mkdir(exist_ok=True)
    before = {_id(path): path for path in target.rglob("[mg]_*.md")}
    async for scope, texts in _pages(shelves):
        for name, text in texts:
            path = target / scope / name
            path.parent.mkdir(parents=True, exist_ok=True)
            old = before.get(_id(path))
            draft = path.with_name(f".{path.name}.part")
            draft.write_bytes(text.encode())
            draft.replace(path)
            if old is not None and old != path:
                old.unlink(missing_ok=True)
            count += 1
    return count


def _id(path: Path) -> str:
    """The id that the name of a file begins with; empty where it begins with none."""
    found = re.match(r"[mg]_\d{6,}(?=[-.])", path.name)
    return found[0] if found else ""


async def _pages(shelves: Iterable[Shelf]) -> AsyncIterator[tuple[str, list[tuple[str, str]]]]:
    """Scope, and names and texts of the files of 500 entries at a time, in the order of their numbers."""
    for shelf in shelves:
        last = 0
        while files := await shelf.read(lambda rows, after=last: _files(rows, after)):
            last = files[-1][0]
            yield shelf.scope, [(name, text) for _, name, text in files]


async def export_one(shelf: Shelf, n: int) -> str:
    """The Markdown of entry number `n`. Raises MazuError(not_found)."""
    files = await shelf.read(lambda rows: _files(rows, n - 1, 1))
    if not files or files[0][0] != n:
        raise MazuError(Kind.NOT_FOUND, f"There is no {identifier(shelf.scope, n)}.", "See mazu.memory.list.")
    return files[0][2]


def _files(rows: Rows, after: int, limit: int = 500) -> list[tuple[int, str, str]]:
    files = []
    for entry in rows.entries("n > ?", (after,), f"ORDER BY n LIMIT {limit}"):
        assert entry.n is not None
        use = select(rows.db, "SELECT uses, last_used_at FROM memory_use WHERE n = ?", (entry.n,))
        text = markdown.write(entry, rows.scope, use[0] if use else None)
        files.append((entry.n, _name(entry, rows.scope), _MARK_LINE.sub(r"\\\1", text)))
    return files


def _name(entry: Entry, scope: str) -> str:
    if entry.kind in ("page", "trait", "summary"):
        return f"{FOLDERS[entry.kind]}/{entry.key}.md"
    id = identifier(scope, entry.n or 0)
    words = re.sub(r"[^\w]+", "-", entry.title.casefold())[:48].strip("-")
    return f"{FOLDERS.get(entry.kind, entry.category)}/{id}{'-' + words if words else ''}.md"
