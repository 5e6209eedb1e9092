"""Deleting and restoring sessions over the wire: arguments and results."""

from __future__ import annotations

from mazu_ls.server.wire.codec import Params
from mazu_ls.server.wire.sessions import SessionList, SessionParams


class DeleteSessionParams(SessionParams, frozen=True):
    for_good: bool = False
    """It cannot be restored."""


class RestoreSessionParams(Params, frozen=True):
    session_id: str | None = None
    """An id of a deleted session. The last one deleted if not given."""


class DeletedSessionList(SessionList, frozen=True):
    """What is left after a deletion; `restorable_until` is null where it was for good."""

    restorable_until: str | None
