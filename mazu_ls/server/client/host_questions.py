"""Questions where no editor asks them: the host does, and other clients of the server are asked, too."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mazu_ls.server.client.ask_user import OpenQuestion

if TYPE_CHECKING:
    from mazu_ls.host import Question, UserReply
    from mazu_ls.server.client.ask_user import Asker


class HostQuestions:
    """The counterpart of `ClientApprovals` for a server in a terminal; whoever answers a question first decides it."""

    def __init__(self) -> None:
        self.waiting: list[OpenQuestion] = []
        """All that are not decided, in the order in which they were asked."""
        self._askers: list[Asker] = []

    def add_asker(self, asker: Asker) -> None:
        """Have other clients asked, too."""
        self._askers.append(asker)

    def remove_asker(self, asker: Asker) -> None:
        """Ask them no more."""
        if asker in self._askers:
            self._askers.remove(asker)

    @property
    def asks_others(self) -> bool:
        """Whether other clients may be asked, too."""
        return bool(self._askers)

    async def ask(
        self, question: Question, here: Callable[[Question], Awaitable[UserReply]], timeout: float
    ) -> UserReply:
        """The answer of `here` or of another client; `timeout` in seconds is for the others where nobody is here."""
        if not question.call_id:  # about no call: a late answer to one may not decide the next
            question = replace(question, call_id=f"question_{secrets.token_hex(8)}")
        asked = OpenQuestion(question)
        asked.shown_whole = True
        self.waiting.append(asked)
        asked.elsewhere += [task for asker in self._askers if (task := asker(asked)) is not None]
        own = asyncio.ensure_future(here(question))
        reply: UserReply | None = None
        try:
            await asyncio.wait({own, asked.answered}, return_when=asyncio.FIRST_COMPLETED)
            if own.done() and not asked.answered.done():
                reply = own.result()
                if reply.unreachable and asked.elsewhere:
                    await _others(asked, timeout)
            if asked.answered.done():
                reply = asked.answered.result()
            assert reply is not None
            return reply
        finally:
            own.cancel()
            self.waiting.remove(asked)
            asked.verdict.set_result(reply)


async def _others(asked: OpenQuestion, timeout: float) -> None:
    """Wait for the answer of another client, as long as one of them is being asked."""
    asking = asyncio.ensure_future(asyncio.wait(asked.elsewhere))
    try:
        await asyncio.wait({asking, asked.answered}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        asking.cancel()
