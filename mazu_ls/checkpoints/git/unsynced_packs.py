"""The packs of the newest steps, which the database holds until they are durable as files.

A step would sync its pack, the pack's index and their folder before its row is committed. Instead the commit holds the pack as
well, so that its one sync covers all of it, and the files are synced later, if they are not merged with others before. After a
power failure such files may be missing or hold anything: they are compared with the database when the store is opened.
"""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.git.pack import KEPT_BYTES, UnsyncedPack, sync_folder, write_file
from mazu_ls.platform import open_flags
from mazu_ls.platform.boot import boot_id
from mazu_ls.state.store import select, transaction

if TYPE_CHECKING:
    import apsw

log = logging.getLogger(__name__)
MOST = 100
"""Number of packs in the database from which on their files are synced."""
MOST_BYTES = 1 << 20
"""Their bytes from which on they are, too: each opening compares them."""
_SUM = 20
_LARGEST = KEPT_BYTES + 4096
"""Bytes of a pack that may not have been synced."""


def keep_pack(db: apsw.Connection, pack: UnsyncedPack) -> None:
    """Make a pack durable with the transaction that is open."""
    db.execute("INSERT OR REPLACE INTO checkpoint_pack VALUES (?, ?, ?)", pack)


def restore_packs(db: apsw.Connection, folder: Path) -> None:
    """Write each pack of the database again whose files are not as they were written. Call it with the lock held.

    A store without any other pack was lost, since its first one was synced: what the database has of it is dropped.
    """
    kept = {
        row[0]: UnsyncedPack(*row) for row in select(db, "SELECT name, pack, pack_index FROM checkpoint_pack")
    }
    if kept and not any(path.stem not in kept for path in folder.glob("*.pack")):
        _drop(db, [*kept])
        return
    restored = 0
    for pack in kept.values():
        files = pack.files(folder)
        if all(_read(path) == data for path, data in files):
            continue
        for path, data in files:
            draft = path.with_name(f"tmp_{path.name}")
            draft.unlink(missing_ok=True)
            write_file(draft, data, durably=True)
            draft.replace(path)
        restored += 1
    if restored:
        sync_folder(folder)
        log.warning("%d packs of the checkpoint store were restored from the database", restored)
    _set_torn_aside(folder)


def sync_packs(db: apsw.Connection, folder: Path, most: int = MOST) -> None:
    """Make the files durable and drop the packs from the database, if it holds `most` or MOST_BYTES. Call it with the lock held."""
    held = select(db, "SELECT name, length(pack) FROM checkpoint_pack")
    names = [name for name, _ in held]
    if len(names) < max(most, 1) and sum(size for _, size in held) < MOST_BYTES:
        return
    for name in names:
        for suffix in (".pack", ".idx"):
            try:
                fd = os.open(folder / f"{name}{suffix}", os.O_RDONLY | open_flags.CLOEXEC)
            except FileNotFoundError:  # merged with others, which git has synced
                continue
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
    sync_folder(folder)
    _drop(db, names)


def _drop(db: apsw.Connection, names: list[str]) -> None:
    rows = [(name,) for name in names]
    transaction(db, lambda d: d.executemany("DELETE FROM checkpoint_pack WHERE name = ?", rows))


def _set_torn_aside(folder: Path) -> None:
    """After the machine was started anew: rename packs of steps that were never committed and are not whole; git stumbles over them."""
    known, boot = folder.parents[1] / "boot", boot_id()
    if boot and _read(known) == boot.encode():
        return
    for index in folder.glob("pack-*.idx"):
        pack = index.with_suffix(".pack")
        try:
            if pack.stat().st_size > _LARGEST:
                continue
        except FileNotFoundError:
            pass
        data, listed = _read(pack), _read(index)
        if not (_is_whole(data) and _is_whole(listed) and listed[-2 * _SUM : -_SUM] == data[-_SUM:]):
            log.warning("%s is not whole and was renamed", pack)
            for path in (index, pack):
                if path.exists():
                    path.replace(path.with_name(f"{path.name}.torn"))
    known.write_text(boot, encoding="ascii")


def _is_whole(data: bytes) -> bool:
    return len(data) > 2 * _SUM and hashlib.sha1(data[:-_SUM], usedforsecurity=False).digest() == data[-_SUM:]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
