"""Which network addresses are public, and where a name leads."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from mazu_ls.tools.web.host_names import canonical_host

# Prefixes that carry an IPv4 address within an IPv6 one: NAT64 (RFC 6052), 6to4 (RFC 3056).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Not public, whatever this Python's tables say: site-local, documentation, protocol assignments, relays, discard, SRv6.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in ("fec0::/10", "3fff::/20", "100::/64", "5f00::/16", "192.0.0.0/24", "192.88.99.0/24")
)


def is_public(address: str) -> bool:
    """Return whether an IP address is public, also one that embeds another one. Raises ValueError for what is no IP address."""
    ip = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    if any(ip in network for network in _NOT_PUBLIC if network.version == ip.version):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def private_address(host: str) -> str | None:
    """Return the address that a host names if it is not public, without looking up a name; None for any other name."""
    name = canonical_host(host)
    if name == "localhost" or name.endswith(".localhost"):
        return "127.0.0.1"
    try:
        return None if is_public(name) else name
    except ValueError:
        return None


async def look_up(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host. Raises OSError or UnicodeError if it has none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def first_private(addresses: list[str]) -> str | None:
    """Return the first that is not public: a mixed answer is an attack, so one is enough to refuse the host."""
    return next((address for address in addresses if not is_public(address)), None)
