"""The protocol on one connection of the live socket: `initialize`, then commands of docs/protocol.md.

Commands run in the order of arrival, those that wait for a model or the user in parallel with the others, and stopping a turn at
once. Modes, rules, trust and answers to other clients' questions are not available. Only a client with its own terminal can answer a
question.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mazu_ls import __version__
from mazu_ls.agent.session.sessions import keeps_current
from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.server import commands
from mazu_ls.server.client.ask_user import OpenQuestion, asking_client
from mazu_ls.server.client.connected_clients import ConnectedClient
from mazu_ls.server.errors import INVALID_REQUEST, METHOD_NOT_FOUND, NOT_INITIALIZED, RpcError, response_error
from mazu_ls.server.rpc.live.holder import HOLDER, describe_holder
from mazu_ls.server.rpc.live.last_session import session_meant
from mazu_ls.server.rpc.live.link import MOST_UNREAD, LiveLink
from mazu_ls.server.rpc.live.peer_editor import PeerEditor, execute_elsewhere, own_name, put_question
from mazu_ls.server.rpc.live.peers import has_terminal
from mazu_ls.server.rpc.live.remote_error import NotServed
from mazu_ls.server.rpc.live.running_turns import require_no_turn
from mazu_ls.server.rpc.live.served import (
    ASKING,
    LONG,
    OF_SESSIONS,
    PREVIEWED,
    SERVED,
    STOPPING,
    TALKING,
    is_served,
)
from mazu_ls.server.rpc.lsp_types import ExecuteCommand
from mazu_ls.server.wire.codec import convert
from mazu_ls.state import paths

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)
MOST_WAITING = 4096
"""Maximum number of waiting requests on one connection."""
MOST_BYTES = 16 * 1024**2
"""Their maximum total bytes."""
FIRST_BYTES = 64 * 1024
"""Maximum bytes of a message before the client is identified."""
PATHS = ("path", "paths")
"""Arguments that name files; where several folders are open, these begin with the name of the folder."""
MessageId = int | str


class LiveOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`initializationOptions.live`: what client and server must have in common for the same results.

    `updates`: it follows all sessions. `interactive`: somebody can answer the questions of its own commands. `editor`: it is the
    server of another editor, of this name; `conversation`: of a conversation in a terminal.
    """

    version: str
    home: str
    folders: tuple[str, ...]
    model: str | None = None
    updates: bool = False
    interactive: bool = False
    editor: str | None = None
    conversation: bool = False


@dataclass(frozen=True, eq=False)
class LiveRequest:
    """One request of the peer."""

    id: MessageId
    method: str
    params: Any
    size: int = 0
    """Bytes of the message."""

    @property
    def is_long(self) -> bool:
        """Whether it waits for a model, the user or another process, so that later requests do not wait for it."""
        return self.method in ("mazu/permission/request", HOLDER) or self._command in LONG

    @property
    def stops(self) -> bool:
        """Whether it stops a turn."""
        return self._command in STOPPING

    @property
    def _command(self) -> str:
        command = self.params.get("command") if isinstance(self.params, dict) else None
        return command if isinstance(command, str) else ""


