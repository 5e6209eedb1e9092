"""What was computed for the previous call of a turn. Its conversation only grows, so that only what is new is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from mazu_ls.messages import Message

T = TypeVar("T")
G = TypeVar("G")
MAX_COSTS = 512
"""Maximum number of tools and texts whose estimate is remembered; a request has about a hundred."""


class RequestMemo:
    """The memo of one turn; each call passes it on in its `ModelRequest`. Results are the same without it."""

    __slots__ = ("_costs", "_counted", "_rendered", "_rendered_for", "repaired")

    def __init__(self) -> None:
        self.repaired: tuple[object, list[Message], Any] | None = None
        """What decided about thoughts, the messages that were repaired for good, and the state after them."""
        self._rendered: list[tuple[object, Any]] = []
        self._rendered_for: object = None
        self._counted: tuple[list[Message], int, int] = [], 0, 0
        self._costs: dict[int | str, tuple[object, int]] = {}

    def render(self, groups: Sequence[G], form: object, write: Callable[[G], T]) -> list[T]:
        """Return `write(group)` for each group. `form` names what else the result depends on. The results must not be changed."""
        known = self._rendered if form == self._rendered_for else []
        rendered = [
            known[at] if at < len(known) and known[at][0] is group else (group, write(group))
            for at, group in enumerate(groups)
        ]
        self._rendered, self._rendered_for = rendered, form
        return [written for _, written in rendered]

    def count(
        self, messages: Sequence[Message], measure: Callable[[Sequence[Message]], tuple[int, int]]
    ) -> tuple[int, int]:
        """Return `measure(messages)`, two sums over the messages."""
        before, first, second = self._counted
        if list(messages[: len(before)]) != before:
            before, first, second = [], 0, 0
        more, others = measure(messages[len(before) :])
        self._counted = list(messages), first + more, second + others
        return first + more, second + others

    def cost(self, value: object, measure: Callable[[Any], int]) -> int:
        """Return `measure(value)`, remembered for a text, and for this very object if it is no text."""
        key = value if isinstance(value, str) else id(value)
        known = self._costs.get(key)
        if known is None or not (isinstance(value, str) or known[0] is value):
            if len(self._costs) >= MAX_COSTS:  # those of earlier calls: a role document may change with each
                self._costs.clear()
            known = self._costs[key] = value, measure(value)
        return known[1]
