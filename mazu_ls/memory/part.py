"""Project memory as a part of every checkpoint: one readable file per entry, only what changed, one transaction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mazu_ls.memory import markdown
from mazu_ls.memory.rows import Entry, Rows, number
from mazu_ls.memory.schema import MIGRATIONS
from mazu_ls.store import select

if TYPE_CHECKING:
    import apsw

_NUMBERED = re.compile(r"(?:[0-9a-f]{2}/[0-9a-f]|relations)/m_(\d+)\.md")
_KEYED = {"wiki": "page", "sessions": "summary", "traits": "trait"}


class MemoryPart:
    """What a checkpoint holds of memory. How often an entry was used is no part of it: a rollback forgets no use."""

    name = "memory"
    migrations = MIGRATIONS

    def changed(self, db: apsw.Connection) -> dict[str, bytes | None]:
        """The files of entries that changed since the last `taken`; None where an entry is gone."""
        rows = Rows(db, "project")
        files: dict[str, bytes | None] = {}
        for (path,) in select(db, "SELECT path FROM memory_dirty"):
            entry = _at(rows, path)
            files[path] = None if entry is None else markdown.write(entry, "project").encode()
        return files

    def everything(self, db: apsw.Connection) -> dict[str, bytes]:
        """The files of all entries: for a store that holds no checkpoint yet."""
        rows = Rows(db, "project")
        paths = [path for (path,) in select(db, "SELECT path FROM memory")]
        return {
            path: markdown.write(entry, "project").encode() for path in paths if (entry := _at(rows, path))
        }

    def taken(self, db: apsw.Connection) -> None:
        """Forget the dirty marks."""
        db.execute("DELETE FROM memory_dirty")

    def restore(self, db: apsw.Connection, files: Mapping[str, bytes | None]) -> None:
        """Make the entries say what these files say."""
        rows = Rows(db, "project")
        # Removal first: a page may come back under a number while another entry holds its slug.
        for path in files:
            entry = _at(rows, path)
            if entry is not None and entry.n is not None:
                rows.delete(entry.n)
        for path, data in files.items():
            if data is not None:
                rows.insert(stored(*markdown.read(data.decode(), path)))


def stored(entry: Entry, fields: Mapping[str, Any]) -> Entry:
    """An entry read from a file, under the numbers that the file names."""
    links = {name: fields.get(name) for name in ("supersedes", "superseded_by")}
    numbers = {name: None if id is None else number(str(id), _scope(str(id))) for name, id in links.items()}
    id = str(fields["id"])
    return replace(entry, n=number(id, _scope(id)), **numbers)


def _scope(id: str) -> str:
    return "global" if id.startswith("g_") else "project"


def _at(rows: Rows, path: str) -> Entry | None:
    if found := _NUMBERED.fullmatch(path):
        entry = rows.find(int(found[1]))
        return entry if entry is not None and (entry.kind in ("memory", "relation")) else None
    folder, _, rest = path.partition("/")
    return rows.keyed(_KEYED[folder], rest.removesuffix(".md")) if folder in _KEYED else None
