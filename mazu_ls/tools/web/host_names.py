"""One spelling for a host: a rule about it holds for each of the others that lead to it."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urljoin, urlsplit

_PATTERN = re.compile(r"([a-zA-Z]+://)?(\*\.)?(\[[^\]]*\]|[^/:\[\]]+)(:[\d*?]+)?(/.*)?")
"""A rule's pattern: scheme, `*.`, host, port, path."""
_HOST_CHARS = 1000
"""Longer names lead nowhere (RFC 1035, 2.3.4), and finding their form takes seconds."""


def canonical_host(host: str) -> str:
    """Return a host as it is looked up: in ASCII (IDNA), in lower case, without the dot at its end, an IP address in its usual form.

    `127.1`, `0x7f.1`, `2130706433` and `::ffff:127.0.0.1` are all `127.0.0.1`. What has no such form is returned as it is.
    """
    if len(host) > _HOST_CHARS:
        return host
    try:
        name = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return host
    name = name.lower().rstrip(".")
    try:
        if ":" in name:
            address = ipaddress.IPv6Address(name)
            return str(address.ipv4_mapped or address)
        if name[:1].isdigit():  # inet_aton, as a look-up reads it
            return socket.inet_ntoa(socket.inet_aton(name))
    except (OSError, ValueError):
        pass
    return name


def canonical_pattern(pattern: str) -> str:
    """Return a rule's pattern with its host in the usual form: of `*.EVIL.com`, `http://b\u00fccher.de/*`, `[::1]:80`."""
    match = _PATTERN.fullmatch(pattern)
    if match is None:
        return pattern
    scheme, any_of, host, port, rest = (part or "" for part in match.groups())
    plain = not set("*?") & set(host)
    name = canonical_host(host.strip("[]")) if plain else host.lower()
    # In an address an IPv6 host stands in brackets, which a pattern would take for a choice of letters.
    name = f"[[]{name}[]]" if scheme and ":" in name else name
    return f"{scheme.lower()}{any_of}{name}{port}{rest}"


def _as_sent(url: str) -> str:
    """Return an address with its dot segments removed and without needless escapes (RFC 3986, 6.2.2), as it is requested."""
    plain = re.sub(r"%([0-9A-Fa-f]{2})", lambda match: _unescaped(match[0], chr(int(match[1], 16))), url)
    return urljoin(plain, urlsplit(plain)._replace(scheme="", netloc="").geturl() or "/")


def _unescaped(written: str, character: str) -> str:
    return character if character.isascii() and (character.isalnum() or character in "-._~") else written


def host_spellings(url: str) -> list[str]:
    """Return what a rule may name of an address: first its host as a grant names it, with the port if the address has one; then
    without, in letters beyond ASCII, as it was spelled, and the whole address with its host in the usual form. Empty if there is no host.
    """
    try:
        parts = urlsplit(_as_sent(url))
        host, port = parts.hostname, parts.port
    except ValueError:
        return []
    if not host or parts.scheme not in ("http", "https"):
        return []
    name = canonical_host(host)
    try:
        readable = name.encode().decode("idna")
    except UnicodeError:
        readable = name
    usual = 443 if parts.scheme == "https" else 80
    end = "" if port is None else f":{port}"
    netloc = f"[{name}]" if ":" in name else name
    written = [parts._replace(netloc=one).geturl() for one in (f"{netloc}{end}", netloc)]
    if port not in (None, usual):
        written.pop()  # on another port it is another site
    ported = f"{name}:{usual if port is None else port}"
    return list(dict.fromkeys([f"{name}{end}", name, readable, host, ported, *written]))
