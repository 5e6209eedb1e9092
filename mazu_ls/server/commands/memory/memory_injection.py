"""mazu.memory.why: which memories a message would get, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.errors import InvalidArguments
from mazu_ls.server.chat import attachments
from mazu_ls.server.commands import command
from mazu_ls.server.commands.memory.memories import opened_memories
from mazu_ls.server.wire.common import DocumentRange
from mazu_ls.server.wire.memory import injection as wire
from mazu_ls.server.wire.memory.memories import MemoryView

if TYPE_CHECKING:
    from mazu_ls.server.state import ServerState

STANDING_REASON = "always included: rules are part of every turn, the newest first, while they fit the budget"


async def _explain_selection(server: ServerState) -> wire.ExplainInjectionParams:
    """Without arguments: the selected text is the message."""
    text = server.editor.selection.strip() if server.editor else ""
    if not text:
        raise InvalidArguments("`message` is missing, and no text is selected to use instead", "message")
    return wire.ExplainInjectionParams(text[:2000])


@command("mazu.memory.why", natural=_explain_selection)
async def explain_injection(server: ServerState, params: wire.ExplainInjectionParams) -> wire.InjectionView:
    """Return what the next turn would get of memory for this message, what is left out, and why. No model is called."""
    from mazu_ls.agent.turn import context_blocks

    await opened_memories(server)
    project = await server.wait_opened()
    places = (DocumentRange(params.uri, params.range),) if params.uri else ()
    attached = await attachments.attachments(server, places)
    buffers = await project.host.buffers()
    injection = await context_blocks.recall_memories(project, params.message, buffers, attachments=attached)
    told = [
        wire.InjectedMemory(
            MemoryView.from_memory(memory),
            "standing" if position < injection.standing_count else "context",
            _reason(memory.why, memory.pinned) if position < injection.standing_count else memory.why or "a summary of an earlier session",
        )
        for position, memory in enumerate(injection.memories)
    ]  # fmt: skip
    left = [wire.LeftOutMemory(MemoryView.from_memory(one.memory), one.why) for one in injection.left_out]
    budget, said = project.config.memory.inject_tokens, list(injection.said_before)
    return wire.InjectionView(told, left, injection.tokens, budget, said)


def _reason(why: str | None, pinned: bool) -> str:
    return "pinned" if pinned else why or STANDING_REASON
