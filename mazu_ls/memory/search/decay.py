"""Decay of memories: slowly, by category, less with every use, and never to nothing."""

from __future__ import annotations

import math

DAY = 86_400_000_000
FADING = 0.25
REINFORCEMENT = 0.5
MAX_USES = 12
ARCHIVE_BELOW = 0.05
STABILITY_DAYS: dict[str, float] = {
    "fact": 180,
    "task_outcome": 120,
    "mistake": 360,
    "summary": 120,
}
"""Days after which an unused memory of a category has decayed to 1/e; categories that are not named here do not decay."""


def strength(category: str, age: int, uses: int, pinned: bool) -> float:
    """Return exp(-age / S) with S = days of the category * 1.5^uses (Ebbinghaus' forgetting curve), 0 to 1; `age` in
    microseconds."""
    days = STABILITY_DAYS.get(category)
    if pinned or days is None or age <= 0:
        return 1.0
    return math.exp(-age / (days * DAY * (1 + REINFORCEMENT) ** min(uses, MAX_USES)))


def is_faded(relevance: float, strength: float) -> float:
    """Return the relevance after decay: at most a quarter is lost, so that age decides between equals and hides
    nothing."""
    return relevance * ((1 - FADING) + FADING * strength)
