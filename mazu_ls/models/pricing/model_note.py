"""What to say of a model that was just chosen: a mistyped name would only fail with the next message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mazu_ls.models.pricing.unknown_name import unknown_name_note
from mazu_ls.models.providers import PROVIDERS, is_local, models_at

if TYPE_CHECKING:
    from mazu_ls.config.config import Config

ENDPOINT_SECONDS = 1.0
SHOWN_MODELS = 8


async def model_note(name: str, config: Config, env: Mapping[str, str]) -> str:
    """Return a sentence about `provider:model`; empty if nothing is known against it.

    A local endpoint is asked once for its models, and given a second to answer.
    """
    provider, _, model = name.partition(":")
    address = local_address(provider, config, env)
    if address is None:
        return unknown_name_note(name)
    listed = await models_at(address, ENDPOINT_SECONDS)
    if listed is None:
        return f"Nothing answers at {address} now: start it before the next message."
    return missing_model(address, model, listed)


def local_address(provider: str, config: Config, env: Mapping[str, str]) -> str | None:
    """Return the address of a provider, or entry of config, on this machine that is called without a key; None for others."""
    entry = config.models.get(provider)
    if entry is not None and entry.base_url:
        return entry.base_url if is_local(entry.base_url) and not entry.api_key else None
    return PROVIDERS[provider].address(env) if provider == "ollama" else None


def missing_model(address: str, model: str, listed: list[str]) -> str:
    """Return the sentence that an endpoint has no such model; empty if it has."""
    if not model or model in listed or f"{model}:latest" in listed:
        return ""
    return (
        f"{address} answers, but has no model {model}. It has {', '.join(listed[:SHOWN_MODELS]) or 'none'}."
    )
