"""The question about the user's own work before an undo or a rollback: its words, its diff, its answers and their meaning."""

from __future__ import annotations

import contextlib
import itertools
import time
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.errors import MazuError
from mazu_ls.host import Choice, Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mazu_ls.checkpoints.engine import Checkpoints
    from mazu_ls.checkpoints.models import OnConflict, PlanFiles, RollbackReport
    from mazu_ls.server.state import ServerState

NAMED = 5
UNDO, ROLLBACK, CALLS = "mazu.undo", "mazu.rollback", "rollback_"
"""As which command it is asked, and how the ids of these questions begin."""
_QUESTIONS = itertools.count(1)
"""Each question has its own id, so that a late answer cannot decide a later question."""
LEAVE = Choice("leave", "Leave it as it is", "deny")
OF_ROLLBACK = (
    Choice("keep", "Only the agent's changes", "allow_once"),
    Choice("overwrite", "Everything as it was", "allow_once"),
    LEAVE,
)
OF_UNDO = (
    Choice("keep", "Keep mine", "allow_once"),
    Choice("agents", "Take the earlier text", "allow_once"),
    LEAVE,
)
OF_REDO = (OF_UNDO[0], Choice("agents", "Take what was undone", "allow_once"), LEAVE)
RestoreKind = Literal["undo", "redo", "rollback"]
DECIDED: dict[str, OnConflict] = {"keep": "keep", "overwrite": "overwrite", "agents": "agents"}


class OwnWorkAnswer(Struct, frozen=True):
    """`decided`: None if nothing is to be done. `unreachable`: there was nobody who could be asked."""

    decided: OnConflict | None
    unreachable: bool = False


def withdraw_earlier(server: ServerState) -> None:
    """Withdraw the open questions of earlier undos and rollbacks: the one that begins now asks anew, or makes them untrue."""
    for asked in tuple(server.questions.waiting):
        question = asked.question
        if question.tool in (UNDO, ROLLBACK) and question.call_id.startswith(CALLS):
            asked.make_void("Another undo or rollback was begun, so this question no longer applies.")


def names_to_ask_about(plan: PlanFiles, *, undo: bool) -> list[str]:
    """Return the files and memories that the question is about. An undo leaves what only the user changed unasked."""
    return [conflict.path for conflict in plan.conflicts] if undo else plan.users


async def ask_about_own_work(
    server: ServerState,
    checkpoints: Checkpoints,
    report: RollbackReport,
    names: Sequence[str],
    *,
    session: str | None,
    kind: RestoreKind,
    with_keep: PlanFiles,
) -> OwnWorkAnswer:
    """Ask once about all of `names`, and wait as long as the user set for any question (`permissions.timeout_seconds`).

    `with_keep`: what would happen with the answer that keeps the user's work.

    The question says how long that is. Without an answer nothing is done, and a message says so.
    """
    seconds = (await server.wait_opened()).config.permissions.timeout_seconds
    question = await _question(server, checkpoints, report, names, session=session, kind=kind)
    question = replace(
        question, detail=f"{question.detail}{_inseparable(with_keep, names, question.choices[0])}"
    )
    waits = f"If you do not answer within {_duration(seconds)}, nothing is changed."
    question = replace(question, detail=f"{question.detail} {waits}")
    asked = time.monotonic()
    reply = await server.host.ask(question, seconds)
    is_late = time.monotonic() - asked >= seconds
    if reply.choice is None and is_late and not reply.unreachable and not reply.void:
        what = {"undo": "undone", "redo": "redone", "rollback": "rolled back"}[kind]
        said = (
            f"Nothing was {what}: the question about {_listed(names)} had no answer for {_duration(seconds)}."
        )
        await server.host.say("warning", f"Mazu: {said} Repeat the command to be asked again.")
    return OwnWorkAnswer(DECIDED.get(reply.choice.id) if reply.choice else None, reply.unreachable)


def _duration(seconds: float) -> str:
    """Return "5 minutes", "90 seconds"."""
    number, unit = (seconds / 60, "minute") if seconds >= 60 and seconds % 60 == 0 else (seconds, "second")
    return f"{number:g} {unit}{'' if number == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


