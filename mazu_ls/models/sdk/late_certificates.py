"""TLS for an address without TLS: certificates are read only if a redirect leads to a place that has it."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any


class LateCertificates(ssl.SSLContext):
    """A client context that verifies as the SDKs' own does, but reads the certificates (20 ms of CPU) at its first handshake.

    A local model server speaks plain HTTP and never needs them.
    """

    _protocols: Iterable[str] = ()
    _real: ssl.SSLContext | None = None

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        """Set which protocols the client offers at its handshakes."""
        self._protocols = alpn_protocols

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        """Begin a handshake. Blocks once; anyio calls that of a subclass in a thread. Raises OSError as reading certificates does."""
        if self._real is None:
            import httpx2

            self._real = httpx2.create_ssl_context()
        self._real.set_alpn_protocols([*self._protocols])
        return self._real.wrap_bio(*arguments, **named)
