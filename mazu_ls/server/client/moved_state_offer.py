"""Offers to attach the old state of a project that was moved or renamed, when it is opened."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import MazuError
from mazu_ls.server.rpc.client_requests import ClientError
from mazu_ls.state.identity import attach_advice

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.client.editor import ConnectedEditor
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)
OFFER_SECONDS = 600.0
# The harmless choice comes first, for clients that take the first of whatever they are offered.
LATER, AFRESH = "Not now", "Do not ask again"
SETTLE_SECONDS = 0.05


def attach_label(path: str) -> str:
    """Return the label of the choice to attach the state of the project that was at `path`."""
    return f"Attach what was at {path}"


async def describe_own_state(project: Project) -> str:
    """Return a sentence about the project's own state, and what happens to it when another one is attached."""
    counted = await project.memories.stats() if project.memories else {}
    memories = sum(shelf["entries"] for scope, shelf in counted.items() if scope == "project")
    conversations = len(await project.sessions.list()) if project.sessions else 0
    held = [
        f"{count} {name if count == 1 else names}"
        for count, name, names in (
            (memories, "memory", "memories"),
            (conversations, "conversation", "conversations"),
        )
        if count
    ]
    if not held:
        return "This project has no memories and no conversations yet."
    return f"This project has {' and '.join(held)} of its own: they would be set aside, and kept."


def attached_sentence(attached: dict[str, Any]) -> str:
    """Return the answer of `mazu.state.attach` for a person: the present state, and where the previous one is kept."""
    aside = attached["setAside"]
    kept = f" What it had until then is kept in {aside}" if aside else ""
    return f"what was kept of {attached['attached']} is this project's now.{kept}"


async def offer(server: ServerState, editor: ConnectedEditor, project: Project) -> None:
    """Ask the editor's user; if it cannot ask, or nothing was chosen, a notice says how to do it later."""
    hint = project.disk.moved_hint if project.disk else ""
    if not hint:
        return
    chosen = await _choice(editor, project)
    if server.project is not project:  # closed, or attached by a command meanwhile
        return
    if chosen is None:
        advice = attach_advice(project.moved_states[0].path, in_terminal=False)
        logger.warning("%s %s", hint, advice)
        await server.host.say("warning", f"Mazu: {hint} {advice}")
        return
    from mazu_ls.server.commands import execute

    try:
        if chosen == AFRESH:
            await execute(server, "mazu.state.decline", [{}])
        elif chosen != LATER:
            attached = await execute(server, "mazu.state.attach", [{"from": chosen}])
            await server.host.say("info", f"Mazu: {attached_sentence(attached)}")
    except MazuError as error:
        await server.host.say("error", f"Mazu: {error.message} {error.hint}")


async def _choice(editor: ConnectedEditor, project: Project) -> str | None:
    """Return the chosen path, LATER or AFRESH; None if the editor could not ask or nobody answered."""
    while editor.approvals.open is not None:  # noqa: ASYNC110 - some editors show one question at a time: others go first
        await asyncio.sleep(SETTLE_SECONDS)
    labels = {attach_label(marker.path): marker.path for marker in project.moved_states}
    places = " or ".join(labels.values())
    message = (
        f"Mazu: a project at {places} no longer exists. Was it moved to {project.root.name}?"
        f" Its memory, conversations and checkpoints can be attached. {await describe_own_state(project)}"
    )
    titles = [LATER, *labels, AFRESH]
    params = {"type": 3, "message": message, "actions": [{"title": title} for title in titles]}
    try:
        answer = await editor.link.ask("window/showMessageRequest", params, OFFER_SECONDS)
    except (TimeoutError, ClientError) as error:
        logger.info("The offer to attach a moved project's state was not answered: %s", error)
        return None
    title = answer.get("title") if isinstance(answer, dict) else None
    return labels.get(str(title), title if title in (LATER, AFRESH) else None)
