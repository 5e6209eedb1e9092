"""Which part of a checkpoint a rollback restores."""

from __future__ import annotations

from typing import get_args

from msgspec import Struct

from mazu_ls.checkpoints.attribution.recorded_writes import rollback_of
from mazu_ls.checkpoints.models import Section, is_selected
from mazu_ls.checkpoints.store.schema import PastRollback


class RestoreSelection(Struct, frozen=True):
    """Which part of a checkpoint is restored; nothing named means all of it.

    `memories`: of the memories only those of these ids or names. `session`: of the conversations only this one. `own`: of the files
    only what this session's agent changed. `redo_of`: only what this rollback changed.
    """

    only: tuple[Section, ...] = ()
    paths: tuple[str, ...] = ()
    session: str | None = None
    own: bool = False
    memories: tuple[str, ...] = ()
    redo_of: PastRollback | None = None

    def has(self, section: Section) -> bool:
        """Return whether a section is selected. Paths name files, so naming some excludes everything else."""
        if self.paths and section != "code" and not self.only:
            return False
        return not self.only or section in self.only

    @property
    def whole(self) -> bool:
        """Whether everything is restored, also if each section is named."""
        return (
            not self.paths
            and not self.memories
            and self.session is None
            and self.redo_of is None
            and (not self.only or set(self.only) == set(get_args(Section)))
        )

    def names_memory(self, name: str) -> bool:
        """Return whether a memory entry is selected, by its file's name without the suffix."""
        return not self.memories or name in self.memories or name.rpartition("/")[2] in self.memories

    @property
    def owner(self) -> str | None:
        """The writer whose changes are rolled back, see `Change.owner`; None for those of any agent."""
        if self.redo_of is not None:
            known = self.session and self.redo_of.conversations is not None
            return rollback_of(self.session) if known else None
        return self.session if self.own else None

    def has_conversation(self, session: str) -> bool:
        """Return whether a session's conversation is selected."""
        changed = self.redo_of.conversations if self.redo_of is not None else None
        if changed is not None and session not in changed:
            return False
        return self.session in (None, session)

    def names(self, shown: str) -> bool:
        """Return whether a file is selected: itself, or a folder above it."""
        return is_selected(shown, self.paths)