async def _question(
    server: ServerState,
    checkpoints: Checkpoints,
    report: RollbackReport,
    names: Sequence[str],
    *,
    session: str | None,
    kind: RestoreKind,
) -> Question:
    plan, id = report.plan, report.checkpoint.id
    title = report.checkpoint.title or report.checkpoint.label
    answers = OF_ROLLBACK
    if kind == "undo":
        detail = f"{_who(plan)} changed this on top of what the agent did. Undoing can be undone."
        asked, answers = f"Undo: what should happen to {_listed(names)}?", _answers_to_undo(plan)
    elif kind == "redo":
        _, _, said = title.partition(": ")
        detail = f"{_who(plan)} changed this after the undo. The diff shows what redoing would change."
        asked, answers = f"Redo \u201c{said or title}\u201d: what should happen to {_listed(names)}?", OF_REDO
    else:
        detail = f"Since then you changed {_listed(names)} yourself. Rolling back can be undone."
        asked = f"Roll back to \u201c{title}\u201d: also what you changed yourself?"
    files = [name for name in names if name not in plan.own_memories and not name.startswith("/")]
    diffs = [
        await _diff(server, checkpoints, id, files, reverse=kind == "redo") if files else None,
        await _memory_diff(checkpoints, id) if not set(names).isdisjoint(plan.own_memories) else None,
    ]
    return Question(
        session or report.checkpoint.session_id or "", f"{CALLS}{id}_{next(_QUESTIONS)}",
        UNDO if kind == "undo" else ROLLBACK, asked, detail, answers, "".join(filter(None, diffs)) or None,
    )  # fmt: skip


def _answers_to_undo(plan: PlanFiles) -> tuple[Choice, ...]:
    keep = OF_UNDO[0] if "You" in _who(plan) else replace(OF_UNDO[0], label="Keep what it did")
    return (keep, *OF_UNDO[1:])


def _who(plan: PlanFiles) -> str:
    """Return who changed the files in conflict."""
    from mazu_ls.checkpoints.restore.keep_reasons import ANOTHER_ON_TOP, UNCERTAIN

    reasons = {conflict.reason for conflict in plan.conflicts}
    if reasons == {ANOTHER_ON_TOP}:
        return "Another session"
    if UNCERTAIN in reasons:
        return "You, or a command that was interrupted,"
    return "You and another session" if ANOTHER_ON_TOP in reasons else "You"


def _inseparable(with_keep: PlanFiles, names: Sequence[str], keep: Choice) -> str:
    """Return in which of the files the answer that keeps the user's work keeps the agent's change as well; "" for none."""
    from mazu_ls.checkpoints.restore.keep_reasons import (
        KEPT,
        KEPT_UNCERTAIN,
        KEPT_UNHELD,
        SAME_BLOCK,
        SAME_LINES,
    )

    def named(*reasons: str) -> list[str]:
        return [one.path for one in with_keep.keep if one.path in names and one.reason in reasons]

    whole, lines = named(KEPT, KEPT_UNCERTAIN, KEPT_UNHELD), named(SAME_LINES)
    said = ""
    if whole:
        said += f" With \u201c{keep.label}\u201d the agent's change stays in {_listed(whole)}, too: the two cannot be separated."
    if lines:
        said += f" With \u201c{keep.label}\u201d the lines that both changed stay as they are now in {_listed(lines)}."
    if blocks := named(SAME_BLOCK):
        said += f" With \u201c{keep.label}\u201d the agent's blocks in which you changed lines stay as they are now in {_listed(blocks)}."
    return said


async def _diff(
    server: ServerState, checkpoints: Checkpoints, id: str, names: list[str], *, reverse: bool
) -> str | None:
    """Return a diff from the checkpoint to the present state, or the `reverse`; None if it cannot be shown. Of the files that no
    checkpoint holds those are left out that are too large, or of which nothing is kept."""
    buffers, found = await server.host.buffers(), ""
    for each in (names, *([name] for name in names)):
        with contextlib.suppress(MazuError):
            found += (await checkpoints.diff(id, "now", each, buffers, reverse=reverse, unheld=True)).patch
            if each is names:
                break
    return found or None


async def _memory_diff(checkpoints: Checkpoints, id: str) -> str | None:
    """Return a patch from the memories of the checkpoint to the present ones."""
    try:
        found = await checkpoints.diff(id)
    except MazuError:
        return None
    files = found.patch.split("diff --git ")
    return "".join(f"diff --git {file}" for file in files if file.startswith("a/memory/")) or None
