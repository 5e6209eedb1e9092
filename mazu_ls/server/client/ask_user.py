"""Asks the user: one outstanding question at a time, and no answer in time means no."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.errors import InvalidArguments
from mazu_ls.host import MAX_LABEL_CHARS, Choice, Question, UserReply
from mazu_ls.server.client.answer_words import answer_title
from mazu_ls.server.client.question_view import not_offered, question_view
from mazu_ls.server.rpc.client_requests import ClientError
from mazu_ls.workspace.visible_text import distinct_lines, make_line, make_visible

if TYPE_CHECKING:
    from mazu_ls.server.client.profile import ClientConnection, ClientProfile
    from mazu_ls.server.documents.documents import OpenDocument

logger = logging.getLogger(__name__)
PICK_SECONDS = 300.0
MESSAGE = 600
"""Characters that a message box can display."""
MESSAGE_LINES = 16
OPENED = "I have opened it"
CLOSED = "the question was closed without an answer"
STILL_OPEN = "Mazu: the question stays open in the chat document. Answer it there with a code action, such as Mazu: {}."
asking_client: ContextVar[object] = ContextVar("asking client", default=None)
"""The client of the live socket for which the current task works; child tasks inherit it."""
relayed_from: ContextVar[object] = ContextVar("relayed from", default=None)
"""The server whose question is also asked here: it is not sent back to it."""
Asker = Callable[["OpenQuestion"], "asyncio.Task[None] | None"]
"""Asks another client a question, too; returns the task that does, or None if the question is not for that client."""


class ReviewDocument(Struct, frozen=True):
    """A document that holds all of a question; `shown`: the editor has it open."""

    name: str
    shown: Callable[[], bool]


class OpenQuestion:
    """An open question: the first caller of `answer` decides it."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.in_chat = False
        """Whether an open chat document can answer it, too."""
        self.in_chat_alone = False
        """The editor itself cannot ask."""
        self.shown_whole = False
        """Whether all of it is visible to the user, in a message or a chat document."""
        self.review: ReviewDocument | None = None
        """The document that holds all of it, if that is too long for a message."""
        self.elsewhere: list[asyncio.Task[None]] = []
        """The tasks that ask clients other than the editor."""
        self.answered: asyncio.Future[UserReply] = asyncio.get_running_loop().create_future()
        self.verdict: asyncio.Future[UserReply | None] = asyncio.get_running_loop().create_future()
        """The decision, whoever made it; None if the question was withdrawn."""

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The present choices: nothing may be allowed while the editor shows only a part of the question."""
        if self.shown_whole or (self.review is not None and self.review.shown()):
            return self.question.choices
        return tuple(choice for choice in self.question.choices if choice.kind == "deny")

    def answer(
        self,
        option_id: str,
        note: str = "",
        arguments: Mapping[str, Any] | None = None,
        hunks: Sequence[str] | None = None,
        *,
        offered: Question | None = None,
        answered_in: str | None = None,
    ) -> bool:
        """Decide it by the id of a choice; return whether that counted. Raises InvalidArguments for what it does not offer.

        `offered`: the question as this client saw it, if that is less than all of it. `answered_in`: another client.
        """
        question = offered or self.question
        choice = _chosen(question, option_id, lambda choice: choice.id)
        if choice is None:
            names = ", ".join(one.id for one in question.choices)
            raise InvalidArguments(f"`optionId` is not one of {names}", "optionId")
        reply = UserReply(
            choice, note, arguments, None if hunks is None else tuple(hunks), answered_in=answered_in
        )
        if (problem := not_offered(question, reply)) is not None:
            raise InvalidArguments(*problem)
        if self.verdict.done() or self.answered.done():
            return False
        self.answered.set_result(reply)
        return True

    def make_void(self, reason: str) -> None:
        """Withdraw it, because what it is about has changed; `reason` is a sentence for the user and the model."""
        if not self.verdict.done() and not self.answered.done():
            self.answered.set_result(UserReply(None, void=reason))

    def answer_with(self, answer: Any, offered: Question, answered_in: str | None = None) -> bool:
        """Decide it by the answer to a `mazu/permission/request` with what was `offered`; return whether that counted. Raises like
        `answer`."""
        option, note, arguments, hunks = _given(answer)
        return isinstance(option, str) and self.answer(
            option, note, arguments, hunks, offered=offered, answered_in=answered_in
        )


class ClientApprovals:
    """Asks through `mazu/permission/request` if the client opted in, else through `window/showMessageRequest`.

    Questions are shown one after the other; each can be answered by `OpenQuestion.answer` from the moment it is asked.
    """

    def __init__(self, link: ClientConnection, profile: ClientProfile) -> None:
        self._link = link
        self._profile = profile
        # A second showMessageRequest replaces the first in some editors, which then is never answered.
        self._one_at_a_time = asyncio.Lock()
        self.open: OpenQuestion | None = None
        self.waiting: list[OpenQuestion] = []
        """All undecided questions, `open` included, in the order in which they were asked."""
        self.listener: Callable[[OpenQuestion], None] | None = None
        """Called with every question that is shown."""
        self._askers: list[Asker] = []
        self._declined = False
        """Whether the editor answered the last question with an error, as one does that cannot ask."""
        self.open_review: Callable[[Question], Awaitable[ReviewDocument | None]] | None = None
        """Writes all of a question into a document and opens it; None if that is not possible."""

    def add_asker(self, asker: Asker) -> None:
        """Ask another client, too; the first answer counts."""
        self._askers.append(asker)

    @property
    def can_ask(self) -> bool:
        """Whether somebody is asked; False once the editor declined, until it answers a question again."""
        return bool(self._askers) or not self._declined

    def remove_asker(self, asker: Asker) -> None:
        """Stop asking that client."""
        if asker in self._askers:
            self._askers.remove(asker)

    def note_changed(self, document: OpenDocument) -> None:
        """A document changed: a question about an edit that no longer fits into it is void from now on, and the user is told why."""
        for asked in tuple(self.waiting):
            fits = asked.question.still_fits
            about = document.path is not None and asked.question.document == document.path
            if about and fits is not None and not asked.answered.done() and not fits(document.text):
                name = document.path.name if document.path else ""
                reason = (
                    f"{name} was changed where the edit would go, so the question about it no longer applies."
                )
                asked.make_void(reason)
                self._link.notify(
                    "window/showMessage", {"type": 3, "message": make_line(f"Mazu: {reason}", MESSAGE)}
                )

    def find(self, call_id: str | None, session_id: str | None = None) -> OpenQuestion | None:
        """Return the undecided question about a call; without an id the one that is shown, or waits longest."""
        if call_id is None and self.open is not None:
            return self.open
        fits = (one for one in self.waiting if call_id in (None, one.question.call_id))
        return next((one for one in fits if session_id in (None, one.question.session_id)), None)

    async def ask(self, question: Question, timeout: float) -> UserReply:
        """Return the answer; a reply without a choice if there is none within `timeout` seconds of being shown."""
        if not question.call_id:  # about no call: a late answer to one must not decide the next
            question = replace(question, call_id=f"question_{secrets.token_hex(8)}")
        asked = OpenQuestion(question)
        self.waiting.append(asked)
        asked.elsewhere += [task for asker in self._askers if (task := asker(asked)) is not None]
        reply: UserReply | None = None
        try:
            if (reply := await self._answered_before_shown(asked)) is None:
                try:
                    reply = await self._show(asked, timeout)
                finally:
                    self._one_at_a_time.release()
            if reply.choice is not None and reply.answered_in is None:
                reply = replace(
                    reply, answered_in=make_line(self._profile.name, MAX_LABEL_CHARS) or "the editor"
                )
            return reply
        finally:
            self.waiting.remove(asked)
            asked.verdict.set_result(None if reply and reply.void else reply)
            self._tell_resolved(question, reply)

    async def _answered_before_shown(self, asked: OpenQuestion) -> UserReply | None:
        """Wait until it is this question's turn to be shown; return the reply if it is answered first.

        If this returns None the lock is held.
        """
        acquiring = asyncio.ensure_future(self._one_at_a_time.acquire())
        try:
            await asyncio.wait({acquiring, asked.answered}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._give_up(acquiring)
            raise
        if not asked.answered.done():
            return None
        self._give_up(acquiring)
        return asked.answered.result()

    def _give_up(self, acquiring: asyncio.Future[Any]) -> None:
        if not acquiring.cancel():
            self._one_at_a_time.release()

    async def _show(self, asked: OpenQuestion, timeout: float) -> UserReply:
        self.open = asked
        try:
            if self.listener:
                self.listener(asked)
            return await self._first_answer(asked, timeout)
        finally:
            self.open = None

    def _tell_resolved(self, question: Question, reply: UserReply | None) -> None:
        """Remove the question everywhere."""
        if not self._profile.opted("permissions"):
            return
        choice = reply.choice if reply else None
        void = reply is None or reply.void
        verdict = "void" if void else "deny" if choice is None or choice.kind == "deny" else "allow"
        by = "cancelled" if reply is None else "changed" if void else "user" if choice else "timeout"
        params = {"sessionId": question.session_id, "callId": question.call_id, "verdict": verdict, "by": by}
        reason = {"reason": reply.void} if reply and reply.void else {}
        self._link.notify("mazu/permission/resolved", {**params, **reason})

    async def _first_answer(self, asked: OpenQuestion, timeout: float) -> UserReply:
        """Return the editor's answer, or one given in a chat document."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        request = loop.create_task(self._requested(asked, timeout))
        try:
            await asyncio.wait({request, asked.answered}, return_when=asyncio.FIRST_COMPLETED)
            if asked.answered.done():
                return asked.answered.result()
            reply = request.result()
            self._declined = False
            if reply.choice is None and not self._profile.opted("permissions"):
                return await self._after_dismissal(asked, until)
            return reply
        except TimeoutError:
            return UserReply(None)
        except ClientError as error:
            self._declined = True
            logger.warning("The question %r was not answered: %s", asked.question.title, error)
            if asked.in_chat:
                # For an editor that cannot ask, the chat document remains, which shows the question.
                asked.in_chat_alone = True
                await asyncio.wait({asked.answered}, timeout=max(0.0, until - loop.time()))
            await _elsewhere(asked, until)
            return asked.answered.result() if asked.answered.done() else UserReply(None, unreachable=True)
        finally:
            request.cancel()

    async def _after_dismissal(self, asked: OpenQuestion, until: float) -> UserReply:
        """The user closed the message without an answer: an open chat document, or another client, can still give one."""
        if asked.in_chat:
            asked.in_chat_alone = True
            self._link.notify(
                "window/showMessage",
                {"type": 3, "message": STILL_OPEN.format(answer_title(asked.choices[0]))},
            )
            loop = asyncio.get_running_loop()
            await asyncio.wait({asked.answered}, timeout=max(0.0, until - loop.time()))
        await _elsewhere(asked, until)
        if asked.answered.done():
            return asked.answered.result()
        deny = next((choice for choice in asked.question.choices if choice.kind == "deny"), None)
        return UserReply(None if asked.in_chat else deny, "" if asked.in_chat else CLOSED)

    async def _requested(self, asked: OpenQuestion, timeout: float) -> UserReply:
        if self._profile.opted("permissions"):
            return await self._rich(asked.question, timeout)
        return await self._plain(asked, timeout)

    async def pick(self, message: str, options: tuple[str, ...], timeout: float = PICK_SECONDS) -> int | None:
        """Let the user choose one of `options`; return its index, or None. Each is one visible line that no other reads like."""
        shown = distinct_lines(options, MAX_LABEL_CHARS)
        async with self._one_at_a_time:
            try:
                chosen = await self._message_request(make_visible(message), tuple(shown), timeout)
                return None if chosen is None else shown.index(chosen)
            except (TimeoutError, ClientError) as error:
                logger.info("%r was not answered: %s", message, error)
                return None

    async def _rich(self, question: Question, timeout: float) -> UserReply:
        params = msgspec.to_builtins(question_view(question))
        answer = await self._link.ask("mazu/permission/request", params, timeout)
        option, note, arguments, hunks = _given(answer)
        chosen = _chosen(question, option, lambda choice: choice.id)
        reply = UserReply(chosen, note, arguments, hunks)
        if (problem := not_offered(question, reply)) is not None:
            deny = next((choice for choice in question.choices if choice.kind == "deny"), None)
            return UserReply(deny, f"the answer could not be used: {problem[0]}")
        return reply

    async def _plain(self, asked: OpenQuestion, timeout: float) -> UserReply:
        """Show a message; a long question is also opened as a document, by the user if the editor cannot."""
        question, whole = asked.question, question_text(asked.question)
        if fits_message(whole):
            asked.shown_whole = True
            title = await self._message_request(whole, _labels(question.choices), timeout)
            return UserReply(_chosen(question, title, lambda choice: choice.label))
        document = await self.review(asked)
        until = asyncio.get_running_loop().time() + timeout
        while True:
            offered = _labels(asked.choices)
            if document is None:
                where = "It is too long to be shown here, so it can only be denied."
            elif document.shown():
                where = f"The full text is in {document.name}, which is open to the side."
            else:
                where = f"It is too long to be shown here. Open {document.name} and read it: then it can be allowed."
                offered = (OPENED, *offered)
            left = until - asyncio.get_running_loop().time()
            title = await self._message_request(f"{_beginning(whole)}\n\n{where}", offered, left)
            if title != OPENED:
                return UserReply(_chosen(question, title, lambda choice: choice.label))

    async def review(self, asked: OpenQuestion) -> ReviewDocument | None:
        """Write all of a question into a document and open it; None if that is not possible."""
        if asked.review is None and self.open_review is not None:
            asked.review = await self.open_review(asked.question)
        return asked.review

    async def _message_request(self, message: str, options: tuple[str, ...], timeout: float) -> str | None:
        params = {"type": 3, "message": message, "actions": [{"title": option} for option in options]}
        answer = await self._link.ask("window/showMessageRequest", params, timeout)
        title = answer.get("title") if isinstance(answer, dict) else None
        return title if title in options else None


