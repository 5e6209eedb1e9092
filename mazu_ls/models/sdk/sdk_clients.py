"""The providers' SDKs: imported late and off the event loop, one client for each address and key."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, NamedTuple
from weakref import WeakKeyDictionary

from mazu_ls.errors import Kind, MazuError
from mazu_ls.models.provider_errors import Endpoint, RedirectRefused
from mazu_ls.models.retry import RetryPolicy
from mazu_ls.models.sdk.lazy_packages import import_errors, import_lazily
from mazu_ls.models.sdk.streamed_posts import LOGGING, SdkClient
from mazu_ls.redact import redact

log = logging.getLogger(__name__)
Sdk = Literal["anthropic", "openai"]
CLOSE_SECONDS = 0.5


class ProviderAccount(NamedTuple):
    """The address and key of a provider. Its repr hides the key."""

    sdk: Sdk
    base_url: str
    key: str

    def __repr__(self) -> str:
        return f"Account({self.sdk}, {self.base_url}, key={'set' if self.key else 'none'})"


class ModelConnection(NamedTuple):
    """How a model is called; `extra_body` is added to every request."""

    account: ProviderAccount
    endpoint: Endpoint
    patience: RetryPolicy
    extra_body: Mapping[str, Any]


_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[ProviderAccount, SdkClient]] = WeakKeyDictionary()


def preload(sdk: Sdk) -> None:
    """Import what a request needs of an SDK (0.2 s of CPU). Call it in a thread; the first call is fast then."""
    collecting = gc.isenabled()
    gc.disable()  # garbage collections triggered by the import's many allocations cost a fifth of it
    try:
        if os.environ.get(LOGGING[sdk]):  # the log is set up by the import of the whole package
            importlib.import_module(sdk)
        else:
            import_lazily(sdk)
    finally:
        if collecting:
            gc.enable()


async def client_for(connection: ModelConnection) -> SdkClient:
    """Return the SDK's asynchronous client; the same one for the same account as long as the event loop lives."""
    account, patience = connection.account, connection.patience
    known = _clients.setdefault(asyncio.get_running_loop(), {})
    client = known.get(account)
    if client is None:
        made = await asyncio.to_thread(_client, account, patience)
        client = known.setdefault(account, made)
    return client


async def close_clients() -> None:
    """Close the connections of this event loop's clients, when the server ends. A failure is logged."""
    known = _clients.pop(asyncio.get_running_loop(), {})
    closing = asyncio.gather(*(client.close() for client in known.values()), return_exceptions=True)
    try:
        failed = [error for error in await asyncio.wait_for(closing, CLOSE_SECONDS) if error is not None]
    except TimeoutError:
        failed = [TimeoutError(f"not closed in {CLOSE_SECONDS} s")]
    for error in failed:
        log.warning("a connection to a model provider: %r", error)


def _client(account: ProviderAccount, patience: RetryPolicy) -> SdkClient:
    preload(account.sdk)
    import ssl

    import httpx2

    from mazu_ls.models.sdk.late_certificates import LateCertificates

    timeout = httpx2.Timeout(patience.first, connect=patience.connect)
    options = {"api_key": account.key, "base_url": account.base_url, "max_retries": 0, "timeout": timeout}
    settings: dict[str, Any] = {
        "timeout": timeout,
        "event_hooks": {
            "request": [partial(_stays_at, httpx2.URL(account.base_url))],
            "response": [partial(_import_errors, account.sdk)],
        },
    }
    if httpx2.URL(account.base_url).scheme == "http":
        settings["verify"] = LateCertificates(ssl.PROTOCOL_TLS_CLIENT)
    # The client that the SDKs create themselves closes itself when it is collected, on whatever loop runs then.
    try:
        if account.sdk == "anthropic":
            import anthropic

            try:
                http = anthropic.DefaultAsyncHttpxClient(**settings)
            except (ValueError, httpx2.InvalidURL):  # it reads NO_PROXY itself, and not [::1] in it
                http = httpx2.AsyncClient(**settings, follow_redirects=True)
            return SdkClient(anthropic, anthropic.AsyncAnthropic(**options, http_client=http), http)
        import openai

        http = openai.DefaultAsyncHttpxClient(**settings)
        return SdkClient(openai, openai.AsyncOpenAI(**options, http_client=http), http)
    except (ValueError, ImportError, OSError, httpx2.InvalidURL) as error:
        # Other causes were checked before: proxies and certificates come from the environment.
        message = f"The connection to {account.base_url} cannot be set up: {redact(str(error))[:300]}."
        hint = "Check ALL_PROXY, HTTPS_PROXY, HTTP_PROXY, NO_PROXY and SSL_CERT_FILE in the environment."
        raise MazuError(Kind.CONFIG, message, hint) from error


async def _import_errors(sdk: Sdk, response: Any) -> None:
    """Import the SDK's errors off the event loop before it raises one."""
    if response.is_error:
        await asyncio.to_thread(import_errors, sdk)


async def _stays_at(base: Any, request: Any) -> None:
    """Raise RedirectRefused for a request redirected to another host or port, out of TLS, or turned into a GET."""
    url = request.url
    same = url.host == base.host and (url.port == base.port or url.scheme != base.scheme)
    if same and request.method == "POST" and not (base.scheme == "https" and url.scheme == "http"):
        return
    raise RedirectRefused(url.host, f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}{url.path}")
