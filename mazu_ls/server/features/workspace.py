"""Folders, settings, files changed outside, commands, progress."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import MazuError
from mazu_ls.server import commands, uris
from mazu_ls.server.client.editor_words import use_editor_words
from mazu_ls.server.client.settings import pulled_settings, pushed_settings
from mazu_ls.server.features import feature
from mazu_ls.server.rpc import lsp_types
from mazu_ls.server.rpc.capabilities import registrations
from mazu_ls.server.rpc.client_requests import ClientError

if TYPE_CHECKING:
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)
REGISTER_SECONDS = 5.0


@feature("initialized")
async def initialized(server: ServerState, params: None) -> None:
    """The client is ready: request its settings, then open the project."""
    if server.editor is None:
        return
    if (settings := await pulled_settings(server.editor)) is not None:
        server.settings = settings
    server.start_opening()
    await _register(server)


async def _register(server: ServerState) -> None:
    assert server.editor is not None
    if not (wanted := registrations(server.editor.profile)):
        return
    try:
        await server.editor.link.ask("client/registerCapability", {"registrations": wanted}, REGISTER_SECONDS)
    except (ClientError, TimeoutError) as error:
        logger.info("The editor took no registration: %s", error)


@feature("workspace/executeCommand", lsp_types.ExecuteCommand)
async def execute_command(server: ServerState, params: lsp_types.ExecuteCommand) -> Any:
    """Run a command of docs/protocol.md."""
    if server.peers:
        from mazu_ls.server.rpc.live.peer_editor import execute_shared

        return await execute_shared(server, params.command, params.arguments, params.work_done_token)
    try:
        return await commands.execute(server, params.command, params.arguments, params.work_done_token)
    except MazuError as error:
        if server.editor and not server.editor.profile.opted("updates"):
            use_editor_words(error)
        raise


@feature("window/workDoneProgress/cancel", lsp_types.ProgressToken)
def cancel_progress(server: ServerState, params: lsp_types.ProgressToken) -> None:
    """The user pressed cancel on a progress."""
    server.jobs.cancel(params.token)


@feature("workspace/didChangeConfiguration", lsp_types.DidChangeConfiguration)
async def did_change_configuration(server: ServerState, params: lsp_types.DidChangeConfiguration) -> None:
    """Apply new settings from the next turn on; report problems with them."""
    assert server.editor is not None
    settings = await pulled_settings(server.editor)
    if settings is None:
        settings = pushed_settings(server.editor, params.settings)
    if settings is not None:
        await server.configure(settings)


@feature("workspace/didChangeWorkspaceFolders", lsp_types.DidChangeFolders)
async def did_change_folders(server: ServerState, params: lsp_types.DidChangeFolders) -> None:
    """Reopen the project with the present folders."""
    await server.change_folders(
        [folder.uri for folder in params.event.added], [folder.uri for folder in params.event.removed]
    )


@feature("workspace/didChangeWatchedFiles", lsp_types.DidChangeWatchedFiles)
def did_change_watched_files(server: ServerState, params: lsp_types.DidChangeWatchedFiles) -> None:
    """Read a changed settings file again; open documents stay what the editor says they are."""
    for change in params.changes:
        server.hints.file_changed(change.uri)
        if (path := uris.to_path(change.uri)) is not None:
            server.note_written(path)  # not as saved: clients also report what a command of the agent writes
    if any(change.uri.endswith("/.mazu/config.toml") for change in params.changes):
        server.jobs.spawn(server.configure(server.settings))


@feature("workspace/didRenameFiles", lsp_types.DidRenameFiles)
async def did_rename_files(server: ServerState, params: lsp_types.DidRenameFiles) -> None:
    """A file or folder was renamed: anchored memories follow."""
    await server.wait_opened()
    for renamed in params.files:
        await server.hints.renamed(renamed.old_uri, renamed.new_uri)


@feature("$/setTrace", lsp_types.SetTrace)
def set_trace(server: ServerState, params: lsp_types.SetTrace) -> None:
    """`verbose` makes the log more detailed."""
    logging.getLogger("mazu_ls").setLevel(logging.DEBUG if params.value == "verbose" else logging.INFO)
