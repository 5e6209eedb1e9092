"""Rows of an untrusted memory database: a restored backup, a moved home, what an older version left.

The file is copied first and the copy opened defensively and read-only. Only its rows count, and only if its tables are
exactly what mazu-ls makes: no triggers, views or functions of the file are ever run.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.memory.io import imports
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.memory.store.schema import MIGRATIONS
from mazu_ls.state.store import Migrations, harden, select
from mazu_ls.workspace import project_files
from mazu_ls.workspace.visible_text import plural

if TYPE_CHECKING:
    import apsw

HEADER = b"SQLite format 3\0"
MAX_BYTES = 1024**3
TABLES = ("memory", "memory_anchor")
KINDS = ("memory", "page")


def is_database(path: Path) -> bool:
    """Return whether a regular file is an SQLite database, by its first bytes."""
    try:
        with project_files.open_file(path.parent, path.name) as file:
            return file.read(len(HEADER)) == HEADER
    except OSError:
        return False


def read(path: Path) -> list[imports.ImportRecord | str]:
    """Return the memories and pages of a database, unpinned, their origin marked; a text instead says what is left out.

    Raises MazuError: storage if it cannot be read, config if its tables are not those of mazu-ls.
    """
    with tempfile.TemporaryDirectory(prefix="mazu-ls-") as folder:
        copy = Path(folder) / "memory.db"
        try:
            for suffix in ("", "-wal"):
                _copy(path.with_name(path.name + suffix), copy.with_name(copy.name + suffix))
        except OSError as error:
            raise MazuError(
                Kind.STORAGE, f"{path} cannot be read: {error.strerror or error}.", "Choose another file."
            ) from error
        return list(_read(copy, path))


def _copy(source: Path, target: Path) -> None:
    try:
        opened = project_files.open_file(source.parent, source.name)
    except FileNotFoundError:
        if not source.name.endswith("-wal"):
            raise
        return
    with opened as file, target.open("xb") as copy:
        if os.fstat(file.fileno()).st_size > MAX_BYTES:
            raise OSError(f"it is larger than {MAX_BYTES:,} bytes")
        shutil.copyfileobj(file, copy)


def _read(copy: Path, source: Path) -> Iterator[imports.ImportRecord | str]:
    import apsw

    db = apsw.Connection(str(copy))
    try:
        harden(db)
        db.execute("PRAGMA query_only = on").fetchall()
        _require_own_tables(db, source)
        left = 0
        for entry in EntryTable(db, "project").entries("1", (), "ORDER BY n"):
            if entry.kind not in KINDS:
                left += 1
                continue
            try:
                plain = replace(
                    entry, n=None, pinned=False, source="imported", origin=str(source)[-300:], session_id=None,
                    state="current", supersedes=None, superseded_by=None, details=None,
                )  # fmt: skip
                yield imports.ImportRecord(imports.checked(plain, source.name), source.name)
            except (InvalidArguments, TypeError, ValueError) as error:
                yield f"{source.name}: {error}"
        if left:
            yield f"{source.name}: summaries, traits and relations are left out: {plural(left, 'entry', 'entries')}."
    except apsw.Error as error:
        raise MazuError(Kind.STORAGE, f"{source} cannot be read: {error}.", "Choose another file.") from error
    finally:
        db.close()


def _require_own_tables(db: apsw.Connection, source: Path) -> None:
    """Raise MazuError(config) unless the tables to be read are those of some version of mazu-ls."""
    held = {
        name: sql
        for name, sql in select(db, "SELECT name, sql FROM sqlite_schema WHERE type = 'table'")
        if name in TABLES
    }
    steps = MIGRATIONS.steps
    for version in range(len(steps), 0, -1):
        ours = Migrations(MIGRATIONS.owner, steps[:version]).objects()
        if held == {name: ours["table", name][1] for name in TABLES if ("table", name) in ours}:
            return
    raise MazuError(
        Kind.CONFIG, f"{source} is not a memory database of mazu-ls.", "Import Markdown, or another file."
    )
