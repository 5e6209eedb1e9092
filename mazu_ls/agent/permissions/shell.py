"""A command line before it runs (filled in by the next commit: until then every line is asked about)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mazu_ls.agent.permissions.rules import Call, Decision, Place, Rule


@dataclass(frozen=True)
class Line:
    """What is known of a command line."""

    denied: Decision | None = None
    doubt: str | None = "it is not known to be harmless"
    prefix: tuple[str, ...] | None = None
    text: str = ""

    def mentions(self, rule: Rule) -> bool:
        """Whether a deny or ask rule is about it."""
        return rule.matches_text(self.text)

    def granted(self, rules: Sequence[Rule]) -> Rule | None:
        """The rule that allows all of it."""
        return next((rule for rule in rules if not rule.pattern), None)


def is_command(call: Call) -> bool:
    """Whether the call runs a command line."""
    return call.tool == "run_shell" and isinstance(call.arguments.get("command"), str)


def analyse(call: Call, place: Place) -> Line:
    """Read a command line."""
    return Line(text=call.arguments["command"])
