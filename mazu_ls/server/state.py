"""The state that commands and features work on: the project, the user's host, background jobs. Knows neither pygls nor features."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.host import Host
from mazu_ls.server import uris
from mazu_ls.server.client.ask_user import PICK_SECONDS
from mazu_ls.server.client.editor import ConnectedEditor
from mazu_ls.server.client.host_questions import HostQuestions
from mazu_ls.server.client.turn_notifications import TurnNotifications
from mazu_ls.server.jobs import BackgroundJobs
from mazu_ls.state.identity import attach_advice
from mazu_ls.workspace import Workspace

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.policy import RuntimeRule
    from mazu_ls.server.client.connected_clients import ConnectedClient
    from mazu_ls.server.client.peer_server import PeerServer
    from mazu_ls.server.client.profile import ClientConnection
    from mazu_ls.server.documents.document_hints import DocumentHints
    from mazu_ls.server.documents.documents import OpenDocument
    from mazu_ls.server.documents.notebooks import CellPlace
    from mazu_ls.server.documents.pending_rollback import PendingRollback
    from mazu_ls.server.documents.unsaved_elsewhere import UnsavedRegistry
    from mazu_ls.state.starting import StartingMark

logger = logging.getLogger(__name__)
CLOSE_SECONDS = 1.2
HEAL_SECONDS = 3.0
"""Seconds between two checks of an unwritable state directory."""
QUIET_SECONDS = 2.0


class ServerState:
    """One running mazu-ls, behind an editor or a terminal. `editor` is None in a terminal."""

    def __init__(
        self,
        host: Host,
        editor: ConnectedEditor | None = None,
        updates: TurnNotifications | None = None,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        self.host = host
        self.editor = editor
        self.env = env
        self.project: Project | None = None
        self.jobs = BackgroundJobs(host, editor)
        self.updates = updates or TurnNotifications(editor)
        self.on_opened: list[Callable[[Project], None]] = []
        """Called with a project as soon as it is open, before its notices are shown."""
        self.on_ready: list[Callable[[Project], None]] = []
        """Called once the user was shown the problems of the project."""
        self.on_changed: list[Callable[[tuple[str, ...]], None]] = []
        """Called with the names of the views that are out of date."""
        self.on_rollback: list[Callable[[str | None, asyncio.Future[bool]], None]] = []
        """Called before an undo or a rollback, with the session that it is of (None: of all) and whether it took back turns, once known."""
        self._hints: DocumentHints | None = None
        self.clients: list[ConnectedClient] = []
        """Returns the connected clients; the editor first."""
        self.peers: list[PeerServer] = []
        """Other servers on this project: of editors, or of conversations in terminals."""
        self.gives_way = asyncio.Event()
        """Set once a conversation in a terminal stops to listen, so that an editor's server can: that knows unsaved text."""
        self.last_asked = 0.0
        """When another process connected last, on the monotonic clock."""
        self.listens = False
        """Whether other processes are answered here: no other server has this project."""
        self.questions = editor.approvals if editor else HostQuestions()
        """What is asked of the user, and of whom else."""
        self.folders: list[Path] = []
        self.served: set[str] = set()
        self.asks_about_moved = editor is not None
        """Whether somebody will be asked about the state of a moved project; otherwise a notice says how to attach it."""
        self.opens_checkpoints = True
        """False for a command that only reads memory: opening them would be a tenth of it."""
        self.unsaved: UnsavedRegistry | None = None
        self.starting: StartingMark | None = None
        """Held until what is unsaved in this editor is shared with other processes."""
        self.pending: PendingRollback | None = None
        self.settings: Mapping[str, Any] = {}
        self._given: dict[str, RuntimeRule] = {}
        self._planned = False
        self._closing: asyncio.Task[None] | None = None
        self._healing: asyncio.Task[None] | None = None
        self._opening: asyncio.Task[Project] | None = None

    def use_hints(self, hints: DocumentHints) -> None:
        """Use these hints for the editor's documents."""
        self._hints = hints

    @property
    def hints(self) -> DocumentHints:
        """The hints in the editor's documents; only editor features use them."""
        assert self._hints is not None
        return self._hints

    @property
    def workspace(self) -> Workspace:
        """The folders that tools may see; known before the project is open."""
        return self.project.workspace if self.project else Workspace(self.folders)

    def plan_opening(self, folders: Sequence[Path], settings: Mapping[str, Any]) -> None:
        """Set the project to open: by `start_opening`, or when a command first needs it."""
        self.folders = list(folders)
        self.settings = settings
        self._planned = True

    def start_opening(self) -> None:
        """Start opening the planned project in the background."""
        if self._opening is None and self._planned:
            self._opening = asyncio.get_running_loop().create_task(self._open(), name="open project")
            self._opening.add_done_callback(_log_failure)

    async def wait_opened(self) -> Project:
        """Return the project, once it is open. Raises MazuError if it could not be opened."""
        if self.project is not None:
            return self.project
        self.start_opening()
        if self._opening is None:
            raise MazuError(Kind.UNSUPPORTED, "No project is open.", "Open a folder in the editor first.")
        return await asyncio.shield(self._opening)

    def notify_changed(self, *what: str, sender: ClientConnection | None = None) -> None:
        """Tell clients that opted in which of their views are out of date, and update our own hints.

        `sender`: the source of the change, which need not be told.
        """
        if self._hints and "memory" in what:
            self.jobs.spawn(self._hints.refresh())
        for listener in self.on_changed:
            listener(what)
        self.updates.notify("mazu/changed", {"what": list(what)}, besides=sender)

    async def configure(self, settings: Mapping[str, Any], *, told: Sequence[str] = ()) -> None:
        """Apply new settings of the editor; report problems with them, but those that were `told` already."""
        self.settings = settings
        if self._opening is None:
            return
        project = await self.wait_opened()
        named, before, mode = project.config.model, project.usable_model(), project.mode
        problems = project.configure(self.settings)
        if project.config.model != named and (kept := project.keep_usable_model(before)):
            problems.append(kept)
        if project.mode != mode:
            self.notify_changed("permissions")
        for problem in problems:
            if problem not in told:
                await self.host.say("warning", f"Mazu: {problem}")

    async def follow_settings(self, *, waits: bool = False) -> None:
        """Apply settings files that have changed since they were read, as by `mazu-ls config set` in another terminal. Those that
        are just being written are left for later, unless it `waits`."""
        if self.project is not None and await self.project.settings_changed(waits=waits):
            await self.configure(self.settings, told=tuple(self.project.warnings))

    async def wait_current(self) -> Project:
        """Return the project once it is open, with the settings that the files have now."""
        project = await self.wait_opened()
        await self.follow_settings(waits=True)
        return project

    async def change_folders(self, added: Sequence[str], removed: Sequence[str]) -> None:
        """Reopen the project with these folders added and removed, once no turn and no other work runs in it."""
        gone = {uris.key(uri) for uri in removed}
        kept = [folder for folder in self.folders if uris.key(uris.from_path(folder)) not in gone]
        new = [path for uri in added if (path := uris.to_path(uri)) and path.is_dir() and path not in kept]
        self.folders = kept + new
        await self.reopen()

    async def reopen(self, meanwhile: Callable[[], None] | None = None) -> None:
        """Close the project, once no turn and no other work runs in it, and open it again.

        `meanwhile` runs in a thread while it is closed; it must not raise.
        """
        if self._opening is None:
            return
        await self._idle()
        # From here on nobody gets the old project, which is closed before the new one opens.
        self.project, before = None, self._opening
        self._opening = asyncio.get_running_loop().create_task(
            self._reopen(before, meanwhile), name="reopen project"
        )
        self._opening.add_done_callback(_log_failure)
        await asyncio.wait([self._opening])
        self.notify_changed("memory", "checkpoints", "sessions", "skills", "usage")

    async def _idle(self) -> None:
        """Wait until no turn, question or council is in progress: another folder is no reason to stop one."""
        while self._closing is None:
            project = self.project
            running = [s for s in project.sessions.opened() if s.running] if project else []
            for session in running:
                await session.wait_idle()
            if not running and not self.jobs.titles:
                return
            await self.jobs.wait_idle()

    async def _reopen(self, before: asyncio.Task[Project], meanwhile: Callable[[], None] | None) -> Project:
        await asyncio.wait([before])
        await self.jobs.close()
        if not before.cancelled() and before.exception() is None:
            await before.result().close()
        if self.unsaved is not None:
            # Its lock is held by this process, so the next project would take it for another editor's.
            await asyncio.to_thread(self.unsaved.close)
            self.unsaved = None
        if meanwhile is not None:
            await asyncio.to_thread(meanwhile)
        return await self._open()

    def path_of(self, uri: str, field: str = "uri") -> Path:
        """Return the file that a command's `uri` names. Raises InvalidArguments for any other scheme."""
        path = uris.to_path(uri)
        if path is None or not path.is_absolute():
            raise InvalidArguments(f"`{field}` must be a file: URI, not {uri[:200]!r}", field)
        return Path(os.path.normpath(path)) if ".." in path.parts else path  # RFC 3986, 5.2.4

    def file_of(self, uri: str, field: str = "uri") -> Path | None:
        """Like `path_of`, but None for an open document that is no file; for a cell the file of its notebook."""
        if self.editor and (notebook := self.editor.notebooks.for_cell(uri)):
            return notebook.path
        if self.editor and (document := self.editor.documents.get(uri)) and document.path is None:
            return None
        return self.path_of(uri, field)

    def note_written(self, path: Path) -> None:
        """A file was written: checkpoints and the project map read it again."""
        if self.project is not None:
            self.project.note_written(path)

    def note_saved(self, path: Path, texts: tuple[str, str] | None) -> None:
        """The user saved a file in the editor, so no command of the agent did. `texts`: see `Checkpoints.record_save`."""
        self.note_written(path)
        if self.project is not None and self.project.checkpoints is not None:
            self.jobs.spawn(self.project.checkpoints.record_save(path, texts))

    async def pick(self, message: str, options: Sequence[str], timeout: float = PICK_SECONDS) -> int | None:
        """Let the user choose one of a few; return the index, or None if they did not or nobody can be asked."""
        if self.editor is None or not options:
            return None
        return await self.editor.approvals.pick(message, tuple(options), timeout)

    def name_of(self, path: Path) -> str:
        """Return how a file is shown: relative to the workspace folder if it is inside one."""
        return self.workspace.relative(path) if self.workspace.contains(path) else str(path)

    def title_of(self, document: OpenDocument) -> str:
        """Return how a document is shown, which need not be a file: an untitled one by what its URI says after the scheme."""
        if document.path is not None:
            return self.name_of(document.path)
        if self.editor and (notebook := self.editor.notebooks.for_cell(document.uri)) and notebook.path:
            return f"{self.name_of(notebook.path)} cell {self.editor.notebooks.number(document.uri) + 1}"
        return document.uri.partition(":")[2].lstrip("/") or document.uri

    async def cell_place(self, uri: str) -> CellPlace | None:
        """Return a cell's place in the file of its notebook; None if it is no cell."""
        from mazu_ls.server.host import LspHost

        if self.editor is None or not isinstance(self.host, LspHost):
            return None
        return await self.editor.notebooks.place(uri, self.host.on_disk)

    async def propose_edit(self, uri: str, before: str, after: str) -> str:
        """Edit a document for the user to review; return the resulting text. Raises MazuError(conflict)."""
        from mazu_ls.server.host import LspHost

        if isinstance(self.host, LspHost):
            return await self.host.propose_edit(uri, before, after, "Mazu: rewrite")
        await self.host.edit(self.path_of(uri), before, after)
        return after

    def mark_leaving(self) -> None:
        """The editor disconnects: turns that stop from here on were not stopped by the user, and are offered again."""
        for session in self.project.sessions.opened() if self.project else ():
            session.closing = True

    async def close(self) -> None:
        """Stop all work and end all children, within little more than a second; idempotent."""
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close(), name="close")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self.mark_leaving()
        if self._hints:
            self._hints.close()
        if self._healing:
            self._healing.cancel()
        await self.jobs.close()
        if self._opening is None:
            return
        if not self._opening.done():
            await asyncio.wait([self._opening], timeout=CLOSE_SECONDS)
        if (project := self.project) is not None:  # a reopening that was cut short forgets it meanwhile
            if self.unsaved is not None:
                await asyncio.to_thread(self.unsaved.close)
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await project.close()
            except TimeoutError:
                logger.warning("The project did not close within %s s.", CLOSE_SECONDS)
            if (clients := sys.modules.get("mazu_ls.models.sdk.sdk_clients")) is not None:
                await clients.close_clients()

    async def _open(self) -> Project:
        # Imported in a thread: the loop answers the editor meanwhile.
        project_type = await asyncio.to_thread(_project_type)
        self.project = await project_type.open(
            self.folders,
            self.host,
            settings=self.settings,
            env=self.env,
            checkpoints=self.opens_checkpoints,
        )
        self.project.given = self._given  # valid while this server runs, whatever folders are open
        self.project.subscribe(self.updates.on_event)
        self.project.head_listeners.append(self.updates.head_moved)
        for attach in self.on_opened:
            attach(self.project)
        for warning in [*self.project.warnings, *await _taken_over(self.project), *self._moved(self.project)]:
            logger.warning("%s", warning)
            await self.host.say("warning", f"Mazu: {warning}")
        if self.project.disk and self.project.disk.kept:
            self._healing = asyncio.create_task(self._heal(self.project), name="wait for the disk")
        for begin in self.on_ready:
            begin(self.project)
        if self.editor is not None:
            if self.project.extensions:
                self.project.extensions.start()
            self.jobs.spawn(self._warm_up(self.project, self.editor))
        return self.project

    def _moved(self, project: Project) -> list[str]:
        hint = project.disk.moved_hint if project.disk and not self.asks_about_moved else ""
        if not hint:
            return []
        advice = attach_advice(project.moved_states[0].path, in_terminal=self.editor is None)
        return [f"{hint} {advice}"]

    async def _heal(self, project: Project) -> None:
        """Reopen the project once its state directory can be written."""
        while project.disk and not await asyncio.to_thread(project.disk.may_return):
            await asyncio.sleep(HEAL_SECONDS)
            if self._closing is not None or self.project is not project:
                return
        await self.host.say("info", "Mazu: the disk can be written again.")
        await self.reopen()

    async def _warm_up(self, project: Project, editor: ConnectedEditor) -> None:
        """Import what the first turn needs, the SDK last, once the editor is idle."""
        while (wait := QUIET_SECONDS - (time.monotonic() - editor.heard_at)) > 0:  # noqa: ASYNC110 - idleness is no event
            await asyncio.sleep(wait)
        await asyncio.to_thread(_import_for_turns)
        from mazu_ls.models import catalog
        from mazu_ls.models.sdk import sdk_clients

        if (sdk := catalog.sdk_of(None, project.config, self.env)) is not None:
            await asyncio.to_thread(sdk_clients.preload, sdk)


async def _taken_over(project: Project) -> list[str]:
    from mazu_ls.agent.project.earlier_database import take_over_earlier_database

    if project.memories is None or not project.folders:
        return []
    said = await take_over_earlier_database(project.root, project.state, project.memories)
    return [said] if said else []


def _log_failure(opening: asyncio.Task[Any]) -> None:
    if not opening.cancelled() and (error := opening.exception()):
        logger.error("The project could not be opened", exc_info=error)


def _import_for_turns() -> None:
    """Import modules for a tenth of a second, which would otherwise block the loop in the first turn."""
    import mazu_ls.policy.decide  # noqa: F401
    from mazu_ls.agent.project.toolbox import builtin_tools
    from mazu_ls.memory.search.stemmers import load_stemmer

    load_stemmer("english")
    builtin_tools()


def _project_type() -> type[Project]:
    from mazu_ls.agent.project.project import Project

    return Project
