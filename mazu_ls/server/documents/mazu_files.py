"""Files of mazu-ls that are shown to the user: in `.mazu/`, or in the state directory if that is not possible."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.errors import Kind, MazuError
from mazu_ls.state.paths import PROJECT_FOLDER, private_folder, project_folder
from mazu_ls.workspace import Workspace, project_files
from mazu_ls.workspace.disk import edit_text, read_text

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)


def folder_of(project: Project, name: str) -> Path:
    """Return `.mazu/<name>/` of the project; of its state directory if no folder is open or it cannot be written.

    Raises MazuError(storage) if neither is possible.
    """
    if project.folders:
        try:
            return project_folder(project.root, name)
        except OSError as error:
            logger.info("%s is kept in the state directory: %s", name, error)
    try:
        return private_folder(_elsewhere(project) / name)
    except OSError as error:
        raise MazuError(
            Kind.STORAGE,
            f"{name} cannot be stored: {error.strerror or error}.",
            "Make the project or the state directory writable.",
        ) from error


def chat_of(project: Project, session_id: str) -> Path | None:
    """Return the chat document of a session, if it is on the disk."""
    folders = [project.root / PROJECT_FOLDER] if project.folders else []
    places = [folder / "chats" / f"{session_id}.md" for folder in (*folders, _elsewhere(project))]
    return next((place for place in places if place.is_file()), None)


def write(place: Path, name: str, data: bytes) -> Path:
    """Write one of our files, private to the user, below a folder from `folder_of`; atomically.

    Raises MazuError(storage) if a link or something else is in its place.
    """
    try:
        project_files.write_file(place, name, data)
    except OSError as error:
        raise MazuError(
            Kind.STORAGE,
            f"{place / name} cannot be written: {error.strerror or error}.",
            "Move or delete whatever is in its place.",
        ) from error
    return place / name


async def show_text(server: ServerState, name: str, text: str, said: str = "see ") -> None:
    """Show a text to the user as a file in `.mazu/view/`. `said`: what comes before its path if the editor opens no file."""
    folder = await asyncio.to_thread(folder_of, await server.wait_opened(), "view")
    place = await asyncio.to_thread(write, folder, name, text.encode("utf-8", "surrogatepass"))
    if not await server.host.show(place):
        await server.host.say("info", f"Mazu: {said}{place}")


async def read(server: ServerState, path: Path) -> str:
    """Return the text the user sees. The workspace guard restricts the agent, not what mazu-ls keeps elsewhere."""
    own = await _own(server, path)
    return await server.host.read(path) if own is None else await asyncio.to_thread(read_text, own, path)


async def edit(server: ServerState, path: Path, before: str, after: str) -> None:
    """Like `Host.edit`, also for a file that mazu-ls keeps elsewhere."""
    own = await _own(server, path)
    if own is None:
        await server.host.edit(path, before, after)
    else:
        await asyncio.to_thread(edit_text, own, path, before, after)


async def _own(server: ServerState, path: Path) -> Workspace | None:
    folder = _elsewhere(await server.wait_opened())
    shown = server.editor is not None and server.editor.documents.at(path) is not None
    return Workspace([folder]) if not shown and Workspace([folder]).contains(path) else None


def _elsewhere(project: Project) -> Path:
    return project.state / PROJECT_FOLDER
