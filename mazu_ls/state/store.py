"""SQLite through APSW: one connection, one worker thread, numbered migrations, FULL sync."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mazu_ls.errors import Kind, MazuError
from mazu_ls.platform import open_flags

if TYPE_CHECKING:
    import apsw

log = logging.getLogger(__name__)
T = TypeVar("T")
BUSY_MS = 10_000
CHECKED_BYTES = 16 * 1024 * 1024
_VERSION_TABLE = "schema_version (owner TEXT PRIMARY KEY, version INTEGER NOT NULL)"
_checked: set[str] = set()


class ForeignSchema(Exception):
    """A database holds tables, triggers or views that our own migrations do not make."""


@dataclass(frozen=True)
class Migrations:
    """The numbered schema steps of one owner of tables; step n migrates version n-1 to n. Never edit a released step."""

    owner: str
    steps: Sequence[str | Callable[[apsw.Connection], None]]

    def objects(self) -> dict[tuple[str, str], tuple[str, str | None]]:
        """Return what the steps make: table and SQL of each table, index, trigger and view, by type and name."""
        return _objects(self.owner, tuple(self.steps))


@cache
def _objects(
    owner: str, steps: tuple[str | Callable[[apsw.Connection], None], ...]
) -> dict[tuple[str, str], tuple[str, str | None]]:
    import apsw

    connection = apsw.Connection(":memory:")
    try:
        _migrate(connection, Migrations(owner, steps))
        found = _schema(connection)
    finally:
        connection.close()
    del found["table", "schema_version"]
    return found


class Store:
    """One SQLite file, used from one worker thread; several stores, also of other processes, may share a file."""

    def __init__(self, path: Path, connection: apsw.Connection, worker: ThreadPoolExecutor) -> None:
        self.path = path
        self.connection = connection
        self._worker = worker
        self._files = (str(path), f"{path}-wal")

    @classmethod
    async def open(cls, path: Path, migrations: Iterable[Migrations]) -> Store:
        """Open or create `path` and bring its schema up to date. Raises MazuError(storage) if it is not usable."""
        worker = ThreadPoolExecutor(1, thread_name_prefix=f"sqlite-{path.name}")
        loop = asyncio.get_running_loop()
        try:
            connection = await loop.run_in_executor(worker, connect, path, tuple(migrations))
        except BaseException:
            worker.shutdown(wait=False)
            raise
        return cls(path, connection, worker)

    async def read(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run `work` on the worker. Cancelling the caller does not stop it, and nothing is left half-read."""
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._worker, self._guarded, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            running.add_done_callback(self._log_failure)
            raise

    def _log_failure(self, done: asyncio.Future[Any]) -> None:
        """Log why work failed whose caller was cancelled: nobody else is told."""
        if not done.cancelled() and (error := done.exception()) is not None:
            log.warning("%s: after its caller was cancelled: %s", self.path.name, error)

    def stamp(self) -> tuple[int, ...]:
        """Return size and time of the file and its log: a commit of any process changes one of them."""
        found: list[int] = []
        for path in self._files:
            try:
                status = os.stat(path)  # noqa: PTH116 - at each call of a tool
            except OSError:  # the log is created by the first commit
                found += (0, 0)
            else:
                found += (status.st_size, status.st_mtime_ns)
        return tuple(found)

    async def write(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run `work` in one BEGIN IMMEDIATE transaction; when this returns, its effect survives a power failure."""
        return await self.read(lambda connection: transaction(connection, work))

    async def close(self) -> None:
        """Close the connection and end the worker."""
        await asyncio.get_running_loop().run_in_executor(self._worker, self.connection.close)
        self._worker.shutdown(wait=False)

    def _guarded(self, work: Callable[[apsw.Connection], T]) -> T:
        import apsw

        try:
            return work(self.connection)
        except (
            StopIteration
        ) as error:  # a future accepts any exception but this one: its waiter would wait forever
            raise RuntimeError("a generator ended unexpectedly") from error
        except apsw.BusyError as error:
            raise MazuError(
                Kind.BUSY, f"{self.path.name} is locked by another process.", "Try again in a moment."
            ) from error
        except apsw.ConnectionClosedError as error:
            raise MazuError(
                Kind.BUSY, "The project is being closed or opened again.", "Try again in a moment."
            ) from error
        except (apsw.CorruptError, apsw.NotADBError) as error:
            _suspect(self.path).touch()
            raise MazuError(
                Kind.STORAGE,
                f"{self.path} is damaged: {error}.",
                "Restart mazu-ls: the damaged file is renamed and a new one is created.",
            ) from error
        except (apsw.FullError, apsw.IOError, apsw.ReadOnlyError, apsw.CantOpenError) as error:
            raise MazuError(
                Kind.STORAGE,
                f"{self.path} could not be used: {error}.",
                "Check the disk and the file's permissions.",
            ) from error


def transaction(connection: apsw.Connection, work: Callable[[apsw.Connection], T]) -> T:
    """Run `work` between BEGIN IMMEDIATE and COMMIT; anything raised rolls all of it back."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def select(connection: apsw.Connection, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return all rows of a query, read at once, so that no cursor stays open across a write."""
    return connection.execute(sql, tuple(values)).fetchall()


def connect(path: Path, migrations: Sequence[Migrations]) -> apsw.Connection:
    """Open one connection in WAL mode with FULL sync and migrate it. A file that is damaged, or whose schema holds objects that
    mazu-ls did not make, is set aside first.

    Internal damage is searched for once per process, in files of at most 16 MiB (3 ms for each), and in any file in which it was
    found before.
    """
    import apsw

    try:
        connection = _connect(path, migrations)
        _check(connection, path)
        return connection
    except (apsw.CorruptError, apsw.NotADBError, ForeignSchema) as error:
        log.warning("%s is damaged and was renamed: %s", path, error)
        quarantine(path)
        return _connect(path, migrations)
    except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.IOError, apsw.FullError, OSError) as error:
        raise MazuError(
            Kind.STORAGE,
            f"{path} cannot be opened: {error}.",
            "Check that the folder exists and is writable, and that the disk is not full.",
        ) from error


