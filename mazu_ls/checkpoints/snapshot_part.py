"""Parts of a checkpoint other than files: tables of memory.db that convert to files and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from mazu_ls.state.store import Migrations

if TYPE_CHECKING:
    import apsw


class SnapshotPart(Protocol):
    """One folder of a checkpoint's tree whose content lives in tables: "memory", "conversation"."""

    name: str
    migrations: Migrations

    def changed(self, db: apsw.Connection) -> dict[str, bytes | None]:
        """Return files below `name` that differ from what the last `mark_taken` saw; None for a removed one.

        Called inside the checkpoint's transaction.
        """
        ...

    def everything(self, db: apsw.Connection) -> dict[str, bytes]:
        """Return all files below `name`: used if the store holds no checkpoint (a new one, or one that was lost)."""
        ...

    def mark_taken(self, db: apsw.Connection) -> None:
        """The checkpoint holds them: clear the dirty marks. Same transaction as `changed`."""
        ...

    def restore(self, db: apsw.Connection, files: Mapping[str, bytes | None]) -> dict[str, str]:
        """Restore the tables from these files; only those that differ are passed, None means remove.

        Returns the reason for each file that cannot be restored because it is damaged; the others are restored
        nevertheless. Called inside the rollback's one transaction.
        """
        ...

    def readable(self, path: str, data: bytes) -> tuple[str, bytes]:
        """Return a file's name and content in a readable form for a patch."""
        ...
