"""mazu.view: what the agent knows, did and would send, as documents to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.errors import Kind, MazuError
from mazu_ls.server.commands import command
from mazu_ls.server.features import virtual
from mazu_ls.server.wire import proposals as wire

if TYPE_CHECKING:
    from mazu_ls.server.state import ServerState


async def _picked(server: ServerState) -> wire.ViewParams:
    """Without arguments: the session's transcript or next call, memory, or the changes since the newest checkpoint."""
    project = await server.wait_opened()
    views: dict[str, str] = {"Memory": "mazu:/memory/all.md"}
    infos = await project.sessions.list()
    session = project.sessions.current or (infos[0].id if infos else None)
    if session:
        views["Transcript"] = f"mazu:/session/{session}.md"
        views["Next model call"] = f"mazu:/next-call/{session}.json"
    newest, _ = await project.checkpoints.list(1) if project.checkpoints else ([], None)
    if newest:
        views["Changes since the last checkpoint"] = f"mazu:/checkpoint/{newest[0].id}.diff"
    chosen = await server.pick("What do you want to see?", list(views))
    if chosen is None:
        raise MazuError(
            Kind.NOT_FOUND, "Nothing was chosen.", "Give the uri of a document, such as mazu:/memory/all.md."
        )
    return wire.ViewParams(list(views.values())[chosen])


@command("mazu.view", natural=_picked)
async def view(server: ServerState, params: wire.ViewParams) -> wire.ViewParams:
    """Show a virtual document; the answer says where it is."""
    return wire.ViewParams(await virtual.show(server, params.uri))
