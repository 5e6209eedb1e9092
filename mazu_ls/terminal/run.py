"""`mazu-ls run`: a task on its own; when it is stopped early, the user says how it goes on."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

from mazu_ls.server.commands import execute
from mazu_ls.terminal import show
from mazu_ls.terminal.host import read_line
from mazu_ls.terminal.interrupt import stoppable

if TYPE_CHECKING:
    from mazu_ls.server.server import Server

Result = dict[str, Any]
EARLY = ("cancelled", "max_steps", "max_cost", "max_tokens", "max_seconds", "stuck", "error")
QUESTION = "\n[c]ontinue, [r]oll back everything this run did, or [q]uit? "


async def run(server: Server, arguments: Result, *, as_json: bool) -> Result:
    """The result of the run, or of what the user chose in its place: going on, or the rollback."""
    first: str | None = None
    while True:
        result = await _once(server, arguments, as_json=as_json)
        first = first or next(iter(result["checkpoints"]), None)
        if as_json or not server_is_interactive() or result["stopReason"] not in EARLY:
            return result
        show.result("mazu.run", result)
        match await _choice():
            case "c":
                arguments = {**arguments, "task": "continue", "sessionId": result["sessionId"]}
            case "r" if first:
                undone = await execute(server, "mazu.rollback", [{"id": first}])
                show.result("mazu.rollback", undone)
                return {**result, "rolledBack": undone}
            case "r":
                print("Nothing was changed.", file=sys.stderr)
                return result
            case _:
                return result


def server_is_interactive() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stdout.isatty()


async def _once(server: Server, arguments: Result, *, as_json: bool) -> Result:
    project = await server.opened()
    stop = (lambda: None) if as_json else project.listen(show.Stream().hear)
    try:
        return await stoppable(execute(server, "mazu.run", [arguments]))
    finally:
        stop()


async def _choice() -> str:
    sys.stderr.write(QUESTION)
    sys.stderr.flush()
    try:
        line = await stoppable(read_line())
    except asyncio.CancelledError:
        return "q"
    return line.strip()[:1].lower() or "q"


def printed(result: Result, *, as_json: bool) -> None:
    """Show what came of it, unless that was shown when the user was asked."""
    if as_json:
        print(json.dumps(result, ensure_ascii=False, indent=2))
    elif not (server_is_interactive() and result["stopReason"] in EARLY):
        show.result("mazu.run", result)
