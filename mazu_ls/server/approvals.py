"""Questions to the user: one outstanding at a time, and no answer in time means no."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from mazu_ls.host import Choice, Question, Reply
from mazu_ls.server.outgoing import ClientError

if TYPE_CHECKING:
    from mazu_ls.server.editor import Link, Profile

logger = logging.getLogger(__name__)
PICK_SECONDS = 300.0
DETAIL = 600
"""Characters of the detail that a message box still shows well."""


class Approvals:
    """Asks through `mazu/permission/request` where the client opted in, else through `window/showMessageRequest`."""

    def __init__(self, link: Link, profile: Profile) -> None:
        self._link = link
        self._profile = profile
        # A second showMessageRequest replaces the first in some editors, which then gets no answer.
        self._one_at_a_time = asyncio.Lock()

    async def ask(self, question: Question, timeout: float) -> Reply:
        """The user's choice; a Reply without one when none came within `timeout` seconds of being shown."""
        async with self._one_at_a_time:
            try:
                if self._profile.opted("permissions"):
                    return await self._rich(question, timeout)
                return await self._plain(question, timeout)
            except TimeoutError:
                return Reply(None)
            except ClientError as error:
                logger.warning("The question %r was not answered: %s", question.title, error)
                return Reply(None)

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
