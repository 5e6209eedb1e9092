"""Tools beyond the built-in ones: custom tools and MCP servers, each only after the user agreed to it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from mazu_ls.agent.background_tasks import BackgroundTasks
from mazu_ls.agent.project.skill_suggestions import has_skills
from mazu_ls.agent.project.start_questions import StartQuestions, shown_files, where_it_is
from mazu_ls.config.config import Layer, McpServer
from mazu_ls.errors import Kind, MazuError, ToolError
from mazu_ls.host import UNDECIDED, Choice, Question
from mazu_ls.state import paths

if TYPE_CHECKING:
    from pathlib import Path

    from mazu_ls.host import Host
    from mazu_ls.tools.base import Tool
    from mazu_ls.tools.mcp.servers import McpServers, McpServerStatus
    from mazu_ls.tools.mcp.start_files import Found
    from mazu_ls.tools.skills.custom_tools import UntrustedToolFile

log = logging.getLogger(__name__)
START_SECONDS = 15.0
"""Seconds that a turn waits for MCP servers, from their start: npx and uvx may have to install them first."""
ANSWER_SECONDS = 60.0
"""Seconds that a turn waits for answers about files with tools, which are asked about before it begins."""
NOT_STARTED = "it starts with a conversation; mazu-ls doctor tries it"
CHOICES = (Choice("allow_always", "I agree", "allow_always"), Choice("deny", "Not now", "deny"))


class ExtensionTools:
    """The tools that a project or its user adds. Consent to the same content is asked once per process, without blocking other work."""

    def __init__(self, folders: Sequence[Path], key: str, host: Host, env: Mapping[str, str]) -> None:
        """`key` names the project; custom tools are searched in its first folder and in the user's."""
        self._folders = folders
        self._key = key
        self._host = host
        self._env = env
        self._mcp: McpServers | None = None
        self._seconds = 0.0
        self._configured: tuple[McpServer, ...] = ()
        self._own: Sequence[McpServer] = ()
        self._may_start = False
        self._begun = 0.0
        self._asked: set[tuple[str, str]] = set()
        self._asking_files: dict[str, asyncio.Task[None]] = {}
        self._waited_for: list[asyncio.Task[None]] = []
        self._asked_tools: set[tuple[str, str]] = set()
        self._asking_tools: set[str] = set()
        self._starts = StartQuestions(self._agrees)
        self._told: set[str] = set()
        self._tasks = BackgroundTasks("an extension")

    def tools(self, taken: Sequence[str]) -> list[Tool]:
        """Return the added tools that can be called now, without those whose name is in `taken`."""
        custom = self._custom(taken)
        skills = self._skills([*taken, *(tool.name for tool in custom)])
        return [*custom, *skills, *(self._mcp.tools() if self._mcp else ())]

    def mcp_status(self) -> list[McpServerStatus]:
        """Return the state of each configured MCP server."""
        if not self._configured:
            return []
        from mazu_ls.tools.mcp.servers import McpServerStatus

        runs = self._mcp if self._may_start else None
        known = {status.name: status for status in (runs.status() if runs else ())}
        state, why = ("starting", "") if self._may_start else ("stopped", NOT_STARTED)
        looked = [] if self._may_start else self._connections(self._configured).status()
        known |= {status.name: status for status in looked if status.state == "not_agreed"}
        known = {
            name: status
            for name, status in known.items()
            if self._may_start or name not in {own.name for own in self._own}
        }
        begins = [McpServerStatus(entry.name, state, 0, (), why) for entry in self._configured]
        return [known.get(status.name, status) for status in begins]

    def start(self) -> None:
        """Start the MCP servers, and those that are configured from now on. An editor's server does it when it opens the
        project, a command of the terminal only if it has turns."""
        if not self._may_start:
            self._may_start = True
            self._begin()

    async def wait_agreed(self) -> None:
        """Ask about files with tools that the user has not agreed to, and wait a while for the answers; for each question once."""
        self._custom(())
        if new := [task for task in self._asking_files.values() if task not in self._waited_for]:
            self._waited_for = list(self._asking_files.values())
            await asyncio.wait(new, timeout=ANSWER_SECONDS)

    async def ask_skill(self, name: str) -> None:
        """Ask about a skill that came with the project, or changed since the user agreed to it, with its source. Raises
        ToolError if the user does not agree, MazuError(not_found, config)."""
        from mazu_ls.tools.skills.skill_store import SkillStore

        store = SkillStore(self._folders, self._env)
        skill = await asyncio.to_thread(store.get, name)
        if skill.trust == "agreed":
            return
        came = "changed since you agreed to it" if skill.trust == "changed" else "came with the project"
        if not await self._agrees(f"May the agent run the skill {name}? It {came}.", skill.source):
            raise ToolError(f"the user has not agreed to the skill {name}, which {came}")
        await asyncio.to_thread(store.agree_to, skill)

    async def wait_started(self) -> list[str]:
        """Start the MCP servers if nobody did, and wait until a few seconds after that; return the names of those still
        starting."""
        self.start()
        loop = asyncio.get_running_loop()
        while names := [status.name for status in self.mcp_status() if status.state == "starting"]:
            if loop.time() >= self._begun + START_SECONDS:
                return names
            await asyncio.sleep(0.05)
        return []

    def configure(self, servers: tuple[McpServer, ...], own: Sequence[McpServer], seconds: float) -> None:
        """Use these MCP servers from now on, once `start` was called. Those in `own` come from the user's own settings;
        the user is asked about the others.

        A question waits `seconds` for its answer.
        """
        self._seconds = seconds
        if servers == self._configured:
            return
        self._configured, self._own = servers, own
        if self._may_start:
            self._begin()

    def _begin(self) -> None:
        self._begun = asyncio.get_running_loop().time()
        if self._configured or self._mcp:
            self._tasks.spawn(self._replace(self._configured, self._own))

    async def agree(self, name: str) -> None:
        """Record the user's consent to an MCP server as it is configured, and to the files that it is started from. Raises
        MazuError(not_found)."""
        if self._mcp is None and self._configured:
            self._mcp = self._connections(self._configured)
        if self._mcp is None or name not in self._mcp.servers:
            raise MazuError(Kind.NOT_FOUND, f"There is no MCP server {name}.", "See mazu.status.")
        await self._mcp.servers[name].files.agree()
        self._mcp.agree(name)

    async def revoke(self, name: str) -> None:
        """Revoke the user's consent to an MCP server and end it."""
        if self._mcp and name in self._mcp.servers:
            await self._mcp.revoke(name)

    async def close(self) -> None:
        """End the MCP servers."""
        await self._tasks.close()
        if self._mcp:
            await self._mcp.close()

    def _has_custom(self) -> bool:
        return paths.has_extension_folder("tools", self._folders, self._env)

    def _skills(self, taken: Sequence[str]) -> list[Tool]:
        if not has_skills(self._folders, self._env):
            return []
        from mazu_ls.tools.skills.tools import skill_tools

        return skill_tools(self._folders, self._env, taken)

    def _custom(self, taken: Sequence[str]) -> list[Tool]:
        if not self._has_custom():
            return []
        from mazu_ls.tools.skills.custom_tools import custom_tools

        found = custom_tools(self._folders, self._env, taken)
        for waiting in found.waiting:
            content = (waiting.name, hashlib.sha256(waiting.content).hexdigest())
            if waiting.name not in self._asking_files and content not in self._asked:
                self._asked.add(content)
                self._asking_files[waiting.name] = self._tasks.spawn(self._ask_file(waiting))
        for problem in found.problems:
            if problem not in self._told:
                self._told.add(problem)
                self._notify(problem)
        return found.tools

    async def _replace(self, servers: tuple[McpServer, ...], own: Sequence[McpServer]) -> None:
        if self._mcp:
            await self._mcp.close()
        self._mcp = mcp = self._connections(servers)
        for entry in servers:
            if entry in own:
                mcp.agree(entry.name)
        await mcp.start()
        for status in mcp.status():
            if status.state == "not_agreed" and await self._agrees(
                f"Start the MCP server {status.name} of this project?{where_it_is(mcp.servers[status.name].entry)}",
                msgspec.json.format(msgspec.json.encode(mcp.servers[status.name].entry)).decode(),
            ):
                await mcp.servers[status.name].files.agree()
                mcp.agree(status.name)

    def _connections(self, servers: tuple[McpServer, ...]) -> McpServers:
        """Return connections to the servers, none of which is started yet."""
        from mazu_ls.tools.mcp.servers import McpServers
        from mazu_ls.tools.skills.trust import TrustStore

        trust = TrustStore.load(paths.mazu_home(self._env))
        return McpServers(
            servers,
            self._env,
            trust,
            self._key,
            self._notify,
            ask=self._ask,
            roots=self._folders,
            own=self._own,
        )

    def waiting(self, name: str) -> bytes:
        """Return what of a server waits for the user, tools and files that it is started from, as readable JSON; empty for
        nothing. Reads files: call it off the event loop."""
        return self.waiting_tools(name) + shown_files(self._changed(name))

    def changed_files(self, name: str) -> tuple[str, ...]:
        """Return the absolute paths of the project's files that a server is started from and that are new or changed since
        the user agreed. Reads files: call it off the event loop."""
        return tuple(str(self._folders[0] / place) for place, _ in self._changed(name))

    def _changed(self, name: str) -> Found:
        connections = self._mcp or self._connections(self._configured)
        server = connections.servers.get(name)
        return server.files.changed() if server else ()

    def waiting_tools(self, name: str) -> bytes:
        """Return the tools of a server that are new or changed since the user agreed, as readable JSON; empty for none."""
        specs = self._mcp.waiting(name) if self._mcp else []
        shown = [{"name": one.name, "description": one.description, "schema": one.schema} for one in specs]
        return msgspec.json.format(msgspec.json.encode(shown, order="deterministic")) if shown else b""

    def _ask(self, name: str) -> None:
        if self._mcp and name in self._mcp.servers:
            self._tasks.spawn(self._starts.ask(self._mcp.servers[name]))
        self._ask_tools(name)

    def _ask_tools(self, name: str) -> None:
        """Ask, once for each list, whether the agent may call the tools that a server newly offers. A list that comes while
        a question about the server is open waits for the answer, and only the last one is asked about."""
        waiting = self.waiting_tools(name)
        listed = (name, hashlib.sha256(waiting).hexdigest())
        if waiting and name not in self._asking_tools and listed not in self._asked_tools:
            self._asked_tools.add(listed)
            self._asking_tools.add(name)
            self._tasks.spawn(self._agree_tools(name, waiting))

    async def _agree_tools(self, name: str, shown: bytes) -> None:
        title = f"The MCP server {name} offers new or changed tools. May the agent call them as they are now?"
        try:
            agreed = await self._agrees(title, shown.decode())
            if agreed and self._mcp and self.waiting_tools(name) == shown:
                await self._mcp.servers[name].agree_tools(self._mcp.waiting(name))
        finally:
            self._asking_tools.discard(name)
        # The list may have changed while the question was open: then ask about the current one.
        self._ask_tools(name)

    def _notify(self, sentence: str) -> None:
        self._tasks.spawn(self._host.say("warning", f"Mazu: {sentence}"))

    async def _ask_file(self, waiting: UntrustedToolFile) -> None:
        from mazu_ls.tools.skills.trust import TrustStore

        changed = " It changed since you agreed to it." if waiting.changed else ""
        title = f"May the agent run the tools in {waiting.path.name} of this project?{changed}"
        try:
            if await self._agrees(title, waiting.content.decode("utf-8", "replace")):
                trust = TrustStore.load(paths.mazu_home(self._env))
                await asyncio.to_thread(trust.agree, "tool", waiting.name, waiting.content)
        finally:
            self._asking_files.pop(waiting.name, None)

    async def _agrees(self, title: str, detail: str) -> bool:
        reply = await self._host.ask(Question("", "", "trust", title, detail, CHOICES), self._seconds)
        if reply.unreachable:
            self._notify(f"{title} {UNDECIDED}")
        return reply.choice is not None and reply.choice.kind != "deny"


def servers_of_user(layers: Sequence[Layer]) -> list[McpServer]:
    """Return the MCP servers from the user's own settings, not the project's."""
    found: list[McpServer] = []
    for layer in layers:
        given = layer.values.get("mcp_servers") if layer.may_loosen else None
        for entry in given if isinstance(given, list) else ():
            try:
                found.append(msgspec.convert(entry, McpServer))
            except msgspec.ValidationError as error:
                log.info("%s: %s", layer.origin, error)  # the settings' own warning informs the user
    return found
