"""Compaction: replaces the older part of a conversation by a summary when it outgrows the model's context window."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mazu_ls.agent.session.conversation import SUMMARY, held_memories, is_user_turn_start
from mazu_ls.agent.turn import context_blocks
from mazu_ls.errors import Kind, MazuError
from mazu_ls.journal import journal
from mazu_ls.messages import Message, Text, ToolCall, ToolResult, Usage, estimate_message
from mazu_ls.models import model as models
from mazu_ls.models.pricing.unfinished_call import await_answer

if TYPE_CHECKING:
    from mazu_ls.agent.turn.running_turn import TurnSession
    from mazu_ls.config.config import ContextSettings

log = logging.getLogger(__name__)
INSTRUCTION = """\
Summarise the conversation above for a colleague who takes over now and sees nothing else of it. Use these headings:
## Topics
## Decisions (with reasons)
## Progress (files changed, commands run, what was verified)
## Pending (what is still to do, in order, and the questions that are still open)
Name files, symbols and error texts exactly. Leave out pleasantries."""
REQUEST = "The request that is being worked on, word for word:\n\n"
MAP_SECONDS = 1.0
"""Seconds that a shortened conversation waits for a new project map."""
LEAST_KEPT = 60_000
"""Tokens below which a conversation is not compacted for its price: the summary would soon cost more than it saves."""
MAX_PART_CHARS = 4_000
MAX_REQUEST_CHARS = 40_000
DROPPED = "Commands of the part that was cut, the newest last; memory_search finds their output, and whatever else was said there:"
MOST_DROPPED, MAX_COMMAND_CHARS = 20, 100
_EXIT_CODE = re.compile(r"exit code -?\d+")


def compaction_threshold(spec: models.ModelSpec, settings: ContextSettings) -> int:
    """Return the size of a request, in tokens, from which on the conversation is compacted.

    A share of the context window; or less, if resending the prefix, though cached, costs more per request than the
    setting allows: in a window of a million tokens a long session would pay for its whole past with every step. Without
    a known price only the window counts.
    """
    by_window = int(spec.context_window * settings.compact_at)
    if spec.prices is None or not settings.compact_above_usd:
        return by_window
    price = spec.prices.input if spec.prices.cache_read is None else spec.prices.cache_read
    if price <= 0:
        return by_window
    return min(by_window, max(LEAST_KEPT, round(settings.compact_above_usd / price * 1_000_000)))


async def compact_early(
    session: TurnSession, model: models.Model, turn_id: str, *, spent: Callable[[Usage], object]
) -> None:
    """Compact before the window is full; if the service fails at that, the conversation, which still fits, goes on whole."""
    try:
        await compact(session, model, turn_id, spent=spent)
    except MazuError as error:
        if error.kind not in (Kind.OVERLOADED, Kind.RATE_LIMIT, Kind.NETWORK):
            raise
        log.warning("not compacted: %s", error.message)
        await session.project.warn_once(f"The conversation could not be shortened yet: {error.message}")


async def compact(
    session: TurnSession,
    model: models.Model,
    turn_id: str,
    *,
    refused: bool = False,
    spent: Callable[[Usage], object] = lambda usage: None,
) -> bool:
    """Replace the messages before the cut by a summary, after a checkpoint; return False if nothing was replaced.

    `refused`: the provider rejected the prompt as too long; cut anywhere. `spent` is called with the usage of the
    summary, whether or not it is used.
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
    ):  # refused, or cut off while thinking: without a summary the conversation must not be replaced
        session.append(journal.UsageRecorded(model.name, usage, "a summary that came out empty"), turn_id)
        return False
    try:
        text, told = await _what_continues(session, model, summary, messages[:cut], messages[cut:])
    except BaseException:  # a turn that is stopped: the summary was paid for
        session.append(journal.UsageRecorded(model.name, usage, "a summary that was not used"), turn_id)
        raise
    session.append(journal.Compacted(text, len(messages) - cut, usage, told), turn_id)
    session.told_memories.clear()
    session.told_memories.update(session.conversation.told_memories)
    session.last_input = _tokens(session.conversation.messages)
    return True


async def _what_continues(
    session: TurnSession, model: models.Model, summary: str, dropped: list[Message], kept: list[Message]
) -> tuple[str, tuple[str, ...]]:
    """Return the text in place of the dropped messages, and the ids of the memories in it or in the system prompt; `kept` stays."""
    # Memories recalled for the dropped turns are dropped with them: recall again, for what continues.
    said = session.conversation.said
    buffers = await session.project.host.buffers()
    injection = await context_blocks.recall_memories(
        session.project, said[0] if said else summary, buffers, recent=[summary], session_id=session.id
    )
    session.map = ""
    session.answer_begun.set()  # with the summary
    await session.render_map(model, buffers, MAP_SECONDS)
    request = "" if is_user_turn_start(kept[0]) else _request(dropped)
    told = tuple(memory.id for memory in injection.memories)
    held = held_memories(kept).issuperset(told[injection.standing_count :])
    parts = (summary, list_dropped(dropped), "" if held else injection.text, request)
    return "\n\n".join(filter(None, parts)), told


def find_compaction_cut(messages: Sequence[Message], context_window: int, *, refused: bool) -> int | None:
    """Return the index of the first message to keep, None to keep all; never between calls and their results.

    That is the user's last message, unless what follows it takes half of the context window by itself, as in a long
    run: then its newest rounds stay, up to a quarter of the window and at least one. A run is not cut if that frees
    less than a quarter of the window, since it would have to be cut again a few rounds later, with a summary each time.
    """
    starts = [index for index, message in enumerate(messages) if is_user_turn_start(message)]
    if not starts:
        return None
    last = starts[-1]
    if refused:  # the real window is smaller than the model's entry says
        context_window = min(context_window, _tokens(messages))
    if last and _tokens(messages[last:]) <= context_window // 2:
        return last
    # A round starts with a model message, and its results precede the next one: a cut there separates no call from its
    # result. The first round is skipped: only the user's message is before it.
    rounds = [index for index in range(last + 1, len(messages)) if messages[index].role == "assistant"][1:]
    fitting = (index for index in rounds if _tokens(messages[index:]) <= context_window // 4)
    cut = next(fitting, rounds[-1] if rounds else last)
    return (
        cut
        if cut and (refused or cut == last or _tokens(messages[:cut]) > context_window // 4)
        else last or None
    )


def list_dropped(messages: Sequence[Message]) -> str:
    """Return the last commands of the dropped messages, each with its exit code; "" if there are none."""
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
    """Return the user's last request, word for word, also if an earlier compaction already left only that."""
    asked = next(message for message in reversed(messages) if is_user_turn_start(message))
    texts = [part.text for part in asked.parts if isinstance(part, Text)]
    said = [text.rpartition(REQUEST)[2] for text in texts if not text.startswith(SUMMARY) or REQUEST in text]
    return REQUEST + "\n".join(said)[:MAX_REQUEST_CHARS]


async def summarise(
    model: models.Model, messages: list[Message], cut_short: Callable[[Usage], object]
) -> tuple[str, Usage]:
    """Return a summary of these messages, written by the model. `cut_short` gets the usage of a call that was
    cancelled."""
    text = render_messages(messages, max(8_000, int(model.spec.context_window * 0.6)) * 3)
    request = models.ModelRequest(messages=[Message("user", (Text(f"{text}\n\n{INSTRUCTION}"),))])
    answer = await await_answer(model, request, cut_short)
    return answer.message.text, answer.usage


def render_messages(messages: list[Message], room: int) -> str:
    """Render a conversation as plain text of at most about `room` characters, cut in the middle."""
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