async def _elsewhere(asked: OpenQuestion, until: float) -> None:
    """Wait while other clients are asked, at most `until`; the editor cannot ask."""
    loop = asyncio.get_running_loop()
    while not asked.answered.done() and (left := until - loop.time()) > 0:
        if not (others := [task for task in asked.elsewhere if not task.done()]):
            return
        await asyncio.wait({asked.answered, *others}, timeout=left, return_when=asyncio.FIRST_COMPLETED)


def _given(answer: Any) -> tuple[object, str, dict[str, Any] | None, tuple[str, ...] | None]:
    """Return option, note, arguments and hunks of an answer to `mazu/permission/request`; what has another type is absent."""
    fields: dict[str, Any] = answer if isinstance(answer, dict) else {}
    note, arguments, hunks = (fields.get(name) for name in ("note", "arguments", "hunks"))
    return (
        fields.get("optionId"),
        note if isinstance(note, str) else "",
        arguments if isinstance(arguments, dict) else None,
        tuple(map(str, hunks)) if isinstance(hunks, list) else None,
    )


def _chosen(question: Question, answer: object, field: Any) -> Choice | None:
    return next((choice for choice in question.choices if field(choice) == answer), None)


def question_text(question: Question) -> str:
    """All of a question as plain text, for a message that may be anybody's."""
    return "\n".join(
        part for part in (f"Mazu asks: {question.title}", question.detail.strip(), question.diff) if part
    )


def fits_message(text: str) -> bool:
    """Return whether a message box shows all of it."""
    return len(text) <= MESSAGE and text.count("\n") < MESSAGE_LINES


def _labels(choices: Sequence[Choice]) -> tuple[str, ...]:
    return tuple(choice.label for choice in choices)


def _beginning(text: str) -> str:
    lines = text[: MESSAGE // 2].split("\n")[: MESSAGE_LINES // 2]
    return "\n".join([*lines, "…"])
