"""Imports a project's state from one file: checked completely in a staging folder, then swapped in with one rename."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mazu_ls.agent.archive import archive_writer, archived_store, archived_tables, state_archive
from mazu_ls.agent.archive.archived_tables import ArchivedCheckpoint, NotOurs
from mazu_ls.agent.archive.export_state import EXCLUDED, forget_unheld
from mazu_ls.agent.archive.state_archive import ArchiveManifest, StateArchive
from mazu_ls.checkpoints.restore.atomic_rename import exchange
from mazu_ls.checkpoints.store import schema
from mazu_ls.errors import Kind, MazuError
from mazu_ls.journal import journal
from mazu_ls.platform import open_flags
from mazu_ls.state import identity, paths
from mazu_ls.state.store import connect, transaction

if TYPE_CHECKING:
    import apsw

STAGED = "importing"


class StagedImport(NamedTuple):
    """A checked state, staged next to that of the project at `root`. `lock` is held until it is put in place or
    discarded."""

    root: Path
    folder: Path
    manifest: ArchiveManifest
    lock: int

    def put_in_place(self, env: Mapping[str, str]) -> Path | None:
        """Make it the project's state; return the path where the previous state is kept, None if there was none.

        Call it while no process has the project open; otherwise the staged state is discarded and MazuError(busy)
        raised.
        """
        try:
            aside = self._exchanged(paths.root_state(self.root, env))
        except BaseException:
            self.discard()
            raise
        os.close(self.lock)
        return aside

    def _exchanged(self, current: Path) -> Path | None:
        if not current.exists():
            self.folder.rename(current)
            return None
        with ExitStack() as held:
            held.callback(os.close, identity.lock_state(current, self.root))
            folder = os.open(current.parent, open_flags.FOLDER)
            held.callback(os.close, folder)
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
            staged = self.folder.stat().st_ino
            # Rename first: after the exchange this folder holds the user's previous state, and folders with a staging
            # name are deleted.
            aside = self.folder.rename(current.with_name(f"{current.name}.replaced-{stamp}"))
            try:
                exchange(folder, os.fsencode(aside.name), folder, os.fsencode(current.name))
            except BaseException:
                if aside.exists() and aside.stat().st_ino == staged:  # not exchanged
                    aside.rename(self.folder)
                raise
            os.fsync(folder)
            return aside

    def discard(self) -> None:
        """Delete the staged state unless it was put in place: nothing else ever has its folder's name."""
        os.close(self.lock)
        shutil.rmtree(self.folder, ignore_errors=True)


def stage_import(
    root: Path, source: Path, env: Mapping[str, str], *, mine: bool, replace: bool
) -> StagedImport:
    """Check the archive `source` and stage its state next to that of the project at `root`. Blocks; changes nothing
    else.

    `mine`: the user says that an archive which this machine did not sign is their own. `replace`: set the project's
    present state aside. Raises MazuError: permission without `mine`, conflict without `replace`, config if it is no
    archive.
    """
    current = paths.root_state(root, env)
    _sweep(current)
    with state_archive.open_archive(source, archive_writer.signing_key(env)) as archive:
        if not archive.own and not mine:
            raise MazuError(
                Kind.PERMISSION,
                f"{source} was not written by mazu-ls on this machine: its memories would stand in every prompt as yours.",
                "If it is your own backup, say so (--mine). Else unpack it, and take its memories with their origin marked: mazu-ls memory import memory.db",
            )
        if not replace and holds_state(current):
            raise MazuError(
                Kind.CONFLICT,
                f"{root} has memories, conversations or checkpoints of its own.",
                "Say that they are to be set aside (--replace): they are kept, and the answer names where.",
            )
        return _staged(root, current, archive)


def _staged(root: Path, current: Path, archive: StateArchive) -> StagedImport:
    needed = sum(file.size for file in archive.manifest.files)
    folder = current.with_name(f"{current.name}.{STAGED}-{secrets.token_hex(6)}")
    try:
        paths.private_folder(folder.parent)
        if shutil.disk_usage(folder.parent).free < needed + (64 << 20):
            raise MazuError(
                Kind.STORAGE, f"The archive needs {needed:,} bytes; there is no room.", "Free some."
            )
        folder.mkdir(mode=0o700)
        lock = identity.lock_state(folder, root)
        try:
            _lay_out(root, folder, archive)
        except BaseException:
            os.close(lock)
            raise
        return StagedImport(root, folder, archive.manifest, lock)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, NotOurs):
            raise state_archive.damaged(archive.path, str(error)) from error
        if isinstance(error, OSError):
            raise MazuError(
                Kind.STORAGE, f"Nothing was imported: {error.strerror or error}.", "Check the disk."
            ) from error
        raise


def _lay_out(root: Path, folder: Path, archive: StateArchive) -> None:
    """Write the files of a state folder, all of them checked."""
    paths.private_folder(folder / "journal")
    database = folder / state_archive.DATABASE
    for name in archive.files:
        if name != state_archive.PACK:
            archive.extract(name, folder / name)
    archived_tables.require_schema(database)
    commits = _migrated(database, own=archive.own)
    if state_archive.PACK in archive.files:
        scratch = folder / "archive.pack"
        archive.extract(state_archive.PACK, scratch)
        place = paths.private_folder(folder / "checkpoints")
        archived_store.take_pack(scratch, place / "store.git", commits)
    elif commits:
        raise NotOurs("it lists checkpoints, and holds none")
    for path in (folder / "journal").iterdir():
        if path.stat().st_size and not any(True for _ in journal.read(path)):
            raise NotOurs(f"{path.name} holds no conversation")
    real = root.resolve()
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    identity.write_marker(
        folder, identity.Marker(secrets.token_hex(16), str(real), now, inode=real.stat().st_ino)
    )


def _migrated(database: Path, *, own: bool) -> list[ArchivedCheckpoint]:
    """Migrate a database with a known schema, check its rows, and delete what belonged to the moment of the export."""
    import apsw

    try:
        with closing(connect(database, tuple(archived_tables.OWNERS.values()))) as connection:
            checkpoints = archived_tables.require_rows(connection, own=own)

            def clear(db: apsw.Connection) -> None:
                for table in ("proposed_hunk", *EXCLUDED):
                    db.execute(f"DELETE FROM {table}")
                forget_unheld(db)
                schema.set_state(db, "imported", "1")

            transaction(connection, clear)
            return checkpoints
    except apsw.Error as error:
        raise NotOurs(str(error)) from error


def holds_state(state: Path) -> bool:
    """Return whether a state folder holds conversations, memories or checkpoints, or a database that cannot be read.
    Blocks."""
    database = state / state_archive.DATABASE
    if any((state / "journal").glob("*.jsonl")):
        return True
    try:
        return database.exists() and any(archived_tables.count_rows(database).values())
    except NotOurs:
        return True


def _sweep(current: Path) -> None:
    """Remove what a killed import left behind."""
    for folder in current.parent.glob(f"{current.name}.{STAGED}-*"):
        with suppress(OSError, MazuError):
            os.close(identity.lock_state(folder, folder))
            shutil.rmtree(folder, ignore_errors=True)
