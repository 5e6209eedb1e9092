"""Requests that will start a job and have not yet: the files they name are read, their model is looked up."""

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
    """One request. `session_id` is that of the session it names, None for the current one, "" for work beside them."""

    session_id: str | None
    token: Token | None
    cancelled: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once its job runs, or once it came to nothing."""

    def names(self, session_id: str | None, current: str | None) -> bool:
        """Whether it is for this session; `current` is the one that is meant where it names none."""
        return session_id == (current if self.session_id is None else self.session_id)


_present: ContextVar[AcceptedRequest | None] = ContextVar("accepted request", default=None)
"""Of the task that runs; tasks that it starts inherit it."""


class AcceptedRequests:
    """From a request's arrival on until its job runs, it can be stopped, and a later one can wait for it."""

    def __init__(self) -> None:
        self._all: dict[AcceptedRequest, None] = {}

    @contextmanager
    def accept(self, session_id: str | None, token: Token | None = None) -> Iterator[None]:
        """Within this a job is started."""
        request = AcceptedRequest(session_id, token)
        self._all[request] = None
        before = _present.set(request)
        try:
            yield
        finally:
            _present.reset(before)
            self._leave(request)

    def begin_job(self) -> bool:
        """The job of the present request runs from now on; whether it was stopped before."""
        request = _present.get()
        if request is None or request not in self._all:
            return False
        self._leave(request)
        return request.cancelled

    async def wait_for_earlier(self, session_id: str) -> None:
        """Wait until what was asked of a session before the present request runs, or came to nothing."""
        for request in itertools.takewhile(lambda request: request is not _present.get(), [*self._all]):
            if request.names(session_id, session_id):
                await request.over.wait()

    def cancel(self, session_id: str | None, current: str | None) -> bool:
        """Stop what was asked of a session, or of all; whether there was any. `current`: the session meant by default."""
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
