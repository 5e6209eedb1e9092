"""Posts whose answers are streamed: the first to each path is the SDK's own, later ones repeat it with another body.

An SDK builds every request from nothing: options, defaults, a validated model, the address, 15 headers. That is a third of what a
request costs on the event loop, and gives the same request each time. Its HTTP client sends the repeated ones, with its connections,
proxies, certificates, cookies and hooks; failures become the SDK's errors.
"""

from __future__ import annotations

import json
import os
import sys
from types import ModuleType
from typing import Any, NamedTuple

LOGGING = {"anthropic": "ANTHROPIC_LOG", "openai": "OPENAI_LOG"}
"""Variables with which an SDK writes its log, of each of its requests too."""
_OF_ONE_REQUEST = frozenset((b"content-length", b"cookie", b"idempotency-key"))


class _Known(NamedTuple):
    """What all requests to one path have in common."""

    url: Any
    headers: list[tuple[bytes, bytes]]
    extensions: dict[str, Any]


class SdkClient:
    """The client of an SDK (`sdk`), and the HTTP client that it was given."""

    def __init__(self, package: ModuleType, sdk: Any, http: Any) -> None:
        self.sdk = sdk
        self._package = package
        self._http = http
        self._known: dict[str, _Known] = {}

    async def open_stream(self, path: str, data: bytes) -> Any:
        """Post JSON and return the HTTP response, whose body is not read yet. Raises the errors of the SDK."""
        known = self._known.get(path)
        if known is None or self._observed():
            return await self._first(path, data)
        return await self._repeated(known, data)

    async def close(self) -> None:
        """Close the connections."""
        await self.sdk.close()

    def _observed(self) -> bool:
        """Say whether the SDK logs or traces its requests, which it can only for those that it sends itself."""
        return bool(os.environ.get(LOGGING[self._package.__name__])) or "opentelemetry.sdk" in sys.modules

    async def _first(self, path: str, data: bytes) -> Any:
        stream = await self.sdk.post(
            path,
            content=data,
            options={"headers": {"Content-Type": "application/json"}},
            cast_to=object,
            stream=True,
            stream_cls=self._package.AsyncStream[Any],
        )
        response = stream.response
        if not response.history:  # a redirected request has other headers than the next one needs
            sent = response.request
            common = [
                (name, value) for name, value in sent.headers.raw if name.lower() not in _OF_ONE_REQUEST
            ]
            self._known[path] = _Known(sent.url, common, dict(sent.extensions))
        return response

    async def _repeated(self, known: _Known, data: bytes) -> Any:
        import httpx2

        cookies = self._http.cookies
        request = httpx2.Request(
            "POST",
            known.url,
            headers=known.headers,
            cookies=cookies if len(cookies) else None,
            content=data,
            extensions=known.extensions,
        )
        try:
            response = await self._http.send(request, stream=True)
        except httpx2.TimeoutException as error:
            raise self._package.APITimeoutError(request=request) from error
        except Exception as error:
            raise self._package.APIConnectionError(request=request) from error
        if not response.is_success:
            await response.aread()
            raise self._status_error(response)
        return response

    def _status_error(self, response: Any) -> Exception:
        """Return the error in the words of the SDK, in which its callers look for the field that was rejected."""
        text, code = response.text.strip(), f"Error code: {response.status_code}"
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            body, message = text, text or code
        else:
            said = _message_of(body) if self._package.__name__ == "openai" else body
            message = f"{code} - {said}" if said else code
        return self._package.APIStatusError(message, response=response, body=body)


def _message_of(body: Any) -> str | None:
    error = body.get("error", body) if isinstance(body, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else None
