"""Rules a user gives while mazu-ls runs, and until it ends: they are stored nowhere."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from msgspec import Struct

from mazu_ls.policy.rules import Rule, Verdict


class RuntimeRule(Struct, frozen=True):
    """One rule, as it was written. The same rule has the same id, so that giving it twice is giving it once."""

    id: str
    tool: str
    pattern: str
    verdict: Verdict
    given_at: datetime

    @classmethod
    def now(cls, tool: str, pattern: str, verdict: Verdict) -> RuntimeRule:
        """A rule given at this moment."""
        digest = hashlib.sha256("\0".join((tool, pattern, verdict)).encode("utf-8", "surrogateescape"))
        return cls(f"ru_{digest.hexdigest()[:10]}", tool, pattern, verdict, datetime.now(UTC))

    @property
    def rule(self) -> Rule:
        """The rule it amounts to."""
        return Rule.parse(self.tool, self.pattern, self.verdict, origin="given")
