"""The answer to `initialize`, given before pygls, lsprotocol and our own features are imported.

Importing them takes three quarters of the time to that answer, and nothing in it needs them: an editor that waits for
its language servers waits for this alone. What comes after the first message waits until everything is imported.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from mazu_ls.server.client.profile import ClientProfile
from mazu_ls.server.commands import names
from mazu_ls.server.rpc import lsp_types, positions
from mazu_ls.server.rpc.capabilities import initialize_result
from mazu_ls.server.rpc.framing import FrameReader, frame

if TYPE_CHECKING:
    from mazu_ls.state.starting import StartingMark

CHUNK = 64 * 1024


@dataclass(frozen=True)
class Handshake:
    """What was read before the connection is served: `unread` is input that was read and not handled.

    `params` is None if `initialize` is still to be answered. `client_lives`: whether the client's process existed then;
    it may end before everything is imported, and then the server has to end.
    """

    params: lsp_types.InitializeParams | None
    unread: bytes
    client_lives: bool = False
    starting: StartingMark | None = None


def claim_stdio() -> tuple[int, int]:
    """Reserve stdin and stdout for the protocol: return private copies of both.

    `print`, C libraries and children get an empty stdin, and stderr as their stdout.
    """
    source, sink = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return source, sink


def answer_initialize(source: int, sink: int) -> Handshake:
    """Wait for the first message and answer it if it is a proper `initialize`.

    Anything else is left, unread, to the connection, which knows the answer to everything.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(
            number, lambda number, frame: os._exit(1)
        )  # as without shutdown; the loop takes over later
    frames, data, first = FrameReader(), b"", None
    while first is None and (chunk := _read(source)):
        data += chunk
        first = frames.take(chunk)
    request = _initialize_request(first) if isinstance(first, bytes) else None
    if request is None:
        return Handshake(None, data)
    message_id, params = request
    profile = client_profile(params)
    encoding = positions.choose(profile.declares("general.positionEncodings"))
    lives = params.process_id is not None and process_lives(params.process_id)  # not after it has its answer
    answer = {"jsonrpc": "2.0", "id": message_id, "result": initialize_result(encoding, names(), profile)}
    _write(sink, frame(msgspec.json.encode(answer)))
    return Handshake(params, frames.rest, lives, _mark_starting(params))


def _mark_starting(params: lsp_types.InitializeParams) -> StartingMark | None:
    """Say to other processes that unsaved text of this editor is not known yet; imported after the answer."""
    from mazu_ls.server.rpc.named_folders import workspace_folders
    from mazu_ls.state.starting import mark_starting

    folders = workspace_folders(params)
    return mark_starting(folders[0]) if folders else None


def client_profile(params: lsp_types.InitializeParams) -> ClientProfile:
    """Return the client's profile."""
    return ClientProfile(params.client_info.name if params.client_info else "", params.capabilities)


def process_lives(process_id: int) -> bool:
    """Return whether a process with that id exists, somebody else's included; not one that has ended and waits for its parent, which may
    never look (a container's first process)."""
    if process_id <= 0:
        return False
    try:
        # proc_pid_stat(5): the state follows the name in brackets.
        with open(f"/proc/{process_id}/stat", "rb") as status:  # noqa: PTH123 - before pathlib is imported
            if status.read(1024).rpartition(b") ")[2][:1] in (b"Z", b"X"):
                return False
    except (OSError, OverflowError):
        pass  # no such process, or no such file system: kill(2) tells
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _initialize_request(body: bytes) -> tuple[int | str, lsp_types.InitializeParams] | None:
    try:
        message: Any = msgspec.json.decode(body)
        if message["jsonrpc"] != "2.0" or message["method"] != "initialize":
            return None
        message_id = message["id"]
        if not isinstance(message_id, int | str) or isinstance(message_id, bool):
            return None
        return message_id, msgspec.convert(message["params"], lsp_types.InitializeParams)
    except (ValueError, RecursionError, TypeError, KeyError):
        return None


def _read(source: int) -> bytes:
    try:
        return os.read(source, CHUNK)
    except OSError:
        return b""


def _write(sink: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(sink, view) :]
    except OSError:
        return  # The client has gone; the connection finds the end of its input.
