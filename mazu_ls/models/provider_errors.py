"""Classifies failures of a call, whichever SDK raises them: kind, what the user can do, and whether it is transient.

The SDKs' errors are recognised by their attributes, so that neither SDK is imported for the other's sake.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from mazu_ls.errors import Kind, MazuError
from mazu_ls.models.sdk.connection_words import (
    CORRECT_BASE_URL,
    LOGIN_PAGE,
    connection_failure,
    system_words,
    web_page,
)
from mazu_ls.redact import redact

log = logging.getLogger(__name__)
TOO_LONG = re.compile(
    r"prompt is too long|context[ _]length|context[ _]window|maximum context|too many (?:input )?tokens"
    r"|exceeds? the (?:maximum|available|model's) (?:number of tokens|context|input)|input is too long|token count .{0,200} exceeds",
    re.IGNORECASE,
)
REFUSED = re.compile(
    r"(?i)content[ _](?:policy|filter|management)|safety (?:system|policy)|usage polic"
    r"|\b(?:bio|cyber|misalignment)_policy|invalid_prompt"
)
PICTURE = re.compile(
    r"(?i)\bimages?\b|\bimage_|_image\b|image_url|input_image|\bpictures?\b|\bvision\b|media_type|mmproj|\bmultimodal\b"
)
"""Words of an error about a picture; the sender knows whether the request had one."""
ABOUT_THE_ACCOUNT = (Kind.AUTH, Kind.BUDGET, Kind.RATE_LIMIT)
NO_MONEY = re.compile(
    r"(?i)insufficient_quota|credit balance|exceeded your current quota|insufficient balance|billing"
)
NO_TOOLS = re.compile(
    r"(?i)not support (?:tools|tool use|tool calling|function calling)\b|support tool use|tools (?:is|are) not supported"
)
UNFIT = re.compile(
    r"invalid_image|image_(?:too|parse|file)|_image_file|failed_to_download|invalid_base64|data_residency"
)
"""Codes of a response that failed because of the request: a retry is useless."""
OURS = ("invalid_request_error", "BadRequestError", "INVALID_ARGUMENT")
"""Types of errors in the request, whatever the status says."""
OVERLOADED = ("overloaded_error", "overloaded", "engine_overloaded", "server_is_overloaded", "slow_down")
PATIENCE = re.compile(r"try again in (\d+(?:\.\d+)?) ?(ms|s)\b")
SHORTEST_SAID = 300


class Endpoint(NamedTuple):
    """Where a model is called, for error sentences. `key_env` names where its key is set; its repr hides the `secret`."""

    name: str
    base_url: str
    key_env: str
    secret: str = ""

    def __repr__(self) -> str:
        return f"Endpoint({self.name}, {self.base_url})"

    def masked(self, text: str) -> str:
        """Return `text` without the key."""
        if len(self.secret) > 4:
            text = text.replace(self.secret, "[key]")
        return redact(text)


class StreamEnded(Exception):
    """The stream ended without the provider's last event, was silent for too long, or had an invalid format."""


