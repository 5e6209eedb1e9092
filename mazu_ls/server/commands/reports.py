"""mazu.usage, mazu.audit, mazu.status: usage and cost, the audit log, the present state."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import UNSET

from mazu_ls import __version__
from mazu_ls.errors import Kind, MazuError
from mazu_ls.gitcmd import find_git
from mazu_ls.server.commands import command
from mazu_ls.server.logs import log_place
from mazu_ls.server.wire import reports as wire
from mazu_ls.server.wire.codec import as_view
from mazu_ls.server.wire.common import NoParams

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.state import ServerState

STATS_SECONDS = 5.0
"""Seconds that a status waits for a checkpoint in progress."""


@command("mazu.usage")
async def usage(server: ServerState, params: wire.UsageParams) -> wire.UsageReport:
    """Return tokens and money by model; usage without a known price costs null, never 0."""
    from mazu_ls.agent.session.deleted_sessions import FOLDER
    from mazu_ls.agent.session.journal_views import total_usage

    project = await server.wait_opened()
    journals = _journals(project, params.session_id)
    if params.session_id is None:
        journals += project.journals.glob(f"{FOLDER}/*.jsonl")  # deleted, paid for nevertheless
    spent = await asyncio.to_thread(total_usage, journals, params.since_days)
    return wire.UsageReport(spent.by_model, spent.total, spent.total.cost_usd)


@command("mazu.audit")
async def audit(server: ServerState, params: wire.AuditParams) -> wire.AuditReport:
    """Return every tool call, newest first: arguments, who decided how, result."""
    from mazu_ls.agent.session.journal_views import audit as audited

    project = await server.wait_opened()
    records = await asyncio.to_thread(audited, _journals(project, params.session_id), params.limit)
    return wire.AuditReport([as_view(record, wire.AuditEntryView) for record in records])


@command("mazu.status")
async def status(server: ServerState, params: NoParams) -> wire.StatusView:
    """Return one object for status bars. It answers whatever is missing."""
    project = await server.wait_opened()
    running = [s for s in project.sessions.opened() if s.running]
    model, problems = await _model(project)
    broken = await project.sessions.last_interrupted()
    return wire.StatusView(
        version=__version__,
        model=model,
        mode=project.mode,
        session=project.sessions.current,
        running=[wire.RunningSessionView(s.id, s.name, s.state) for s in running],
        running_elsewhere=await _running_elsewhere(project),
        interrupted=wire.InterruptedSessionView(broken.id, broken.name) if broken else None,
        jobs=server.jobs.titles,
        memory=await _memory(project),
        checkpoints=await _checkpoints(project),
        keys=_keys(project),
        git=find_git() is not None,
        sandbox=await _sandbox(project),
        mcp_servers=[as_view(status, wire.McpServerView) for status in project.mcp_servers()],
        folders=[str(folder) for folder in project.folders],
        warnings=[*project.warnings, *problems],
        log=log_place(project.env),
        pid=os.getpid(),
        clients=[
            wire.ConnectedClientView(one.kind, one.name, one.pid, one.connected_at) for one in server.clients
        ],
    )


async def _running_elsewhere(project: Project) -> list[wire.RunningElsewhereView]:
    """Return the turns of other processes: undo and rollback wait for their end, also if a process is suspended and answers nothing."""
    from mazu_ls.server.rpc.live.peers import is_suspended

    markers = await asyncio.to_thread(project.turn_markers.elsewhere)
    return [
        wire.RunningElsewhereView(one.session_id, one.client, one.pid, is_suspended(one.pid))
        for one in markers
    ]


def _journals(project: Project, session_id: str | None) -> list[Path]:
    if session_id is None:
        return sorted(project.journals.glob("*.jsonl")) + sorted(project.state.glob("*.jsonl"))
    path = project.journals / f"{session_id}.jsonl"
    if "/" in session_id or not path.is_file():
        raise MazuError(Kind.NOT_FOUND, f"There is no session {session_id[:80]!r}.", "See mazu.session.list.")
    return [path]


async def _model(project: Project) -> tuple[str | None, list[str]]:
    """Return the model in use; if there is none although the user chose one, why not."""
    from mazu_ls.server.commands.models import current_model

    model = await current_model(project)
    if model is None and project.config.model:
        try:
            await project.model(None)
        except MazuError as error:
            return None, [f"{error.message} {error.hint}".strip()]
    return model, []


async def _memory(project: Project) -> wire.MemoryStatusView:
    if project.memories is None:
        return wire.MemoryStatusView(False, _reason(project.no_memory))
    from mazu_ls.memory.team.waiting_proposals import count_waiting

    counts = await project.memories.stats()
    waiting = await count_waiting(project.memories, project.root)
    notice = await project.memories.embedder.check()
    return wire.MemoryStatusView(True, UNSET, counts.get("project", UNSET), counts["global"], waiting, notice)


async def _checkpoints(project: Project) -> wire.CheckpointStatusView:
    if project.checkpoints is None:
        return wire.CheckpointStatusView(False, _reason(project.no_checkpoints))
    try:
        async with asyncio.timeout(STATS_SECONDS):
            stats = await project.checkpoints.stats()
    except TimeoutError:
        return wire.CheckpointStatusView(False, "A checkpoint is being taken.")
    return wire.CheckpointStatusView(
        True,
        UNSET,
        stats.count,
        stats.bytes,
        stats.max_bytes,
        stats.current,
        list(stats.damaged),
        list(stats.rescued),
    )


def _reason(error: MazuError | None) -> str:
    return f"{error.message} {error.hint}".strip() if error else "not open"


def _keys(project: Project) -> dict[str, bool]:
    """Return which providers can be called as far as keys are concerned; never the keys."""
    from mazu_ls.models import catalog
    from mazu_ls.models.providers import PROVIDERS

    names = [*PROVIDERS, *(name for name in project.config.models if name not in PROVIDERS)]
    return {name: catalog.key_present(name, project.config, project.env) for name in names}


async def _sandbox(project: Project) -> wire.SandboxStatusView:
    """Return the sandbox of commands, and why it is this one."""
    from mazu_ls.tools.shell.sandbox import probe

    setting = project.config.shell.sandbox
    if setting == "off":
        return wire.SandboxStatusView(setting, "none", "shell.sandbox is off")
    found = await asyncio.to_thread(probe)
    return wire.SandboxStatusView(setting, found.kind, found.why)
