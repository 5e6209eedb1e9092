"""Project memory as a part of every checkpoint: one JSON row per entry; only changed rows are written, in one
transaction."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import apsw
import msgspec
from msgspec.structs import replace

from mazu_ls.errors import MazuError
from mazu_ls.memory.io import markdown
from mazu_ls.memory.models import MemoryEntry, identifier
from mazu_ls.memory.store.entries import EntryTable, number
from mazu_ls.memory.store.links import repair_links
from mazu_ls.memory.store.schema import MIGRATIONS
from mazu_ls.memory.store.writers import USER, forget_writers, noted_writers
from mazu_ls.state.store import select
from mazu_ls.workspace.lazy_pattern import lazy_pattern

_NUMBERED = lazy_pattern(r"(?:[0-9a-f]{2}/[0-9a-f]|relations)/m_(\d+)\.md")
_UNREADABLE = (MazuError, msgspec.MsgspecError, ValueError, TypeError, KeyError, AttributeError)
SHOWN = 60
"""So many characters of an entry's title are shown where it is named."""
_KEYED = {"wiki": "page", "sessions": "summary", "traits": "trait"}


class MemoryPart:
    """What a checkpoint holds of memory. Use counts are not included, so that a rollback does not reset them."""

    name = "memory"
    migrations = MIGRATIONS

    def changed(self, db: apsw.Connection) -> dict[str, bytes | None]:
        """Return the files of entries that changed since the last `taken`; None for a deleted entry.

        A checkpoint of an earlier version held an entry as Markdown: that file is removed when the entry changes.
        """
        rows = EntryTable(db, "project")
        files: dict[str, bytes | None] = {}
        for (path,) in select(db, "SELECT path FROM memory_dirty"):
            entry = _at(rows, path)
            files[path] = None
            files[_file_name(path)] = None if entry is None else encode_row(entry)
        return files

    def everything(self, db: apsw.Connection) -> dict[str, bytes]:
        """Return the files of all entries: for a store that holds no checkpoint yet."""
        rows = EntryTable(db, "project")
        paths = [path for (path,) in select(db, "SELECT path FROM memory")]
        return {_file_name(path): encode_row(entry) for path in paths if (entry := _at(rows, path))}

    def mark_taken(self, db: apsw.Connection) -> None:
        """Clear the dirty marks and the writers."""
        db.execute("DELETE FROM memory_dirty")
        forget_writers(db)

    def writers(self, db: apsw.Connection) -> dict[str, set[str]]:
        """Return who changed each entry's file since the last `mark_taken`."""
        return {_file_name(path): writers for path, writers in noted_writers(db).items()}

    def restore(
        self, db: apsw.Connection, files: Mapping[str, bytes | None], writer: str = USER
    ) -> dict[str, str]:
        """Restore the entries from these files; return the reason for each file that cannot be restored.

        An entry whose file is damaged stays as it is now. Links to entries that are gone are removed.
        """
        rows = EntryTable(db, "project", writer)
        entries: dict[str, MemoryEntry] = {}
        problems: dict[str, str] = {}
        for path, data in files.items():
            try:
                if data is not None:
                    entries[path] = decode_row(path, data)
            except _UNREADABLE as error:
                problems[path] = (
                    f"the memory entry in the checkpoint is damaged and was not restored ({error})"
                )
        damaged = {_column(path) for path in problems}
        # Removals first: a restored page may need the slug that another entry holds now.
        removed: dict[str, MemoryEntry] = {}
        for path in files:
            entry = _at(rows, _column(path))
            if entry is not None and entry.n is not None and _column(path) not in damaged:
                removed[_column(path)] = entry
                rows.delete(entry.n)
        for path, entry in entries.items():
            if _column(path) in damaged:
                continue
            try:
                with db:  # a savepoint of its own
                    rows.insert(entry)
            except (MazuError, apsw.Error) as error:
                problems[path] = f"the memory entry could not be restored ({error})"
                if (earlier := removed.get(_column(path))) is not None:
                    with suppress(apsw.Error), db:
                        rows.insert(earlier)
        repair_links(rows)
        return problems

    def describe(self, path: str, data: bytes) -> str:
        """Return an entry's id and title, or its name."""
        name = _column(path).removesuffix(".md")
        try:
            entry = decode_row(path, data)
        except _UNREADABLE:
            return f"memory {name}"
        if entry.kind in ("page", "trait"):
            return f"{'wiki page' if entry.kind == 'page' else 'trait'} {entry.key}"
        id = identifier("project", entry.n or 0)
        title = entry.title if len(entry.title) <= SHOWN else f"{entry.title[: SHOWN - 1]}\u2026"
        return f"memory {id} \u201c{title}\u201d"

    def is_team_work(self, data: bytes) -> bool:
        """Return whether a colleague wrote it: no rollback reverts what a team shares."""
        with suppress(*_UNREADABLE):
            return msgspec.json.decode(data, type=MemoryEntry).source == "shared"
        return False

    def sets_aside(self, was: bytes, now: bytes) -> bool:
        """Return whether an entry was only archived or superseded."""
        with suppress(*_UNREADABLE):
            old, new = (msgspec.json.decode(data, type=MemoryEntry) for data in (was, now))
            same = replace(new, state=old.state, superseded_by=old.superseded_by, updated_at=old.updated_at)
            return same == old and new.state in ("archived", "superseded")
        return False

    def confirms(self, was: bytes, now: bytes) -> bool:
        """Return whether the user only said what an agent had remembered."""
        with suppress(*_UNREADABLE):
            old, new = (msgspec.json.decode(data, type=MemoryEntry) for data in (was, now))
            same = replace(new, source=old.source, category=old.category, updated_at=old.updated_at)
            return same == old and new.source == "user" != old.source
        return False

    def merge(self, mine: bytes, ancestor: bytes, theirs: bytes) -> bytes | None:
        """Merge two changes of an entry field by field; None if both changed one field differently."""
        try:
            rows = [msgspec.json.decode(data, type=dict[str, Any]) for data in (mine, ancestor, theirs)]
            merged = merge_fields(*rows)
            return None if merged is None else encode_row(msgspec.convert(merged, MemoryEntry))
        except _UNREADABLE:
            return None

    def readable(self, path: str, data: bytes) -> tuple[str, bytes]:
        """Return the entry of a file as Markdown, under a Markdown file's name, for a readable patch."""
        try:
            entry = decode_row(path, data)
            return _column(path), markdown.write(entry, "project").encode()
        except _UNREADABLE:
            return path, data