class RedirectRefused(Exception):
    """A service redirects requests to `host`, which may be its own with another scheme or path."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(f"redirected to {address}")
        self.host = host
        self.address = address


class UnusableAnswer(Exception):
    """An answer that was complete and paid for, but is unusable; a retry would cost as much. Says why."""


@contextmanager
def read_by_its_format() -> Iterator[None]:
    """Convert errors while an event of a service is parsed to StreamEnded: its format is invalid."""
    try:
        yield
    except (AttributeError, TypeError, KeyError, IndexError, ValueError, OverflowError) as error:
        log.warning("an event of a provider could not be read", exc_info=True)
        raise StreamEnded("an event is not what the format says") from error


class NotAModelEndpoint(Exception):
    """The address is no model service; says what answered instead."""


class ContentRefused(MazuError):
    """The service rejects a part of the request, and will do so next time, too.

    `part`: a picture, or the words of the newest message.
    """

    def __init__(self, error: MazuError, part: Literal["pictures", "message"]) -> None:
        super().__init__(error.kind, error.message, error.hint)
        self.part: Literal["pictures", "message"] = part


class ServiceError(Exception):
    """An error event in a running stream: its `body`, and its `type` or code."""

    def __init__(self, body: Any) -> None:
        super().__init__("error event")
        self.body = body
        self.status_code = 200


BROKEN = (StreamEnded, json.JSONDecodeError, UnicodeDecodeError, TimeoutError)
BAD_ADDRESS = {"UnsupportedProtocol", "InvalidURL", "LocalProtocolError"}
OF_THE_LINE = {
    "APIConnectionError",
    "TransportError",
    "StreamError",
    "RequestError",
    "ConnectionError",
    "APIError",
}
"""Names of error classes in both SDKs and the HTTP library below them."""


class ProviderFailure(Exception):
    """One failed attempt. `passing`: a retry may succeed. `retry_after` in seconds, as the service asked."""

    def __init__(self, error: MazuError, passing: bool, retry_after: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.passing = passing
        self.retry_after = retry_after


def classify_failure(error: Exception, endpoint: Endpoint) -> ProviderFailure | None:
    """Classify `error`; None if it is no error of the service or the connection, but a bug."""
    if hasattr(error, "status_code"):
        return _answered(error, endpoint)
    if isinstance(error, NotAModelEndpoint):
        return ProviderFailure(_no_service(endpoint, str(error)), False)
    if isinstance(error, UnusableAnswer):
        message = f"The answer of {endpoint.name} cannot be used: {error}."
        hint = "Send the message again, or choose another model with `mazu.models.set`."
        return ProviderFailure(MazuError(Kind.MODEL, message, hint), False)
    if (failure := _unconnected(error, endpoint)) is not None:
        return ProviderFailure(failure, False)
    if BAD_ADDRESS & {type(link).__name__ for link in _causes(error)}:
        message = f"The address {endpoint.masked(endpoint.base_url)!r} of {endpoint.name} cannot be called."
        hint = "Correct base_url in config.toml or the environment."
        return ProviderFailure(MazuError(Kind.CONFIG, message, hint), False)
    if isinstance(error, BROKEN) or OF_THE_LINE & {base.__name__ for base in type(error).__mro__}:
        return ProviderFailure(_network(error, endpoint), True)
    return None


def _no_service(endpoint: Endpoint, answered: str, status: str = "") -> MazuError:
    message = (
        f"{endpoint.masked(endpoint.base_url)} is no model service: it answered with {answered}{status}."
    )
    return MazuError(Kind.CONFIG, message, CORRECT_BASE_URL)


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain


def _unconnected(error: Exception, endpoint: Endpoint) -> MazuError | None:
    """Return the error for what a retry cannot change: wrong address, wrong protocol, connection refused."""
    place = endpoint.masked(endpoint.base_url)
    for link in _causes(error):
        if isinstance(link, RedirectRefused):
            message = f"{place} redirects to {link.address}; nothing was sent there, since your key and your code would go along."
            return MazuError(
                Kind.CONFIG, message, f"If you trust {link.host}, set base_url to an address there."
            )
        if isinstance(link, ssl.SSLError):
            return _no_tls(link, place)
        if type(link).__name__ == "ProxyError" and str(link).startswith("407"):
            said = endpoint.masked(str(link))[:SHORTEST_SAID]
            return MazuError(
                Kind.CONFIG, as_sentence(PROXY_LOGIN.format(name=endpoint.name, said=said)), PROXY_HINT
            )
        if type(link).__name__ == "TooManyRedirects":
            return MazuError(Kind.CONFIG, f"{place} redirects in a circle.", "Correct base_url.")
    if any(type(link).__name__ == "ConnectTimeout" for link in _causes(error)):
        plain = " If it speaks plain HTTP, write http:// in base_url." if place.startswith("https") else ""
        message = f"Nobody at {place} took the connection up in time."
        return MazuError(
            Kind.NETWORK, message, f"Check the address, the network and the proxy settings.{plain}"
        )
    return None


def _no_tls(error: ssl.SSLError, place: str) -> MazuError:
    why = error.reason or "the handshake was not answered"  # Python's own words name a line of its source
    if isinstance(error, ssl.SSLCertVerificationError):
        message = f"The certificate of {place} is not trusted: {error.verify_message}."
        return MazuError(
            Kind.CONFIG, message, "Set SSL_CERT_FILE to the certificate of your own authority, if it has one."
        )
    message = f"No TLS connection to {place}: {why.replace('_', ' ').lower()}."
    return MazuError(Kind.CONFIG, message, "If it speaks plain HTTP, write http:// in base_url.")


def _network(error: Exception, endpoint: Endpoint) -> MazuError:
    causes = _causes(error)
    if (words := connection_failure(causes, endpoint.name, endpoint.masked(endpoint.base_url))) is not None:
        return MazuError(Kind.NETWORK, *map(endpoint.masked, words))
    said = [link for link in causes if str(link) and not isinstance(link, asyncio.CancelledError)]
    why = system_words(causes) or (str(said[-1]) if said else type(error).__name__)
    message = f"The connection to {endpoint.name} at {endpoint.masked(endpoint.base_url)} failed: {as_sentence(endpoint.masked(why)[:SHORTEST_SAID])}"
    return MazuError(Kind.NETWORK, message, "Check the network and the address, then send the message again.")


class _Said(NamedTuple):
    status: int
    kind: str
    code: str
    text: str

    def matches(self, pattern: re.Pattern[str]) -> bool:
        return any(pattern.search(word) for word in (self.text, self.code, self.kind))


def _said(error: Any) -> _Said:
    body = getattr(error, "body", None)
    if isinstance(body, list) and body:
        body = body[0]
    inner = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(inner, Mapping):
        return _Said(error.status_code, "", "", inner if isinstance(inner, str) else str(error))
    kind, code = str(inner.get("type") or inner.get("status") or ""), str(inner.get("code") or "")
    status = error.status_code
    if status == 200 and code.isascii() and code.isdigit() and 400 <= int(code[:4]) < 600:
        status = int(code)  # gateways put the status they got into the error
    return _Said(status, kind, code, str(inner.get("message") or inner.get("detail") or error))


def as_sentence(text: str) -> str:
    """Return the text with a full stop, so that the next sentence does not run into it."""
    text = text.rstrip()
    return text if text.endswith((".", "!", "?", "…", ":")) else f"{text}."


def _answered(error: Any, endpoint: Endpoint) -> ProviderFailure:
    said = _said(error)
    if (page := web_page(said.text)) is not None:
        if 400 <= said.status < 500 and said.status not in ANSWERED_BY_ANY_PAGE:
            return ProviderFailure(
                _no_service(endpoint, endpoint.masked(page), f" (status {said.status})"), False
            )
        said = said._replace(text=page)
    quoted = " ".join(endpoint.masked(said.text).split())[:SHORTEST_SAID]
    for test, kind, passing, message, hint in _RULES:
        if test(said):
            again = "try again" if endpoint.key_env == "config.toml" else "start mazu-ls again"
            fill = {"name": endpoint.name, "said": quoted, "key_env": endpoint.key_env, "status": said.status}
            fill["again"] = again  # files are read at each try, the environment once
            words = message.format(**fill).removesuffix(": ")  # a service may say nothing
            mazu_error = MazuError(kind, as_sentence(words), hint.format(**fill))
            if kind not in ABOUT_THE_ACCOUNT and said.matches(PICTURE):
                mazu_error = ContentRefused(mazu_error, "pictures")
            elif kind is Kind.REFUSAL:
                mazu_error = ContentRefused(mazu_error, "message")
            return ProviderFailure(mazu_error, passing, _retry_after(error) if passing else None)
    raise AssertionError("the last rule takes everything")


def _is(*names: str, status: tuple[int, ...] = ()) -> Any:
    return lambda said: said.status in status or said.kind in names or said.code in names


PROXY_LOGIN = "The proxy on the way to {name} requires a user name and a password: {said}"
PROXY_HINT = "Write them into HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, whichever names it, as http://USER:PASSWORD@HOST:PORT."
ANSWERED_BY_ANY_PAGE = (402, 407, 408, 413, 425, 429)
"""Statuses that say enough, whatever the page that came with them."""
_RULES: tuple[tuple[Any, Kind, bool, str, str], ...] = (
    (
        _is(status=(LOGIN_PAGE,)),
        *(Kind.NETWORK, False, "The network wants a login before it lets anybody through to {name}: {said}"),
        "Open any web page in a browser and log in there, then send the message again.",
    ),
    (_is(status=(407,)), Kind.CONFIG, False, PROXY_LOGIN, PROXY_HINT),
    (
        lambda said: (
            said.status == 402
            or said.code == "insufficient_quota"
            or (said.status not in (200, 401) and said.matches(NO_MONEY))
        ),
        *(Kind.BUDGET, False, "The account behind {name} has no credit left: {said}"),
        "Add credit with the provider, or choose another model with `mazu.models.set`.",
    ),
    (
        _is("authentication_error", "invalid_api_key", status=(401,)),
        *(Kind.AUTH, False, "{name} does not accept the key: {said}"),
        "Set a valid key in {key_env}, then {again}.",
    ),
    (
        _is("permission_error", status=(403,)),
        *(Kind.AUTH, False, "The key may not use {name}: {said}"),
        "Use a key with access to this model, or choose another model with `mazu.models.set`.",
    ),
    (
        lambda said: said.status in (200, 400, 413, 422) and (said.matches(TOO_LONG) or said.status == 413),
        *(Kind.CONTEXT_LENGTH, False, "The conversation is longer than {name} can read: {said}"),
        "Compact the session (`mazu.session.compact`) or start a new one.",
    ),
    (
        lambda said: said.status in (200, 400) and said.matches(REFUSED),
        *(Kind.REFUSAL, False, "{name} refused the request: {said}"),
        "Word it differently, or choose another model.",
    ),
    (
        lambda said: said.status in (200, 400, 404, 422) and said.matches(NO_TOOLS),
        *(Kind.MODEL, False, "{name} cannot call tools, which the agent works with: {said}"),
        "Choose another model with `mazu.models.set`; this one can answer `mazu.ask`.",
    ),
    (
        _is("not_found_error", "model_not_found", status=(404,)),
        *(Kind.MODEL, False, "{name} is not known there: {said}"),
        "Check the model's name and the address; models are written `provider:model`, a bare name is Anthropic's.",
    ),
    (
        _is("rate_limit_error", "rate_limit_exceeded", "RESOURCE_EXHAUSTED", status=(429,)),
        *(Kind.RATE_LIMIT, True, "{name} is called too often: {said}"),
        "Wait a little and send the message again, or choose another model.",
    ),
    (
        _is(*OVERLOADED, status=(503, 529)),
        *(Kind.OVERLOADED, True, "{name} is overloaded: {said}"),
        "Wait a little and send the message again, or choose another model.",
    ),
    (
        lambda said: (
            said.status >= 500
            or (said.status in (200, 408, 409, 425) and not said.matches(UNFIT) and said.kind not in OURS)
        ),
        *(Kind.OVERLOADED, True, "{name} failed (status {status}): {said}"),
        "The service has trouble; try again in a minute, or choose another model.",
    ),
    (
        lambda said: True,
        *(Kind.MODEL, False, "{name} did not take the request (status {status}): {said}"),
        "Check the model's settings in config.toml (model, base_url, extra_body).",
    ),
)


def _retry_after(error: Any) -> float | None:
    """Return seconds from `retry-after-ms`, or from `retry-after` as a number or as an HTTP date; without headers, as in the middle
    of a stream, from the words of OpenAI's error."""
    response = getattr(error, "response", None)
    headers = response.headers if response is not None else {}
    try:
        if given := headers.get("retry-after-ms"):
            asked = float(given) / 1000
        else:
            given = headers.get("retry-after")
            asked = _in_words(_said(error).text) if given is None else _seconds(given)
    except (ValueError, TypeError, OverflowError):
        return None
    return asked if 0 < asked < math.inf else None


def _in_words(said: str) -> float:
    found = PATIENCE.search(said)
    return float(found[1]) / (1000 if found[2] == "ms" else 1) if found else 0.0


def _seconds(given: str) -> float:
    from datetime import UTC, datetime

    try:
        return max(0.0, float(given))
    except ValueError:
        from email.utils import parsedate_to_datetime

        return max(0.0, (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