def _check(connection: apsw.Connection, path: Path) -> None:
    """Raise apsw.CorruptError if a page of the database is damaged."""
    import apsw

    suspect = _suspect(path)
    known = str(path.resolve())
    if not suspect.exists() and (known in _checked or path.stat().st_size > CHECKED_BYTES):
        return
    _checked.add(known)
    try:
        ((found,),) = select(connection, "PRAGMA quick_check(1)")
        if found != "ok":
            raise apsw.CorruptError(found)
    except BaseException:
        connection.close()
        raise
    finally:
        suspect.unlink(missing_ok=True)


def _suspect(path: Path) -> Path:
    """Return the path of the mark next to a database in which damage was found while it was in use."""
    return path.with_name(f"{path.name}.suspect")


def quarantine(path: Path) -> Path:
    """Move a damaged database and its companion files away, never delete them; return the new place."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    target = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(target.with_name(target.name + suffix))
    return target


def quarantined(path: Path) -> list[Path]:
    """Return the databases that were set aside next to `path`, newest last."""
    return sorted(
        p for p in path.parent.glob(f"{path.name}.damaged-*") if not p.name.endswith(("-wal", "-shm"))
    )


def _connect(path: Path, migrations: Sequence[Migrations]) -> apsw.Connection:
    import apsw

    with suppress(FileExistsError):  # private from the first byte on; -wal and -shm get the same mode
        os.close(os.open(path, open_flags.CREATE_NEW, 0o600))
    connection = apsw.Connection(str(path))
    try:
        return _prepared(connection, migrations)
    except BaseException:
        connection.close()
        raise


def harden(connection: apsw.Connection) -> None:
    """Run no code from the file: no functions in its schema, no writes to the schema or to shadow tables.

    See "Defense against the dark arts", sqlite.org/security.html.
    """
    import apsw

    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0)


def _prepared(connection: apsw.Connection, migrations: Sequence[Migrations]) -> apsw.Connection:
    connection.set_busy_timeout(BUSY_MS)
    harden(connection)
    _write_ahead(connection)
    # One statement per call: APSW stops at the first that returns a row until the cursor is read.
    for pragma in ("synchronous = full", "foreign_keys = on", "temp_store = memory"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    transaction(connection, lambda db: _bring_up_to_date(db, migrations))
    return connection


def _bring_up_to_date(connection: apsw.Connection, migrations: Sequence[Migrations]) -> None:
    for steps in migrations:
        _migrate(connection, steps)
    _require_own_schema(connection, migrations)


def _require_own_schema(connection: apsw.Connection, migrations: Sequence[Migrations]) -> None:
    """Raise ForeignSchema if the file's schema is not what `migrations` make.

    Tables of other owners are allowed; views are not, nor triggers on these tables other than their own.
    """
    held, ours = _schema(connection), _made_by(migrations)
    tables = {name for kind, name in ours if kind == "table"}
    for key, value in ours.items():
        if held.get(key) != value:
            raise ForeignSchema(f"the {key[0]} {key[1]} is not what mazu-ls made")
    for (kind, name), (table, _) in held.items():
        if kind == "view" or (kind in ("trigger", "index") and table in tables and (kind, name) not in ours):
            raise ForeignSchema(f"it holds a {kind} {name} that mazu-ls did not make")


def foreign_objects(connection: apsw.Connection, migrations: Sequence[Migrations]) -> str:
    """Return what a file's schema holds in addition to, or other than, what `migrations` make; empty for nothing."""
    held, ours = _schema(connection), _made_by(migrations)
    held.pop(("table", "schema_version"), None)
    differing = sorted({key for key, _ in held.items() ^ ours.items()})
    return ", ".join(f"{kind} {name[:60]}" for kind, name in differing[:5])


