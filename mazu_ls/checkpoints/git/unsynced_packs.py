"""Packs of steps that an earlier version left: the database holds them until they are durable as files.

After a power failure such files may be missing or hold anything: they are written again when the store is opened.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.git.pack import KEPT_BYTES, sync_folder, write_file
from mazu_ls.platform.boot import boot_id
from mazu_ls.state.store import select, transaction

if TYPE_CHECKING:
    import apsw

log = logging.getLogger(__name__)
_SUM = 20
_LARGEST = KEPT_BYTES + 4096
"""Bytes of a pack that may not have been synced."""


def restore_packs(db: apsw.Connection, folder: Path) -> None:
    """Make the packs of the database durable as files, and drop them from it. Call it with the lock held."""
    kept = select(db, "SELECT name, pack, pack_index FROM checkpoint_pack")
    for name, pack, index in kept:
        for path, data in ((folder / f"{name}.pack", pack), (folder / f"{name}.idx", index)):
            draft = path.with_name(f"tmp_{path.name}")
            draft.unlink(missing_ok=True)
            write_file(draft, data, durably=True)
            draft.replace(path)
    if kept:
        sync_folder(folder)
        rows = [(name,) for name, _, _ in kept]
        transaction(db, lambda d: d.executemany("DELETE FROM checkpoint_pack WHERE name = ?", rows))
    _set_torn_aside(folder)


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
