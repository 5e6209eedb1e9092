"""`mazu-ls chat`: one message and out, or a conversation at a prompt."""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

from mazu_ls import paths
from mazu_ls.errors import InvalidArguments, MazuError
from mazu_ls.server.commands import execute
from mazu_ls.terminal import grammar, proposals, show
from mazu_ls.terminal.interrupt import stoppable

if TYPE_CHECKING:
    from mazu_ls.server.server import Server

LEAVE = ("/quit", "/exit")


async def chat(server: Server, given: argparse.Namespace) -> int:
    """With a message: one turn. Without: read messages until the end of input."""
    message = " ".join(given.message or [])
    if not message and not sys.stdin.isatty():
        message = sys.stdin.read().strip()
    if message:
        return await _say(server, given, message, quiet=bool(getattr(given, "json", False)))
    return await _converse(server, given)


async def _say(server: Server, given: argparse.Namespace, message: str, *, quiet: bool = False) -> int:
    arguments: dict[str, Any] = {"message": message, "wait": True}
    for name in ("sessionId", "attachments", "model"):
        if value := getattr(given, name, None):
            arguments[name] = value
    if quiet:
        result = await execute(server, "mazu.chat", [arguments])
        print(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        stop = (await server.opened()).listen(show.Stream().hear)
        try:
            result = await execute(server, "mazu.chat", [arguments])
        finally:
            stop()
        show.result("mazu.chat", result)
    return 1 if result.get("error") else 0


async def _converse(server: Server, given: argparse.Namespace) -> int:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.application import get_app
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.history import FileHistory
    from prompt_toolkit.patch_stdout import patch_stdout

    project = await server.opened()
    words = [f"/{verb.words}" for verb in grammar.VERBS] + list(LEAVE)
    help_of = {f"/{verb.words}": verb.help for verb in grammar.VERBS} | dict.fromkeys(LEAVE, "leave")
    prompt: PromptSession[str] = PromptSession(
        history=FileHistory(str(paths.private_folder(paths.state_home(server.env)) / "history")),
        completer=WordCompleter(words, sentence=True, meta_dict=help_of),
        complete_while_typing=Condition(lambda: get_app().current_buffer.text.startswith("/")),
    )
    print(f"mazu-ls in {project.root}. / for commands, ! for the shell; Ctrl-C stops a turn, Ctrl-D leaves.")
    session = (
        await project.sessions.get(getattr(given, "sessionId", None), create=False)
        if await project.sessions.list()
        else None
    )
    if session and session.interrupted:
        print("The last turn was broken off. Say continue, or /undo it.")
    while True:
        try:
            with patch_stdout():
                line = (await prompt.prompt_async("> ")).strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return 0
        if line in LEAVE:
            return 0
        if line:
            await _one(server, given, line)


async def _one(server: Server, given: argparse.Namespace, line: str) -> None:
    """A slash command or a message; what fails is said and the conversation goes on."""
    try:
        if line.startswith("/"):
            await _slash(server, line[1:])
        else:
            await stoppable(_say(server, given, line))
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) and task.cancelling():
            raise
        print("Stopped.")
    except MazuError as error:
        print(f"{error.message} {error.hint}".rstrip())
    except InvalidArguments as error:
        print(error)


async def _slash(server: Server, line: str) -> None:
    try:
        parsed = grammar.parser().parse_args(shlex.split(line))
    except (SystemExit, ValueError):
        return
    verb = getattr(parsed, "wire", None)
    if verb is None:
        print("That does not work inside a chat.")
        return
    if getattr(parsed, "subverb", None) == "review":
        await proposals.review(server)
        return
    show.result(verb.command, await execute(server, verb.command, [grammar.arguments(verb, parsed)]))
