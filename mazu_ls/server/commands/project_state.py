"""mazu.state.*: the state of a project that was moved or renamed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.errors import Kind, MazuError
from mazu_ls.server.commands import command
from mazu_ls.server.wire import other as wire
from mazu_ls.server.wire.common import NoParams

if TYPE_CHECKING:
    from mazu_ls.server.state import ServerState
    from mazu_ls.state.identity import Marker

AFRESH = "Start afresh"


@command("mazu.state.attach")
async def attach(server: ServerState, params: wire.AttachState) -> wire.AttachedState:
    """Let this project have the state of the one that was at `source`; the project is closed and opened for it."""
    from mazu_ls.state import identity

    project = await server.wait_opened()
    if not project.folders:
        raise MazuError(Kind.UNSUPPORTED, "No folder is open.", "Open the project that was moved.")
    root, source = project.root, params.source
    if source is None:
        source = await _chosen(server, project.moved_states)
        if source is None:
            await asyncio.to_thread(identity.decline, root, _ids(project.moved_states), server.env)
            return wire.AttachedState(None)
    failures: list[MazuError] = []
    aside: list[Path] = []
    counted = await project.memories.stats() if project.memories else {}
    had_memories = any(shelf["entries"] for scope, shelf in counted.items() if scope == "project")

    def move() -> None:
        try:
            attached = identity.attach(root, Path(source), server.env)
            aside.extend([attached.set_aside] if attached.set_aside and had_memories else [])
        except MazuError as error:
            failures.append(error)
        except OSError as error:
            failures.append(MazuError(Kind.STORAGE, f"The state was not moved: {error}.", "Try again."))

    await server.reopen(move)
    await server.wait_opened()
    if failures:
        raise failures[0]
    return wire.AttachedState(source, str(aside[0]) if aside else None)


@command("mazu.state.decline")
async def decline(server: ServerState, params: NoParams) -> wire.AttachedState:
    """Remember that what was found is not this project's: its state is kept, and is not offered again."""
    from mazu_ls.state import identity

    project = await server.wait_opened()
    await asyncio.to_thread(identity.decline, project.root, _ids(project.moved_states), server.env)
    return wire.AttachedState(None)


async def _chosen(server: ServerState, moved: Sequence[Marker]) -> str | None:
    """The old path that the user chooses, None to start afresh; in a terminal the only one there is."""
    paths = [marker.path for marker in moved]
    if not paths:
        raise MazuError(
            Kind.NOT_FOUND, "No state was found that may be this project's.", "Give the path at which it was."
        )
    if server.editor is None and len(paths) == 1:
        return paths[0]
    options = [*(f"Attach what is kept of {path}" for path in paths), AFRESH]
    index = await server.pick("Mazu: was this project moved here?", options)
    if index is None:
        raise MazuError(Kind.NOT_FOUND, "Nothing was chosen.", f"The state is kept for: {', '.join(paths)}.")
    return paths[index] if index < len(paths) else None


def _ids(moved: Sequence[Marker]) -> tuple[str, ...]:
    return tuple(marker.id for marker in moved)
