"""Converts every error to a JSON-RPC error in one place: a sentence for the user, the rest for the log."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from mazu_ls.errors import InvalidArguments, Kind, MazuError, system_error

logger = logging.getLogger(__name__)

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
NOT_INITIALIZED = -32002
REQUEST_FAILED = -32803
CONTENT_MODIFIED = -32801
REQUEST_CANCELLED = -32800


class RpcError(Exception):
    """A JSON-RPC error with its own code; everything else gets its code in `response_error`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ContentModified(MazuError):
    """The document changed between the request and its edit (-32801)."""

    def __init__(self, message: str, hint: str = "Look at the document and ask again.") -> None:
        super().__init__(Kind.CONFLICT, message, hint)


class EditUnanswered(ContentModified):
    """The editor has not said in time whether it made an edit: its user may still be asked about it, or it forgot the request."""


def response_error(error: BaseException, what: str) -> dict[str, Any]:
    """Return the `error` object of a response. `what` names the request for the log."""
    match error:
        case RpcError():
            return {"code": error.code, "message": error.message}
        case InvalidArguments():
            data = {"field": error.field} if error.field else {}
            return {"code": INVALID_PARAMS, "message": f"{what}: {error}", **({"data": data} if data else {})}
        case ContentModified():
            return _failed(CONTENT_MODIFIED, error)
        case MazuError():
            return _failed(REQUEST_FAILED, error)
        case asyncio.CancelledError():
            return {"code": REQUEST_CANCELLED, "message": f"{what} was cancelled."}
    logger.error("%s failed", what, exc_info=error)
    return _failed(REQUEST_FAILED, internal(error, what))


def internal(error: BaseException, what: str) -> MazuError:
    """Return an unexpected failure for the user: what the operating system refused, or for a bug of ours where the log
    is."""
    if (refused := system_error(error)) is not None:
        return refused
    from mazu_ls.server.logs import log_place

    return MazuError(
        Kind.INTERNAL,
        f"{what} failed inside mazu-ls ({type(error).__name__}).",
        f"The details are in {log_place()}.",
    )


def _failed(code: int, error: MazuError) -> dict[str, Any]:
    message = f"{error.message} {error.hint}".strip()
    return {"code": code, "message": message, "data": {"kind": str(error.kind), "hint": error.hint}}
