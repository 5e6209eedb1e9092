"""Rules that a user gives while mazu-ls runs, valid until it ends: they are stored nowhere."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from msgspec import Struct

from mazu_ls.policy.rules import Rule, Verdict


class RuntimeRule(Struct, frozen=True):
    """One rule, as it was written. Equal rules have equal ids, so that giving one twice has no effect."""

    id: str
    tool: str
    pattern: str
    verdict: Verdict
    given_at: datetime

    @classmethod
    def now(cls, tool: str, pattern: str, verdict: Verdict) -> RuntimeRule:
        """Return a rule given at this moment."""
        digest = hashlib.sha256("\0".join((tool, pattern, verdict)).encode("utf-8", "surrogateescape"))
        return cls(f"ru_{digest.hexdigest()[:10]}", tool, pattern, verdict, datetime.now(UTC))

    @property
    def rule(self) -> Rule:
        """Return the rule for `decide`."""
        return Rule.parse(self.tool, self.pattern, self.verdict, origin="given")
