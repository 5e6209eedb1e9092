"""Accepts clients over a socket: one that does not prove to be the server's owner is closed, and the next one awaited.

On TCP the proof is a token, known only to whoever started the server; on a unix socket it is the mode of the socket
(0600) and the user at the other end. Before that proof nothing is carried out, and nothing is answered. On both the first message
has to be `initialize`: a program that only connects takes the place of no editor.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
import re
import secrets
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from mazu_ls.platform.open_flags import user_id
from mazu_ls.platform.peer_credentials import is_supported, peer_credentials
from mazu_ls.server.rpc.framing import BadFrame, FrameReader
from mazu_ls.server.rpc.transport import CHUNK, StreamTransport
from mazu_ls.state.paths import private_folder, state_home

logger = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1"
TOKEN_VARIABLE = "MAZU_TCP_TOKEN"
TOKEN_CHARS = 16
"""Minimum characters of a token that the user chose."""
FIRST_SECONDS = 10.0
FIRST_BYTES = 1024 * 1024
MOST_STRANGERS = 256
"""Maximum number of connections without a proof."""
_FIRST_HEADER = re.compile(rb"(?i)(?:content-type:[^\r\n]*\r?\n)?content-length:[ \t]*\d{1,7}[ \t]*\r?\n")


def tcp_token(env: Mapping[str, str] = os.environ) -> tuple[str, bool]:
    """Return the token that clients must send, and whether it has to be printed for whoever starts the server."""
    given = env.get(TOKEN_VARIABLE, "")
    return (given, False) if len(given) >= TOKEN_CHARS else (secrets.token_urlsafe(32), True)


class OwnerOnly:
    """Accepts connections until the first one of the owner; that one is `client`."""

    def __init__(self, token: str | None) -> None:
        """`token`: the required `initializationOptions.token`; None if the user at the other end is the proof."""
        self._token = token
        self._strangers = 0
        self.client: asyncio.Future[StreamTransport] = asyncio.get_running_loop().create_future()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle one connection: it becomes `client` or is closed."""
        taken = False
        try:
            if self.client.done() or self._strangers >= MOST_STRANGERS or not _same_user(writer):
                return
            self._strangers += 1
            try:
                unread = await self._admitted(reader)
            finally:
                self._strangers -= 1
            if unread is not None and not self.client.done():
                self.client.set_result(StreamTransport(reader, writer, unread))
                taken = True
        except (OSError, ValueError) as error:
            logger.info("A connection was refused: %s", error)
        finally:
            if not taken:
                writer.close()

    async def _admitted(self, reader: asyncio.StreamReader) -> bytes | None:
        """Return the input of a client that proved to be the owner's; None for any other."""
        data, frames = b"", FrameReader()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_SECONDS):
                while len(data) < FIRST_BYTES and (chunk := await reader.read(CHUNK)):
                    data += chunk
                    begun = data.partition(b"\n")[0]
                    if not b"content-".startswith(begun[:8].lower()[: len(begun)]):
                        break  # an HTTP request, or nothing that any LSP client sends
                    if (first := frames.take(chunk)) is not None:
                        return data if self._proves(first, data) else None
        also = "" if self._token is None else " and the token"
        logger.warning("A client that did not begin with `initialize`%s was closed.", also)
        return None

    def _proves(self, first: bytes | BadFrame, data: bytes) -> bool:
        if isinstance(first, BadFrame) or not _FIRST_HEADER.match(data):
            return False
        try:
            message: Any = msgspec.json.decode(first)
            if message["method"] != "initialize" or self._token is None:
                return message["method"] == "initialize"
            options = message["params"]["initializationOptions"]
            named = options.get("token") or options.get("mazu", {}).get("token")
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            return False
        proved = isinstance(named, str) and hmac.compare_digest(named.encode(), self._token.encode())
        if not proved:
            logger.warning("A client that does not know the token was closed.")
        return proved


def _same_user(writer: asyncio.StreamWriter) -> bool:
    """Return whether the process at the other end is this user's; if unknown, the token alone decides."""
    connection: Any = writer.get_extra_info("socket")
    if connection.family == getattr(socket, "AF_UNIX", None):
        return not is_supported() or peer_credentials(connection)[1] == user_id()
    owner = _owner_of_connection(connection.getpeername(), connection.getsockname())
    return owner is None or owner == user_id()


def _owner_of_connection(peer: tuple[str, int], own: tuple[str, int]) -> int | None:
    """Return the user whose socket is `peer`, connected to `own`: proc_net_tcp(5). None if unknown."""
    wanted = [_proc_address(*peer[:2]), _proc_address(*own[:2])]
    try:
        for line in Path("/proc/net/tcp").read_text("ascii").split("\n")[1:]:
            fields = line.split()
            if fields[1:3] == wanted:
                return int(fields[7])
    except (OSError, ValueError, IndexError):
        return None
    return None


def _proc_address(host: str, port: int) -> str:
    number = struct.unpack("=I", socket.inet_aton(host))[0]
    return f"{number:08X}:{port:04X}"


async def tcp_client(port: int, serve: Callable[[StreamTransport], Any]) -> int:
    """Serve the owner's client on this machine's `port`; return the exit status."""
    token, to_be_told = tcp_token()
    door = OwnerOnly(token)
    try:
        listener = await asyncio.start_server(door.accept, LOOPBACK, port)
    except (OSError, OverflowError) as error:
        return _failed(f"cannot listen on {LOOPBACK}:{port}: {error}. Choose another port.")
    host, bound = listener.sockets[0].getsockname()[:2]
    _say(f"listening on {host}:{bound}")
    if to_be_told:
        _say(f'initializationOptions = {{"token": "{token}"}}')
    return await _serve_first(listener, door, serve)


async def socket_client(place: Path | None, serve: Callable[[StreamTransport], Any]) -> int:
    """Serve this user's client on a unix socket, by default one in the state directory; return the exit status."""
    door = OwnerOnly(None)
    try:
        if place is None:
            private_folder(state_home())
            place = private_folder(state_home() / "sockets") / f"{os.getpid()}.sock"
            place.unlink(missing_ok=True)
        before = os.umask(0o177)  # the socket is 0600 from its first moment
        try:
            listener = await asyncio.start_unix_server(door.accept, place)
        finally:
            os.umask(before)
    except OSError as error:
        return _failed(f"cannot listen on {place}: {error.strerror or error}. Choose another path.")
    _say(f"listening on {place}")
    try:
        return await _serve_first(listener, door, serve)
    finally:
        with contextlib.suppress(OSError):
            place.unlink()


async def _serve_first(
    listener: asyncio.Server, door: OwnerOnly, serve: Callable[[StreamTransport], Any]
) -> int:
    try:
        client = await door.client
    finally:
        listener.close()  # no other client is served
    return await serve(client)


def _say(sentence: str) -> None:
    print(f"mazu-ls: {sentence}", file=sys.stderr, flush=True)  # noqa: T201 - to whoever started it


def _failed(sentence: str) -> int:
    _say(sentence)
    return 1
