"""Runs one command line: the commands of the wire on a project in this folder, with the terminal as the host."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import InvalidArguments, MazuError
from mazu_ls.terminal import grammar
from mazu_ls.terminal.host import TerminalHost

if TYPE_CHECKING:
    from mazu_ls.server.server import Server

FAILED, USAGE, INTERRUPTED = 1, 2, 130


def run(arguments: list[str]) -> int:
    """Parse, carry out, print; the exit code is 0 when it worked, 1 when not, 2 for a wrong command line."""
    given = grammar.parser().parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr,
        level=os.environ.get("MAZU_LOG", "ERROR").upper(),
        format="%(levelname)s %(message)s",
    )
    match given.verb:
        case "serve":
            from mazu_ls.server.app import serve

            return serve(None)
        case "doctor" | "init":
            from mazu_ls.terminal import setup

            return asyncio.run(getattr(setup, given.verb)(folders(given), as_json(given)))
    try:
        return asyncio.run(_interruptible(_carry_out(given)))
    except KeyboardInterrupt:
        return INTERRUPTED


def as_json(given: argparse.Namespace) -> bool:
    """Whether the output is for a program."""
    return bool(getattr(given, "json", False))


def folders(given: argparse.Namespace) -> list[Path]:
    """The project's folders: those named, else the current one or the one above it that holds `.git` or `.mazu`."""
    if named := getattr(given, "folder", None):
        return [folder.absolute() for folder in named]
    here = Path.cwd()
    for folder in (here, *here.parents):
        if folder == Path.home():
            break
        if (folder / ".git").exists() or (folder / ".mazu").is_dir():
            return [folder]
    return [here]


async def _interruptible(work: Coroutine[Any, Any, int]) -> int:
    """Ctrl-C cancels the work, which then ends in good order; a second one leaves at once."""
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work)

    def interrupt() -> None:
        if task.cancelling():
            os._exit(INTERRUPTED)
        task.cancel()

    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        return await task
    except asyncio.CancelledError:
        return INTERRUPTED


async def _carry_out(given: argparse.Namespace) -> int:
    from mazu_ls.server.server import Server

    host = TerminalHost(folders(given), quiet=as_json(given))
    server = Server(host)
    server.plan_opening(folders(given), {})
    try:
        if given.verb == "chat":
            from mazu_ls.terminal.chat import chat

            return await chat(server, given)
        name, arguments = _command(given)
        return await _execute(server, name, arguments, given)
    except InvalidArguments as error:
        print(f"mazu-ls: {error}", file=sys.stderr)
        return USAGE
    except MazuError as error:
        if as_json(given):
            print(
                json.dumps(
                    {"error": {"kind": error.kind.value, "message": error.message, "hint": error.hint}}
                )
            )
        print(f"mazu-ls: {error.message} {error.hint}".rstrip(), file=sys.stderr)
        return FAILED
    finally:
        await server.close()


def _command(given: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    words = getattr(given, "label", None) or []
    if given.verb == "checkpoint" and len(words) == 2 and words[0] in ("pin", "unpin"):
        return f"mazu.checkpoint.{words[0]}", {"id": words[1]}
    if given.verb != "call":
        return given.wire.command, grammar.arguments(given.wire, given)
    try:
        arguments = json.loads(given.arguments)
    except json.JSONDecodeError as error:
        raise InvalidArguments(f"the arguments are not JSON: {error}", "arguments") from error
    name = given.command if given.command.startswith("mazu.") else f"mazu.{given.command}"
    return name, arguments


async def _execute(server: Server, name: str, arguments: dict[str, Any], given: argparse.Namespace) -> int:
    from mazu_ls.server.commands import execute
    from mazu_ls.terminal import show

    if name == "mazu.run":
        from mazu_ls.terminal import run

        result = await run.run(server, arguments, as_json=as_json(given))
        run.printed(result, as_json=as_json(given))
        return FAILED if failed(result) else 0
    if getattr(given, "subverb", None) == "review" and not as_json(given):
        from mazu_ls.terminal import proposals

        return await proposals.review(server)
    result = await execute(server, name, [arguments])
    if name == "mazu.session.end":  # elsewhere this goes on in the background
        await (await server.opened()).extractions.settled()
    if as_json(given):
        print(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        show.result(name, result)
    return FAILED if failed(result) else 0


def failed(result: Any) -> bool:
    """Whether a result tells of something that was not done."""
    if not isinstance(result, dict):
        return False
    if "accepted" in result and result.get("problems"):
        return True
    return bool(result.get("error")) or result.get("stopReason") in ("error", "cancelled", "stuck", "refusal")
