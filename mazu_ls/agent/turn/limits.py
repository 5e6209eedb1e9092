"""Limits of a turn: steps, US dollars, tokens, seconds, and consecutive rounds in which all tool calls failed."""

from __future__ import annotations

import time
from collections.abc import Callable

from msgspec import Struct, field
from msgspec.structs import replace

from mazu_ls.config.config import LimitSettings
from mazu_ls.messages import StopReason, Usage
from mazu_ls.workspace.visible_text import has_visible


class Limits(Struct, frozen=True):
    """None is no limit. `cost` is in US dollars, `seconds` on the monotonic clock."""

    steps: int | None = None
    cost: float | None = None
    tokens: int | None = None
    seconds: float | None = None
    failures: int = 5

    @classmethod
    def from_settings(cls, settings: LimitSettings) -> Limits:
        """Return the limits of the settings."""
        return cls(
            settings.max_steps,
            settings.max_cost_usd,
            settings.max_tokens,
            settings.max_seconds,
            settings.max_failures,
        )

    def capped_by(self, **asked: float | None) -> Limits:
        """Return these limits with what one request asks for; a request may ask for more steps but never for more money
        or time."""
        changes: dict[str, float] = {}
        for name, value in asked.items():
            if value is None:
                continue
            own = getattr(self, name)
            changes[name] = value if own is None or name == "steps" else min(own, value)
        return replace(self, **changes)


def count_of(amount: float, unit: str) -> str:
    """Format a number with its unit, in the singular for one."""
    return (
        f"{amount:g} {unit}" if amount == 1 else f"{amount:{'' if isinstance(amount, int) else 'g'}} {unit}s"
    )


CUT_OFF = "The model's answer was cut off at its output limit; ask it to continue."
EMPTY_ANSWER = "The model ended its turn without a word; ask again, or choose another model."


def said_nothing(answer: str) -> str:
    """Return what to tell the user of an answer without a visible character; empty for any other."""
    return "" if has_visible(answer) else EMPTY_ANSWER


def _decimal(amount: float) -> str:
    return f"{amount:.10f}".rstrip("0").rstrip(".")


class TurnLimitReached(Struct, frozen=True):
    """Why a turn has to end, for the wire and for the user."""

    reason: StopReason
    sentence: str


STOPPED = TurnLimitReached("cancelled", "Stopped.")


class UsageMeter(Struct):
    """What a turn has used so far, compared with its limits.

    `spent`: the US dollars that are known, which may not be all. `failures`: consecutive rounds in which every tool
    call failed.
    """

    limits: Limits
    usage: Usage = field(default_factory=Usage)
    spent: float = 0.0
    failures: int = 0
    unaffordable: TurnLimitReached | None = None
    """Why the next call is not made: what it uses alone would pass a limit."""
    started: float = field(default_factory=time.monotonic)

    def add(self, usage: Usage) -> None:
        """Add one model call."""
        self.usage += usage
        self.spent += usage.cost_usd or 0.0

    def affords(self, count: Callable[[], Usage]) -> bool:
        """Return whether a call that uses at least what `count` returns fits in the limits of money and tokens, so far as its price is
        known."""
        limits, used = self.limits, self.usage.tokens
        if limits.cost is None and limits.tokens is None:
            return True
        least = count()
        cost = least.cost_usd or 0.0
        if limits.cost is not None and self.spent + cost > limits.cost:
            self.unaffordable = TurnLimitReached(
                "max_cost",
                f"The limit of ${_decimal(limits.cost)} for a turn would be passed: the next call costs at least about ${cost:.4f}, and"
                f" ${self.spent:.4f} is spent.",
            )
        elif limits.tokens is not None and used + least.tokens > limits.tokens:
            self.unaffordable = TurnLimitReached(
                "max_tokens",
                f"The limit of {count_of(limits.tokens, 'token')} would be passed: the next call uses at least about"
                f" {least.tokens}, and {used} are used.",
            )
        return self.unaffordable is None

    @property
    def seconds_left(self) -> float | None:
        """Return the seconds until the time limit, None without one."""
        return (
            None if self.limits.seconds is None else self.limits.seconds - (time.monotonic() - self.started)
        )

    @property
    def out_of_time(self) -> bool:
        """Whether the time limit is reached."""
        return self.seconds_left is not None and self.seconds_left <= 0

    @property
    def overspent(self) -> str:
        """Say that the money limit is passed, where no further call would; empty if it is not."""
        limit = self.limits.cost
        if limit is None or self.spent <= limit:
            return ""
        return f"The limit of ${_decimal(limit)} was passed by the last call (${self.spent:.4f} spent)."

    def exceeded(self) -> TurnLimitReached | None:
        """Return the limit that is reached, if any; checked before each model call and after each result."""
        limits, usage = self.limits, self.usage
        if limits.steps is not None and usage.steps >= limits.steps:
            return TurnLimitReached("max_steps", f"The limit of {count_of(limits.steps, 'step')} is reached.")
        if self.unaffordable is not None:
            return self.unaffordable
        if limits.cost is not None and self.spent >= limits.cost:
            return TurnLimitReached(
                "max_cost",
                f"The limit of ${_decimal(limits.cost)} for a turn is reached (${self.spent:.4f} spent).",
            )
        if limits.tokens is not None and usage.tokens >= limits.tokens:
            return TurnLimitReached(
                "max_tokens",
                f"The limit of {count_of(limits.tokens, 'token')} is reached ({usage.tokens} used).",
            )
        if limits.seconds is not None and self.out_of_time:
            return TurnLimitReached(
                "max_seconds", f"The limit of {count_of(limits.seconds, 'second')} is reached."
            )
        if self.failures >= limits.failures:
            return TurnLimitReached(
                "stuck", f"{count_of(self.failures, 'round')} of tool calls in a row failed."
            )
        return None
