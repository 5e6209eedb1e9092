"""`mazu-ls run`: carries out a task autonomously; when it is stopped early, the user decides how to continue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from mazu_ls.terminal.chat.interrupt import stoppable
from mazu_ls.terminal.chat.question_keys import Ask, QuestionOption
from mazu_ls.terminal.exit_status import LIMITS
from mazu_ls.terminal.refusals import Refusals

if TYPE_CHECKING:
    import argparse

    from mazu_ls.server.state import ServerState
    from mazu_ls.terminal.chat.chat_session import Execute
    from mazu_ls.terminal.host import TerminalHost

Result = dict[str, Any]
EARLY = ("cancelled", "stuck", "error", *LIMITS)
WHY = {
    "cancelled": "The run was stopped.",
    "stuck": "The run went round in circles.",
    "error": "The run failed.",
    "max_steps": "The run reached its limit of steps.",
    "max_cost": "The run reached its limit of money.",
    "max_tokens": "The run reached its limit of tokens.",
    "max_seconds": "The run reached its limit of time.",
}
OPTIONS = (
    QuestionOption("c", "Continue"),
    QuestionOption("r", "Roll back everything this run did"),
    QuestionOption("q", "Quit: keep what was done"),
)


async def run(
    execute: Execute, once: Callable[[Result], Awaitable[Result]], host: TerminalHost, arguments: Result
) -> Result:
    """Return the result of the run, or of what the user chose instead: continuing, or a rollback.

    `once` carries out `mazu.run` and shows it; `execute` any other command.
    """
    first: str | None = None
    while True:
        result = await once(arguments)
        first = first or next(iter(result["checkpoints"]), None)
        if not host.surface.interactive or result["stopReason"] not in EARLY:
            return result
        match await _choice(host, result, can_go_back=first is not None):
            case "c":
                arguments = {**arguments, "task": "continue", "sessionId": result["sessionId"]}
            case "r" if first:
                undone = await execute("mazu.rollback", {"id": first})
                return {**result, "rolledBack": undone}
            case _:
                return result


async def _run_here(server: ServerState, host: TerminalHost, arguments: Result) -> Result:
    from mazu_ls.server import commands

    async def execute(name: str, values: Result) -> Any:
        return await commands.execute(server, name, [values])

    return await run(execute, lambda asked: _once(server, host, asked), host, arguments)


async def _once(server: ServerState, host: TerminalHost, arguments: Result) -> Result:
    from mazu_ls.server.commands import execute

    project = await server.wait_opened()
    refusals = Refusals(host)
    ends = [project.subscribe(host.surface.show_event), project.subscribe(refusals.collect)]
    try:
        result = await stoppable(execute(server, "mazu.run", [arguments]))
    finally:
        for end in ends:
            end()
    return {**result, "refusals": refusals.found}


async def _choice(host: TerminalHost, result: Result, *, can_go_back: bool) -> str:
    """Ask how to go on; a rollback is offered only if there is something to go back to."""
    error = result.get("error") or {}
    why = error.get("message") or WHY[result["stopReason"]]
    options = tuple(option for option in OPTIONS if option.key != "r" or can_go_back)
    try:
        answer = await stoppable(host.surface.ask(Ask(why, options, error.get("hint", "")), None))
    except asyncio.CancelledError:
        return "q"
    return answer.key or "q"


async def run_shown(
    server: ServerState, host: TerminalHost, given: argparse.Namespace, arguments: Result
) -> Result:
    """Run on the inline screen if there is one, else in lines."""
    from mazu_ls.terminal.chat.opening import note_of_model
    from mazu_ls.terminal.screen.first_prompt import takes_screen
    from mazu_ls.terminal.screen.printing import as_json

    if note := await note_of_model(await server.wait_opened(), given):
        host.surface.say("warning", note)
    if as_json(given) or not takes_screen(plain=getattr(given, "plain", False)):
        return await _run_here(server, host, arguments)
    from mazu_ls.terminal.screen.live_surface import LiveSurface
    from mazu_ls.terminal.screen.screen import Screen

    screen = Screen(composer=False)
    host.surface = LiveSurface(screen)
    project = await server.wait_opened()

    def stop() -> bool:
        running = [session for session in project.sessions.opened() if session.running]
        stopped = [session.cancel() for session in running]
        return server.jobs.accepted.cancel(None, None) or any(stopped)

    screen.on_stop = stop
    return await screen.run(lambda: _run_here(server, host, arguments))
