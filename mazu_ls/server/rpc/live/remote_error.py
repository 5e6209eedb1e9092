"""Errors of a server at the other end of a live connection, raised here as if they had happened here."""

from __future__ import annotations

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.server.errors import INVALID_PARAMS, REQUEST_CANCELLED
from mazu_ls.server.rpc.client_requests import ClientError
from mazu_ls.server.rpc.live.served import NOT_KNOWN, unanswered


class NotServed(Exception):
    """The server does not serve this, and did nothing."""


def error_raised(error: ClientError, command: str) -> Exception:
    """Return what a command of this process would raise; NotServed if the server does not serve it."""
    data = error.data if isinstance(error.data, dict) else {}
    kind, hint = data.get("kind"), str(data.get("hint") or "")
    if error.code == INVALID_PARAMS:
        return InvalidArguments(error.message.partition(": ")[2] or error.message, str(data.get("field", "")))
    if error.code == REQUEST_CANCELLED:
        return MazuError(Kind.INTERNAL, f"{command} was stopped.")
    if kind == Kind.UNSUPPORTED:
        return NotServed()
    if kind is None:
        return MazuError(Kind.INTERNAL, unanswered(command), NOT_KNOWN)
    message = error.message.removesuffix(hint).rstrip() if hint else error.message
    return MazuError(Kind(kind) if kind in [*Kind] else Kind.INTERNAL, message, hint)
