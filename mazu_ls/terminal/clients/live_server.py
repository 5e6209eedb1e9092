"""Short commands answered by the server that has the project open; this process does whatever the server does not serve.

Standard library only: importing what a project needs costs ten times what such a command does.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import MazuError
from mazu_ls.platform.peer_credentials import is_supported
from mazu_ls.server.rpc.live import served
from mazu_ls.server.rpc.live.served import CHANGING, PREVIEWED, SHOWING, TALKING, is_served
from mazu_ls.terminal.clients.live_options import HANDSHAKE_SECONDS, connect_to_project, live_options
from mazu_ls.terminal.clients.results import present_result, print_failure
from mazu_ls.terminal.exit_status import DONE
from mazu_ls.terminal.project_root import message_in_project, resolve_project
from mazu_ls.terminal.screen.printing import print_json
from mazu_ls.terminal.verbs import grammar
from mazu_ls.terminal.verbs.compare import LISTED, OF_CHECKPOINTS, OF_COMPARE, find_checkpoint

if TYPE_CHECKING:
    import argparse
    import os
    from collections.abc import Mapping

    from mazu_ls.terminal.project_root import ProjectRoot

ANSWER_SECONDS = 60.0
"""Seconds after which a read-only command is carried out here instead of waiting for the server."""
CHANGING_SECONDS = 600.0
CHUNK = 256 * 1024
MOST_HEADER_BYTES = 4096
MOST_BODY_BYTES = 256 * 1024**2


INVALID_PARAMS = -32602


class NotAnswered(Exception):
    """The server did not answer, or not with a result: `error` is its error, None for an invalid answer."""

    def __init__(self, error: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.error = error

    @property
    def kind(self) -> str:
        """The kind of the error (docs/protocol.md); "unsupported" if nothing was done at all."""
        data = (self.error or {}).get("data")
        if (self.error or {}).get("code") == INVALID_PARAMS:
            return "unsupported"
        return str(data.get("kind")) if isinstance(data, dict) else ""


def run_with_server(given: argparse.Namespace, env: Mapping[str, str] | os._Environ[str]) -> int | None:
    """Have the command carried out by the server of its project and print the result; return the exit status.

    None if there is no server or it does not serve it: then the same command is carried out in this process.
    """
    if (wanted := _wanted_command(given)) is None or not is_supported():
        return None
    root = resolve_project(given)
    if not root.folders:
        return None
    command, _ = wanted
    if (arguments := _with_ids(root, env, given, wanted)) is None:
        return None
    if command not in SHOWING | CHANGING and arguments.get("preview") is not True:
        from mazu_ls.terminal.clients.asking_command import run_asking

        return run_asking(given, root, env, command, arguments)
    if (connection := connect_to_project(root, env, waits=command not in SHOWING)) is None:
        return None
    with connection:
        server = _Conversation(connection)
        try:
            server.begin(live_options(root, env), command, arguments)
            server.answer(1, HANDSHAKE_SECONDS)
        except (OSError, NotAnswered):
            return None
        try:
            result = server.answer(2, CHANGING_SECONDS if command in CHANGING else ANSWER_SECONDS)
        except NotAnswered as failure:
            is_final = command in PREVIEWED and failure.kind in (
                "busy",
                "not_found",
            )  # as for what it previews
            if failure.kind == "unsupported" or not (command in CHANGING or is_final):
                return None
            return print_failure(given, failure.error) if failure.error else _not_known(command, given)
        except OSError:
            return _not_known(command, given) if command in CHANGING else None
    given.root = root
    try:
        return present_result(command, result, arguments, given)
    except (LookupError, TypeError, AttributeError):  # a field that every such result has is missing
        if command not in CHANGING:
            return None
        print_json(result)
        return DONE


def _with_ids(
    root: ProjectRoot,
    env: Mapping[str, str] | os._Environ[str],
    given: argparse.Namespace,
    wanted: tuple[str, dict[str, Any]],
) -> dict[str, Any] | None:
    """Return the arguments with the ids of checkpoints in place of labels and sessions, as the server knows them.

    None if no server answers or a name is unknown there: then this process looks it up and reports it.
    """
    command, arguments = wanted
    if not command.startswith(("mazu.checkpoint.", "mazu.rollback")):
        return arguments
    named = {field: str(arguments[field]) for field in ("id", "against") if field in arguments}
    named = {field: name for field, name in named.items() if not re.fullmatch(r"cp_\d+|now", name)}
    if not named:
        return arguments
    if (connection := connect_to_project(root, env, waits=True)) is None:
        return None
    kind = OF_COMPARE if given.verb == "compare" else OF_CHECKPOINTS
    with connection:
        server = _Conversation(connection)
        try:
            server.begin(live_options(root, env), "mazu.checkpoint.list", LISTED)
            server.answer(1, HANDSHAKE_SECONDS)
            listed = server.answer(2, ANSWER_SECONDS)["checkpoints"]
            return arguments | {field: find_checkpoint(name, listed, kind) for field, name in named.items()}
        except (OSError, NotAnswered, MazuError, LookupError, TypeError):
            return None


def _wanted_command(given: argparse.Namespace) -> tuple[str, dict[str, Any]] | None:
    """Return the command of the wire and its arguments, if a server would serve it."""
    if given.verb == "chat":
        return _wanted_message(given)
    if given.verb == "compare":
        return "mazu.checkpoint.diff", {"id": given.first, "against": given.second}
    if given.verb == "call":
        return _wanted_call(given)
    verb = getattr(given, "wire", None)
    if verb is None or getattr(given, "subverb", None) == "review":
        return None
    arguments = grammar.arguments(verb, given)
    if verb.command in TALKING and not _may_talk_there(given, verb.command, arguments):
        return None
    return (verb.command, arguments) if is_served(verb.command, arguments) else None


def _wanted_call(given: argparse.Namespace) -> tuple[str, dict[str, Any]] | None:
    """Return a command by its name on the wire, as hooks and scripts give it; None for one that asks or has a turn."""
    name = f"mazu.{given.command.removeprefix('mazu.')}"
    try:
        arguments = json.loads(given.arguments)
    except (ValueError, RecursionError):
        return None
    return (name, arguments) if name in SHOWING | CHANGING and isinstance(arguments, dict) else None


def _wanted_message(given: argparse.Namespace) -> tuple[str, dict[str, Any]] | None:
    """Return one message of a chat, which may be piped in; None for a conversation, which runs in this process."""
    message = " ".join(given.message or [])
    if not message and not sys.stdin.isatty():
        message = sys.stdin.read().strip()
        given.message = [message] if message else None
    if "@" in message:
        message = message_in_project(message, resolve_project(given).folders)
    arguments: dict[str, Any] = {"message": message, "wait": True}
    for name in ("model", "attachments", "texts"):
        if value := getattr(given, name, None):
            arguments[name] = value
    return ("mazu.chat", arguments) if _may_talk_there(given, "mazu.chat", arguments) else None


def _may_talk_there(given: argparse.Namespace, command: str, arguments: Mapping[str, Any]) -> bool:
    """Return whether the server may run the requested turn: options for one process alone exclude that."""
    if any(getattr(given, name, None) for name in ("mode", "dry_run", "confirm")):
        return False
    if command == "mazu.chat":
        text = str(arguments.get("message", "")).lstrip()
        return bool(text) and text[0] not in "!/" and getattr(given, "maxCost", None) is None
    return True


def _not_known(command: str, given: argparse.Namespace) -> int:
    hint = served.NOT_KNOWN
    data = {"kind": "internal", "hint": hint}
    return print_failure(given, {"message": f"{served.unanswered(command)} {hint}", "data": data})


class _Conversation:
    """Requests and their answers on one connection, in LSP's base protocol."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = bytearray()

    def begin(self, live: dict[str, Any], command: str, arguments: dict[str, Any]) -> None:
        """Send the greeting and the request together. Raises OSError."""
        hello = {"processId": None, "capabilities": {}, "initializationOptions": {"live": live}}
        asked = {"command": command, "arguments": [arguments]}
        messages = [_message(1, "initialize", hello), _message(2, "workspace/executeCommand", asked)]
        self._connection.sendall(b"".join(messages))

    def answer(self, number: int, seconds: float) -> dict[str, Any]:
        """Return the result of request `number`. Raises NotAnswered for an error or an invalid answer, OSError if none came."""
        until = time.monotonic() + seconds
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            if len(self._received) > MOST_HEADER_BYTES:
                raise NotAnswered
            self._receive(until)
        length = re.search(
            rb"(?im)^content-length:[ \t]*(\d{1,12})[ \t]*$", self._received[:end].replace(b"\r", b"")
        )
        if length is None or int(length[1]) > MOST_BODY_BYTES:
            raise NotAnswered
        body_end = end + 4 + int(length[1])
        while len(self._received) < body_end:
            self._receive(until)
        body = bytes(self._received[end + 4 : body_end])
        del self._received[:body_end]
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise NotAnswered from error
        if not isinstance(answer, dict) or answer.get("id") != number:
            raise NotAnswered
        if not isinstance(answer.get("result"), dict):
            raise NotAnswered(answer["error"] if isinstance(answer.get("error"), dict) else None)
        return answer["result"]

    def _receive(self, until: float) -> None:
        if (left := until - time.monotonic()) <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        if not (data := self._connection.recv(CHUNK)):
            raise ConnectionResetError("the server ended")
        self._received += data


def _message(number: int, method: str, params: dict[str, Any]) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
