"""Exports to Markdown: a folder with a file for each entry, or one file with all."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path, PurePosixPath

from mazu_ls.errors import Kind, MazuError
from mazu_ls.memory.io import markdown
from mazu_ls.memory.models import MemoryEntry, identifier
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.memory.store.store import MemoryStore
from mazu_ls.state.store import select
from mazu_ls.workspace import project_files

MARK = "<!-- mazu: next memory -->"
"""The separator line between two entries of one file; the same line within a text gets a backslash more."""
_MARK_LINE = re.compile(rf"^(\\*{re.escape(MARK)})$", re.MULTILINE)
FOLDERS = {"page": "wiki", "summary": "sessions", "trait": "traits", "relation": "relations"}


async def export(shelves: Iterable[MemoryStore], target: Path, within: Path | None = None) -> int:
    """Write every entry of `shelves` to `target`: one file if it ends in .md, else a folder of files.

    `within` is the project's folder if `target` is inside it: no link below it is followed. Returns how many. Files of
    an earlier export whose title changed are replaced. Raises MazuError(storage).
    """
    root = within or target.parent
    inside = PurePosixPath(target.relative_to(root).as_posix())
    try:
        if within is None:
            root.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".md" and not project_files.is_folder(root, inside):
            return await _export_file(shelves, root, inside)
        return await _export_folder(shelves, root, inside)
    except OSError as error:
        raise MazuError(
            Kind.STORAGE,
            f"{target} cannot be written: {error.strerror} ({error.filename}).",
            "Choose another place.",
        ) from error


async def _export_file(shelves: Iterable[MemoryStore], root: Path, inside: PurePosixPath) -> int:
    count = 0
    with tempfile.TemporaryFile() as file:  # written as a whole at the end
        async for _, texts in _pages(shelves):
            for _, text in texts:
                file.write(f"{MARK}\n".encode() if count else b"")
                file.write(text.encode())
                count += 1
        file.seek(0)
        await asyncio.to_thread(project_files.write_file, root, inside, file.read())
    return count


async def _export_folder(shelves: Iterable[MemoryStore], root: Path, inside: PurePosixPath) -> int:
    count = 0
    for shelf in shelves:
        project_files.create_folder(root, inside / shelf.scope)
    before = await asyncio.to_thread(_exported, root, inside)
    async for scope, texts in _pages(shelves):
        await asyncio.to_thread(_write_page, root, inside / scope, texts, before)
        count += len(texts)
    return count


def _write_page(
    root: Path, folder: PurePosixPath, texts: list[tuple[str, str]], before: Mapping[str, PurePosixPath]
) -> None:
    for name, text in texts:
        path = folder / name
        project_files.write_file(root, path, text.encode(), durable=False)
        old = before.get(_id(path))
        if old is not None and old != path:
            project_files.remove_file(root, old, missing_ok=True)


def _exported(root: Path, inside: PurePosixPath) -> dict[str, PurePosixPath]:
    """Return the files of an earlier export, by id; folders behind links are skipped."""
    found: dict[str, PurePosixPath] = {}
    waiting = [inside]
    while waiting:
        folder = waiting.pop()
        for entry in project_files.list_folder(root, folder):
            if entry.kind == "folder":
                waiting.append(folder / entry.name)
            elif entry.kind == "file" and (id := _id(folder / entry.name)):
                found[id] = folder / entry.name
    return found


def _id(path: PurePosixPath) -> str:
    """Return the id at the beginning of a file's name; empty if there is none."""
    found = re.match(r"[mg]_\d{6,}(?=[-.])", path.name)
    return found[0] if found else ""


async def _pages(shelves: Iterable[MemoryStore]) -> AsyncIterator[tuple[str, list[tuple[str, str]]]]:
    """Yield scope, and names and texts of the files of 500 entries at a time, in the order of their numbers."""
    for shelf in shelves:
        last = 0
        while files := await shelf.read(lambda rows, after=last: _files(rows, after)):
            last = files[-1][0]
            yield shelf.scope, [(name, text) for _, name, text in files]


async def export_one(shelf: MemoryStore, n: int) -> str:
    """Return the Markdown of entry number `n`. Raises MazuError(not_found)."""
    files = await shelf.read(lambda rows: _files(rows, n - 1, 1))
    if not files or files[0][0] != n:
        raise MazuError(Kind.NOT_FOUND, f"There is no {identifier(shelf.scope, n)}.", "See mazu.memory.list.")
    return files[0][2]


def _files(rows: EntryTable, after: int, limit: int = 500) -> list[tuple[int, str, str]]:
    files = []
    for entry in rows.entries("n > ?", (after,), f"ORDER BY n LIMIT {limit}"):
        assert entry.n is not None
        use = select(rows.db, "SELECT uses, last_used_at FROM memory_use WHERE n = ?", (entry.n,))
        text = markdown.write(entry, rows.scope, use[0] if use else None)
        files.append((entry.n, _name(entry, rows.scope), _MARK_LINE.sub(r"\\\1", text)))
    return files


def _name(entry: MemoryEntry, scope: str) -> str:
    if entry.kind in ("page", "trait", "summary") and _is_name(entry.key or ""):
        return f"{FOLDERS[entry.kind]}/{entry.key}.md"
    id = identifier(scope, entry.n or 0)
    words = re.sub(r"[^\w]+", "-", entry.title.casefold())[:48].strip("-")
    return f"{FOLDERS.get(entry.kind, entry.category)}/{id}{'-' + words if words else ''}.md"


def _is_name(key: str) -> bool:
    """Return whether a key can be used as a path: no empty, hidden or upward part."""
    return all(re.fullmatch(r"[^\W_][\w.-]*", part) for part in key.split("/"))
