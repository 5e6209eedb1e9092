"""Permanent grants: argv prefixes per project, in the user's own folder, never in the repository; and rules for one run."""

from __future__ import annotations

import hashlib
import shlex
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from mazu_ls.errors import Kind, MazuError
from mazu_ls.policy.rules import ANYTHING, Rule, Verdict
from mazu_ls.tools.locked_json import LockedJsonFile


class Grant(Struct, frozen=True, rename="camel"):
    """One lasting permission: every call of `tool` whose words begin with `prefix`; all calls if it is empty.

    For tools other than run_shell the prefix is one pattern: a path, or a host. With `folder` it is one exact command
    line, run in that folder.
    """

    id: str
    tool: str
    prefix: tuple[str, ...]
    granted_at: datetime
    folder: str | None = None

    @property
    def rule(self) -> Rule:
        """Return the equivalent rule."""
        if self.folder is not None:
            return Rule(
                self.tool, self.prefix, "allow", origin="always", exact=(self.prefix[0], Path(self.folder))
            )
        return Rule(self.tool, self.prefix, "allow", origin="always")

    @property
    def pattern(self) -> str:
        """Return the pattern as a rule of the settings would have it."""
        if self.folder is not None:
            return self.prefix[0]
        if not self.rule.applies("run_shell"):
            return " ".join(self.prefix) or ANYTHING
        return " ".join([*map(_as_pattern, self.prefix), ANYTHING])


def _as_pattern(word: str) -> str:
    """Quote a word for a pattern, only if it would be read as another one, so that `push*` stays as it was typed."""
    try:
        return word if shlex.split(word) == [word] else shlex.quote(word)
    except ValueError:
        return shlex.quote(word)


class GrantStore:
    """The grants of one project. The file is read again on every change, so that several servers may share it."""

    def __init__(self, file: LockedJsonFile[Grant]) -> None:
        self._file = file
        self._grants = file.read()

    @classmethod
    def load(cls, home: Path, project: str) -> GrantStore:
        """Read `<home>/grants/<project>.json`. Raises MazuError(config) if it is damaged."""
        path = home / "grants" / f"{project}.json"
        return cls(LockedJsonFile(path, Grant, "Fix it, or delete it to be asked about everything again."))

    def list(self) -> tuple[Grant, ...]:
        """Return all grants, oldest first."""
        return self._grants

    def rules(self) -> tuple[Rule, ...]:
        """Return all grants as rules for `decide`."""
        return tuple(grant.rule for grant in self._grants)

    def add(self, tool: str, prefix: tuple[str, ...], folder: Path | None = None) -> Grant:
        """Store a grant; the same one twice is one. Raises MazuError(storage) if it cannot be stored."""
        named = (tool, *prefix, *(() if folder is None else ("in", str(folder))))
        digest = hashlib.sha256("\0".join(named).encode("utf-8", "surrogateescape")).hexdigest()
        new = Grant(f"gr_{digest[:10]}", tool, prefix, datetime.now(UTC), str(folder) if folder else None)
        self._grants = self._file.change(lambda old: old if any(g.id == new.id for g in old) else (*old, new))
        return next(grant for grant in self._grants if grant.id == new.id)

    def revoke(self, grant_id: str) -> Grant:
        """Revoke a grant. Raises MazuError(not_found)."""
        found = next((grant for grant in self._file.read() if grant.id == grant_id), None)
        if found is None:
            raise MazuError(
                Kind.NOT_FOUND, f"There is no grant {grant_id}.", "List them with mazu.permissions.list."
            )
        self._grants = self._file.change(lambda old: tuple(grant for grant in old if grant.id != grant_id))
        return found


class RuntimeRule(Struct, frozen=True):
    """One rule, as it was written. Equal rules have equal ids, so that giving one twice has no effect."""

    id: str
    tool: str
    pattern: str
    verdict: Verdict
    given_at: datetime
    origin: str = "given"

    @classmethod
    def now(cls, tool: str, pattern: str, verdict: Verdict, origin: str = "given") -> RuntimeRule:
        """Return a rule given at this moment."""
        digest = hashlib.sha256("\0".join((tool, pattern, verdict)).encode("utf-8", "surrogateescape"))
        return cls(f"ru_{digest.hexdigest()[:10]}", tool, pattern, verdict, datetime.now(UTC), origin)

    @property
    def rule(self) -> Rule:
        """Return the rule for `decide`."""
        return Rule.parse(self.tool, self.pattern, self.verdict, origin=self.origin)
