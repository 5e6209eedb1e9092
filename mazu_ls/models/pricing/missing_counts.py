"""Usage where a service does not count: some report nothing, others only zeros."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mazu_ls.messages import Message, Usage, estimate_message
from mazu_ls.models.pricing.call_cost import with_cost

if TYPE_CHECKING:
    from mazu_ls.models.model import Prices


def counts_prompt(usage: Usage) -> bool:
    """Return whether a service counted the prompt: no call has a prompt of 0 tokens."""
    return usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens > 0


def with_missing_counts(
    usage: Usage, prices: Prices | None, prompt_tokens: Callable[[], int], message: Message
) -> Usage:
    """Return the usage of a finished call with its cost; what the service did not count is estimated, and marked so."""
    if counts_prompt(usage):
        return with_cost(usage, prices)
    output = usage.output_tokens or estimate_message(message)
    guessed = replace(usage, input_tokens=prompt_tokens(), output_tokens=output, estimated=True)
    return with_cost(guessed, prices)
