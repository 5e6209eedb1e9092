"""Decodes questions of another server, and encodes their answers."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from mazu_ls.host import Choice, HunkOption, Question, UserReply
from mazu_ls.server import uris


def question_from_wire(params: dict[str, Any]) -> Question:
    """Return a `mazu/permission/request` as a question."""
    document = params.get("document")
    return Question(
        params["sessionId"], params["callId"], params["tool"], params["title"], params["detail"],
        tuple(Choice(one["id"], one["label"], one["kind"]) for one in params["options"]),
        params.get("diff"), tuple(HunkOption(one["id"], one["diff"]) for one in params.get("hunks") or ()),
        params.get("rule"), uris.to_path(document) if isinstance(document, str) else None, tuple(params.get("editable") or ()),
        reason=params.get("reason") or "",
    )  # fmt: skip


def reply_to_wire(reply: UserReply) -> dict[str, Any]:
    """Return the answer to a `mazu/permission/request`; without an option it decides nothing."""
    if reply.choice is None:
        return {"optionId": None}
    answer: dict[str, Any] = {"optionId": reply.choice.id, "note": reply.note}
    if reply.arguments is not None:
        answer["arguments"] = dict(reply.arguments)
    return answer if reply.hunks is None else {**answer, "hunks": list(reply.hunks)}


def question_for_peer(question: Question) -> Question:
    """Return what another editor's server may answer: once or no, and the call as it is.

    Lasting grants and changed arguments are given in the editor that has the turn.
    """
    choices = tuple(choice for choice in question.choices if choice.kind in ("allow_once", "deny"))
    return replace(question, choices=choices, editable=())
