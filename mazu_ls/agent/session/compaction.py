"""Shortening a conversation that outgrows the model's window, without losing the task."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mazu_ls.agent.session.conversation import SUMMARY, is_user_turn_start
from mazu_ls.agent.turn import context_blocks
from mazu_ls.journal import journal
from mazu_ls.messages import Message, Text, ToolCall, ToolResult, Usage, estimate_message
from mazu_ls.models import model as models
from mazu_ls.models.pricing.unfinished_call import await_answer

if TYPE_CHECKING:
    from mazu_ls.agent.turn.running_turn import TurnSession
    from mazu_ls.config.config import ContextSettings

INSTRUCTION = """\
Summarise the conversation above for a colleague who takes over now and sees nothing else of it. Use these headings:
## Topics
## Decisions (with reasons)
## Progress (files changed, commands run, what was verified)
## Pending (what is still to do, in order, and the questions that are still open)
Name files, symbols and error texts exactly. Leave out pleasantries."""
REQUEST = "The request that is being worked on, word for word:\n\n"
LEAST_KEPT = 60_000
"""Tokens below which a conversation is not compacted for its price: its summary would soon cost more than it saves."""
MAX_PART_CHARS = 4_000
MAX_REQUEST_CHARS = 40_000
DROPPED = "Commands of the part that was cut, the newest last; memory_search finds their output, and whatever else was said there:"
MOST_DROPPED, MAX_COMMAND_CHARS = 20, 100
_EXIT_CODE = re.compile(r"exit code -?\d+")


def compaction_threshold(spec: models.ModelSpec, settings: ContextSettings) -> int:
    """Tokens of a request from which on the conversation is compacted.

    A share of the window; or less, where the prefix costs more in each request, though cached, than the setting says: in
    a window of a million tokens a long session would pay for all of its past with every step. An unknown price is none.
    """
    by_window = int(spec.context_window * settings.compact_at)
    if spec.prices is None or not settings.compact_above_usd:
        return by_window
    price = spec.prices.input if spec.prices.cache_read is None else spec.prices.cache_read
    if price <= 0:
        return by_window
    return min(by_window, max(LEAST_KEPT, round(settings.compact_above_usd / price * 1_000_000)))


async def compact(
    session: TurnSession,
    model: models.Model,
    turn_id: str,
    *,
    refused: bool = False,
    spent: Callable[[Usage], object] = lambda usage: None,
) -> bool:
    """Replace what lies before the cut by a summary, after a checkpoint; False where nothing was replaced.

    `refused`: the provider took the prompt no more: cut anywhere. `spent` is told what the summary cost, whatever
    comes of it.
    """
    messages = session.conversation.messages_to_send()
    settings = session.project.config.context
    window = int(compaction_threshold(model.spec, settings) / settings.compact_at)
    cut = find_compaction_cut(messages, window, refused=refused)
    if cut is None:
        return False
    label = "before compaction"
    if checkpoint := await session.checkpoint("compaction", label, turn_id, [], None):
        session.append(journal.CheckpointTaken(checkpoint, "compaction", label), turn_id)

    def cut_short(used: Usage) -> None:
        spent(used)
        session.append(journal.UsageRecorded(model.name, used, "a summary that was stopped"), turn_id)

    summary, usage = await summarise(model, messages[:cut], cut_short)
    spent(usage)
    if not any(
        map(str.isalnum, summary)
    ):  # refused, or cut in its thoughts: a conversation is not given up for nothing
        session.append(journal.UsageRecorded(model.name, usage, "a summary that came out empty"), turn_id)
        return False
    # What was recalled for the turns that go is gone with them: memory is asked anew, about all that goes on.
    said = session.conversation.said
    buffers = await session.project.host.buffers()
    injection = await context_blocks.recall_memories(
        session.project, said[0] if said else summary, buffers, recent=[summary], session_id=session.id
    )
    session.map = ""
    await session.render_map(model, buffers)
    request = "" if is_user_turn_start(messages[cut]) else _request(messages[:cut])
    dropped = list_dropped(messages[:cut])
    told = "\n\n".join(part for part in (summary, dropped, injection.text, request) if part)
    session.told_memories.clear()
    session.append(journal.Compacted(told, len(messages) - cut, usage), turn_id)
    session.last_input = _tokens(session.conversation.messages)
    return True


def find_compaction_cut(messages: Sequence[Message], context_window: int, *, refused: bool) -> int | None:
    """Before which message a conversation is cut: never between calls and their results.

    That is where the user spoke last, unless what follows takes half of the model's window by itself, as a long run
    does: then its newest rounds stay, up to a quarter of the window and one at least. A run is not cut for less than a
    quarter of the window, lest it be cut again at each round.
    """
    starts = [index for index, message in enumerate(messages) if is_user_turn_start(message)]
    if not starts:
        return None
    last = starts[-1]
    if refused:  # whatever the model's window is, this is more
        context_window = min(context_window, _tokens(messages))
    if last and _tokens(messages[last:]) <= context_window // 2:
        return last
    rounds = [index for index in range(last + 1, len(messages)) if messages[index].role == "assistant"][1:]
    fitting = (index for index in rounds if _tokens(messages[index:]) <= context_window // 4)
    cut = next(fitting, rounds[-1] if rounds else last)
    return (
        cut
        if cut and (refused or cut == last or _tokens(messages[:cut]) > context_window // 4)
        else last or None
    )


def list_dropped(messages: Sequence[Message]) -> str:
    """The last commands of messages that are cut, each with how it ended; "" where there are none."""
    results = {
        part.call_id: part for message in messages for part in message.parts if isinstance(part, ToolResult)
    }
    ended: dict[str, str] = {}
    for call in (call for message in messages for call in message.calls if call.name == "run_shell"):
        command = " ".join(str(call.arguments.get("command", "")).split())[:MAX_COMMAND_CHARS]
        if command and (result := results.get(call.id)):
            code = _EXIT_CODE.findall(result.text[-1000:]) or ["done" if result.ok else "failed"]
            ended.pop(command, None)
            ended[command] = code[-1]
    lines = [f"- `{command}`: {end}" for command, end in list(ended.items())[-MOST_DROPPED:]]
    return "\n".join([DROPPED, *lines]) if lines else ""


def _tokens(messages: Sequence[Message]) -> int:
    return sum(map(estimate_message, messages))


def _request(messages: Sequence[Message]) -> str:
    """What the user asked for last, word for word, also where an earlier cut already left only that of it."""
    asked = next(message for message in reversed(messages) if is_user_turn_start(message))
    texts = [part.text for part in asked.parts if isinstance(part, Text)]
    said = [text.rpartition(REQUEST)[2] for text in texts if not text.startswith(SUMMARY) or REQUEST in text]
    return REQUEST + "\n".join(said)[:MAX_REQUEST_CHARS]


async def summarise(
    model: models.Model, messages: list[Message], cut_short: Callable[[Usage], object]
) -> tuple[str, Usage]:
    """A summary of these messages, written by the model. `cut_short` is told of what it used where it was stopped."""
    text = render_messages(messages, max(8_000, int(model.spec.context_window * 0.6)) * 3)
    request = models.ModelRequest(messages=[Message("user", (Text(f"{text}\n\n{INSTRUCTION}"),))])
    answer = await await_answer(model, request, cut_short)
    return answer.message.text, answer.usage


def render_messages(messages: list[Message], room: int) -> str:
    """A conversation as plain text of at most about `room` characters, cut in the middle."""
    text = "\n\n".join(_render_message(message) for message in messages)
    if len(text) > room:
        text = text[: room // 2] + "\n\n[... cut ...]\n\n" + text[-room // 2 :]
    return text


def _render_message(message: Message) -> str:
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