def has_version_table(connection: apsw.Connection) -> bool:
    """Return whether a file has the table of schema versions, exactly as it is made here."""
    found = select(connection, "SELECT type, sql FROM sqlite_schema WHERE name = 'schema_version'")
    return found == [("table", f"CREATE TABLE {_VERSION_TABLE}")]


def _made_by(migrations: Sequence[Migrations]) -> dict[tuple[str, str], tuple[str, str | None]]:
    ours: dict[tuple[str, str], tuple[str, str | None]] = {}
    for one in migrations:
        ours |= one.objects()
    return ours


def _schema(connection: apsw.Connection) -> dict[tuple[str, str], tuple[str, str | None]]:
    rows = select(connection, "SELECT type, name, tbl_name, sql FROM sqlite_schema")
    return {(kind, name): (table, sql) for kind, name, table, sql in rows if not name.startswith("sqlite_")}


def _write_ahead(connection: apsw.Connection) -> None:
    """Switch to WAL mode. Two processes that switch a new file at once upgrade their locks against each other, for which SQLite does
    not call the busy handler: one gets "locked" at once, and tries again here (sqlite.org/c3ref/busy_handler)."""
    import apsw

    until = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = wal").fetchall()
            return
        except apsw.BusyError:
            if time.monotonic() > until:
                raise
            time.sleep(0.005)


def _migrate(connection: apsw.Connection, migrations: Migrations) -> None:
    connection.execute(f"CREATE TABLE IF NOT EXISTS {_VERSION_TABLE}")
    row = connection.execute(
        "SELECT version FROM schema_version WHERE owner = ?", (migrations.owner,)
    ).fetchone()
    version = row[0] if row else 0
    if version > len(migrations.steps):
        raise MazuError(
            Kind.STORAGE,
            f"{migrations.owner} was written by a newer mazu-ls (schema {version}).",
            "Update mazu-ls, or move the file away.",
        )
    for number, step in enumerate(migrations.steps[version:], version + 1):
        connection.execute(step).fetchall() if isinstance(step, str) else step(connection)
        connection.execute(
            "INSERT INTO schema_version VALUES (?, ?) ON CONFLICT (owner) DO UPDATE SET version = excluded.version",
            (migrations.owner, number),
        )
