"""MCP servers: one owner task each, accurate status, reconnection with backoff, tools pinned as the user agreed to them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from mazu_ls.config.config import McpServer
from mazu_ls.errors import MazuError, ToolError
from mazu_ls.redact import redact
from mazu_ls.tools.base import Effect, Tool, ToolOutput
from mazu_ls.tools.edit.redacted.placeholders import refuse_placeholders
from mazu_ls.tools.mcp import tools as mcptools
from mazu_ls.tools.mcp.list_pause import ListPause
from mazu_ls.tools.mcp.start_files import StartFiles
from mazu_ls.tools.mcp.stdio import guarded_stdio
from mazu_ls.tools.mcp.streams import (
    START_SECONDS,
    OpenStreams,
    StderrTail,
    connection_lost,
    why_ended,
)
from mazu_ls.tools.mcp.tool_pins import ToolPins
from mazu_ls.tools.mcp.tools import McpToolSpec
from mazu_ls.tools.shell.environment import child_environment
from mazu_ls.tools.shell.process import MARK, kill
from mazu_ls.tools.skills.trust import TrustStore
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    import mcp

    from mazu_ls.tools.context import ToolContext

log = logging.getLogger(__name__)
CALL_SECONDS = 120.0
WAIT_SECONDS = 10.0  # seconds that a call waits for a server that is just being reconnected
PING_SECONDS = 30.0
BACKOFF = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
PAGES = 20
NO_PACKAGE = "MCP needs the package mcp in the same environment: pipx inject mazu-ls mcp"
State = Literal["not_agreed", "starting", "connected", "reconnecting", "failed", "stopped"]


@dataclass(frozen=True)
class McpServerStatus:
    """The state of one server: `detail` says why it is not connected, or which tools wait for the user."""

    name: str
    state: State
    tools: int
    waiting: tuple[str, ...]
    detail: str


class McpServers:
    """All configured servers of a project. Nothing is started without the user's consent."""

    def __init__(
        self, configured: Sequence[McpServer], env: Mapping[str, str], trust: TrustStore, owner: str = "user",
        tell: Callable[[str], None] = lambda sentence: None, *, ask: Callable[[str], None] = lambda name: None,
        roots: Sequence[Path] = (), own: Sequence[McpServer] = (),
    ) -> None:  # fmt: skip
        """Those in `own` are of the user's own settings. `tell` is called once with a sentence for the user about each server that cannot be started; `ask` with the name of one
        that waits for the user: for new or changed tools, or files in the `roots` that it is started from."""
        self._trust = trust
        self._owner = owner
        self.servers = {
            entry.name: McpConnection(
                entry, env, trust, f"{owner}/{entry.name}", tell, ask=ask, roots=roots, own=entry in own
            )
            for entry in configured
        }

    async def start(self) -> None:
        """Start to connect to every server with consent, without waiting."""
        for server in self.servers.values():
            server.start()

    def tools(self) -> list[Tool]:
        """Return the tools that can be called now."""
        return [tool for server in self.servers.values() for tool in server.tools()]

    def status(self) -> list[McpServerStatus]:
        """Return the state of each server."""
        return [server.status() for server in self.servers.values()]

    def agree(self, name: str) -> None:
        """Record the user's consent to a server as it is configured and to its tools as they are; start it."""
        self.servers[name].agree()

    def waiting(self, name: str) -> list[McpToolSpec]:
        """Return the tools of a server that are new or changed since the user agreed."""
        return self.servers[name].waiting() if name in self.servers else []

    async def revoke(self, name: str) -> None:
        """Revoke the consent to a server and its tools, and end it."""
        await self.servers[name].revoke()

    async def close(self) -> None:
        """End all connections and processes."""
        await asyncio.gather(*(server.close() for server in self.servers.values()))


