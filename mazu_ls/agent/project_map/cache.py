"""A cache of file facts between runs. It may be deleted at any time; then every file is read again."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import astuple

from mazu_ls.agent.project_map.ipc import FileFacts
from mazu_ls.state.store import Migrations, connect, select, transaction
from mazu_ls.syntax.grammar import definitions_text, uses_text
from mazu_ls.syntax.languages import GRAMMARS

if TYPE_CHECKING:
    import apsw

log = logging.getLogger(__name__)
FORMAT = 2
"""Increment when the facts of an unchanged file would differ. Changed queries are detected without that."""
_MIGRATIONS = Migrations(
    "map",
    (
        """
        CREATE TABLE map_file (
            path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
            names BLOB NOT NULL, weights BLOB NOT NULL, refs BLOB NOT NULL, strengths BLOB NOT NULL, outline BLOB NOT NULL
        );
        CREATE TABLE map_version (version INTEGER NOT NULL)
        """,
    ),
)


class MapCache:
    """One SQLite file; several map processes may use it, each with its own connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection

    @classmethod
    def open(cls, path: Path) -> MapCache:
        """Open or create it; facts of another version are dropped. Raises MazuError(storage)."""
        db = connect(path, [_MIGRATIONS])
        db.execute("PRAGMA synchronous = off").fetchall()
        if select(db, "SELECT version FROM map_version") != [(version(),)]:
            transaction(db, _renew)
        return cls(db)

    def load(self) -> dict[bytes, FileFacts]:
        """Return all facts, by path."""
        return {row[0]: FileFacts(*row) for row in self._db.execute("SELECT * FROM map_file")}

    def store(self, changed: Iterable[FileFacts], gone: Iterable[bytes]) -> None:
        """Insert the changed facts, delete those of the paths in `gone`."""
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO map_file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(astuple, changed)
            )
            self._db.executemany("DELETE FROM map_file WHERE path = ?", ((path,) for path in gone))

    def close(self) -> None:
        """Close the connection, which folds the write-ahead log into the file."""
        self._db.close()


def version() -> int:
    """Return the version of the facts: a hash of this format and of the queries."""
    text = "".join(definitions_text(name) + uses_text(name) for name in sorted(GRAMMARS))
    return zlib.crc32(f"{FORMAT}\n{text}".encode())


def _renew(db: apsw.Connection) -> None:
    db.execute("DELETE FROM map_file")
    db.execute("DELETE FROM map_version")
    db.execute("INSERT INTO map_version VALUES (?)", (version(),))
