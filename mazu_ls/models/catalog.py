"""Resolves model names, lists the available models, and explains when there is none."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from mazu_ls.config.config import Config, ModelSettings
from mazu_ls.errors import Kind, MazuError
from mazu_ls.models.model import Model, ModelSpec, Prices
from mazu_ls.models.openai.embeddings import OpenAIEmbeddings
from mazu_ls.models.pricing import model_prices
from mazu_ls.models.provider_errors import Endpoint
from mazu_ls.models.providers import COMPATIBLE, PROVIDERS, UNKNOWN_OUTPUT, Provider, is_local, ollama_models
from mazu_ls.models.retry import RetryPolicy
from mazu_ls.models.sdk import sdk_clients
from mazu_ls.models.sdk.sdk_clients import ModelConnection, ProviderAccount

NO_KEY = "none"
"""Sent if no key is needed: the SDK requires a non-empty one."""
KEYS = ", ".join(f"{provider.key_envs[0]}" for provider in PROVIDERS.values() if provider.key_envs)


class ModelInfo(Struct, frozen=True):
    """A model that can be chosen by `name`. `ready`: its key is there, or it needs none. `source`: where it is listed."""

    name: str
    provider: str
    spec: ModelSpec
    ready: bool
    source: str


def resolve(
    name: str | None, config: Config, env: Mapping[str, str] = os.environ, patience: RetryPolicy | None = None
) -> Model:
    """Return the model for `name`, else MAZU_MODEL, else the setting, else the one whose key is there.

    Raises MazuError: auth if a key is missing, model for an unknown name, config for a bad address.
    """
    wanted = name or env.get("MAZU_MODEL") or config.model or _by_key(config, env)
    if wanted is None:
        message = "No model can be called: no API key is set."
        raise MazuError(
            Kind.AUTH,
            message,
            f"Run `mazu-ls setup`, set one of {KEYS}, or choose a local model such as ollama:NAME.",
        )
    return _build(wanted.strip(), config, env, patience or RetryPolicy())


def cheapest_like(spec: ModelSpec) -> str:
    """Return the cheapest known model of the same provider, as `provider:model`; the model itself if it is called at another address
    than its provider's own, or nothing is known to be cheaper. Input counts five times: conversations are long, notes short."""
    rows = [model_prices.known(spec.provider, name) for name in model_prices.names(spec.provider)]
    priced = [row for row in rows if row is not None and row.prices is not None]
    if not spec.hosted or spec.prices is None or not priced:
        return spec.name

    def cost(row: ModelSpec) -> float:
        return 5 * row.prices.input + row.prices.output if row.prices is not None else math.inf

    least = min(priced, key=cost)
    return least.name if cost(least) < cost(spec) else spec.name


def resolve_embeddings(
    name: str, config: Config, env: Mapping[str, str] = os.environ, patience: RetryPolicy | None = None
) -> OpenAIEmbeddings:
    """Return the embedding model for `provider:model`, at that provider's address and with its key.

    Raises MazuError: auth, model, config as `resolve` does, and config for a provider without embeddings.
    """
    from mazu_ls.models.openai.client import OpenAIModel

    model = _build(name.strip(), config, env, patience or RetryPolicy())
    if isinstance(model, OpenAIModel):
        return model.embeddings()
    message = f"{model.name} makes no embeddings: its provider has no such endpoint."
    raise MazuError(
        Kind.CONFIG,
        message,
        "Choose a model of Ollama or of an OpenAI-compatible service in `memory.embeddings`.",
    )


async def choose(
    name: str | None, config: Config, env: Mapping[str, str] = os.environ, patience: RetryPolicy | None = None
) -> Model:
    """Like `resolve`; if no key is set at all, the error offers the models of a running Ollama."""
    try:
        return resolve(name, config, env, patience)
    except MazuError as error:
        unset = error.kind is Kind.AUTH and not (name or env.get("MAZU_MODEL") or config.model)
        local = await ollama_models(env) if unset else None
        if not local:
            raise
        offer = f"Ollama is running here: choose ollama:{local[0]} with `mazu.models.set` or MAZU_MODEL. Or set one of {KEYS}."
        raise MazuError(error.kind, error.message, offer) from None


