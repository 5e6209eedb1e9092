"""What the sessions of a project share: its folders, settings, stores and tools. Knows no session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mazu_ls.agent.project.cached_files import CachedFiles
from mazu_ls.agent.project.conventions import ConventionsReader
from mazu_ls.agent.project.embedding_model import open_encoder
from mazu_ls.agent.project.extension_tools import ExtensionTools
from mazu_ls.agent.project.role import RoleDocument
from mazu_ls.agent.project.settings.read_settings import ProjectSettings, read_settings
from mazu_ls.agent.project.toolbox import builtin_tools, language_server_tools
from mazu_ls.agent.project.turn_markers import TurnMarkers
from mazu_ls.agent.project_map.client import ProjectMap, map_token_budget
from mazu_ls.agent.proposals.proposal_store import MIGRATIONS as PROPOSALS
from mazu_ls.agent.proposals.proposals import Proposals
from mazu_ls.agent.session.branches import MIGRATIONS, ConversationHeads, ConversationPart
from mazu_ls.errors import Kind, MazuError
from mazu_ls.gitcmd import distrust_programs
from mazu_ls.journal import journal
from mazu_ls.policy import GrantStore, Rule, RuntimeRule
from mazu_ls.state import identity, paths, volatile
from mazu_ls.state.own_places import find_own_places
from mazu_ls.state.store import Store, quarantined
from mazu_ls.workspace import Workspace

if TYPE_CHECKING:
    from mazu_ls.checkpoints.engine import Checkpoints
    from mazu_ls.checkpoints.models import CheckpointKind
    from mazu_ls.config.config import Config, McpServer, Mode
    from mazu_ls.host import Host
    from mazu_ls.memory.memories import Memories
    from mazu_ls.models.model import Model
    from mazu_ls.models.retry import RetryPolicy
    from mazu_ls.tools.base import Tool
    from mazu_ls.tools.mcp.servers import McpServerStatus

log = logging.getLogger(__name__)
ONE_SHOTS = "oneshot"
WARM_SECONDS = 2.0
"""Maximum of seconds that anything waits for the project map; a turn waits less, see `context_blocks.MAP_GRACE`."""


class ExtractionScheduler(Protocol):
    """Extracts memories from sessions, later and in the background. `MemoryExtractor` implements it."""

    def on_session_end(self, session_id: str) -> None:
        """The session has ended: extract now."""
        ...

    def schedule(self, session_id: str) -> None:
        """The session has a new message: extraction is pending from now on."""
        ...


class ProjectServices:
    """Opening never raises when a key, git or a writable disk is missing: `warnings` says what is missing."""

    def __init__(
        self, folders: Sequence[Path], host: Host, env: Mapping[str, str], patience: RetryPolicy | None = None
    ) -> None:
        self.folders = tuple(folder.absolute() for folder in folders)
        distrust_programs(self.folders)
        self.host = host
        self.env = env
        self.warnings: list[str] = []
        self.moved_states: tuple[identity.Marker, ...] = ()
        self.disk: volatile.OpenedState | None = None
        self.workspace = Workspace(self.folders, lambda: find_own_places(self.folders, env).held)
        self.config: Config
        self.scheduler: ExtractionScheduler
        self.grants: GrantStore
        self.given: dict[str, RuntimeRule] = {}
        self.memories: Memories | None = None
        self.checkpoints: Checkpoints | None = None
        self.no_memory: MazuError | None = None
        self.no_checkpoints: MazuError | None = None
        self.chosen_mode: Mode | None = None
        self.chosen_model: str | None = None
        self._editor_settings: Mapping[str, Any] = {}
        self._read: ProjectSettings | None = None
        self._listeners: list[journal.Listener] = []
        self.head_listeners: list[Callable[[str, int], None]] = []
        self._heads: ConversationHeads | None = None
        self.proposals: Proposals | None = None
        self._models: dict[str, Model] = {}
        self._documents = CachedFiles()
        self._conventions = ConventionsReader(self._documents)
        self._told: set[str] = set()
        self._saying: set[asyncio.Task[None]] = set()
        self._map: ProjectMap
        self.role_document: RoleDocument
        self._extensions: ExtensionTools | None = None
        self.mcp_of_user: list[McpServer] = []
        self._warming: asyncio.Task[None]
        self._patience = patience

    async def open_services(self, settings: Mapping[str, Any], *, checkpoints: bool = True) -> None:
        """Read the settings, open memory and `checkpoints`, load the user's grants."""
        await asyncio.to_thread(self._read_settings, settings)
        await asyncio.to_thread(self._make_folders)
        await self._open_memory()
        self.conversation_part = ConversationPart(self.journals)
        if checkpoints:
            await self._open_checkpoints()
        self._extensions = ExtensionTools(self.folders, self.key, self.host, self.env)
        self._extend()
        self.role_document = RoleDocument(self._documents, self.root, self.key, self.host, self.env)
        await asyncio.to_thread(self.role_document.refresh, self.config.role)
        self._map = ProjectMap(self.workspace, self.state)
        self._warming = asyncio.create_task(self._warm_map())
        self.grants = await asyncio.to_thread(GrantStore.load, paths.mazu_home(self.env), self.key)

    def _extend(self) -> None:
        seconds = self.config.permissions.timeout_seconds
        if self._extensions is not None:
            self._extensions.configure(self.config.mcp_servers, self.mcp_of_user, seconds)

    def _make_folders(self) -> None:
        if not self.folders:
            self.root = self.state = paths.private_folder(paths.state_home(self.env) / "no-folder")
            self._home = paths.mazu_home(self.env)
            self.key = "no-folder"
        else:
            self.root = self.folders[0]
            self.key = paths.root_key(self.root)
            self.disk = volatile.open_project_state(self.root, self.env)
            self.state, self._home, self.moved_states = self.disk.folder, self.disk.home, self.disk.moved
            self.warnings += self.disk.warnings
        self.turn_markers = TurnMarkers(self.state)
        self.journals = paths.private_folder(self.state / "journal")
        self.database = self.state / "memory.db"

    async def _open_memory(self) -> None:
        from mazu_ls.memory.memories import Memories

        common = self._home / volatile.GLOBAL_DATABASE
        damaged = {path: len(quarantined(path)) for path in (self.database, common)}
        try:
            encoder = await asyncio.to_thread(open_encoder, self.config, self.env, self.warnings)
            self.memories = await Memories.open(self.database, common, self.config.memory, encoder)
            store = await Store.open(self.database, [MIGRATIONS, PROPOSALS])
            self._heads = ConversationHeads(store)
            self.proposals = Proposals(store)
            await self.proposals.refresh()
        except MazuError as error:
            self.no_memory = error
            self.warnings.append(f"Memory is not available: {error.message} {error.hint}")
        for path, before in damaged.items():
            if len(aside := quarantined(path)) > before:
                renamed = f"renamed to {aside[-1].name} and a new one was created."
                self.warnings.append(f"{path.name} was damaged; it was {renamed}")

    async def _open_checkpoints(self) -> None:
        from mazu_ls.checkpoints.engine import Checkpoints
        from mazu_ls.memory.checkpoint_part import MemoryPart

        if not self.folders:
            self.no_checkpoints = MazuError(
                Kind.UNSUPPORTED,
                "No folder is open, so there is nothing to checkpoint.",
                "Open a folder in the editor, or go into a project in the terminal.",
            )
            return
        if self.disk and self.disk.is_volatile:
            said = f"No checkpoints: the state directory cannot be written ({self.disk.why})."
            self.no_checkpoints = MazuError(
                Kind.STORAGE, said, "Make it writable; mazu-ls notices by itself."
            )
            return
        try:
            self.checkpoints = await Checkpoints.open(
                self.folders,
                self.database,
                paths.state_home(self.env),
                [MemoryPart(), self.conversation_part],
                self.config.checkpoints,
            )
        except MazuError as error:
            self.no_checkpoints = error
            self.warnings.append(f"No checkpoints: {error.message} {error.hint}".strip())
            return
        self.checkpoints.upkeep.on_warning = self._warn_later

    def configure(self, settings: Mapping[str, Any]) -> list[str]:
        """Apply the editor's settings (section `mazu`), read the files again, return one sentence for each problem."""
        problems = self._read_settings(settings)  # at once: they apply to the request that follows
        self._extend()
        return problems

    def _read_settings(self, editor: Mapping[str, Any]) -> list[str]:
        """Read the settings; return one sentence for each problem that the user has to be told."""
        before = self._read.problems if self._read else ()
        self._editor_settings, said = editor, set(self.warnings)
        found = read_settings(self.folders, self.env, editor)
        self._read = found.keeping_restrictions(self._read) if self._read else found
        self.config, self.mcp_of_user = self._read.config, self._read.mcp_of_user
        self._models.clear()
        others = [warning for warning in self.warnings if warning not in before]
        self.warnings[:] = [*others, *self._read.problems]
        return [one for one in self._read.problems if one != self._read.exposed or one not in said]

    async def settings_changed(self, *, waits: bool) -> bool:
        """Return whether the settings files are others than were read, and written; it may wait for that."""
        return self._read is not None and await self._read.has_changed(waits=waits)

    def subscribe(self, listener: journal.Listener) -> Callable[[], None]:
        """Call `listener` with every event of every session, in order, on the event loop; call the result to unsubscribe."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def emit(self, session_id: str, event: journal.Event) -> None:
        """Pass an event on to the listeners; one that fails does not affect the others."""
        for listener in tuple(self._listeners):
            try:
                listener(session_id, event)
            except Exception:
                log.exception("a listener failed on %s", type(event.body).__name__)

    def head_moved(self, session_id: str, head: int) -> None:
        """Notify the subscribers that a conversation's head is now another event than its last one."""
        for listener in tuple(self.head_listeners):
            listener(session_id, head)

    @property
    def extensions(self) -> ExtensionTools | None:
        """Custom tools, skills and MCP servers; None until the project is opened."""
        return self._extensions

    def tools(self) -> list[Tool]:
        """All tools that a model may call here."""
        builtin = [*builtin_tools(), *language_server_tools(self.host.lender)]
        names = [tool.name for tool in builtin]
        return [*builtin, *(self._extensions.tools(names) if self._extensions else ())]

    def mcp_servers(self) -> list[McpServerStatus]:
        """The state of each MCP server of the settings."""
        return self._extensions.mcp_status() if self._extensions and self.config.mcp_servers else []

    @property
    def mode(self) -> Mode:
        """The permission mode in force: the one chosen in this process, else that of the settings."""
        return self.chosen_mode or self.config.permissions.mode

    @property
    def mode_is_chosen(self) -> bool:
        """Whether the mode in force was chosen explicitly; else it is the default."""
        return self.chosen_mode is not None or bool(self._read and self._read.mode_given)

    def set_mode(self, mode: Mode) -> None:
        """Change the permission mode of this process; it is never stored."""
        self.chosen_mode = mode

    def rules(self) -> list[Rule]:
        """Permission rules of the settings, those added in this process, and the grants of this project."""
        settings = [Rule.parse(one.tool, one.pattern, one.verdict) for one in self.config.permissions.rules]
        return [*settings, *(given.rule for given in self.given.values()), *self.grants.rules()]

    async def model(self, name: str | None) -> Model:
        """Return the model of that name, or the one that settings and keys select. Raises MazuError(auth or config), also while a
        limit or rule of the user's own cannot be read."""
        if self._read and self._read.lost:
            self.configure(self._editor_settings)  # the user may have corrected the file
            self._read.require_restrictions()
        name = name or self.chosen_model
        key = name or ""
        if key not in self._models:
            from mazu_ls.models import catalog

            self._models[key] = await catalog.choose(name, self.config, self.env, self._patience)
        return self._models[key]

    def role(self) -> str:
        """Return the role document in force, empty if there is none."""
        return self.role_document.text(self.config.role, self.config.permissions.timeout_seconds)

    def set_role(self, text: str, *, write: bool) -> None:
        """Make `text` the role; `write` also writes it into the document, which otherwise holds it already."""
        if write:
            self.role_document.write(self.config.role, text)
        else:
            self.role_document.agree(text)

    async def conventions(self, touched: Iterable[Path] = ()) -> str:
        """Return AGENTS.md and CLAUDE.md for work on these files, marked as the project's words."""
        what = list(self.folders), list(touched), self.rules()
        known = self._conventions.known(*what)
        return await asyncio.to_thread(self._conventions.read, *what) if known is None else known

    def map_budget(self, model: Model) -> int:
        """Return this model's token budget for the project map; 0 for none."""
        return (
            map_token_budget(model.spec.context_window, self.config.context.map_tokens) if self.folders else 0
        )

    async def render_map(
        self, budget: int, focus: Sequence[str], patience: float, start_after: asyncio.Event
    ) -> str:
        """Return the map of the project; empty if it is off, or not ready in `patience` seconds. See `ProjectMap.render`."""
        return await self._map.render(budget, focus, patience=patience, start_after=start_after)

    async def _warm_map(self) -> None:
        """Read the project before the first turn asks for its map, unless that turn comes at once."""
        await asyncio.sleep(WARM_SECONDS)
        if self.folders and self.config.context.map_tokens:
            try:
                await self._map.refresh()
            except MazuError as error:
                log.warning("no project map: %s", error.message)

    async def checkpoint(
        self, kind: CheckpointKind, label: str, *, session_id: str, turn_id: str, touched: Sequence[Path] | None,
        boundary: int | None = None, title: str = "",
    ) -> str | None:  # fmt: skip
        """Take a checkpoint and return its id. On failure warn the user and return None, never a wrong id."""
        if self.checkpoints is None:
            if self.no_checkpoints:
                await self.warn_once(f"This turn cannot be undone: {self.no_checkpoints.message}")
            return None
        if boundary is not None:
            self.conversation_part.boundary[session_id] = boundary
        try:
            taken = await self.checkpoints.take(
                kind=kind, label=label, title=title, session_id=session_id, turn_id=turn_id, touched=touched,
                buffers=[buffer for buffer in await self.host.buffers() if buffer.dirty],
            )  # fmt: skip
        except MazuError as error:
            await self.host.say("error", f"No checkpoint was taken: {error.message} {error.hint}")
            return None
        finally:
            self.conversation_part.boundary.pop(session_id, None)
        return taken.id

    def _warn_later(self, text: str) -> None:
        """Warn the user about something that happened in the background."""
        task = asyncio.get_running_loop().create_task(self.warn_once(text))
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)

    def note_written(self, path: Path) -> None:
        """The user or another program wrote a file."""
        self._map.note_changed(path)
        if self.checkpoints:
            self.checkpoints.note_written(path)

    async def warn_once(self, text: str, key: str = "") -> None:
        """Show a warning once while this project is open, and no other one with the same `key`."""
        if (key or text) not in self._told:
            self._told.add(key or text)
            await self.host.say("warning", text)

    async def conversation_head(self, session_id: str, last: int) -> int:
        """Return the event (seq) at the head of a conversation."""
        return await self._heads.head(session_id, last) if self._heads else last

    async def moved_heads(self) -> dict[str, tuple[int, int]]:
        """Return where conversations were moved to, and the last event they had then."""
        return await self._heads.moved_heads() if self._heads else {}

    async def move_head(self, session_id: str, head: int, last: int) -> None:
        """Move a conversation's head to another event."""
        if self._heads is None:
            raise self.no_memory or MazuError(Kind.STORAGE, "memory.db is not open.", "See mazu.status.")
        await self._heads.move(session_id, head, last)

    def record_usage(self, spent: journal.UsageRecorded, *, once: bool = False) -> None:
        """Record costs that belong to no conversation; with `once`, unless exactly these are recorded already."""
        with closing(journal.Journal(self.state / f"{ONE_SHOTS}.jsonl")) as held:
            if not (once and spent in [event.body for event in journal.read(held.path)]):
                held.append(spent)

    async def close_map(self) -> None:
        """End the processes of the project map."""
        self._warming.cancel()
        await self._map.close()

    async def close_stores(self) -> None:
        """End child processes and connections, and write what is pending."""
        await self.role_document.close()
        if self._extensions:
            await self._extensions.close()
        if self.checkpoints:
            await self.checkpoints.close()
        if self.proposals:
            await self.proposals.flush()
        if self._heads:
            await self._heads.close()
        if self.memories:
            await self.memories.close()
        if self.disk:
            await asyncio.to_thread(self.disk.release)
