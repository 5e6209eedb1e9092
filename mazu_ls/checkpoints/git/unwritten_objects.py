"""The objects of the newest steps, which only the database holds until git needs them: see docs/checkpoints.md, "Taking one".

A step's row and its objects are one transaction, so that one sync makes both durable and no file is made. All of them are
written to the store as one pack before a git process reads objects, and once there are many.
"""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.git.objects import BLOB, COMMIT, TREE, object_id
from mazu_ls.checkpoints.git.pack import NewObject, PackWriter
from mazu_ls.checkpoints.git.packed_refs import add_refs
from mazu_ls.state.store import select, transaction

if TYPE_CHECKING:
    import apsw

log = logging.getLogger(__name__)
MOST = 100
"""Number of steps from which on they are written to the store."""
MOST_BYTES = 1 << 20
"""Their bytes from which on they are, too; a process holds them in memory."""
_KINDS = (BLOB, TREE, COMMIT)
_HEAD = struct.Struct(">B20sL")


class UnwrittenObjects:
    """What the database holds of a store. For the thread that uses the connection."""

    def __init__(self, db: apsw.Connection, store: Path, ref: Callable[[int], str]) -> None:
        """`ref` returns the name of the ref of a checkpoint, by its number."""
        self._db = db
        self._store = store
        self._packs = store / "objects" / "pack"
        self._ref = ref
        self._data: dict[bytes, bytes] = {}
        self._size = 0
        self._version: int | None = None

    def get(self, oid: bytes) -> bytes | None:
        """Return the data of an object, None if the database does not hold it: then it is in the store, or nowhere.

        What another process added is found, too: it writes files before it deletes rows.
        """
        found = self._data.get(oid)
        if found is None and self._is_stale():
            self._load()
            found = self._data.get(oid)
        return found

    def keep(self, number: int, commit: bytes, objects: Iterable[NewObject]) -> None:
        """Make the objects of checkpoint `number` durable with the transaction that is open, and readable at once.

        Raises FileNotFoundError if the store is gone: it held what they build on.
        """
        added = list(objects)
        os.stat(self._packs)  # noqa: PTH116 - once a step
        self._db.execute(
            "INSERT INTO checkpoint_unwritten VALUES (?, ?, ?)", (number, commit, _packed(added))
        )
        if self._size > 2 * MOST_BYTES:  # others wrote them to the store
            self._version = None
        self._add(added)

    def forget(self) -> None:
        """Read the database again when an object is asked for next: a transaction was rolled back, or objects were collected."""
        self._data.clear()
        self._size = 0
        self._version = None

    def write_out(self, most: int = 1) -> bool:
        """Write everything to the store, durably, if there are `most` steps or MOST_BYTES; return whether that was done.

        No lock is needed: whoever does it at the same time writes the same. Raises OSError (ENOSPC, EACCES).
        """
        count, size = select(
            self._db, "SELECT count(*), coalesce(sum(length(objects)), 0) FROM checkpoint_unwritten"
        )[0]
        if not count or (count < most and size < MOST_BYTES):
            return False
        rows = select(self._db, "SELECT number, commit_id, objects FROM checkpoint_unwritten")
        writer = PackWriter(self._packs)
        refs: dict[str, bytes] = {}
        for number, commit, packed in rows:
            for one in _unpacked(packed):
                writer.add(*one)
            if commit in writer:
                refs[self._ref(number)] = commit
        writer.finish()
        add_refs(self._store, refs)
        self._delete([number for number, _, _ in rows])
        self.forget()
        return True

    def drop(self) -> None:
        """Delete what the database holds: the store that it belonged to is gone."""
        self._delete([number for (number,) in select(self._db, "SELECT number FROM checkpoint_unwritten")])
        self.forget()

    def _delete(self, numbers: list[int]) -> None:
        rows = [(number,) for number in numbers]

        def delete(db: apsw.Connection) -> None:
            db.executemany("DELETE FROM checkpoint_unwritten WHERE number = ?", rows)

        if self._db.in_transaction:
            delete(self._db)
        else:
            transaction(self._db, delete)

    def _is_stale(self) -> bool:
        """Return whether another connection changed the database since it was read."""
        return self._version is None or self._version != self._current_version()

    def _current_version(self) -> int:
        return select(self._db, "PRAGMA data_version")[0][0]

    def _load(self) -> None:
        self.forget()
        self._version = self._current_version()
        for (packed,) in select(self._db, "SELECT objects FROM checkpoint_unwritten"):
            self._add(_unpacked(packed))

    def _add(self, objects: Iterable[NewObject]) -> None:
        for _, data, oid in objects:
            self._data[oid] = data
            self._size += len(data)


def _packed(objects: Iterable[NewObject]) -> bytes:
    parts: list[bytes] = []
    for kind, data, oid in objects:
        parts += (_HEAD.pack(_KINDS.index(kind), oid, len(data)), data)
    return b"".join(parts)


def _unpacked(packed: bytes) -> list[NewObject]:
    """Return the objects of a row; none if it is damaged: then its checkpoint is missing from the store."""
    found: list[NewObject] = []
    at = 0
    while at < len(packed):
        try:
            kind, oid, size = _HEAD.unpack_from(packed, at)
        except struct.error:
            kind, oid, size = len(_KINDS), b"", 0
        at += _HEAD.size + size
        data = packed[at - size : at]
        if kind >= len(_KINDS) or object_id(_KINDS[kind], data) != oid:
            log.warning("what the database holds of a checkpoint is damaged")
            return []
        found.append((_KINDS[kind], data, oid))
    return found
