"""The providers: their addresses, the variables of their keys, their APIs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from mazu_ls.models.openai.chat_request import Dialect
from mazu_ls.models.sdk.sdk_clients import Sdk

OLLAMA_PORT = 11434
PROBE_SECONDS = 0.5
UNKNOWN_WINDOW = 128_000
UNKNOWN_OUTPUT = 32_000


class Provider(NamedTuple):
    """One provider. `base_env` may change its address; `key_envs` are tried in order, none means that it takes no key."""

    name: str
    sdk: Sdk
    base_url: str
    base_env: str
    key_envs: tuple[str, ...]
    default_model: str
    window: int = UNKNOWN_WINDOW
    dialect: Dialect = Dialect()

    def key(self, env: Mapping[str, str]) -> str | None:
        """Return the key in the environment."""
        return next((env[name] for name in self.key_envs if env.get(name)), None)

    def address(self, env: Mapping[str, str]) -> str:
        """Return the base URL in force."""
        given = env.get(self.base_env, "").strip()
        if self.name == "ollama":
            return ollama_address(given)
        return given or self.base_url


PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider(
            *("anthropic", "anthropic", "https://api.anthropic.com", "ANTHROPIC_BASE_URL"),
            *(("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"), "claude-sonnet-5-5", 200_000),
        ),
        Provider(
            *(
                "openai",
                "openai",
                "https://api.openai.com/v1",
                "OPENAI_BASE_URL",
                ("OPENAI_API_KEY",),
                "gpt-6-sol",
            ),
            dialect=Dialect(max_tokens="max_completion_tokens"),
        ),
        Provider(
            *("deepseek", "openai", "https://api.deepseek.com", "DEEPSEEK_BASE_URL", ("DEEPSEEK_API_KEY",)),
            "deepseek-v4-pro",
            dialect=Dialect(reasoning_back=True, forced_needs_no_thinking=True),
        ),
        Provider(
            *(
                "gemini",
                "openai",
                "https://generativelanguage.googleapis.com/v1beta/openai/",
                "GEMINI_BASE_URL",
            ),
            *(("GEMINI_API_KEY", "GOOGLE_API_KEY"), "gemini-4-argon", 1_048_576),
            dialect=Dialect(signatures=True),
        ),
        Provider("ollama", "openai", f"http://127.0.0.1:{OLLAMA_PORT}/v1", "OLLAMA_HOST", (), "", 32_768),
    )
}
COMPATIBLE = Provider("compatible", "openai", "", "", (), "")
"""Any service that speaks Chat Completions, from config."""


def ollama_address(given: str) -> str:
    """Return Ollama's own notation of its address (`host`, `host:port`, with or without a scheme) as a base URL."""
    if not given:
        return PROVIDERS["ollama"].base_url
    split = urlsplit(given if "://" in given else f"http://{given}")
    host = split.hostname or "127.0.0.1"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    port = split.port or (OLLAMA_PORT if split.scheme == "http" else 443)
    return f"{split.scheme}://{shown}:{port}{split.path.rstrip('/') or '/v1'}"


def is_local(base_url: str) -> bool:
    """Return whether an address is on this machine."""
    host = urlsplit(base_url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


async def ollama_models(env: Mapping[str, str]) -> list[str] | None:
    """Return the models of a running Ollama; None when none answers within half a second."""
    return await models_at(PROVIDERS["ollama"].address(env))


async def models_at(address: str, seconds: float = PROBE_SECONDS) -> list[str] | None:
    """Return the models that an OpenAI-compatible address lists without a key; None if none are listed within `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            listed = json.loads(await _get(f"{address.rstrip('/')}/models"))
        return [str(row["id"]) for row in listed["data"]]
    except (
        OSError, TimeoutError, ValueError, KeyError, TypeError, RecursionError, asyncio.IncompleteReadError,
    ):  # fmt: skip
        return None


async def _get(url: str) -> bytes:
    """Send one plain GET, without a client library: this also runs where no SDK is loaded."""
    split = urlsplit(url)
    secure = split.scheme == "https"
    reader, writer = await asyncio.open_connection(
        split.hostname, split.port or (443 if secure else 80), ssl=secure or None
    )
    try:
        head = f"GET {split.path} HTTP/1.0\r\nHost: {split.netloc}\r\nConnection: close\r\nAccept: application/json\r\n\r\n"
        writer.write(head.encode("ascii"))
        answer = await reader.read(-1)
    finally:
        writer.close()
    status, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in status.split(b"\r\n", 1)[0]:
        raise ValueError("not a list of models")
    return body
