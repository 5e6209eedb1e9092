"""What is unsaved in an editor whose server starts: others wait until it is shared, before they change files."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from mazu_ls.errors import MazuError
from mazu_ls.platform.peer_credentials import is_supported
from mazu_ls.state.starting import wait_for_others

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.state import ServerState
    from mazu_ls.state.starting import StartingMark

logger = logging.getLogger(__name__)
MARK_SECONDS = 30.0
"""Seconds after which nobody waits any more for a server whose project is not open."""
LISTEN_SECONDS = 5.0
"""Seconds for it to listen to others, once what is unsaved is shared."""
PAUSE_SECONDS = 0.02


async def share_and_unmark(server: ServerState, mark: StartingMark) -> None:
    """Share what is unsaved in this editor, whose project is open, and remove the mark once this server listens or follows the
    one that does."""
    try:
        if server.unsaved is not None:
            edited = [
                (one.path, one.uri, one.text) for one in await server.host.buffers() if one.path and one.dirty
            ]
            await asyncio.to_thread(server.unsaved.show, edited)
        async with asyncio.timeout(LISTEN_SECONDS):
            while is_supported() and not (server.listens or server.peers):  # noqa: ASYNC110 - two processes agree on it
                await asyncio.sleep(PAUSE_SECONDS)
    except (MazuError, OSError, TimeoutError) as error:
        logger.info("Other processes may not see what is unsaved here: %s", error)
    finally:
        server.starting = None
        mark.close()


async def wait_until_others_share(server: ServerState, project: Project) -> bool:
    """Wait for the servers of other editors that start on this project; return whether none starts any more."""
    if not project.folders:
        return True
    return await asyncio.to_thread(wait_for_others, project.root, server.env, server.starting)
