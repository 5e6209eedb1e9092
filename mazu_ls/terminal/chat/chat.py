"""`mazu-ls chat`: one message and its answer, or a conversation, on the inline screen or in plain lines."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from mazu_ls.agent.background_tasks import BackgroundTasks
from mazu_ls.terminal.chat import slash_commands
from mazu_ls.terminal.chat.chat_session import ChatSession
from mazu_ls.terminal.chat.interrupt import stoppable
from mazu_ls.terminal.chat.shared_events import subscribe_reverted, subscribe_shared
from mazu_ls.terminal.chat.slash_commands import LEAVE
from mazu_ls.terminal.exit_status import DONE, INTERRUPTED, exit_status, how_to_go_on
from mazu_ls.terminal.screen import styled_text as styled
from mazu_ls.terminal.screen.printing import print_text
from mazu_ls.terminal.wording import error_text, failure_text

if TYPE_CHECKING:
    import argparse

    from mazu_ls.server.state import ServerState
    from mazu_ls.terminal.host import TerminalHost

Result = dict[str, Any]


async def say_once(
    server: ServerState, host: TerminalHost, given: argparse.Namespace, message: str
) -> Result:
    """Run one turn of a new session, or of the one that the command line names."""
    from mazu_ls.terminal.chat.opening import note_of_model

    chat = ChatSession(server, host, given)
    await chat.open(resume=_resumed(given), last=bool(getattr(given, "continued", False)))
    project = await server.wait_opened()
    if note := await note_of_model(project, given):
        host.surface.say("warning", note)
    unlisten = project.subscribe(host.surface.show_event)
    try:
        return await stoppable(chat.send(message))
    finally:
        unlisten()


def _resumed(given: argparse.Namespace) -> str | None:
    named = getattr(given, "resume", None) or getattr(given, "sessionId", None)
    return named if isinstance(named, str) and named else None


async def converse_plainly(server: ServerState, host: TerminalHost, given: argparse.Namespace) -> int:
    """Read lines until the end of the input: for screen readers and limited terminals."""
    from mazu_ls.terminal.chat.opening import open_conversation, opening_lines, subscribe_mode
    from mazu_ls.terminal.surfaces.standard_lines import read_message

    chat = ChatSession(server, host, given)
    shown = asyncio.Event()
    host.has_chosen = shown.wait  # what another process asks already comes behind the first lines
    opened = await open_conversation(chat, given)

    async def say_opened(opened: Result | None) -> None:
        styled.write(opening_lines(server, chat, opened, await chat.mode()), sys.stderr)

    chat.on_switched = say_opened
    await say_opened(opened)
    shown.set()
    project = await server.wait_opened()
    subscribe_shared(server, project, lambda: chat.session_id, host.surface.show_event)

    def say_reverted(text: str, by: str) -> None:
        if chat.shared_with is None or not replying:
            host.surface.say("info", f"At {by or chat.shared_with}: {text}")

    replying = False
    subscribe_reverted(server, lambda: chat.session_id, say_reverted)
    tasks = BackgroundTasks("the chat")
    subscribe_mode(chat, tasks, lambda mode: host.surface.say("info", f"The mode is now {mode}."))
    last = DONE
    while True:
        try:
            typed = await stoppable(read_message())
        except asyncio.CancelledError:
            return INTERRUPTED
        if not typed:
            print(file=sys.stderr)  # behind the prompt
        if not typed or typed.strip() in LEAVE:
            return last
        if typed.strip():
            replying = True
            last = await _plain_turn(chat, typed.strip())
            replying = False


async def _plain_turn(chat: ChatSession, text: str) -> int:
    try:
        if slash_commands.is_command(text):
            print_text(await stoppable(slash_commands.reply_to(chat, text)))
            return DONE
        await stoppable(chat.wait_free())
        result = await stoppable(chat.send(text))
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) and task.cancelling():
            raise
        print("Stopped.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - becomes a line of the conversation
        print_text(failure_text(error, "The turn"), sys.stderr)
        return 1
    if not getattr(chat.host.surface, "streamed", False) and result["reply"]:
        print(styled.clean(result["reply"]))
    print_text(turn_facts(result), sys.stderr)
    return exit_status(result)


def turn_facts(result: Result) -> str:
    """Return a turn's changes, time and cost in a line, preceded by its errors."""
    stop, error = result["stopReason"], result.get("error")
    problem = f"{error_text(error['message'], error['hint'])}\n" if error else ""
    edits = result["edits"]
    changed = f"{styled.plural(len(edits), 'file')} changed +{sum(e['added'] for e in edits)} -{sum(e['removed'] for e in edits)}"
    unfinished = how_to_go_on(stop, in_chat=False)
    facts = styled.join([
        "" if error else result.get("detail") or ("" if stop == "end_turn" else stop.replace("_", " ")),
        changed if edits else "",
        styled.UNCOUNTED if result.get("uncounted") else "",
        *_spent(result["usage"]),
    ])  # fmt: skip
    return f"{problem}{facts}\n{unfinished}".rstrip()


def _spent(usage: dict[str, Any]) -> list[str]:
    if not usage["modelCalls"]:
        return []
    known, unpriced = usage.get("knownCostUsd", 0.0), usage.get("unpricedCalls", 0)
    return [
        styled.tokens(usage["inputTokens"] + usage["outputTokens"]),
        styled.money(usage["costUsd"], usage["estimated"], known, unpriced),
    ]
