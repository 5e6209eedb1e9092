"""The models that are known by name: context windows, limits, prices. The only place with prices.

Read on AS_OF from the providers' own pages: platform.claude.com/docs/en/about-claude/pricing,
developers.openai.com/api/docs/pricing, api-docs.deepseek.com/quick_start/pricing,
ai.google.dev/gemini-api/docs/pricing. Dollars per million tokens at the standard tier. DeepSeek's are those of its peak
hours, twice the others.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import NamedTuple

from mazu_ls.models.model import Api, ModelSpec, Prices, Thinks

AS_OF = date(2026, 11, 20)
K = 1000
M = 1000 * K
_DATED = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)\Z")


class ModelPriceRow(NamedTuple):
    """One model from `since` on; a later row of the same model replaces an earlier one from its date on."""

    provider: str
    model: str
    window: int
    output: int
    prices: Prices
    thinks: Thinks = "no"
    sees_images: bool = True
    since: date = date.min
    api: Api = "chat"


def _claude(
    model: str, prices: Prices, thinks: Thinks, window: int = M, output: int = 128 * K
) -> ModelPriceRow:
    return ModelPriceRow("anthropic", model, window, output, prices, thinks)


def _gpt(
    model: str,
    prices: tuple[float, float, float],
    thinks: Thinks,
    write: float | None = None,
    api: Api = "chat",
) -> ModelPriceRow:
    given, out, read = prices
    full = Prices(given, out, read, write, long_from=272 * K, long_input=2, long_output=1.5)
    return ModelPriceRow("openai", model, 1050 * K, 128 * K, full, thinks, api=api)


def _gpt_old(
    model: str, prices: tuple[float, float, float], thinks: Thinks, window: int, output: int
) -> ModelPriceRow:
    return ModelPriceRow("openai", model, window, output, Prices(*prices), thinks)


def _deepseek(model: str, prices: Prices, sees_images: bool) -> ModelPriceRow:
    return ModelPriceRow("deepseek", model, M, 384 * K, prices, "no", sees_images)


def _gemini(model: str, prices: Prices, since: date = date.min) -> ModelPriceRow:
    return ModelPriceRow("gemini", model, 1_048_576, 65_536, prices, "effort", since=since)


ROWS: tuple[ModelPriceRow, ...] = (
    _claude("claude-fable-5-1", Prices(10, 50, 0.25, 12.5), "always"),
    _claude("claude-mythos-5-1", Prices(10, 50, 0.25, 12.5), "always"),
    _claude("claude-fable-5", Prices(10, 50, 1, 12.5), "always"),
    _claude("claude-mythos-5", Prices(10, 50, 1, 12.5), "always"),
    _claude("claude-opus-5-5", Prices(4, 20, 0.2, 5), "always"),
    _claude("claude-opus-5", Prices(5, 25, 0.5, 6.25), "adaptive"),
    _claude("claude-opus-4-8", Prices(5, 25, 0.5, 6.25), "adaptive"),
    _claude("claude-opus-4-7", Prices(5, 25, 0.5, 6.25), "adaptive"),
    _claude("claude-opus-4-6", Prices(5, 25, 0.5, 6.25), "adaptive"),
    _claude("claude-opus-4-5", Prices(5, 25, 0.5, 6.25), "budget", 200 * K, 64 * K),
    _claude("claude-sonnet-5-5", Prices(2, 10, 0.1, 2.5), "adaptive"),
    _claude("claude-sonnet-5", Prices(2, 10, 0.2, 2.5), "adaptive"),
    _claude("claude-sonnet-4-6", Prices(3, 15, 0.3, 3.75), "adaptive", M, 64 * K),
    _claude("claude-sonnet-4-5", Prices(3, 15, 0.3, 3.75), "budget", 200 * K, 64 * K),
    _claude("claude-haiku-5-5", Prices(0.1, 0.5, 0.01, 0.125, 100 * K, 5, 5), "adaptive"),
    _claude("claude-haiku-4-5", Prices(1, 5, 0.1, 1.25), "budget", 200 * K, 64 * K),
    _gpt("gpt-6-astra", (10, 50, 1), "effort", 12.5, "responses"),
    _gpt("gpt-6.1-sol", (2, 10, 0.1), "effort", 2.5, "responses"),
    _gpt("gpt-6.1-terra", (1, 5, 0.05), "effort_or_tools", 1.25),
    _gpt("gpt-6-sol", (2, 10, 0.2), "effort_or_tools", 2.5),
    _gpt("gpt-6-luna", (0.1, 0.5, 0.01), "effort_or_tools", 0.125),
    _gpt("gpt-5.6-sol", (4, 20, 0.4), "effort_or_tools", 5),
    _gpt("gpt-5.6-terra", (2, 12, 0.2), "effort_or_tools", 2.5),
    _gpt("gpt-5.6-luna", (0.2, 1.2, 0.02), "effort_or_tools", 0.25),
    _gpt("gpt-5.5", (5, 30, 0.5), "effort_or_tools"),
    _gpt("gpt-5.4", (2.5, 15, 0.25), "effort_or_tools"),
    _gpt_old("gpt-5.4-mini", (0.75, 4.5, 0.075), "effort_or_tools", 400 * K, 128 * K),
    _gpt_old("gpt-5.4-nano", (0.2, 1.25, 0.02), "effort_or_tools", 400 * K, 128 * K),
    _gpt_old("gpt-5.2", (1.75, 14, 0.175), "effort", 400 * K, 128 * K),
    _gpt_old("gpt-5.1", (1.25, 10, 0.125), "effort", 400 * K, 128 * K),
    _gpt_old("gpt-5", (1.25, 10, 0.125), "effort", 400 * K, 128 * K),
    _gpt_old("gpt-5-mini", (0.25, 2, 0.025), "effort", 400 * K, 128 * K),
    _gpt_old("gpt-5-nano", (0.05, 0.4, 0.005), "effort", 400 * K, 128 * K),
    _gpt_old("gpt-4.1", (2, 8, 0.5), "no", 1_047_576, 32_768),
    _gpt_old("gpt-4.1-mini", (0.4, 1.6, 0.1), "no", 1_047_576, 32_768),
    _gpt_old("gpt-4.1-nano", (0.1, 0.4, 0.025), "no", 1_047_576, 32_768),
    _gpt_old("gpt-4o", (2.5, 10, 1.25), "no", 128 * K, 16_384),
    _gpt_old("gpt-4o-mini", (0.15, 0.6, 0.075), "no", 128 * K, 16_384),
    _gpt_old("o3", (2, 8, 0.5), "effort", 200 * K, 100 * K),
    _gpt_old("o4-mini", (1.1, 4.4, 0.275), "effort", 200 * K, 100 * K),
    _deepseek("deepseek-v4-pro", Prices(1.32, 3.96, 0.044), sees_images=False),
    _deepseek("deepseek-flash", Prices(0.3, 1.2, 0.006), sees_images=True),
    _deepseek("deepseek-v4-flash", Prices(0.3, 1.2, 0.006), sees_images=True),
    _gemini("gemini-4-argon", Prices(2, 10, 0.1)),
    _gemini("gemini-4-argon", Prices(4, 20, 0.2), since=date(2026, 12, 1)),
    _gemini("gemini-3.8-flash", Prices(0.75, 3.75)),
    _gemini("gemini-3.8-flash", Prices(1.5, 7.5), since=date(2027, 1, 1)),
    _gemini("gemini-3.5-flash", Prices(1.5, 9)),
    _gemini("gemini-3.5-flash-lite", Prices(0.3, 2.5)),
    _gemini("gemini-3.1-pro-preview", Prices(2, 12, long_from=200 * K, long_input=2, long_output=1.5)),
    _gemini("gemini-2.5-pro", Prices(1.25, 10, long_from=200 * K, long_input=2, long_output=1.5)),
    _gemini("gemini-2.5-flash", Prices(0.3, 2.5)),
    _gemini("gemini-2.5-flash-lite", Prices(0.1, 0.4)),
)


def known(provider: str, model: str, today: date | None = None) -> ModelSpec | None:
    """Return the entry of a model on a day (today), under its name or its name with a date; None if there is none."""
    plain = _DATED.sub("", model)
    day = today or datetime.now(UTC).date()
    rows = [
        row for row in ROWS if row.provider == provider and row.model in (model, plain) and row.since <= day
    ]
    if not rows:
        return None
    row = rows[-1]
    return ModelSpec(
        provider, model, row.window, row.output, row.prices, row.sees_images, row.thinks, row.api
    )


def names(provider: str) -> list[str]:
    """Return the known models of a provider, each once."""
    return list(dict.fromkeys(row.model for row in ROWS if row.provider == provider))
