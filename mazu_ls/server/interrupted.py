"""A task that ended before it was done: to go on with it, to roll it back or to leave it is offered."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from mazu_ls.server import turns
from mazu_ls.server.outgoing import ClientError

if TYPE_CHECKING:
    from mazu_ls.agent.project import Project
    from mazu_ls.agent.session import Session
    from mazu_ls.server.editor import Editor
    from mazu_ls.server.server import Server
    from mazu_ls.server.wire.turns import TurnResult

logger = logging.getLogger(__name__)
OFFER_SECONDS = 600.0
# What changes nothing stands first, for a client that takes the first of whatever it is offered.
LEAVE, GO_ON, BACK = "Leave it", "Continue", "Roll back"
SETTLE_SECONDS = 0.05


async def after_restart(server: Server, project: Project) -> None:
    """Offer it for the turn that was running when mazu-ls ended, if one was."""
    session = await project.sessions.broken_off()
    if session is None:
        return
    last = await session.last_turn()
    text = f"Mazu: “{session.name}” was broken off when mazu-ls ended."
    await _offer(server, session, text, session.interrupted or "chat", last[2] if last else None)


async def after_run(server: Server, session: Session, result: TurnResult) -> None:
    """Say how a run ended that nobody waited for, and offer it where the task was not done."""
    if result.stop_reason in ("end_turn", "refusal"):
        await turns.tell_end(server, result)
    elif result.stop_reason != "cancelled" or result.checkpoints:
        text = f"Mazu{turns.sentence(result)}"
        await _offer(server, session, text, "run", next(iter(result.checkpoints), None))


async def _offer(server: Server, session: Session, text: str, kind: str, first: str | None) -> None:
    """`first`: the checkpoint of what stood before, where anything was changed."""
    if server.editor is None:
        return
    chosen = await _choice(server, server.editor, text, first)
    if chosen == GO_ON:
        await _go_on(server, session, kind)
    elif chosen == BACK and first:
        await _back(server, first)


async def _choice(server: Server, editor: Editor, text: str, first: str | None) -> str | None:
    """What the user chose; an editor that cannot ask shows the text."""
    options = (LEAVE, GO_ON, BACK) if first else (LEAVE, GO_ON)
    while editor.approvals.open is not None:  # noqa: ASYNC110 - some editors show one question at a time: others go first
        await asyncio.sleep(SETTLE_SECONDS)
    params = {"type": 2, "message": text, "actions": [{"title": option} for option in options]}
    try:
        answer = await editor.link.ask("window/showMessageRequest", params, OFFER_SECONDS)
    except TimeoutError:
        return None
    except ClientError as error:
        logger.info("The offer to go on was not answered: %s", error)
        await server.host.say("warning", f"{text} Say continue in its chat, or run mazu.undo.")
        return None
    return answer.get("title") if isinstance(answer, dict) else None


async def _go_on(server: Server, session: Session, kind: str) -> None:
    from mazu_ls.agent.turn import Prompt

    project = await server.opened()
    limits = turns.limits(project)
    asked = Prompt("continue", limits=limits)
    if kind == "run":
        asked = Prompt("continue", limits=limits, kind="run", allow_shell=False)
    await turns.start(server, session, asked, wait=False)


async def _back(server: Server, first: str) -> None:
    from mazu_ls.server.commands import execute

    done = await execute(server, "mazu.rollback", [{"id": first}])
    if done["verified"]:
        await server.host.say("info", f"Mazu: rolled back to {first}; {done['safety']['id']} brings it back.")
    else:
        await server.host.say(
            "warning", f"Mazu: not all was rolled back to {first}; see mazu.checkpoint.list."
        )
