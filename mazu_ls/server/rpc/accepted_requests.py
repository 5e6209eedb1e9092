"""Accepted requests whose job has not started yet: their files are being read, their model looked up."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

Token = int | str


@dataclass(eq=False, slots=True)
class AcceptedRequest:
    """One request. `session_id` is that of the named session, None for the current one, "" for work outside sessions."""

    session_id: str | None
    token: Token | None
    cancelled: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once its job runs, or once it failed."""

    def names(self, session_id: str | None, current: str | None) -> bool:
        """Return whether it is for this session; `current` is the default session."""
        return session_id == (current if self.session_id is None else self.session_id)


_present: ContextVar[AcceptedRequest | None] = ContextVar("accepted request", default=None)
"""The request of the current task; child tasks inherit it."""


class AcceptedRequests:
    """From a request's arrival until its job runs, it can be stopped, and a later one can wait for it."""

    def __init__(self) -> None:
        self._all: dict[AcceptedRequest, None] = {}

    @contextmanager
    def accept(self, session_id: str | None, token: Token | None = None) -> Iterator[None]:
        """Start a job within this context."""
        request = AcceptedRequest(session_id, token)
        self._all[request] = None
        before = _present.set(request)
        try:
            yield
        finally:
            _present.reset(before)
            self._leave(request)

    def begin_job(self) -> bool:
        """The job of the present request runs from now on; return False if the request was stopped before."""
        request = _present.get()
        if request is None or request not in self._all:
            return False
        self._leave(request)
        return request.cancelled

    async def wait_for_earlier(self, session_id: str) -> None:
        """Wait until earlier requests for a session run, or have failed."""
        for request in itertools.takewhile(lambda request: request is not _present.get(), [*self._all]):
            if request.names(session_id, session_id):
                await request.over.wait()

    def cancel(self, session_id: str | None, current: str | None) -> bool:
        """Stop the requests for a session, or all; return whether there were any. `current`: the default session."""
        found = [
            request
            for request in self._all
            if not request.cancelled and (session_id is None or request.names(session_id, current))
        ]
        for request in found:
            request.cancelled = True
        return bool(found)

    def cancel_token(self, token: Token) -> None:
        """The user pressed cancel on the progress with this token."""
        for request in self._all:
            request.cancelled = request.cancelled or request.token == token

    def _leave(self, request: AcceptedRequest) -> None:
        self._all.pop(request, None)
        request.over.set()
