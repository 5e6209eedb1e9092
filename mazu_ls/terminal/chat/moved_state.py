"""Offers to attach the old state of a project that was moved or renamed, at the start of a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.terminal.chat.question_keys import Ask, QuestionOption

if TYPE_CHECKING:
    from mazu_ls.server.state import ServerState
    from mazu_ls.terminal.surfaces.surface import Surface

OFFERED = 7


async def offer_moved_state(server: ServerState, surface: Surface) -> None:
    """Ask if somebody is there; "not now" asks again next time."""
    from mazu_ls.server.client.moved_state_offer import attached_sentence, describe_own_state
    from mazu_ls.server.commands import execute

    project = await server.wait_opened()
    if not (project.disk and project.disk.moved_hint and surface.interactive):
        return
    places = [marker.path for marker in project.moved_states[:OFFERED]]
    options = (
        QuestionOption("n", "Not now"),
        *(QuestionOption(str(number), f"Attach what was at {path}") for number, path in enumerate(places, 2)),
        QuestionOption("f", "Attach nothing, and do not ask again"),
    )
    own = await describe_own_state(project)
    detail = f"Its memory, conversations and checkpoints can be attached. {own}"
    title = f"A project at {' or '.join(places)} no longer exists. Was it moved here?"
    key = (await surface.ask(Ask(title, options, detail), None)).key
    if key == "f":
        await execute(server, "mazu.state.decline", [{}])
    elif key and key.isdecimal():
        attached = await execute(server, "mazu.state.attach", [{"from": places[int(key) - 2]}])
        surface.say("info", attached_sentence(attached))
