"""Context blocks before the user's message: recalled memories, matching skills, the state of the editor."""

from __future__ import annotations

import asyncio
import logging
import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mazu_ls.agent.project.skill_suggestions import suggest_skills
from mazu_ls.agent.turn import prompt
from mazu_ls.errors import MazuError
from mazu_ls.tools.knowledge.anchored_files import refresh_anchors
from mazu_ls.workspace.visible_text import make_visible

if TYPE_CHECKING:
    from mazu_ls.agent.project.services import ProjectServices
    from mazu_ls.agent.turn.running_turn import TurnSession
    from mazu_ls.agent.turn.types import Prompt
    from mazu_ls.host import Buffer
    from mazu_ls.memory.models import Memory
    from mazu_ls.memory.search.inject import Injection
    from mazu_ls.models.model import Model
    from mazu_ls.workspace import Workspace

log = logging.getLogger(__name__)
SKILLS_SHARE = 6
"""One part in so many of the memory's token budget is what skills may use: less than what never stands."""
MAP_SECONDS = 10.0
"""Seconds after which a project map that is still being drawn is left to the next turn."""
_drawing: set[asyncio.Task[None]] = set()


async def build_context_blocks(
    session: TurnSession, asked: Prompt, model: Model
) -> tuple[list[str], tuple[Memory, ...]]:
    """Return the blocks for the prompt of a turn, and the memories in them. Prepares the model, too, and has the session's
    project map drawn: no call waits for it, those after it have it, and its process is not started while the first is prepared."""
    project = session.project
    buffers = await project.host.buffers()
    room = project.config.memory.inject_tokens // SKILLS_SHARE
    skills = await asyncio.to_thread(suggest_skills, asked.text, project.folders, project.env, room)
    said = session.conversation.said
    session.answer_begun.clear()
    drawing = asyncio.create_task(session.render_map(model, buffers, MAP_SECONDS))
    _drawing.add(drawing)
    drawing.add_done_callback(_is_drawn)
    injection, _ = await asyncio.gather(
        recall_memories(
            project,
            asked.text,
            buffers,
            attachments=asked.attachments,
            recent=said,
            session_id=session.id,
            beside=skills,
        ),
        _prepare(model),
    )
    session.standing_memory = injection.standing
    lost = await _lost_texts(session, buffers)
    blocks = [injection.text, skills, lost, prompt.editor_state(buffers, project.workspace)]
    return blocks, tuple(injection.memories)


async def _lost_texts(session: TurnSession, buffers: Sequence[Buffer]) -> str:
    """Say to the user and the model which unsaved texts went with the editor in which the session's turn was interrupted."""
    checkpoints = session.project.checkpoints
    if session.interrupted is None or checkpoints is None:
        return ""
    try:
        lost = await checkpoints.lost_texts(session.id, buffers)
    except MazuError as error:
        log.warning("whether unsaved text was lost is not known: %s", error)
        return ""
    if not lost.files:
        return ""
    names, first = ", ".join(map(make_visible, lost.files)), shlex.quote(lost.files[0])
    await session.project.warn_once(
        f"The unsaved text of {names} is open in no editor any more, and the file on the disk is without it. "
        f"mazu-ls checkpoint file {lost.checkpoint} {first} shows it."
    )
    return (
        "<lost_edits>\nThese files were not saved, and no editor shows their unsaved text any more, your edits included;"
        f" they are as they are on the disk. Read them again: {names}\n</lost_edits>"
    )


def _is_drawn(drawing: asyncio.Task[None]) -> None:
    _drawing.discard(drawing)
    if not drawing.cancelled() and (error := drawing.exception()) is not None:
        log.error("no project map", exc_info=error)


async def _prepare(model: Model) -> None:
    """Import the model's SDK while memories and the map are waited for."""
    try:
        await model.prepare()
    except MazuError as error:  # the call itself fails with it, and says so
        log.info("%s: %s", model.name, error.message)


async def recall_memories(
    project: ProjectServices,
    text: str,
    buffers: Sequence[Buffer],
    *,
    attachments: Sequence[prompt.Attachment] = (),
    recent: Iterable[str] = (),
    session_id: str | None = None,
    beside: str = "",
) -> Injection:
    """Recall memories for a request. The block `beside` shares its token budget."""
    from mazu_ls.agent.project.waiting_sessions import recent_words
    from mazu_ls.memory.search.inject import Injection, RecallContext
    from mazu_ls.messages import estimate_tokens

    if project.memories is None or project.config.memory.inject_tokens == 0:
        return Injection()

    attached = [a for a in attachments if a.is_file and not a.image]
    selected = next((a.text for a in attached if a.first_line is not None), "")
    context = RecallContext(
        task=text, file=attached[0].name if attached else None, files=open_files(project.workspace, buffers),
        selection=selected, recent=tuple(recent), session_id=session_id,
        said_before=await recent_words(project, session_id), beside=estimate_tokens(beside) if beside else 0,
    )  # fmt: skip
    budget = project.config.memory.inject_tokens
    try:
        injection = await project.memories.inject(context, budget)
        if await refresh_anchors(project.memories, injection.memories, project.host, project.workspace):
            injection = await project.memories.inject(context, budget)
        return injection
    except MazuError as error:
        await project.warn_once(f"Memory could not be read for this turn: {error.message}")
        return Injection()


def open_files(workspace: Workspace, buffers: Sequence[Buffer]) -> tuple[str, ...]:
    """Return the paths of the open documents inside the workspace."""
    within = (buffer.path for buffer in buffers if buffer.path and workspace.contains(buffer.path))
    return tuple(workspace.relative(path) for path in within)
