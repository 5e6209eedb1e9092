"""Questions to the user: one outstanding at a time, and no answer in time means no."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import InvalidArguments
from mazu_ls.host import Choice, Question, Reply
from mazu_ls.server.outgoing import ClientError

if TYPE_CHECKING:
    from mazu_ls.server.editor import Link, Profile

logger = logging.getLogger(__name__)
PICK_SECONDS = 300.0
DETAIL = 600
"""Characters of the detail that a message box still shows well."""


class Asked:
    """A question that is open: whoever calls `answer` first decides it."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.in_chat = False
        """Whether a chat document is open in which it can be answered too."""
        self.in_chat_alone = False
        """The editor has no way of its own to ask."""
        self.answered: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.verdict: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        """What was decided by anyone; None where the question was withdrawn."""

    def answer(self, option_id: str) -> bool:
        """Decide it by the id of a choice; whether that counted. Raises InvalidArguments for an id it does not offer."""
        choice = _chosen(self.question, option_id, lambda choice: choice.id)
        if choice is None:
            offered = ", ".join(one.id for one in self.question.choices)
            raise InvalidArguments(f"`optionId` is none of {offered}", "optionId")
        if self.verdict.done() or self.answered.done():
            return False
        self.answered.set_result(Reply(choice))
        return True


class Approvals:
    """Asks through `mazu/permission/request` where the client opted in, else through `window/showMessageRequest`."""

    def __init__(self, link: Link, profile: Profile) -> None:
        self._link = link
        self._profile = profile
        # A second showMessageRequest replaces the first in some editors, which then gets no answer.
        self._one_at_a_time = asyncio.Lock()
        self.open: Asked | None = None
        self.listener: Callable[[Asked], None] | None = None
        """Hears of every question that is asked."""

    async def ask(self, question: Question, timeout: float) -> Reply:
        """The user's choice; a Reply without one when none came within `timeout` seconds of being shown."""
        async with self._one_at_a_time:
            asked = self.open = Asked(question)
            if self.listener:
                self.listener(asked)
            reply: Reply | None = None
            try:
                reply = await self._first_answer(asked, timeout)
                return reply
            finally:
                self.open = None
                asked.verdict.set_result(reply)

    async def _first_answer(self, asked: Asked, timeout: float) -> Reply:
        """The editor's answer, or one given in a chat document."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        request = loop.create_task(self._requested(asked.question, timeout))
        try:
            await asyncio.wait({request, asked.answered}, return_when=asyncio.FIRST_COMPLETED)
            if asked.answered.done():
                return asked.answered.result()
            return request.result()
        except TimeoutError:
            return Reply(None)
        except ClientError as error:
            logger.warning("The question %r was not answered: %s", asked.question.title, error)
            if asked.in_chat:
                # An editor that cannot ask leaves the chat document, which says what is asked.
                asked.in_chat_alone = True
                await asyncio.wait({asked.answered}, timeout=max(0.0, until - loop.time()))
            return asked.answered.result() if asked.answered.done() else Reply(None)
        finally:
            request.cancel()

    async def _requested(self, question: Question, timeout: float) -> Reply:
        if self._profile.opted("permissions"):
            return await self._rich(question, timeout)
        return await self._plain(question, timeout)

    async def pick(self, message: str, options: tuple[str, ...], timeout: float = PICK_SECONDS) -> str | None:
        """One of `options`, or None."""
        async with self._one_at_a_time:
            try:
                return await self._message_request(message, options, timeout)
            except (TimeoutError, ClientError) as error:
                logger.info("%r was not answered: %s", message, error)
                return None

    async def _rich(self, question: Question, timeout: float) -> Reply:
        params: dict[str, Any] = {
            "sessionId": question.session_id,
            "callId": question.call_id,
            "tool": question.tool,
            "title": question.title,
            "detail": question.detail,
            "options": [{"id": c.id, "label": c.label, "kind": c.kind} for c in question.choices],
        }
        if question.diff is not None:
            params["diff"] = question.diff
        answer = await self._link.ask("mazu/permission/request", params, timeout)
        fields = answer if isinstance(answer, dict) else {}
        note = fields.get("note")
        return Reply(
            _chosen(question, fields.get("optionId"), lambda choice: choice.id),
            note if isinstance(note, str) else "",
        )

    async def _plain(self, question: Question, timeout: float) -> Reply:
        detail = question.detail if len(question.detail) <= DETAIL else f"{question.detail[:DETAIL]}…"
        message = f"{question.title}\n{detail}".strip()
        title = await self._message_request(message, tuple(c.label for c in question.choices), timeout)
        return Reply(_chosen(question, title, lambda choice: choice.label))

    async def _message_request(self, message: str, options: tuple[str, ...], timeout: float) -> str | None:
        params = {"type": 3, "message": message, "actions": [{"title": option} for option in options]}
        answer = await self._link.ask("window/showMessageRequest", params, timeout)
        title = answer.get("title") if isinstance(answer, dict) else None
        return title if title in options else None


def _chosen(question: Question, answer: object, field: Any) -> Choice | None:
    return next((choice for choice in question.choices if field(choice) == answer), None)
