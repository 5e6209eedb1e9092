"""mazu.models.*, mazu.tools.list, mazu.role.*."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.server import uris
from mazu_ls.server.commands import command
from mazu_ls.server.commands.turn.turn_jobs import document_at
from mazu_ls.server.wire import models as wire
from mazu_ls.server.wire.codec import as_view
from mazu_ls.server.wire.common import NoParams

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.state import ServerState


@command("mazu.models.list")
async def list_models(server: ServerState, params: NoParams) -> wire.ModelList:
    """Models that can be used, with what they cost, and the one in force."""
    from mazu_ls.models import catalog

    project = await server.wait_opened()
    available = await catalog.available(project.config, project.env)
    models = [as_view(model, wire.ModelView) for model in available]
    return wire.ModelList(models, await current_model(project))


async def _chosen_model(server: ServerState) -> wire.SetModelParams:
    """Without arguments: the user chooses one of the models that can be called."""
    listed = await list_models(server, NoParams())
    names = [model.name for model in listed.models if model.ready]
    index = await server.pick("Talk to which model?", names)
    if index is None:
        raise InvalidArguments("`model` is missing; mazu.models.list shows the names", "model")
    return wire.SetModelParams(names[index])


@command("mazu.models.set", natural=_chosen_model)
async def set_model(server: ServerState, params: wire.SetModelParams) -> wire.ModelList:
    """Set the model of the current session from its next turn on, and of new ones while this server runs."""
    from mazu_ls.journal import journal

    project = await server.wait_opened()
    model = await project.model(params.model)
    project.chosen_model = model.name
    session = await project.sessions.get()
    session.append(journal.ModelChosen(model.name))
    server.notify_changed("sessions")
    return await list_models(server, NoParams())


@command("mazu.tools.list")
async def list_tools(server: ServerState, params: NoParams) -> wire.ToolList:
    """List what a model may call here, with local names."""
    tools = (await server.wait_opened()).tools()
    return wire.ToolList(
        [wire.ToolView(tool.name, tool.description, tool.effect, tool.source, tool.schema) for tool in tools]
    )


@command("mazu.role.show")
async def show_role(server: ServerState, params: wire.ShowRoleParams) -> wire.RoleView:
    """Return the role document in force; its text is empty if there is none."""
    if params.uri is not None:
        return wire.RoleView(params.uri, await _text_at(server, params.uri))
    return await _role(await server.wait_opened())


async def _document_as_role(server: ServerState) -> wire.SetRoleParams:
    """Without arguments: the document last seen becomes the role."""
    focus = server.editor.focus if server.editor else None
    if focus is None:
        raise InvalidArguments("`uri` is missing, and no document is open to use instead", "uri")
    return wire.SetRoleParams(focus.uri)


@command("mazu.role.set", natural=_document_as_role)
async def set_role(server: ServerState, params: wire.SetRoleParams) -> wire.RoleView:
    """Copy the text of a document into the role document."""
    project = await server.wait_opened()
    if params.uri is None:
        params = await _document_as_role(server)
    assert params.uri is not None
    text = await _text_at(server, params.uri)
    own = server.file_of(params.uri) == _role_path(project)
    try:
        await asyncio.to_thread(project.set_role, text, write=not own)
    except OSError as error:
        raise MazuError(
            Kind.STORAGE,
            f"{_role_path(project)} cannot be written: {error.strerror or error}.",
            "Move or delete whatever is in its place.",
        ) from error
    return await _role(project)


async def _text_at(server: ServerState, uri: str) -> str:
    return (await document_at(server, uri)).text


async def _role(project: Project) -> wire.RoleView:
    return wire.RoleView(uris.from_path(_role_path(project)), project.role())


def _role_path(project: Project) -> Path:
    named = Path(project.config.role).expanduser()
    return named if named.is_absolute() else project.root / named


async def current_model(project: Project) -> str | None:
    """Return the model of the current session, else the one that the settings select; None if no key is set."""
    if project.sessions.current:
        session = await project.sessions.get(project.sessions.current)
        if session.conversation.model:
            return session.conversation.model
    try:
        return (await project.model(None)).name
    except MazuError:
        return None
