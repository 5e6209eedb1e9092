"""Runs one command line: the commands of the wire on a project in this folder, with the terminal as the host."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import InvalidArguments, MazuError, system_advice
from mazu_ls.terminal.chat.interrupt import handling_interrupts
from mazu_ls.terminal.exit_status import FAILED, INTERRUPTED, USAGE, exit_status
from mazu_ls.terminal.project_root import ProjectRoot, enclosing_project, has_state, resolve_project
from mazu_ls.terminal.screen.first_prompt import draws_conversation
from mazu_ls.terminal.screen.printing import as_json, print_json, print_text
from mazu_ls.terminal.verbs import grammar
from mazu_ls.terminal.verbs.read_only_commands import READING, only_reads
from mazu_ls.terminal.wording import error_text

if TYPE_CHECKING:
    import argparse

    from mazu_ls.server.state import ServerState
    from mazu_ls.terminal.host import TerminalHost

OWN_VERBS = {"doctor": "doctor", "init": "init", "config": "config_verbs", "setup": "setting_up.setup"}
"""Verbs that are no command of the wire, and the module whose `run` carries them out."""
CLIENT_VERBS = ("timeline", "compare")
"""Verbs that combine several commands; each is a module of that name in `verbs`."""
NEEDS_PROJECT = ("chat", "init", "timeline", "compare")
"""Verbs, other than commands of the wire, that need a project."""
NEEDS_NO_PROJECT = READING | {"mazu.ask", "mazu.council", "mazu.models.set", "mazu.permissions.mode"}
"""Commands of the wire that work outside of a project; the data of others would never be found again."""


def run(arguments: list[str]) -> int:
    """Parse, carry out, print; the exit statuses are those of docs/terminal.md."""
    return run_parsed(grammar.parse(arguments))


def run_parsed(given: argparse.Namespace) -> int:
    """Carry out a parsed command line."""
    configure_log()
    root = given.root = resolve_project(given)
    if not root.folders and (root.why == "named" or needs_project(given)):
        said = f"{root.problem} Go into a project, or name one with --folder."
        _print_error(given, {"kind": "usage", "message": said, "hint": ""})
        print_text(f"mazu-ls: {said}", sys.stderr)
        return USAGE
    _note_new_project(given, root)
    try:
        if own := getattr(given, "own", OWN_VERBS.get(given.verb)):
            import importlib

            module = importlib.import_module(f"mazu_ls.terminal.verbs.{own}")
            return asyncio.run(interruptible(reported(module.run(given, root), given)))
        return asyncio.run(interruptible(reported(_carry_out(given, root), given)))
    except KeyboardInterrupt:
        return INTERRUPTED


def _note_new_project(given: argparse.Namespace, root: ProjectRoot) -> None:
    """Say that a folder inside a project becomes one itself: from then on, commands in it mean it."""
    if root.why != "named" or given.verb in ("config", "setup") or hasattr(given, "own") or only_reads(given):
        return
    folder = root.folders[0]
    if not has_state(folder, os.environ) and (outer := enclosing_project(folder)):
        said = f"{folder} becomes a project of its own: commands in it have its memory and checkpoints from now on, not those of {outer}."
        print_text(f"mazu-ls: {said}", sys.stderr)


def configure_log() -> None:
    """Log errors on stderr; MAZU_LOG names another level."""
    logging.basicConfig(
        stream=sys.stderr,
        level=os.environ.get("MAZU_LOG", "ERROR").upper(),
        format="%(levelname)s %(message)s",
    )


def needs_project(given: argparse.Namespace) -> bool:
    """Return whether the command needs a project: without one it does nothing, or stores what is never found again."""
    verb = getattr(given, "wire", None)
    if verb is None or given.verb == "call":
        return given.verb in NEEDS_PROJECT
    if verb.command == "mazu.permissions.set":  # rules that ask or deny are stored in the user's own settings
        return verb.fixed.get("verdict", "allow") == "allow"
    of_all = getattr(given, "scope", None) == "global"
    return verb.command not in NEEDS_NO_PROJECT and not of_all


async def interruptible(work: Coroutine[Any, Any, int]) -> int:
    """Cancel the work on Ctrl-C, which then ends in good order; a second one ends the program at once."""
    task = asyncio.create_task(work)

    def interrupt() -> None:
        if task.cancelling():
            os._exit(INTERRUPTED)
        task.cancel()

    try:
        with handling_interrupts(interrupt):
            return await task
    except asyncio.CancelledError:
        return INTERRUPTED


async def reported(work: Coroutine[Any, Any, int], given: argparse.Namespace) -> int:
    """Return the exit status of the work; report a failure on stderr, and in the JSON if requested."""
    try:
        return await work
    except InvalidArguments as error:
        _print_error(given, {"kind": "usage", "message": str(error), "hint": ""})
        print_text(f"mazu-ls: {error_text(str(error))}", sys.stderr)
        return USAGE
    except MazuError as error:
        _print_error(given, {"kind": error.kind.value, "message": error.message, "hint": error.hint})
        print_text(f"mazu-ls: {error_text(error.message, error.hint)}", sys.stderr)
        return FAILED
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # the reader has closed the pipe
            raise
        logging.getLogger(__name__).debug("a file could not be used", exc_info=True)
        said = ": ".join(str(part) for part in (error.filename, error.strerror or error) if part)
        hint = system_advice(error)
        _print_error(given, {"kind": "storage", "message": said, "hint": hint})
        print_text(f"mazu-ls: {said}. {hint}", sys.stderr)
        return FAILED


def _print_error(given: argparse.Namespace, error: dict[str, str]) -> None:
    if getattr(given, "stream_json", False):
        print_json({"type": "error", "error": error}, indent=None)
    elif as_json(given):
        print_json({"error": error}, indent=None)


async def _carry_out(given: argparse.Namespace, root: ProjectRoot) -> int:
    if given.verb == "chat" and not given.message and draws_conversation(given):
        from mazu_ls.terminal.screen.live_prompt import converse

        return await converse(given, root)
    from mazu_ls.terminal.clients.in_process import opened_client

    async with opened_client(given, root) as (server, host):
        if given.verb == "chat":
            return await _chat(server, host, given)
        if given.verb in CLIENT_VERBS:
            import importlib

            return await importlib.import_module(f"mazu_ls.terminal.verbs.{given.verb}").run(
                server, host, given
            )
        name, arguments = _command(given)
        if name == "mazu.run":
            return await _run(server, host, given, arguments)
        from mazu_ls.terminal.verbs import commands

        status = await commands.execute(server, host, name, arguments, given)
        return await _finish(server, status) if name == "mazu.ask" else status


async def _chat(server: ServerState, host: TerminalHost, given: argparse.Namespace) -> int:
    from mazu_ls.terminal.chat import chat

    message = " ".join(given.message or [])
    if not message and not sys.stdin.isatty():
        message = sys.stdin.read().strip()
        if not message:
            raise InvalidArguments("there is no message: give one, or chat in a terminal", "message")
    if message:
        return await _finish(
            server, print_turn(await chat.say_once(server, host, given, message), host, given)
        )
    return await chat.converse_plainly(server, host, given)


async def _run(
    server: ServerState, host: TerminalHost, given: argparse.Namespace, arguments: dict[str, Any]
) -> int:
    from mazu_ls.terminal.chat import run_task
    from mazu_ls.terminal.chat.chat_session import ChatSession

    chat = ChatSession(server, host, given)
    last = bool(getattr(given, "continued", False))
    await chat.open(resume=arguments.get("sessionId"), last=last)
    arguments["sessionId"] = await chat.begin()
    result = await run_task.run_shown(server, host, given, arguments)
    return await _finish(server, print_turn(result, host, given))


async def _finish(server: ServerState, status: int) -> int:
    """The answer is printed; now extract memories of an earlier conversation."""
    sys.stdout.flush()
    await (await server.wait_opened()).extractions.look_at_oldest()
    return status


def print_turn(result: dict[str, Any], host: TerminalHost, given: argparse.Namespace) -> int:
    """Print the answer on stdout, or the whole result as JSON; time and cost on stderr. Return the exit status."""
    from mazu_ls.terminal.chat.chat import turn_facts

    if getattr(given, "stream_json", False):
        from mazu_ls.terminal.surfaces.json_surface import JsonStreamSurface

        assert isinstance(host.surface, JsonStreamSurface)
        host.surface.print_result(result)
    elif as_json(given):
        print_json(result)
    elif not getattr(host.surface, "shows_ends", False):
        from mazu_ls.terminal.screen.styled_text import clean, clean_line

        if result["reply"] and not getattr(host.surface, "streamed", False):
            print(clean(result["reply"]))
        for refusal in result.get("refusals", ()):
            print(clean_line(f"not run: {refusal['what']}: {refusal['reason']}"), file=sys.stderr)
        print_text(turn_facts(result), sys.stderr)
    if undone := result.get("rolledBack"):
        from mazu_ls.server.chat.rollback_text import rollback_sentence

        print_text(rollback_sentence(undone), sys.stderr)
        return (exit_status(result) or exit_status(undone)) if undone["applied"] else FAILED
    return exit_status(result)


def _command(given: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    if given.verb != "call":
        return given.wire.command, grammar.arguments(given.wire, given)
    try:
        arguments = json.loads(given.arguments)
    except (ValueError, RecursionError) as error:  # a number of too many digits, and too deep nesting, too
        raise InvalidArguments(f"the arguments are not JSON: {error}", "arguments") from error
    if not isinstance(arguments, dict):
        raise InvalidArguments("the arguments are not a JSON object", "arguments")
    name = given.command if given.command.startswith("mazu.") else f"mazu.{given.command}"
    return name, arguments