class McpConnection:
    """One MCP server and the task that owns its connection."""

    def __init__(
        self,
        entry: McpServer,
        env: Mapping[str, str],
        trust: TrustStore,
        pin: str,
        tell: Callable[[str], None],
        *,
        ask: Callable[[str], None],
        roots: Sequence[Path],
        own: bool,
    ) -> None:
        self.entry = entry
        self._own_entry = own
        self.files = StartFiles(trust, pin, entry, roots, env.get("PATH", ""))
        self._ask = ask
        self._tell: Callable[[str], None] | None = tell
        self._env = env
        self._trust = trust
        self._pin = pin
        self._pins = ToolPins(trust, pin)
        self._pause = ListPause()
        self._state: State = "starting" if self._agreed() else "not_agreed"
        self._detail = ""
        self._offered: list[McpToolSpec] = []
        self._client: mcp.Client | None = None
        self._connected = asyncio.Event()
        self._lost = asyncio.Event()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect in the background, unless there is no consent or it runs already."""
        if self._agreed() and self._task is None:
            self._state = "starting"
            self._task = asyncio.create_task(self._own(), name=f"mcp {self.entry.name}")

    def agree(self) -> None:
        """Record the consent to the entry and to every tool as it is now."""
        self._pins.agree(self._offered, self._content())
        self.start()

    async def agree_tools(self, seen: Sequence[McpToolSpec]) -> None:
        """Record the consent to exactly these tools; one that changed meanwhile still waits."""
        await asyncio.to_thread(self._pins.agree, seen)
        self._say_what_waits()

    def waiting(self) -> list[McpToolSpec]:
        """Return the tools that are new or changed since the user agreed."""
        return self._pins.waiting(self._offered)

    async def revoke(self) -> None:
        """Revoke the consent to the entry and its tools, and end the server; a running call fails."""
        with contextlib.suppress(MazuError):  # no consent is left
            self._trust.revoke("mcp_server", self._pin)
        self._gone()
        await self.close()
        self._task, self._offered, self._detail, self._state = None, [], "", "not_agreed"

    def status(self) -> McpServerStatus:
        """The state of the server."""
        waiting = tuple(offered.name for offered in self.waiting())
        detail = self._detail or ("see `mazu-ls trust`" if self._state == "not_agreed" else "")
        return McpServerStatus(
            self.entry.name, self._state, len(self._offered) - len(waiting), waiting, detail
        )

    def tools(self) -> list[Tool]:
        """Return its tools, without those that are new or changed since the user agreed."""
        if self._state not in ("connected", "reconnecting"):
            return []
        waiting = {offered.name for offered in self.waiting()}
        return [self._tool(offered) for offered in self._offered if offered.name not in waiting]

    async def close(self) -> None:
        """End the connection and the process, with everything it started."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=10)
        self._state = "stopped"

    def _content(self) -> bytes:
        return msgspec.json.encode(self.entry)

    def _agreed(self) -> bool:
        return self._trust.state("mcp_server", self._pin, self._content()) == "agreed"

    def _tool(self, offered: McpToolSpec) -> Tool:
        async def run(arguments: dict[str, Any], turn: ToolContext) -> ToolOutput:
            return await self._call(offered.name, arguments)

        name = mcptools.tool_name(self.entry.name, offered.name)
        schema = mcptools.schema_for_model(offered.schema)
        return Tool(name, offered.description, Effect.EXECUTE, schema, dict, run, source="mcp")

    async def _call(self, name: str, arguments: dict[str, Any]) -> ToolOutput:
        if self._state == "not_agreed":
            why = self._detail and f"the MCP server {self.entry.name} is not running: {self._detail}"
            raise ToolError(why or f"the user revoked the agreement to the MCP server {self.entry.name}")
        refuse_placeholders(json.dumps(arguments, ensure_ascii=False, default=str), f"the call of {name}")
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._connected.wait()
        except TimeoutError:
            raise ToolError(
                f"the MCP server {self.entry.name} is not connected: {self._detail or self._state}",
                mcptools.origin(self.entry.name),
            ) from None
        client = self._client
        assert client is not None
        lost = asyncio.create_task(self._lost.wait())
        call = asyncio.create_task(client.call_tool(name, arguments, read_timeout_seconds=CALL_SECONDS))
        try:
            await asyncio.wait({lost, call}, timeout=CALL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not call.done():
                why = "went away" if lost.done() else f"did not answer within {CALL_SECONDS:g} s"
                raise ToolError(f"the MCP server {self.entry.name} {why}; what {name} did is not known")
            return mcptools.output(call.result(), mcptools.origin(self.entry.name))
        except ToolError:
            raise
        except Exception as error:
            if connection_lost(error):
                self._gone()
            raise mcptools.failure(name, self.entry.name, error) from error
        finally:
            lost.cancel()
            call.cancel()

    def _gone(self) -> None:
        """Mark the connection as lost at once, although closing it takes a while."""
        self._lost.set()
        self._connected.clear()
        if self._state == "connected":
            self._state = "reconnecting"

    async def _own(self) -> None:
        """Connect, stay connected, reconnect; everything of one connection happens in this task."""
        failures = 0
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self.files.wait_agreed(self._waits)
                self._state = "starting" if self._state == "not_agreed" else self._state
                await self._one_connection()
            except ImportError:
                self._state, self._detail = "failed", NO_PACKAGE
                self._trouble()
                return
            except Exception as error:
                self._detail = self._detail or redact(why_ended(error, ""))
                log.debug("MCP server %s", self.entry.name, exc_info=True)
                self._trouble()
            finally:
                self.files.release()
                self._connected.clear()
                self._client = None
            stayed = asyncio.get_running_loop().time() - began > BACKOFF[-1]
            failures = 1 if stayed else failures + 1
            self._state = "reconnecting" if self._offered else "failed"
            await asyncio.sleep(BACKOFF[min(failures, len(BACKOFF)) - 1])

    def _waits(self, why: str, for_user: bool) -> None:
        self._detail = why
        if for_user:
            self._state = "not_agreed"
            self._ask(self.entry.name)

    def _trouble(self) -> None:
        """Log the error without the exception groups of a task group; tell the user once, if the server never worked."""
        log.warning("MCP server %s: %s", self.entry.name, self._detail)
        if self._tell is not None and not self._offered:
            said = split_lines(self._detail, ends=False)[0].rstrip(".")
            self._tell(f"The MCP server {self.entry.name} cannot be used: {said}.")
            self._tell = None

    async def _one_connection(self) -> None:
        import mcp

        self._detail = ""
        self._lost.clear()
        async with AsyncExitStack() as stack:
            transport = await stack.enter_async_context(self._transport())
            async with asyncio.timeout(START_SECONDS):
                client = await stack.enter_async_context(
                    mcp.Client(
                        OpenStreams(transport),
                        message_handler=self._on_message,
                        cache=None,
                        read_timeout_seconds=CALL_SECONDS,
                    )
                )
                await self._list(client)
            self._client = client
            self.files.release()
            if not self._lost.is_set():
                self._state = "connected"
                self._connected.set()
            while not self._lost.is_set():
                await self._watch(client)

    async def _watch(self, client: mcp.Client) -> None:
        """Wait until something happens or a ping is due; a failed ping is a lost connection."""
        events = [asyncio.create_task(event.wait()) for event in (self._lost, self._changed)]
        try:
            done, _ = await asyncio.wait(events, timeout=PING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in events:
                task.cancel()
        if self._lost.is_set():
            raise ConnectionError("the connection was lost")
        if self._changed.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause.delay(asyncio.get_running_loop().time())):
                    await self._lost.wait()
                    raise ConnectionError("the connection was lost")
        async with asyncio.timeout(START_SECONDS):
            if self._changed.is_set():
                self._changed.clear()
                await self._list(client)
            elif not done:
                await client.list_tools()  # not every version of the protocol has a ping

    async def _list(self, client: mcp.Client) -> None:
        """Read the server's tools. The first list is pinned, since consent to the server includes it."""
        found: list[McpToolSpec] = []
        cursor = None
        for _ in range(PAGES):
            page = await client.list_tools(cursor=cursor)
            found += [offered for tool in page.tools if (offered := mcptools.offered(tool)) is not None]
            cursor = page.next_cursor
            if not cursor or len(found) > mcptools.MAX_TOOLS:
                break
        self._offered = mcptools.bounded(found)
        if len(self._offered) < len(found):
            log.warning("MCP server %s: %d of %d tools used", self.entry.name, len(self._offered), len(found))
        await asyncio.to_thread(self._pins.agree_to_first_list, self._offered, self._content())
        if self._say_what_waits():
            self._ask(self.entry.name)

    def _say_what_waits(self) -> bool:
        names = self.status().waiting
        self._detail = f"new or changed, so not callable until you agree: {', '.join(names)}" if names else ""
        return bool(names)

    async def _on_message(self, message: object) -> None:
        inner = getattr(message, "root", message)
        if getattr(inner, "method", "") == "notifications/tools/list_changed":
            self._changed.set()

    @asynccontextmanager
    async def _transport(self) -> AsyncIterator[Any]:
        entry = self.entry
        if entry.url is not None:
            from mazu_ls.tools.mcp.bounded_http import http_streams

            async with http_streams(entry, own=self._own_entry) as streams:
                yield streams
            return
        if entry.command is None:
            raise ValueError("the entry has neither `command` nor `url`")
        async with self._process(entry.command) as streams:
            yield streams

    @asynccontextmanager
    async def _process(self, command: str) -> AsyncIterator[Any]:
        mark = secrets.token_hex(12)
        env = child_environment(self._env, {**self.entry.env, MARK: mark})
        tail = StderrTail(self._gone)
        try:
            async with guarded_stdio([command, *self.entry.args], env, tail.file) as streams:
                # the server has its own copy: when that is closed too, the server has ended
                tail.file.close()
                yield streams
        except Exception as error:
            self._detail = redact(why_ended(error, tail.text))[:500]
            raise
        finally:
            tail.close()
            await asyncio.shield(asyncio.to_thread(kill, mark))
