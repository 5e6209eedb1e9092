"""A server that a terminal command leaves running, so that the next commands are answered at once.

It has no turns, starts none and ends after some minutes without a client, or as soon as an editor opens the project.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.platform.child_mark import MARK
from mazu_ls.platform.peer_credentials import is_supported
from mazu_ls.platform.process_group import CREATION_FLAGS, NEW_SESSION
from mazu_ls.state import live_socket, paths

if TYPE_CHECKING:
    from mazu_ls.server.state import ServerState

LOOK_SECONDS = 1.0
CONNECT_SECONDS = 2.0
BIND_SECONDS = 30.0
"""Seconds after which it ends if another server has the project."""


def start_background_server(
    folders: Sequence[Path], minutes: int, env: Mapping[str, str] = os.environ
) -> bool:
    """Start one for a project that has state, unless a server listens there already; return whether it was started.

    Never from a process that a tool call started: what such a process starts may speak to no server.
    """
    if not (minutes and folders and is_supported()) or MARK in env:
        return False
    if not paths.root_state(folders[0], env).is_dir():
        return False
    if (other := live_socket.connect(live_socket.socket_path(folders[0], env), CONNECT_SECONDS)) is not None:
        other.close()
        return False
    command = [sys.executable, "-P", "-m", "mazu_ls", "serve", "--background", str(minutes)]
    subprocess.Popen(
        [*command, *map(str, folders)], cwd="/", env=dict(env), start_new_session=NEW_SESSION, creationflags=CREATION_FLAGS,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return True


def serve_in_background(minutes: int, folders: Sequence[Path]) -> int:
    """Serve other processes on a project until nobody asked for so many minutes; return the exit status."""
    from mazu_ls.server.logs import log_to_file

    log_to_file()
    logging.getLogger("mazu_ls").setLevel(logging.INFO)
    return asyncio.run(_serve(60.0 * minutes, tuple(folders)))


async def _serve(idle_seconds: float, folders: tuple[Path, ...]) -> int:
    from mazu_ls import __version__
    from mazu_ls.platform.end_signals import call_at_end_signal
    from mazu_ls.server.client.connected_clients import ConnectedClient
    from mazu_ls.server.client.host_questions import HostQuestions
    from mazu_ls.server.features.wiring import create_server
    from mazu_ls.server.rpc.live.listener import serve_other_processes
    from mazu_ls.terminal.host import TerminalHost
    from mazu_ls.terminal.surfaces.plain_surface import PlainSurface

    surface = PlainSurface(quiet=True)
    surface.interactive = False
    host = TerminalHost(folders, surface)
    server = create_server(host)
    host.questions = server.questions if isinstance(server.questions, HostQuestions) else None
    name = f"mazu-ls {__version__} in the background"
    server.clients.append(ConnectedClient("terminal", name, os.getpid(), time.time()))
    server.plan_opening(folders, {})
    stop = asyncio.Event()
    call_at_end_signal(asyncio.get_running_loop(), stop.set)
    sharing: asyncio.Task[None] | None = None
    try:
        project = await server.wait_opened()
        sharing = asyncio.create_task(serve_other_processes(server, project))
        await _wait_idle(server, live_socket.socket_path(folders[0], server.env), idle_seconds, stop)
    finally:
        if sharing is not None:
            sharing.cancel()
            await asyncio.wait({sharing})
        await server.close()
    return 0


async def _wait_idle(server: ServerState, place: Path, idle_seconds: float, stop: asyncio.Event) -> None:
    """Return once nobody asked for so long, an editor takes over, another server has the project, or its state is gone."""
    began = time.monotonic()
    has_listened = False
    ending = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(server.gives_way.wait())]
    try:
        while True:
            done, _ = await asyncio.wait(ending, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            now = time.monotonic()
            if len(server.clients) > 1 or server.jobs.titles:
                server.last_asked = now
            has_listened = has_listened or server.listens
            is_gone = not place.exists() if has_listened else now - began > BIND_SECONDS
            others = server.clients[1:]
            only_editors = bool(others) and all(one.kind == "editor" for one in others)  # they serve better
            if done or is_gone or only_editors or now - max(began, server.last_asked) > idle_seconds:
                return
    finally:
        for one in ending:
            one.cancel()