class LiveSession:
    """One connection. `run` returns when the client leaves, is silent for too long, or sends what cannot be read."""

    def __init__(
        self,
        server: ServerState,
        project: Project,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pid: int,
    ) -> None:
        self._server = server
        self._project = project
        self._link = LiveLink(reader, writer)
        self._link.most_unread = FIRST_BYTES
        self._link.is_awaited = lambda: bool(self._open) or self._follows
        self._pid = pid
        self._options: LiveOptions | None = None
        self._client: ConnectedClient | None = None
        self._waiting: asyncio.Queue[LiveRequest] = asyncio.Queue()
        self._open: dict[MessageId, LiveRequest] = {}
        """Requests without an answer."""
        self._cancelled: set[MessageId] = set()
        self._running: dict[LiveRequest, asyncio.Task[None]] = {}
        """By request, not by id: an id may be reused while the answer to the first request is being written."""
        self._questions: set[asyncio.Task[None]] = set()
        self._peer: PeerEditor | None = None
        self._stop_following = lambda: None

    @property
    def _follows(self) -> bool:
        return self._options is not None and (self._options.updates or self._peer is not None)

    async def run(self) -> None:
        """Serve until the connection ends. Raises OSError, TimeoutError included, and ValueError."""
        working = asyncio.create_task(self._work())
        try:
            async for message in self._link.messages():
                if message["method"] == "exit":
                    return
                self._receive(message)
        finally:
            working.cancel()
            await self._end()

    async def _end(self) -> None:
        """The client is gone, or the listener closes: stop its requests and answer them as cancelled."""
        self._stop_following()
        if self._client is not None:
            self._server.clients.remove(self._client)
        if self._peer is not None:
            self._peer.detach()
        self._server.questions.remove_asker(self._offer_question)
        self._link.abandon()
        tasks = [*self._running.values(), *self._questions]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        while not self._waiting.empty():
            request = self._waiting.get_nowait()
            error = response_error(asyncio.CancelledError(), request.method)
            self._link.send({"jsonrpc": "2.0", "id": request.id, "error": error})

    def _receive(self, message: dict[str, Any]) -> None:
        number, method, params = message.get("id"), message["method"], message.get("params")
        if not isinstance(number, int | str) or isinstance(number, bool):
            if method == "$/cancelRequest" and isinstance(params, dict):
                self._cancel(params.get("id"))
            elif self._peer is not None:
                self._peer.note(method, params)
            return
        waiting = self._link.last_size + sum(request.size for request in self._open.values())
        if number in self._open or len(self._open) >= MOST_WAITING or waiting > MOST_BYTES:
            problem = RpcError(INVALID_REQUEST, "That id is in use, or too many requests wait.")
            self._link.send({"jsonrpc": "2.0", "id": number, "error": response_error(problem, method)})
            return
        request = LiveRequest(number, method, params, self._link.last_size)
        passes = request.stops and not self._may_begin_turn
        self._open[number] = request
        if passes:
            self._begin(request)
        else:
            self._waiting.put_nowait(request)

    @property
    def _may_begin_turn(self) -> bool:
        """Return whether a request waits that may have to come before one that stops a turn."""
        waiting = (request for request in self._open.values() if request not in self._running)
        return self._options is None or any(request.is_long for request in waiting)

    def _cancel(self, number: Any) -> None:
        request = self._open.get(number) if isinstance(number, int | str) else None
        if request is None:
            return
        self._cancelled.add(request.id)
        if task := self._running.get(request):
            task.cancel()

    async def _work(self) -> None:
        while True:
            request = await self._waiting.get()
            task = self._begin(request)
            if not request.is_long:
                await asyncio.wait({task})

    def _begin(self, request: LiveRequest) -> asyncio.Task[None]:
        task = self._running[request] = asyncio.create_task(self._serve(request))
        task.add_done_callback(lambda _: self._finish(request))
        return task

    def _finish(self, request: LiveRequest) -> None:
        """A request has ended. One that was cancelled before its first step has no answer yet."""
        del self._running[request]
        if self._open.get(request.id) is request:
            self._close(request)
            error = response_error(asyncio.CancelledError(), request.method)
            self._link.send({"jsonrpc": "2.0", "id": request.id, "error": error})

    def _close(self, request: LiveRequest) -> None:
        """Free its id for reuse."""
        del self._open[request.id]
        self._cancelled.discard(request.id)

    async def _serve(self, request: LiveRequest) -> None:
        """Carry out one request and answer it in every case."""
        asking_client.set(self)
        keeps_current.set(True)
        try:
            if request.id in self._cancelled:
                raise asyncio.CancelledError
            answer = {"id": request.id, "result": await self._result_of(request.method, request.params)}
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - becomes the answer
            answer = {"id": request.id, "error": response_error(error, request.method)}
        self._close(request)
        await self._link.send_answer(answer)

    async def _result_of(self, method: str, params: Any) -> Any:
        if method == "initialize":
            return await self._initialize(params)
        if self._options is None:
            raise RpcError(NOT_INITIALIZED, f"{method} came before initialize.")
        if method == "shutdown":
            return None
        if method == "mazu/permission/request" and self._peer is not None:
            return await self._peer.answer(params)
        if method == HOLDER and self._peer is not None:
            return await describe_holder(self._server, self._peer, params)
        if method != "workspace/executeCommand":
            raise RpcError(METHOD_NOT_FOUND, f"There is no {method!r} on this socket.")
        wanted = convert(params, ExecuteCommand, "params")
        arguments = (wanted.arguments or [{}])[0]
        if not isinstance(arguments, dict):
            raise InvalidArguments(f"{wanted.command} takes one object or nothing", "arguments")
        if self._peer is not None and wanted.command in OF_SESSIONS:
            return await self._peer.serve(wanted.command, arguments)
        has_paths = not arguments.keys().isdisjoint(PATHS)
        if not is_served(wanted.command, arguments) or (has_paths and self._has_part):
            hint = "Use the editor for it."
            raise MazuError(Kind.UNSUPPORTED, f"{wanted.command} is not done for another process.", hint)
        if wanted.command in TALKING and not self._may_begin_turns:
            hint = "Have the turn in a process of your own."
            raise MazuError(Kind.UNSUPPORTED, "A conversation in a terminal has no turns for others.", hint)
        if wanted.command in ASKING:
            await require_no_turn(self._server, self._project)
        by_model = wanted.command == "mazu.status" or wanted.command in TALKING
        if by_model and self._options.model != self._server.env.get("MAZU_MODEL"):
            raise MazuError(Kind.UNSUPPORTED, "MAZU_MODEL differs from the server's.", "Ask without it.")
        if wanted.command in OF_SESSIONS and self._server.peers:
            with contextlib.suppress(NotServed):
                return await execute_elsewhere(self._server, wanted.command, arguments)
        if wanted.command in PREVIEWED and arguments.get("preview") is True:
            await self._check_session(wanted.command, arguments)
        return await commands.execute(
            self._server, wanted.command, [arguments], by=self._client.place if self._client else ""
        )

    @property
    def _has_part(self) -> bool:
        """Whether the client has only a part of the folders open, so that its paths are named otherwise here."""
        return self._options is not None and len(self._options.folders) < len(self._project.folders)

    @property
    def _may_begin_turns(self) -> bool:
        """Not where a conversation in a terminal serves: it ends when its user leaves, and the turn with it."""
        return self._server.editor is not None

    async def _initialize(self, params: Any) -> dict[str, Any]:
        given = params if isinstance(params, dict) else {}
        options = given.get("initializationOptions")
        live = convert(
            options.get("live") if isinstance(options, dict) else None,
            LiveOptions,
            "initializationOptions.live",
        )
        if self._options is not None:
            raise RpcError(INVALID_REQUEST, "initialize came twice.")
        folders, env = self._project.folders, self._server.env
        if reason := await asyncio.to_thread(_difference, live, folders, env):
            raise MazuError(Kind.UNSUPPORTED, f"{reason}.", "Work without this server.")
        of_editor = live.editor is not None and not live.conversation
        if self._server.editor is None and of_editor and len(self._server.clients) <= 1:  # nobody is cut off
            self._server.gives_way.set()
            said = "A conversation in a terminal gives way to an editor."
            raise MazuError(Kind.BUSY, said, "Listen for this project.")
        same_model = live.model == env.get("MAZU_MODEL")
        answers = live.interactive and await asyncio.to_thread(has_terminal, self._pid)
        self._options = live
        self._server.last_asked = time.monotonic()
        self._link.most_unread = MOST_UNREAD
        if live.editor is not None:
            kind = "terminal" if live.conversation else "editor"
            client = ConnectedClient(kind, live.editor, self._pid, time.time())
            self._peer = PeerEditor(self._server, self._project, self._link, client, same_model=same_model)
            self._peer.attach()
        else:
            self._client = ConnectedClient("terminal", f"mazu-ls {live.version}", self._pid, time.time())
            self._server.clients.append(self._client)
            if live.updates:
                self._stop_following = self._server.updates.add_follower(self._link)
            if answers:
                self._server.questions.add_asker(self._offer_question)
        talks = same_model and self._may_begin_turns
        return {
            "capabilities": {
                "executeCommandProvider": {"commands": sorted(SERVED if talks else SERVED - TALKING)},
                "experimental": {
                    "mazu": {
                        "version": 1,
                        "mode": self._project.mode,
                        "editor": {
                            "name": own_name(self._server),
                            "pid": os.getpid(),
                            "conversation": self._server.editor is None,
                            "sameModel": same_model,
                        },
                    }
                },
            },
            "serverInfo": {"name": "mazu-ls", "version": __version__},
        }

    async def _check_session(self, command: str, arguments: dict[str, Any]) -> None:
        """Require that a previewed session is open here; otherwise this server would hold it from now on."""
        session_id = await session_meant(self._project, command, arguments)
        if session_id is None and command != "mazu.undo":
            return
        sessions = self._project.sessions
        if session_id is None or sessions.find(session_id) is None:
            raise MazuError(Kind.UNSUPPORTED, "That session is not open here.", "Work without this server.")

    def _offer_question(self, asked: OpenQuestion) -> asyncio.Task[None] | None:
        """Ask this client too, if the question comes from its own request."""
        if asking_client.get() is not self or self._client is None:
            return None
        task = asyncio.create_task(put_question(self._link, asked, asked.question, self._client.place))
        self._questions.add(task)
        task.add_done_callback(self._questions.discard)
        return task


def _difference(live: LiveOptions, folders: tuple[Path, ...], env: Mapping[str, str]) -> str:
    """Return why client and server cannot share; empty if they can."""
    if live.version != __version__:
        return f"This server is mazu-ls {__version__}"
    if "\0" in "".join((live.home, *live.folders)):
        return "No path holds a NUL"
    if Path(live.home).resolve() != paths.mazu_home(env).resolve():
        return "The user's own folder (MAZU_HOME) is another one here"
    wanted, opened = [Path(folder).resolve() for folder in live.folders], [one.resolve() for one in folders]
    # Another editor has documents in its own folders; a command, whose first folder is the project's, is carried out in all of them.
    is_part = live.editor is None and wanted[:1] == opened[:1] and set(wanted) <= set(opened)
    return "" if wanted == opened or is_part else "Other folders are open here"