async def available(config: Config, env: Mapping[str, str] = os.environ) -> list[ModelInfo]:
    """Return every model known by name: those of config first, then those of Ollama if it answers, then the table's."""
    infos = [_configured_info(name, settings, config, env) for name, settings in config.models.items()]
    for model in await ollama_models(env) or ():
        infos.append(_info("ollama", model, config, env, "ollama"))
    for provider in PROVIDERS:
        infos.extend(_info(provider, model, config, env, "table") for model in model_prices.names(provider))
    return [info for info in infos if info is not None]


def key_present(provider: str, config: Config, env: Mapping[str, str] = os.environ) -> bool:
    """Return whether a provider, or an entry of config, can be called as far as keys are concerned."""
    return _key(provider, config.models.get(provider), _provider(provider, config), env) is not None


def preload(provider: str, config: Config) -> None:
    """Import the SDK for a provider or an entry of config; 1 to 2 s of CPU, so call it in a thread."""
    sdk_clients.preload(_provider(provider, config).sdk)


def sdk_of(name: str | None, config: Config, env: Mapping[str, str] = os.environ) -> sdk_clients.Sdk | None:
    """Return the SDK that the model of this name will need; None if no model can be called."""
    try:
        wanted = name or env.get("MAZU_MODEL") or config.model or _by_key(config, env)
        return None if wanted is None else _provider(_split(wanted, config)[0], config).sdk
    except MazuError:
        return None


def _by_key(config: Config, env: Mapping[str, str]) -> str | None:
    for provider in PROVIDERS.values():
        if provider.key_envs and _key(provider.name, config.models.get(provider.name), provider, env):
            return f"{provider.name}:{provider.default_model}"
    usable = (
        name for name, entry in config.models.items() if _key(name, entry, _provider(name, config), env)
    )
    return next(usable, None)


def _split(name: str, config: Config) -> tuple[str, str]:
    """Return provider (or entry of config) and model."""
    if name in config.models and name not in PROVIDERS:
        return name, config.models[name].model or name
    prefix, colon, model = name.partition(":")
    if not colon:
        settings = config.models.get(name)
        if name in PROVIDERS:
            return name, (settings.model if settings else None) or PROVIDERS[name].default_model
        return "anthropic", name
    if prefix not in PROVIDERS and prefix not in config.models:
        known = ", ".join([*PROVIDERS, *(entry for entry in config.models if entry not in PROVIDERS)])
        hint = f"Write `provider:model` with one of {known}, or add [models.{prefix}] to your config.toml."
        raise MazuError(Kind.MODEL, f"There is no provider {prefix!r} (in {name!r}).", hint)
    if not model:
        raise MazuError(
            Kind.MODEL,
            f"{name!r} is not a model name.",
            "Write `provider:model`, for example openai:gpt-6-sol.",
        )
    return prefix, model


def _provider(name: str, config: Config) -> Provider:
    """Return the built-in provider for a name; an entry of config stands for the provider whose API it names."""
    if name in PROVIDERS and name not in config.models:
        return PROVIDERS[name]
    settings = config.models.get(name)
    said = name if name in PROVIDERS else settings.provider if settings else name
    if said not in PROVIDERS:
        return COMPATIBLE
    provider = PROVIDERS[said]
    if settings is not None and settings.base_url and said == "openai":
        return COMPATIBLE  # OpenAI's own parameters are not supported elsewhere
    return provider


def _key(name: str, settings: ModelSettings | None, provider: Provider, env: Mapping[str, str]) -> str | None:
    """Return the key, NO_KEY if none is needed, None if it is missing."""
    if settings is not None:
        if settings.api_key:
            return settings.api_key
        if settings.api_key_env:
            return env.get(settings.api_key_env) or None
        if settings.base_url:
            return NO_KEY  # never send the provider's own key to another address
    return provider.key(env) if provider.key_envs else NO_KEY


