"""A question and its answer on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from mazu_ls.server import uris
from mazu_ls.server.wire import permissions as wire

if TYPE_CHECKING:
    from mazu_ls.host import Question, UserReply


def not_offered(question: Question, reply: UserReply) -> tuple[str, str] | None:
    """Return what an answer names that the question does not offer: a sentence and the field."""
    for name, value in (reply.arguments or {}).items():
        if name not in question.editable or not isinstance(value, str):
            return f"`arguments.{name}` cannot be changed in this answer", f"arguments.{name}"
    offered = {one.id for one in question.hunks}
    for id in reply.hunks or ():
        if id not in offered:
            return f"`hunks` names {id!r}, which is not a hunk of this question", "hunks"
    return None


def question_view(question: Question) -> wire.QuestionView:
    """Return a question for the wire; absent fields are left out."""
    return wire.QuestionView(
        question.session_id,
        question.call_id,
        question.tool,
        question.title,
        question.detail,
        [wire.QuestionOptionView(choice.id, choice.label, choice.kind) for choice in question.choices],
        diff=UNSET if question.diff is None else question.diff,
        hunks=[wire.QuestionHunkView(one.id, one.diff) for one in question.hunks] or UNSET,
        rule=UNSET if question.rule is None else question.rule,
        document=uris.from_path(question.document) if question.document else UNSET,
        editable=list(question.editable) or UNSET,
        reason=question.reason or UNSET,
    )
