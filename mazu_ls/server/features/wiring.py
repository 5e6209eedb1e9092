"""Attaches the features to the events of a server's life: `ServerState` knows none of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from mazu_ls.host import GuardedHost
from mazu_ls.server.chat import message_queue
from mazu_ls.server.documents.unsaved_elsewhere import UnsavedRegistry, require_saved
from mazu_ls.server.features import proposals, virtual
from mazu_ls.server.state import ServerState

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.host import Host
    from mazu_ls.server.client.editor import ConnectedEditor
    from mazu_ls.server.client.turn_notifications import TurnNotifications


def create_server(
    host: Host,
    editor: ConnectedEditor | None = None,
    updates: TurnNotifications | None = None,
    env: Mapping[str, str] = os.environ,
) -> ServerState:
    """Return a server with every feature attached; editor features only if there is an editor."""
    server = ServerState(host, editor, updates, env)

    def opened(project: Project) -> None:
        message_queue.attach(server, project)
        editors = (client.name for client in server.clients if client.kind == "editor")
        project.turn_markers.client = next(editors, project.turn_markers.client)
        server.unsaved = UnsavedRegistry(project.state)
        if project.checkpoints is not None:
            project.checkpoints.editors.unsaved_elsewhere = server.unsaved.documents
        if isinstance(host, GuardedHost):
            host.require_editable = partial(require_saved, server.unsaved, project.workspace)
        proposals.attach(server, project)
        virtual.attach(server, project)

    def changed(what: tuple[str, ...]) -> None:
        if server.served:
            server.jobs.spawn(virtual.changed(server, *what))

    server.on_opened.append(opened)
    server.on_changed.append(changed)
    if editor is not None:
        _attach_editor(server, host, editor)
    return server


def _attach_editor(server: ServerState, host: Host, editor: ConnectedEditor) -> None:
    """Attach what only an editor shows; commands of the terminal import none of it."""
    from mazu_ls.server.chat import questions, redraw
    from mazu_ls.server.client import moved_state_offer
    from mazu_ls.server.documents import unsaved_elsewhere
    from mazu_ls.server.documents.pending_rollback import PendingRollback
    from mazu_ls.server.features import resume_offer
    from mazu_ls.server.features.diagnostics import DiagnosticsPublisher

    def opened(project: Project) -> None:
        redraw.attach(server, project)
        assert server.unsaved is not None
        unsaved_elsewhere.attach(server.unsaved, host, editor, server.jobs.spawn)
        if project.checkpoints is not None:
            server.pending = PendingRollback(editor, host, project.checkpoints.pending)
            server.jobs.spawn(server.pending.load())

    offers: set[asyncio.Task[None]] = set()

    def ready(project: Project) -> None:
        # Not a job of the server: attaching a state closes the project, and with it all jobs.
        asked = asyncio.get_running_loop().create_task(moved_state_offer.offer(server, editor, project))
        offers.add(asked)
        asked.add_done_callback(offers.discard)
        server.jobs.spawn(server.hints.refresh_all())
        server.jobs.spawn(resume_offer.after_restart(server, project))

    server.on_opened.append(opened)
    server.on_ready.append(ready)
    server.use_hints(DiagnosticsPublisher(server, editor))
    questions.attach(server, editor)
