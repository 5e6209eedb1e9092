"""Offers to continue, roll back or leave a task that ended before it was done (crash, limit, error)."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from msgspec import to_builtins

from mazu_ls.host import Choice, Question
from mazu_ls.journal import journal
from mazu_ls.server.client.question_view import question_view
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
TOOL = "mazu.resume"
"""As what it is asked of a client that opted in to questions."""
_OFFERS = itertools.count(1)
SETTLE_SECONDS = 0.05
TITLE = 120


async def after_restart(server: ServerState, project: Project) -> None:
    """Offer it for the turn that was running when mazu-ls ended, if there was one."""
    session = await project.sessions.interrupted_session()
    if session is None:
        return
    last = await session.last_turn()
    said = await asyncio.to_thread(_last_message, session) or session.name
    text = f"Mazu: “{said}” was interrupted when mazu-ls ended."
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

    project = await server.wait_opened()
    with _watch_conversation(server, project, session.id) as early:
        start = interrupted_turn(await asyncio.to_thread(session.events))
        begun = await asyncio.to_thread(_last_start, session)
    if early.done() and not await _came_to_nothing(early.result()):
        return
    last, chosen, settled = start or begun, None, False
    while not settled and chosen is None:
        with _watch_conversation(server, project, session.id) as continued:
            chosen = await _choice(server.editor, server, session, text, first, continued=continued)
        if not continued.done() and chosen is None:
            return
        # A rollback that then did nothing leaves what was offered as it was.
        settled = continued.done() and not await _came_to_nothing(continued.result())
        settled = settled or session.running or await asyncio.to_thread(_last_start, session) != begun
        if start is not None and not settled:
            settled = interrupted_turn(await asyncio.to_thread(session.events)) != start
    if chosen is None or settled:
        if chosen in (GO_ON, BACK):
            said = f"“{session.name}” was continued or undone after this was asked, so nothing was done."
            await server.host.say("info", f"Mazu: {said}")
        return
    if start is not None:
        session.append(journal.ResumeAnswered(ANSWERS[chosen]))
    if chosen == GO_ON:
        await _go_on(server, session, last)
    elif chosen == BACK and first:
        await _back(server, first)


@contextmanager
def _watch_conversation(
    server: ServerState, project: Project, session_id: str
) -> Iterator[asyncio.Future[asyncio.Future[bool] | None]]:
    """Give a future that is done once a turn begins in the conversation, or something else moves its head, or a rollback is about to: then
    its result is whether that did."""
    continued: asyncio.Future[asyncio.Future[bool] | None] = asyncio.get_running_loop().create_future()

    def note_event(of: str, event: journal.Event) -> None:
        if isinstance(event.body, journal.TurnStarted | journal.ResumeAnswered):
            note_moved(of, event.seq)

    def note_moved(of: str, head: int, by: asyncio.Future[bool] | None = None) -> None:
        if of == session_id and not continued.done():
            continued.set_result(by)

    def note_rollback(of: str | None, moved: asyncio.Future[bool]) -> None:
        note_moved(of or session_id, 0, moved)

    unsubscribe = project.subscribe(note_event)
    project.head_listeners.append(note_moved)
    server.on_rollback.append(note_rollback)
    try:
        yield continued
    finally:
        unsubscribe()
        project.head_listeners.remove(note_moved)
        server.on_rollback.remove(note_rollback)


async def _came_to_nothing(rollback: asyncio.Future[bool] | None) -> bool:
    return rollback is not None and not await asyncio.shield(rollback)  # it is the rollback's to set


def _last_start(session: Session) -> journal.Event | None:
    starts = [event for event in session.events() if isinstance(event.body, journal.TurnStarted)]
    return starts[-1] if starts else None


def _last_message(session: Session) -> str:
    """Return the beginning of the message with which the last turn began; empty if it had none."""
    from mazu_ls.agent.session.ids import headline

    events = [event.body for event in session.events() if isinstance(event.body, journal.UserSaid)]
    return headline(events[-1].shown) if events and events[-1].shown else ""


async def _choice(
    editor: ConnectedEditor,
    server: ServerState,
    session: Session,
    text: str,
    first: str | None,
    *,
    continued: asyncio.Future[asyncio.Future[bool] | None],
) -> str | None:
    """Return the user's choice; an editor that cannot ask shows the text. A client of ours can show the session meanwhile."""
    options = (LEAVE, GO_ON, BACK) if first else (LEAVE, GO_ON)
    try:
        if editor.profile.opted("permissions"):
            return await _ask_rich(editor, session.id, text, options, continued)
        return await _ask_plain(editor, session.id, text, options)
    except TimeoutError:
        return None
    except ClientError as error:
        logger.info("The offer to continue was not answered: %s", error)
        await server.host.say("warning", f"{text} Say continue in its chat, or run mazu.undo.")
        return None


async def _ask_rich(
    editor: ConnectedEditor,
    session: str,
    text: str,
    options: tuple[str, ...],
    continued: asyncio.Future[asyncio.Future[bool] | None],
) -> str | None:
    """Ask like any question, but not in line with them: it may stand for long. It is withdrawn once the user continues or undoes it."""
    choices = tuple(Choice(ANSWERS[it], it, "deny" if it == LEAVE else "choice") for it in options)
    title = text.removeprefix("Mazu: ")
    question = Question(session, f"resume_{session}_{next(_OFFERS)}", TOOL, title, "", choices)
    params = to_builtins(question_view(question))
    asking = asyncio.ensure_future(editor.link.ask("mazu/permission/request", params, OFFER_SECONDS))
    try:
        await asyncio.wait({asking, continued}, return_when=asyncio.FIRST_COMPLETED)
        answer = asking.result() if asking.done() else None
    except TimeoutError:
        answer = None
    finally:
        asking.cancel()
    if answer is None:
        by = "cancelled" if continued.done() else "timeout"
        resolved = {"sessionId": session, "callId": question.call_id, "verdict": "void", "by": by}
        editor.link.notify("mazu/permission/resolved", resolved)
    chosen = answer.get("optionId") if isinstance(answer, dict) else None
    return next((it for it in options if ANSWERS[it] == chosen), None)


async def _ask_plain(
    editor: ConnectedEditor, session: str, text: str, options: tuple[str, ...]
) -> str | None:
    while editor.approvals.open is not None:  # noqa: ASYNC110 - some editors show one question at a time: others go first
        await asyncio.sleep(SETTLE_SECONDS)
    params: dict[str, object] = {
        "type": 2,
        "message": text,
        "actions": [{"title": option} for option in options],
    }
    if editor.profile.opted("updates"):
        params["sessionId"] = session
    answer = await editor.link.ask("window/showMessageRequest", params, OFFER_SECONDS)
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
        await server.host.say("info", f"Mazu: rolled back to “{title}”; /redo reverts this.")
    else:
        await server.host.say(
            "warning", "Mazu: the rollback is incomplete. Mazu: roll back… lists the checkpoints."
        )
