"""mazu.state.*: the state of a project that was moved or renamed, and the state as one file."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.server import uris
from mazu_ls.server.commands import command
from mazu_ls.server.wire import project_state as wire
from mazu_ls.server.wire.common import NoParams
from mazu_ls.state.paths import mazu_home, private_folder, root_state

if TYPE_CHECKING:
    from mazu_ls.agent.archive.import_state import StagedImport
    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.state import ServerState
    from mazu_ls.state.identity import Marker

AFRESH = "Attach nothing, and do not ask again"
SUFFIX = ".mazu-state.zip"
PICKED = 9
IT_IS_MINE, SET_ASIDE, CANCEL = "It is my own backup", "Set aside what is here", "Cancel"


@command("mazu.state.attach")
async def attach(server: ServerState, params: wire.AttachStateParams) -> wire.AttachedState:
    """Attach the state of the project that was at `source` to this one; the project is closed and opened for it."""
    from mazu_ls.agent.archive.import_state import holds_state
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
    held = await asyncio.to_thread(holds_state, root_state(root, server.env))

    def move() -> None:
        try:
            attached = identity.attach(root, Path(source), server.env)
            aside.extend([attached.set_aside] if attached.set_aside and held else [])
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
    """Record that the state that was found is not this project's: it is kept, and not offered again.

    Raises MazuError(not_found) if nothing was found.
    """
    from mazu_ls.state import identity

    project = await server.wait_opened()
    if not project.moved_states:
        raise MazuError(
            Kind.NOT_FOUND,
            "No saved state of a moved project was found, so there is nothing to decline.",
            "Nothing was changed.",
        )
    await asyncio.to_thread(identity.decline, project.root, _ids(project.moved_states), server.env)
    return wire.AttachedState(None)


async def _new_backup(server: ServerState) -> wire.ExportStateParams:
    """Without arguments: a new file in the user's own folder, named by project and time."""
    project = await server.wait_opened()
    folder = await asyncio.to_thread(private_folder, _backups(server))
    name = re.sub(r"[^\w.-]+", "-", project.root.name).strip(".-") or "project"
    stamp = datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    return wire.ExportStateParams(uris.from_path(folder / f"{name}-{stamp}{SUFFIX}"))


async def _picked_backup(server: ServerState) -> wire.ImportStateParams:
    """Without arguments: the user chooses one of those files, the newest first."""
    found = await asyncio.to_thread(lambda: sorted(_backups(server).glob(f"*{SUFFIX}"), key=_changed)[::-1])
    index = await server.pick("Mazu: which backup?", [path.name for path in found[:PICKED]])
    if index is None:
        raise InvalidArguments(
            f"`uri` is missing: the file to import; backups are in {_backups(server)}", "uri"
        )
    return wire.ImportStateParams(uris.from_path(found[index]))


def _backups(server: ServerState) -> Path:
    return mazu_home(server.env) / "backups"


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


@command("mazu.state.export", natural=_new_backup)
async def export(server: ServerState, params: wire.ExportStateParams) -> wire.ExportedStateView:
    """Export memory, conversations and checkpoints of the project as one file."""
    from mazu_ls.agent.archive.export_state import export_state

    project = await _kept_project(server)
    if project.proposals:
        await project.proposals.flush()
    target = server.path_of(params.uri)
    made = await asyncio.to_thread(export_state, project.root, target, server.env, overwrite=params.overwrite)
    return wire.ExportedStateView(
        uris.from_path(made.path),
        made.bytes,
        made.memories,
        made.sessions,
        made.checkpoints,
        made.not_included,
    )


@command("mazu.state.import", natural=_picked_backup)
async def import_(server: ServerState, params: wire.ImportStateParams) -> wire.ImportedState:
    """Import the state that a file holds; the project's present state is set aside."""
    project = await _kept_project(server)
    staged = await _staged(server, project, params)
    failures: list[MazuError] = []
    aside: list[Path] = []
    claimed = threading.Lock()  # by its owner, who puts it in place or discards it, once

    def exchange() -> None:
        if not claimed.acquire(blocking=False):
            return
        try:
            kept = staged.put_in_place(server.env)
            aside.extend([kept] if kept and params.replace else [])
        except MazuError as error:
            failures.append(error)
        except OSError as error:
            failures.append(MazuError(Kind.STORAGE, f"The state was not imported: {error}.", "Try again."))

    try:
        await server.reopen(exchange)
    finally:
        if cancelled := claimed.acquire(blocking=False):  # while turns were awaited
            await asyncio.shield(asyncio.to_thread(staged.discard))
    if cancelled:
        raise MazuError(
            Kind.BUSY, "Nothing was imported: the project was closed meanwhile.", "Open it again."
        )
    await server.wait_opened()
    if failures:
        raise failures[0]
    held = staged.manifest
    return wire.ImportedState(
        held.project, held.created_at, held.memories, held.sessions, held.checkpoints,
        str(aside[0]) if aside else None,
    )  # fmt: skip


async def _staged(server: ServerState, project: Project, params: wire.ImportStateParams) -> StagedImport:
    """Return the checked archive. An editor's user is asked what `--mine` and `--replace` say in the terminal."""
    from mazu_ls.agent.archive.import_state import stage_import

    mine, replace = params.mine, params.replace
    while True:
        source = server.path_of(params.uri)
        checking = asyncio.create_task(
            asyncio.to_thread(stage_import, project.root, source, server.env, mine=mine, replace=replace)
        )
        try:
            return await asyncio.shield(checking)
        except asyncio.CancelledError:
            checking.add_done_callback(_discard)  # the thread continues, and nobody waits for its result
            raise
        except MazuError as error:
            asked = {Kind.PERMISSION: (IT_IS_MINE, mine), Kind.CONFLICT: (SET_ASIDE, replace)}.get(error.kind)
            if asked is None or asked[1]:
                raise
            # The harmless choice comes first, for clients that take the first of whatever they are offered.
            if await server.pick(f"Mazu: {error.message}", [CANCEL, asked[0]]) != 1:
                raise
            mine, replace = mine or asked[0] == IT_IS_MINE, replace or asked[0] == SET_ASIDE


def _discard(checked: asyncio.Task[StagedImport]) -> None:
    if not checked.cancelled() and checked.exception() is None:
        asyncio.get_running_loop().run_in_executor(None, checked.result().discard)


async def _kept_project(server: ServerState) -> Project:
    """Return the open project, if its state is stored. Raises MazuError(unsupported)."""
    project = await server.wait_opened()
    if not project.folders:
        raise MazuError(Kind.UNSUPPORTED, "No folder is open.", "Open the project.")
    if project.disk and project.disk.is_volatile:
        raise MazuError(
            Kind.UNSUPPORTED,
            f"The state directory cannot be written ({project.disk.why}).",
            "Make it writable.",
        )
    return project


async def _chosen(server: ServerState, moved: Sequence[Marker]) -> str | None:
    """Return the old path that the user chooses, None to start afresh; in a terminal the only one there is."""
    paths = [marker.path for marker in moved]
    if not paths:
        raise MazuError(
            Kind.NOT_FOUND,
            "No saved state was found that could belong to this project.",
            "Give its former path.",
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
