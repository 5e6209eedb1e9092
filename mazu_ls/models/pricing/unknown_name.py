"""What to say of a model whose name is in no table, or not in a local endpoint: a mistyped one would only fail with the next message."""

from __future__ import annotations

from mazu_ls.models.pricing import model_prices


def unknown_name_note(name: str) -> str:
    """Return a sentence about `provider:model`, with the name that was probably meant; empty for a known model, and for a
    provider of whose models none is known by name."""
    from difflib import get_close_matches

    provider, _, model = name.partition(":")
    if not model_prices.names(provider) or model_prices.known(provider, model):
        return ""
    providers = dict.fromkeys(row.provider for row in model_prices.ROWS)
    known = [f"{one}:{row}" for one in providers for row in model_prices.names(one)]
    close = get_close_matches(name, known, 1, 0.7) or [one for one in known if model in one][:1]
    meant = f" Did you mean {close[0]}?" if close else " `mazu-ls models` lists those that are."
    return f"No model of the name {model} is known: it is sent as it is, at an unknown price.{meant}"
