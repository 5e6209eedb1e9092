"""The pygls server: one connection, from the first byte to the exit code."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import time
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from cattrs import Converter
from pygls.lsp.server import LanguageServer

from mazu_ls import __version__
from mazu_ls.server import commands as registry
from mazu_ls.server import features
from mazu_ls.server.client.connected_clients import ConnectedClient
from mazu_ls.server.client.editor import ConnectedEditor
from mazu_ls.server.client.settings import initial_settings
from mazu_ls.server.client.turn_notifications import TurnNotifications
from mazu_ls.server.documents.documents import OpenDocuments
from mazu_ls.server.documents.file_io import DiskFiles
from mazu_ls.server.features.wiring import create_server
from mazu_ls.server.host import LspHost
from mazu_ls.server.rpc import lsp_types, positions
from mazu_ls.server.rpc.capabilities import initialize_result
from mazu_ls.server.rpc.framing import FrameReader
from mazu_ls.server.rpc.handshake import Handshake, client_profile, process_lives
from mazu_ls.server.rpc.live.starting_editor import MARK_SECONDS, share_and_unmark
from mazu_ls.server.rpc.named_folders import workspace_folders
from mazu_ls.server.rpc.protocol import ServerProtocol
from mazu_ls.server.rpc.transport import Transport
from mazu_ls.server.state import ServerState
from mazu_ls.state.starting import StartingMark, mark_starting

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project

logger = logging.getLogger(__name__)
CLOSE_SECONDS = 1.5
BAD_START = "Mazu: the folders or settings that the editor sent cannot be used, so no project is open. The log has the detail."
WATCH_SECONDS = 2.0


class ServerConnection(LanguageServer):
    """One client. `run` returns the exit code: 0 after shutdown, 1 without. `ready` is set by `initialize`."""

    protocol: ServerProtocol  # pyright: ignore[reportIncompatibleVariableOverride] - pygls builds it from protocol_cls

    def __init__(self, env: Mapping[str, str] = os.environ) -> None:
        super().__init__("mazu-ls", __version__, protocol_cls=ServerProtocol, converter_factory=Converter)
        self._env = env
        self.mazu: ServerState | None = None
        self.ready = asyncio.Event()
        self._done: asyncio.Future[int] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._starting: StartingMark | None = None
        """Says to other processes that unsaved text of this editor is not shared yet."""
        self._add("initialize", lsp_types.InitializeParams, self._initialize)
        self._add("shutdown", None, self._shutdown_request)
        self._add(
            "$/cancelRequest", lsp_types.RequestId, lambda params: self.protocol.cancel_request(params.id)
        )
        for feature in features.load():
            self._add(feature.method, feature.params, partial(self._call, feature.handler))

    async def run(self, transport: Transport, handshake: Handshake | None = None) -> int:
        """Serve until `exit` or the end of input, then stop everything within two seconds.

        `handshake`: what was read, and perhaps answered, before.
        """
        self._done = asyncio.get_running_loop().create_future()
        self.protocol.write, self.protocol.write_later = transport.write, transport.write_later
        self.protocol.unread = lambda: transport.unread
        self.protocol.on_exit = self._exit
        if handshake is not None and handshake.params is not None:
            self._starting = handshake.starting
            self._open_answered(handshake.params, client_lives=handshake.client_lives)
        reading = asyncio.create_task(self._read(transport))
        code = await self._done
        reading.cancel()
        if self._watching:
            self._watching.cancel()
        if self.mazu:
            self.mazu.mark_leaving()
        self.protocol.cancel_running()
        self.protocol.abandon()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._close()
                await self.protocol.answered()
        except TimeoutError:
            logger.warning("Not everything stopped within %s s.", CLOSE_SECONDS)
        if self._starting:
            self._starting.close()
        await transport.close()
        return code

    @property
    def serves(self) -> bool:
        """Return whether there is a client."""
        return self._done is not None

    def protocol_exit(self) -> None:
        """End as if the input had ended: on SIGTERM and SIGINT."""
        self._exit(0 if self.protocol.stopped else 1)

    async def _end_with(self, process_id: int) -> None:
        """End when the client's process does, as the specification asks; a server without a client must not stay."""
        while process_lives(process_id):  # noqa: ASYNC110 - another process is no event
            await asyncio.sleep(WATCH_SECONDS)
        logger.warning("The client's process %d is gone.", process_id)
        self.protocol_exit()

    def _exit(self, code: int) -> None:
        if self._done and not self._done.done():
            self._done.set_result(code)

    async def _read(self, transport: Transport) -> None:
        frames = FrameReader()
        try:
            while data := await transport.read():
                for item in frames.feed(data):
                    self.protocol.receive(item)
                if self.mazu and self.mazu.editor:
                    self.mazu.editor.heard_at = time.monotonic()
                # Requests start before the input after them is handled, as with a slower editor.
                await asyncio.sleep(0)
        except Exception:
            logger.exception("The client cannot be read any more, so this server ends.")
        finally:  # a server that reads nothing must not stay: its client would wait for ever
            self.protocol_exit()

    def _add(self, method: str, params: type[Any] | None, handler: Any) -> None:
        self.protocol.parameters[method] = params
        # pygls sets an attribute on it, which a bound method does not allow
        self.feature(method)(partial(handler))

    def _call(self, handler: features.Handler, params: Any) -> Any:
        return handler(self.mazu, params)

    def _open_answered(self, params: lsp_types.InitializeParams, *, client_lives: bool) -> None:
        """Like `_open_session`, when `initialize` is answered already: problems with its params are only reported."""
        try:
            self._open_session(params, client_lives=client_lives)
        except Exception:
            logger.exception("initialize failed")
            self.protocol.notify("window/showMessage", {"type": 1, "message": BAD_START})
            self._open_session(
                lsp_types.InitializeParams(params.capabilities, params.process_id), client_lives=client_lives
            )

    def _initialize(self, params: lsp_types.InitializeParams) -> dict[str, Any]:
        lives = params.process_id is not None and process_lives(params.process_id)
        return self._open_session(params, client_lives=lives)

    def _open_session(self, params: lsp_types.InitializeParams, *, client_lives: bool) -> dict[str, Any]:
        profile = client_profile(params)
        documents = OpenDocuments()
        documents.encoding = positions.choose(profile.declares("general.positionEncodings"))
        editor = ConnectedEditor(self.protocol, profile, documents)
        self.protocol.on_unprompted = editor.unprompted.set
        folders = workspace_folders(params)
        updates = TurnNotifications(editor)
        host = LspHost(editor, DiskFiles(lambda: server.workspace), updates.send_waiting)
        self.mazu = server = create_server(host, editor, updates, self._env)
        server.clients.append(ConnectedClient("editor", profile.name, params.process_id, time.time()))
        server.on_ready.append(lambda project: server.jobs.spawn(_serve_other_processes(server, project)))
        host.edited = server.hints.edited
        editor.own_settings = initial_settings(params.initialization_options)
        server.plan_opening(folders, editor.own_settings)
        mark = server.starting = self._starting or (mark_starting(folders[0], self._env) if folders else None)
        if mark is not None:
            self._starting = mark
            server.on_ready.append(lambda project: server.jobs.spawn(share_and_unmark(server, mark)))
            asyncio.get_running_loop().call_later(MARK_SECONDS, mark.close)  # if it never opens
        self.protocol.initialized = True
        if params.process_id is not None and client_lives:
            self._watching = asyncio.get_running_loop().create_task(self._end_with(params.process_id))
        self.ready.set()
        return initialize_result(documents.encoding, registry.names(), profile)

    def _shutdown_request(self, params: None) -> Coroutine[Any, Any, None]:
        """From this moment on only `exit` counts, also one that is already in the pipe."""
        self.protocol.shut_down()
        return self._close()

    async def _close(self) -> None:
        if self.mazu:
            await self.mazu.close()


async def _serve_other_processes(server: ServerState, project: Project) -> None:
    """Import this once the project is open, and with it most of what it needs."""
    listener = await asyncio.to_thread(importlib.import_module, "mazu_ls.server.rpc.live.listener")
    await listener.serve_other_processes(server, project)
