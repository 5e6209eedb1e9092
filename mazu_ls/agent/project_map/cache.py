"""Facts of files kept between runs. It can be lost at any time: then everything is read again."""

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
"""Count it up when the facts of an unchanged file would be other ones. Changed queries are noticed without that."""
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
        """Open or create it; facts from another version are dropped. Raises MazuError(storage)."""
        db = connect(path, [_MIGRATIONS])
        db.execute("PRAGMA synchronous = off").fetchall()
        if select(db, "SELECT version FROM map_version") != [(version(),)]:
            transaction(db, _renew)
        return cls(db)

    def load(self) -> dict[bytes, FileFacts]:
        """Everything in it, by path."""
        return {row[0]: FileFacts(*row) for row in self._db.execute("SELECT * FROM map_file")}

    def store(self, changed: Iterable[FileFacts], gone: Iterable[bytes]) -> None:
        """Put these in, take those out."""
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO map_file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(astuple, changed)
            )
            self._db.executemany("DELETE FROM map_file WHERE path = ?", ((path,) for path in gone))

    def close(self) -> None:
        """Close the connection, which folds its log into the file."""
        self._db.close()


def version() -> int:
    """Of what facts are made by: this format and the queries."""
    text = "".join(definitions_text(name) + uses_text(name) for name in sorted(GRAMMARS))
    return zlib.crc32(f"{FORMAT}\n{text}".encode())


def _renew(db: apsw.Connection) -> None:
    db.execute("DELETE FROM map_file")
    db.execute("DELETE FROM map_version")
    db.execute("INSERT INTO map_version VALUES (?)", (version(),))
