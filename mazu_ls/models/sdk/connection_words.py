"""Words for requests that reach no model service: what did not answer, which proxy is on the way, and web pages that answer instead."""

from __future__ import annotations

import html
import os
import re
import socket
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

_PAGE = re.compile(
    r"[\s\ufeff]*+(?:<\?xml\b[^>]{0,200}>\s*+)?(?:<!--.*?-->\s*+)*+<(?:!doctype\s+html|html|head|body|title|center|h1|meta|script)\b",
    re.DOTALL | re.IGNORECASE,
)
_TITLE = re.compile(r"<(title|h1)\b[^>]{0,200}>([^<]{1,400})</\1", re.IGNORECASE)
LONGEST_TITLE = 80
LOGIN_PAGE = 511
"""Status of a network that wants a login before it lets anybody through (RFC 6585)."""
CORRECT_BASE_URL = "Correct base_url; it often ends with /v1. The login page of a network or of a proxy answers like this, too."


class ProxyOnTheWay(NamedTuple):
    """The proxy that a request takes: its address without a password, and the variable that names it."""

    address: str
    variable: str


def web_page(text: str) -> str | None:
    """Return the words for an answer that is a web page, with its title; None if it is none."""
    if _PAGE.match(text) is None:
        return None
    title = _TITLE.search(text[:20_000])
    words = " ".join(html.unescape(title[2]).split()) if title else ""
    words = "".join(char for char in words if char.isprintable())[:LONGEST_TITLE].strip()
    return f'a web page, "{words}"' if words else "a web page"


def proxy_of(base_url: str) -> ProxyOnTheWay | None:
    """Return the proxy that the environment names for an address; None if there is none for it."""
    from urllib import request

    try:
        parts = urlsplit(base_url)
        known = request.getproxies_environment()
        if request.proxy_bypass(parts.hostname or ""):
            return None
    except ValueError:
        return None
    for kind in (parts.scheme, "all"):
        if address := known.get(kind):
            names = (f"{kind}_proxy".upper(), f"{kind}_proxy")
            variable = next((name for name in names if os.environ.get(name)), names[0])
            return ProxyOnTheWay(address.rpartition("@")[2].rpartition("//")[2].rstrip("/"), variable)
    return None


def connection_failure(causes: Sequence[BaseException], name: str, base_url: str) -> tuple[str, str] | None:
    """Return the words for a connection that was not made, and what to do; None for any other failure.

    `base_url` as it is shown, without a password.
    """
    links = list(_with_groups(causes))
    kinds = {type(link).__name__ for link in links}
    proxy = proxy_of(base_url)
    host = urlsplit(base_url).hostname or base_url
    why = system_words(links)
    if proxy is not None and "ProxyError" in kinds:
        said = next(
            (str(link) for link in links if type(link).__name__ == "ProxyError" and str(link)),
            "no reason given",
        )
        message = (
            f"The proxy {proxy.address} ({proxy.variable}) did not connect to {name} at {base_url}: {said}."
        )
        return (
            message,
            f"Check the address, and whether the proxy lets {host} through; NO_PROXY names what needs no proxy.",
        )
    if "ConnectError" not in kinds or why is None:
        return None
    if proxy is not None:
        message = (
            f"The proxy {proxy.address} ({proxy.variable}) on the way to {name} cannot be reached: {why}."
        )
        return message, f"Correct {proxy.variable} or unset it; NO_PROXY names what needs no proxy."
    if any(isinstance(link, socket.gaierror) for link in links):
        return (
            f"The host {host} of {name} is not found: {why}.",
            "Check base_url and the network, then send the message again.",
        )
    if any(isinstance(link, ConnectionRefusedError) for link in links):
        start = (
            "Start the model server there"
            if host in ("localhost", "127.0.0.1", "::1")
            else "Check the network"
        )
        return f"Nothing listens at {base_url} for {name}: {why}.", f"{start}, or correct base_url."
    return None


def system_words(causes: Sequence[BaseException]) -> str | None:
    """Return what the operating system says about a connection, without numbers and addresses; None if it says nothing."""
    for link in reversed(list(_with_groups(causes))):
        if isinstance(link, socket.gaierror):
            return (link.strerror or "unknown host").lower()
        if isinstance(link, OSError) and link.errno:
            return os.strerror(link.errno).lower()
    return None


def _with_groups(causes: Sequence[BaseException]) -> Iterator[BaseException]:
    for link in causes:
        yield link
        if isinstance(link, BaseExceptionGroup):
            yield from _with_groups(link.exceptions)