def _build(wanted: str, config: Config, env: Mapping[str, str], patience: RetryPolicy) -> Model:
    name, model = _split(wanted, config)
    settings = config.models.get(name)
    provider = _provider(name, config)
    if not model:
        raise MazuError(
            Kind.MODEL,
            f"{name} needs the name of a model.",
            f"Write `{name}:model`, for example {name}:qwen3.",
        )
    key_env = (settings.api_key_env if settings else None) or (
        provider.key_envs[0] if provider.key_envs else ""
    )
    key = _key(name, settings, provider, env)
    if key is None:
        hint = f"Set {key_env} in the environment, or api_key in [models.{name}] of your own config.toml."
        raise MazuError(Kind.AUTH, f"The key for {name} is not set.", hint)
    if not (key := key.strip()).isascii() or not key.isprintable():
        hint = f"Copy it again into {key_env or 'config.toml'}, without quotes or line ends."
        raise MazuError(Kind.AUTH, f"The key for {name} contains characters that no API key has.", hint)
    base_url = _checked(name, (settings.base_url if settings else None) or provider.address(env))
    if provider.sdk == "anthropic":
        if settings and settings.api:
            hint = f"Remove api from [models.{name}], or set its provider to openai."
            raise MazuError(
                Kind.CONFIG, f"{name} is called through the Anthropic API, not {settings.api!r}.", hint
            )
        base_url = base_url.removesuffix("/v1")  # the SDK adds it, and people copy it
    spec = _spec(name, model, provider, settings, base_url)
    endpoint = Endpoint(spec.name, base_url, key_env or "config.toml", "" if key == NO_KEY else key)
    account = ProviderAccount(provider.sdk, base_url, key)
    connection = ModelConnection(account, endpoint, patience, settings.extra_body if settings else {})
    if provider.sdk == "anthropic":
        from mazu_ls.models.anthropic.client import AnthropicModel

        return AnthropicModel(spec, connection)
    from mazu_ls.models.openai.client import OpenAIModel

    return OpenAIModel(spec, connection, provider.dialect, settings.max_output if settings else None)


def _checked(name: str, base_url: str) -> str:
    try:
        split = urlsplit(base_url)
        sound = split.scheme in ("http", "https") and bool(split.hostname) and split.port != 0
    except ValueError:
        sound = False
    if not sound:
        message = f"The address {base_url!r} of {name} is not one that can be called."
        raise MazuError(Kind.CONFIG, message, f"Set base_url in [models.{name}] to an http or https URL.")
    return base_url.rstrip("/")


def _spec(
    name: str, model: str, provider: Provider, settings: ModelSettings | None, base_url: str
) -> ModelSpec:
    known = model_prices.known(provider.name, model) or model_prices.known(name, model)
    spec = known or ModelSpec(name, model, provider.window, UNKNOWN_OUTPUT, _free(provider, model, base_url))
    chosen = settings or ModelSettings()
    sees = known.sees_images if known else provider.name != "ollama"
    return msgspec.structs.replace(
        spec,
        provider=name,
        context_window=chosen.context_window or spec.context_window,
        max_output=chosen.max_output or spec.max_output,
        prices=_prices(chosen) or spec.prices,
        sees_images=sees if chosen.sees_images is None else chosen.sees_images,
        api=chosen.api or spec.api,
        hosted=provider.name != "ollama" and base_url.rstrip("/") == provider.base_url.rstrip("/"),
    )


def _free(provider: Provider, model: str, base_url: str) -> Prices | None:
    """Return zero prices for a model that Ollama runs on this machine, None for those it forwards to a cloud."""
    forwarded = model.endswith(("-cloud", ":cloud"))
    return Prices(0, 0) if provider.name == "ollama" and is_local(base_url) and not forwarded else None


def _prices(settings: ModelSettings) -> Prices | None:
    if settings.price_in is None or settings.price_out is None:
        return None
    return Prices(
        settings.price_in, settings.price_out, settings.price_cache_read, settings.price_cache_write
    )


def _configured_info(
    name: str, settings: ModelSettings, config: Config, env: Mapping[str, str]
) -> ModelInfo | None:
    provider, _, chosen = (config.model or "").partition(":")
    named = settings.model or (chosen if provider == name else "")
    model = named or (PROVIDERS[name].default_model if name in PROVIDERS else name)
    return _info(name, model, config, env, "config") if model else None


def _info(name: str, model: str, config: Config, env: Mapping[str, str], source: str) -> ModelInfo:
    settings, provider = config.models.get(name), _provider(name, config)
    base_url = (settings.base_url if settings else None) or provider.address(env)
    spec = _spec(name, model, provider, settings, base_url)
    return ModelInfo(spec.name, name, spec, _key(name, settings, provider, env) is not None, source)
