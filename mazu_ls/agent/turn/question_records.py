"""Questions about tool calls: recorded in the journal, with hunks to choose from and arguments to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls.agent.proposals import hunks
from mazu_ls.errors import ToolError
from mazu_ls.host import HunkOption, Question, UserReply
from mazu_ls.journal import journal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mazu_ls.agent.turn.reviewed_host import RecordedEdit
    from mazu_ls.agent.turn.running_turn import RunningTurn
    from mazu_ls.messages import ToolCall

MOST_HUNKS = 200
"""An edit with more hunks is accepted or rejected as a whole."""


async def ask_recorded(run: RunningTurn, question: Question, timeout: float) -> UserReply:
    """Ask the user; the journal records that the question is open and how it was closed, in every case."""
    run.record(
        journal.QuestionAsked(
            question.call_id,
            question.tool,
            question.title,
            question.detail,
            tuple({"id": one.id, "label": one.label, "kind": one.kind} for one in question.choices),
            question.diff,
            tuple({"id": one.id, "diff": one.diff} for one in question.hunks),
            question.rule,
            str(question.document) if question.document else None,
            question.editable,
            question.reason,
        )
    )
    closed = journal.QuestionClosed(question.call_id, "void", "cancelled")
    try:
        reply = await run.turn.host.ask(question, timeout)
        allowed = reply.choice is not None and reply.choice.kind != "deny"
        by = "user" if reply.choice else "timeout"
        closed = (
            journal.QuestionClosed(question.call_id, "void", "changed")
            if reply.void
            else journal.QuestionClosed(question.call_id, "allow" if allowed else "deny", by)
        )
        return reply
    finally:
        run.record(closed)


async def ask_about_skill(run: RunningTurn, call: ToolCall) -> None:
    """Ask about the skill that a call would run if the user has not agreed to it. Raises ToolError if the answer is no."""
    name, extensions = call.arguments.get("name"), run.session.project.extensions
    if call.name == "run_skill" and extensions and isinstance(name, str):
        with run.session.waiting():
            await extensions.ask_skill(name)


def editable_arguments(call: ToolCall) -> tuple[str, ...]:
    """Return the names of the arguments that the user may change before a call runs: its texts."""
    return tuple(name for name, value in call.arguments.items() if isinstance(value, str))


def changed_arguments(question: Question, call: ToolCall, reply: UserReply) -> dict[str, Any] | None:
    """Return all arguments of a call as the user changed them; None if nothing was changed.

    Raises ToolError for a change that was not offered.
    """
    if not reply.arguments:
        return None
    for name, value in reply.arguments.items():
        if name not in question.editable or not isinstance(value, str):
            raise ToolError(f"the answer changed `{name}`, which was not offered, so nothing was run")
    arguments = {**call.arguments, **reply.arguments}
    return None if arguments == call.arguments else arguments


def hunk_options(edit: RecordedEdit) -> tuple[HunkOption, ...]:
    """Return the hunks of a change, of which the user may accept some; none if there is just one."""
    found = hunks.split_into_hunks(edit.before, edit.after)
    if not 1 < len(found) <= MOST_HUNKS:
        return ()
    return tuple(HunkOption(str(number), hunk.diff) for number, hunk in enumerate(found, 1))


def take_hunks(edit: RecordedEdit, wanted: Sequence[str]) -> tuple[str, str]:
    """Return the text with only these hunks of an edit, and a diff of those left out.

    Raises ToolError if no hunk is left, or for a hunk that was not offered.
    """
    offered = {
        str(number): hunk for number, hunk in enumerate(hunks.split_into_hunks(edit.before, edit.after), 1)
    }
    if unknown := [id for id in wanted if id not in offered]:
        raise ToolError(f"the answer named hunk {unknown[0]}, which was not offered, so nothing was changed")
    if not wanted:
        raise ToolError("the user took none of the hunks: nothing was changed")
    taken = [hunk for id, hunk in offered.items() if id in wanted]
    left = "\n".join(hunk.diff for id, hunk in offered.items() if id not in wanted)
    text = edit.after if len(taken) == len(offered) else hunks.apply_hunks(edit.before, taken)
    return text or "", left
