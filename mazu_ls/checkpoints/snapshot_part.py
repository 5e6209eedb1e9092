"""Parts of a checkpoint other than files: tables of memory.db that convert to files and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

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

    def restore(
        self, db: apsw.Connection, files: Mapping[str, bytes | None], writer: str = ""
    ) -> dict[str, str]:
        """Restore the tables from these files; only those that differ are passed, None means remove.

        `writer`: who counts as the writer of the restored rows, if the part records writers.

        Returns the reason for each file that cannot be restored because it is damaged; the others are restored
        nevertheless. Called inside the rollback's one transaction.
        """
        ...

    def readable(self, path: str, data: bytes) -> tuple[str, bytes]:
        """Return a file's name and content in a readable form for a patch."""
        ...


@runtime_checkable
class OwnedPart(SnapshotPart, Protocol):
    """A part that records the writers of its files, so that a rollback leaves the user's changes."""

    def writers(self, db: apsw.Connection) -> dict[str, set[str]]:
        """Return who changed each file since the last `mark_taken`: "" the user, "automatic" nobody, else an agent's session."""
        ...

    def describe(self, path: str, data: bytes) -> str:
        """Return the name under which reports list a file, in one line."""
        ...

    def is_team_work(self, data: bytes) -> bool:
        """Return whether a colleague wrote the file and shares it with the user."""
        ...

    def sets_aside(self, was: bytes, now: bytes) -> bool:
        """Return whether the change between two contents only archives or supersedes the entry."""
        ...

    def confirms(self, was: bytes, now: bytes) -> bool:
        """Return whether the user only said, too, what the entry holds."""
        ...

    def merge(self, mine: bytes, ancestor: bytes, theirs: bytes) -> bytes | None:
        """Return the three-way merge of two changed contents; None if they conflict."""
        ...
