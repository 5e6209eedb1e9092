"""A chat document's message that is sent once the running turn has ended; until then it stays a draft that can be changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.errors import MazuError
from mazu_ls.journal import journal
from mazu_ls.server.chat.message_queue import STOPPED

if TYPE_CHECKING:
    from mazu_ls.agent.session.session import Session
    from mazu_ls.server.state import ServerState

DRAWN_SECONDS = 0.1
"""Seconds between two looks whether the reply is in the document."""


async def send_later(
    server: ServerState, session: Session, path: Path, send: Callable[[], Awaitable[object]]
) -> None:
    """Call `send` when the turn that runs has ended, unless the user stopped it or it failed. Returns at once."""
    assert server.editor is not None, "chat documents are sent from an editor"
    if path not in server.editor.to_send:
        server.editor.to_send.add(path)
        server.jobs.spawn(_send_later(server, session, path, send))
    await server.host.say(
        "info", "Mazu: your message is sent when the running turn has ended. Mazu: stop ends it now."
    )


async def _send_later(
    server: ServerState, session: Session, path: Path, send: Callable[[], Awaitable[object]]
) -> None:
    assert server.editor is not None
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def on_event(session_id: str, event: journal.Event) -> None:
        if session_id == session.id and isinstance(event.body, journal.TurnEnded) and not ended.done():
            ended.set_result(event.body.stop_reason)

    stop_listening = session.project.subscribe(on_event)
    try:
        while session.running and not ended.done():  # it may have ended before this task began
            await asyncio.wait({ended}, timeout=1.0)
        await session.wait_idle()
        while path in server.editor.replying:  # noqa: ASYNC110 - drawing is no event
            await asyncio.sleep(DRAWN_SECONDS)
    finally:
        stop_listening()
        server.editor.to_send.discard(path)
    if ended.done() and ended.result() in STOPPED:
        await server.host.say(
            "info", f"Mazu: your message in {path.name} was not sent, since the turn did not end well."
        )
        return
    try:
        await send()
    except MazuError as error:
        await server.host.say(
            "warning", f"Mazu: your message was not sent. {error.message} {error.hint}".rstrip()
        )