def merge_fields(
    mine: Mapping[str, Any], ancestor: Mapping[str, Any], theirs: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the three-way merge of rows; None if both changed one field differently. `updated_at` is the later one."""
    merged: dict[str, Any] = {}
    for name in {**theirs, **mine}:
        ours, was, other = (row.get(name) for row in (mine, ancestor, theirs))
        if name == "updated_at":
            merged[name] = max(ours or 0, other or 0)
        elif other in (was, ours):
            merged[name] = ours
        elif ours == was:
            merged[name] = other
        else:
            return None
    return merged


def encode_row(entry: MemoryEntry) -> bytes:
    """Return one row as JSON, the fields of `MemoryEntry` in their order."""
    return msgspec.json.format(msgspec.json.encode(entry), indent=1) + b"\n"


def decode_row(path: str, data: bytes) -> MemoryEntry:
    """Parse the row in a checkpoint's file: JSON, or the Markdown of an earlier version.

    Raises msgspec.MsgspecError, InvalidArguments, ValueError, TypeError or KeyError for one that is damaged.
    """
    if path.endswith(".json"):
        entry = msgspec.json.decode(data, type=MemoryEntry)
        if entry.n is None:
            raise ValueError("it has no number")
        return entry
    return stored(*markdown.read(data.decode(), path))


def held_entries(files: Mapping[str, bytes]) -> list[MemoryEntry]:
    """Return the entries in a checkpoint's files, newest first; unreadable ones are left out."""
    found: list[MemoryEntry] = []
    for path, data in files.items():
        with suppress(*_UNREADABLE):
            found.append(decode_row(path, data))
    return sorted(found, key=lambda entry: (-entry.created_at, -(entry.n or 0)))


def _file_name(column: str) -> str:
    """Return the file of an entry in a checkpoint, from the path that memory.db computes for it."""
    return column.removesuffix(".md") + ".json"


def _column(file_name: str) -> str:
    """Return the path in memory.db of the entry that a checkpoint's file holds."""
    return file_name.removesuffix(".json").removesuffix(".md") + ".md"


def stored(entry: MemoryEntry, fields: Mapping[str, Any]) -> MemoryEntry:
    """Return an entry read from a file, under the numbers that the file names."""
    links = {name: fields.get(name) for name in ("supersedes", "superseded_by")}
    numbers = {name: None if id is None else number(str(id), _scope(str(id))) for name, id in links.items()}
    id = str(fields["id"])
    return replace(entry, n=number(id, _scope(id)), **numbers)


def _scope(id: str) -> str:
    return "global" if id.startswith("g_") else "project"


def _at(rows: EntryTable, path: str) -> MemoryEntry | None:
    if found := _NUMBERED.fullmatch(path):
        entry = rows.find(int(found[1]))
        return entry if entry is not None and (entry.kind in ("memory", "relation")) else None
    folder, _, rest = path.partition("/")
    return rows.keyed(_KEYED[folder], rest.removesuffix(".md")) if folder in _KEYED else None
