"""The cost of a call, in US dollars; None if unknown, never 0."""

from __future__ import annotations

import msgspec

from mazu_ls.messages import Usage
from mazu_ls.models.model import ModelSpec, Prices

PER = 1_000_000


def cost(spec: ModelSpec, usage: Usage) -> float | None:
    """Return dollars for the tokens of one call, the cached ones at their own price; None for a model without known
    prices."""
    return None if spec.prices is None else _dollars(spec.prices, usage)


def with_cost(usage: Usage, prices: Prices | None) -> Usage:
    """Return `usage` with its cost: an estimate where its counts are."""
    return msgspec.structs.replace(usage, cost_usd=None if prices is None else _dollars(prices, usage))


def _dollars(prices: Prices, usage: Usage) -> float:
    read = prices.input if prices.cache_read is None else prices.cache_read
    write = prices.input if prices.cache_write is None else prices.cache_write
    prompt = (
        usage.input_tokens * prices.input + usage.cache_read_tokens * read + usage.cache_write_tokens * write
    )
    output = usage.output_tokens * prices.output
    size = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    if prices.long_from is not None and size > prices.long_from:
        prompt, output = prompt * prices.long_input, output * prices.long_output
    return (prompt + output) / PER
