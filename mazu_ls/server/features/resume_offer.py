"""Offers to continue, roll back or leave a task that ended before it was done (crash, limit, error)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Literal

from mazu_ls.journal import journal
from mazu_ls.server.commands.turn import turn_jobs
from mazu_ls.server.rpc.client_requests import ClientError
from mazu_ls.workspace.visible_text import make_line

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.agent.session.session import Session
    from mazu_ls.server.client.editor import ConnectedEditor
    from mazu_ls.server.state import ServerState
    from mazu_ls.server.wire.turns import TurnResultView

logger = logging.getLogger(__name__)
OFFER_SECONDS = 600.0
# The harmless choice comes first, for clients that take the first of whatever they are offered.
LEAVE, GO_ON, BACK = "Leave it", "Continue", "Roll back"
ANSWERS: dict[str, Literal["leave", "continue", "rollback"]] = {
    LEAVE: "leave",
    GO_ON: "continue",
    BACK: "rollback",
}
SETTLE_SECONDS = 0.05
TITLE = 120


async def after_restart(server: ServerState, project: Project) -> None:
    """Offer it for the turn that was running when mazu-ls ended, if there was one."""
    session = await project.sessions.interrupted_session()
    if session is None:
        return
    last = await session.last_turn()
    text = f"Mazu: “{session.name}” was interrupted when mazu-ls ended."
    await _offer(server, session, text, last[2] if last else None)


async def after_run(server: ServerState, session: Session, result: TurnResultView) -> None:
    """Report how a run ended that nobody waited for, and offer to continue if the task was not done."""
    if result.stop_reason in ("end_turn", "refusal"):
        await turn_jobs.show_turn_end(server, result)
    elif result.stop_reason != "cancelled" or result.checkpoints:
        text = f"Mazu{turn_jobs.sentence(result)}"
        await _offer(server, session, text, next(iter(result.checkpoints), None))


async def _offer(server: ServerState, session: Session, text: str, first: str | None) -> None:
    """Ask the user. `first`: the checkpoint before the turn, if anything was changed."""
    if server.editor is None:
        return
    from mazu_ls.agent.session.recovery import interrupted_turn

    start = interrupted_turn(await asyncio.to_thread(session.events))
    last = start or await asyncio.to_thread(_last_start, session)
    chosen = await _choice(server.editor, server, session, text, first)
    if chosen is None or session.running:
        return
    if start is not None:
        if interrupted_turn(await asyncio.to_thread(session.events)) != start:
            return  # the user went on meanwhile, and answered an offer that was still shown
        session.append(journal.ResumeAnswered(ANSWERS[chosen]))
    if chosen == GO_ON:
        await _go_on(server, session, last)
    elif chosen == BACK and first:
        await _back(server, first)


def _last_start(session: Session) -> journal.Event | None:
    starts = [event for event in session.events() if isinstance(event.body, journal.TurnStarted)]
    return starts[-1] if starts else None


async def _choice(
    editor: ConnectedEditor, server: ServerState, session: Session, text: str, first: str | None
) -> str | None:
    """Return the user's choice; an editor that cannot ask shows the text. A client of ours can show the session meanwhile."""
    options = (LEAVE, GO_ON, BACK) if first else (LEAVE, GO_ON)
    while editor.approvals.open is not None:  # noqa: ASYNC110 - some editors show one question at a time: others go first
        await asyncio.sleep(SETTLE_SECONDS)
    params: dict[str, object] = {
        "type": 2,
        "message": text,
        "actions": [{"title": option} for option in options],
    }
    if editor.profile.opted("updates"):
        params["sessionId"] = session.id
    try:
        answer = await editor.link.ask("window/showMessageRequest", params, OFFER_SECONDS)
    except TimeoutError:
        return None
    except ClientError as error:
        logger.info("The offer to continue was not answered: %s", error)
        await server.host.say("warning", f"{text} Say continue in its chat, or run mazu.undo.")
        return None
    title = answer.get("title") if isinstance(answer, dict) else None
    return title if title in options else None


async def _go_on(server: ServerState, session: Session, start: journal.Event | None) -> None:
    from mazu_ls.agent.session.recovery import resumed_prompt

    project = await server.wait_opened()
    asked = resumed_prompt(start, turn_jobs.limits(project))
    report = after_run if asked.kind == "run" else None
    await turn_jobs.start(server, session, asked, wait=False, report=report)


async def _back(server: ServerState, first: str) -> None:
    from mazu_ls.server.commands import execute

    done = await execute(server, "mazu.rollback", [{"id": first}])
    if done["verified"]:
        title = make_line(done["checkpoint"]["title"], TITLE)
        await server.host.say("info", f"Mazu: rolled back to “{title}”; mazu.redo undoes this.")
    else:
        await server.host.say("warning", "Mazu: the rollback is incomplete; see mazu.checkpoint.list.")
