"""mazu.trust.*: what the project brings, and the user's consent to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mazu_ls.errors import InvalidArguments
from mazu_ls.server.commands import command
from mazu_ls.server.wire import skills as wire
from mazu_ls.server.wire.codec import as_view
from mazu_ls.server.wire.common import NoParams

if TYPE_CHECKING:
    from mazu_ls.server.state import ServerState


@command("mazu.trust.list")
async def list_trust(server: ServerState, params: NoParams) -> wire.TrustList:
    """List the project's role, skills, tools and MCP servers, and whether the user agreed to them as they are."""
    return await _listed(server)


async def _chosen_item(server: ServerState) -> wire.AgreeToTrustParams:
    """Without arguments: the user chooses one that waits."""
    items = [item for item in (await _listed(server)).items if item.state != "agreed"]
    index = await server.pick("Agree to what?", [f"{item.id} ({item.state})" for item in items])
    if index is None:
        raise InvalidArguments("`id` is missing; mazu.trust.list shows the ids", "id")
    return wire.AgreeToTrustParams(items[index].id, items[index].hash)


@command("mazu.trust.agree", natural=_chosen_item)
async def agree(server: ServerState, params: wire.AgreeToTrustParams) -> wire.TrustList:
    """Record the consent of the user, who has read exactly the content with this hash."""
    from mazu_ls.agent.project import trust_items

    await trust_items.agree(await server.wait_opened(), params.id, params.hash)
    server.notify_changed("skills")
    return await _listed(server)


async def _chosen_agreed(server: ServerState) -> wire.RevokeTrustParams:
    """Without arguments: the user chooses one that was agreed to."""
    items = [item for item in (await _listed(server)).items if item.state == "agreed"]
    index = await server.pick("Revoke which agreement?", [item.id for item in items])
    if index is None:
        raise InvalidArguments("`id` is missing; mazu.trust.list shows the ids", "id")
    return wire.RevokeTrustParams(items[index].id)


@command("mazu.trust.revoke", natural=_chosen_agreed)
async def revoke(server: ServerState, params: wire.RevokeTrustParams) -> wire.TrustList:
    """Revoke every consent to one item: it has no effect from now on."""
    from mazu_ls.agent.project import trust_items

    await trust_items.revoke(await server.wait_opened(), params.id)
    server.notify_changed("skills")
    return await _listed(server)


async def _listed(server: ServerState) -> wire.TrustList:
    from mazu_ls.agent.project.trust_items import trust_items

    project = await server.wait_opened()
    items = await asyncio.to_thread(trust_items, project)
    return wire.TrustList([as_view(item, wire.TrustItemView) for item in items])
