"""How much work one command line may cost before it is judged too complex.

Counted in steps, not in seconds, so that a line gets the same verdict on every machine. A step is about a microsecond. What costs
much more than its steps say ends by the clock of the thread.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

MAX_STEPS = 1_000_000
MAX_SECONDS = 2.0  # of the processor
_LOOK = 1000  # steps between two looks at the clock


class TooInvolvedError(Exception):
    """A line costs more steps than any line that a person can judge."""


@dataclass
class StepBudget:
    """The steps left for one line, and the results about paths found so far: within one decision the disk is read once."""

    left: int = MAX_STEPS
    look: int = MAX_STEPS - _LOOK
    began: float = field(default_factory=time.thread_time)
    known: dict[Hashable, str | None] = field(default_factory=dict)


_budget: ContextVar[StepBudget | None] = ContextVar("step_budget", default=None)


@contextmanager
def limit_steps(steps: int = MAX_STEPS) -> Iterator[StepBudget]:
    """Count the steps of what runs inside; a budget that is already in force continues."""
    if (outer := _budget.get()) is not None:
        yield outer
        return
    token = _budget.set(StepBudget(steps, steps - _LOOK))
    try:
        yield _budget.get() or StepBudget(steps, steps - _LOOK)
    finally:
        _budget.reset(token)


def spend(steps: int) -> None:
    """Count work that is about to be done. Raises TooInvolvedError when the budget in force is used up."""
    budget = _budget.get()
    if budget is not None:
        budget.left -= steps
        if budget.left < budget.look:
            budget.look = budget.left - _LOOK
            if budget.left < 0 or time.thread_time() - budget.began > MAX_SECONDS:
                raise TooInvolvedError


def known() -> dict[Hashable, str | None]:
    """Return what this decision found out already; outside of a decision a new, empty cache."""
    budget = _budget.get()
    return {} if budget is None else budget.known
