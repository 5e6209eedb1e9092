"""Shortening a conversation that outgrows the model's window, without losing the task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls import journal
from mazu_ls.agent.conversation import begins_exchange, estimate
from mazu_ls.messages import Message, Text, ToolCall, ToolResult, Usage
from mazu_ls.models import model as models

if TYPE_CHECKING:
    from mazu_ls.agent.session import Session

INSTRUCTION = """\
Summarise the conversation above for a colleague who takes over now and sees nothing else of it. Use these headings:
## Topics
## Decisions (with reasons)
## Progress (files changed, commands run, what was verified)
## Pending (what is still to do, in order)
Name files, symbols and error texts exactly. Leave out pleasantries."""
MAX_PART_CHARS = 4_000


async def compact(session: Session, model: models.Model, turn_id: str) -> Usage | None:
    """Replace all but the last exchange by a summary, after a checkpoint; None where there is nothing to replace.

    The cut lies at a message in which the user speaks, so it never falls inside a tool exchange, and the last request
    stays word for word.
    """
    messages = session.conversation.outgoing()
    starts = [index for index, message in enumerate(messages) if begins_exchange(message)]
    if not starts or starts[-1] == 0:
        return None
    label = "before compaction"
    if checkpoint := await session.checkpoint("compaction", label, turn_id, [], None):
        session.append(journal.CheckpointTaken(checkpoint, "compaction", label), turn_id)
    summary, usage = await summarise(model, messages[: starts[-1]])
    # What was recalled for the turns that go is gone with them: memory is asked anew, about all that goes on.
    said = session.conversation.said
    buffers = await session.project.host.buffers()
    recalled, _ = await session.project.recall_for(
        said[0] if said else summary, buffers, (), [summary], session.id
    )
    session.map = ""
    await session.draw_map(model, buffers)
    told = "\n\n".join(part for part in (summary, recalled) if part)
    session.append(journal.Compacted(told, len(messages) - starts[-1], usage), turn_id)
    session.last_input = sum(map(estimate, session.conversation.messages))
    return usage


async def summarise(model: models.Model, messages: list[Message]) -> tuple[str, Usage]:
    """A summary of these messages, written by the model."""
    text = told(messages, max(8_000, int(model.spec.context_window * 0.6)) * 3)
    request = models.Request(messages=[Message("user", (Text(f"{text}\n\n{INSTRUCTION}"),))])
    async for chunk in model.stream(request):
        if isinstance(chunk, models.Finished):
            return chunk.message.text, chunk.usage
    return "", Usage()


def told(messages: list[Message], room: int) -> str:
    """A conversation as plain text of at most about `room` characters, cut in the middle."""
    text = "\n\n".join(_told(message) for message in messages)
    if len(text) > room:
        text = text[: room // 2] + "\n\n[... cut ...]\n\n" + text[-room // 2 :]
    return text


def _told(message: Message) -> str:
    lines: list[str] = []
    for part in message.parts:
        match part:
            case Text(text):
                lines.append(text[:MAX_PART_CHARS])
            case ToolCall(_, name, arguments):
                lines.append(f"[calls {name} {str(arguments)[:MAX_PART_CHARS]}]")
            case ToolResult(_, text, ok):
                lines.append(f"[result{'' if ok else ' (failed)'}: {text[:MAX_PART_CHARS]}]")
    return f"{message.role}: " + "\n".join(lines)
