"""What a checkpoint holds besides files: tables of memory.db that know how to be files and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from mazu_ls.state.store import Migrations

if TYPE_CHECKING:
    import apsw


class SnapshotPart(Protocol):
    """One folder of a checkpoint's tree that lives in tables: "memory", "conversation"."""

    name: str
    migrations: Migrations

    def changed(self, db: apsw.Connection) -> dict[str, bytes | None]:
        """Files below `name` that differ from what the last `mark_taken` saw; None for one that is gone.

        Called inside the checkpoint's transaction.
        """
        ...

    def everything(self, db: apsw.Connection) -> dict[str, bytes]:
        """All files below `name`: asked for when the store holds no checkpoint (a new one, or one that was lost)."""
        ...

    def mark_taken(self, db: apsw.Connection) -> None:
        """The checkpoint holds them: forget the dirty marks. Same transaction as `changed`."""
        ...

    def restore(self, db: apsw.Connection, files: Mapping[str, bytes | None]) -> dict[str, str]:
        """Make the tables say what these files say; only those that differ are passed, None means remove.

        Returns the reason for each file that cannot be restored: it is damaged, and the others are restored
        nevertheless. Called inside the rollback's one transaction.
        """
        ...

    def readable(self, path: str, data: bytes) -> tuple[str, bytes]:
        """A file's name and content as people read them in a patch."""
        ...
