"""`mazu-ls doctor`: what is there, what is missing, and with `--fix` what can be repaired automatically."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls import __version__
from mazu_ls.errors import MazuError
from mazu_ls.gitcmd import distrust_programs, find_git, find_program
from mazu_ls.state import paths

if TYPE_CHECKING:
    import argparse

    from mazu_ls.agent.project.project import Project
    from mazu_ls.terminal.project_root import ProjectRoot

KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "DEEPSEEK_API_KEY", "GEMINI_API_KEY")
_PATIENCE = 5.0
"""Seconds that a model of `memory.embeddings` has to answer."""


@dataclass(frozen=True)
class DoctorFinding:
    """One check. `ok` None: optional and absent."""

    what: str
    ok: bool | None
    detail: str


async def run(given: argparse.Namespace, root: ProjectRoot) -> int:
    """Check everything mazu-ls needs; the exit status is 1 if something required is missing."""
    distrust_programs(root.folders)
    fixed = fix() if getattr(given, "fix", False) else []
    findings = [*_programs(), *_keys(), *_files(), *await _project(given, root)]
    if any(finding.what == "model" and finding.ok for finding in findings):
        findings = [_not_needed(finding) for finding in findings]
    for said in fixed:
        print(said, file=sys.stderr)
    if getattr(given, "json", False):
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        from rich.markup import escape

        from mazu_ls.terminal import show

        out = show.console()
        for finding in findings:
            mark = {True: "[green]ok[/]      ", False: "[red]missing[/] ", None: "[dim]none[/]    "}[
                finding.ok
            ]
            out.print(mark + f"[bold]{finding.what}[/] {escape(finding.detail)}")
    return 1 if any(finding.ok is False for finding in findings) else 0


def _programs() -> list[DoctorFinding]:
    git = find_git()
    ripgrep, sandbox = find_program("rg"), find_program("bwrap")
    return [
        DoctorFinding("mazu-ls", True, f"{__version__}, Python {platform.python_version()}, {sys.platform}"),
        DoctorFinding("git", bool(git), git or "checkpoints need it: install git"),
        DoctorFinding("ripgrep", True if ripgrep else None, ripgrep or "optional: grep is faster with it"),
        DoctorFinding(
            "bubblewrap",
            True if sandbox else None,
            sandbox
            or "missing: mode auto and `run --allow-shell` run few commands without it; apt install bubblewrap (Landlock confines what you approve)",
        ),
        DoctorFinding("SQLite", True, _sqlite()),
    ]


def _sqlite() -> str:
    try:
        import apsw
    except ImportError:
        return sqlite3.sqlite_version
    return f"{apsw.sqlite_lib_version()} through APSW {apsw.apsw_version()}"


def _keys() -> list[DoctorFinding]:
    present = [key for key in KEYS if os.environ.get(key)]
    advice = (
        "run `mazu-ls setup`, set one of "
        + ", ".join(KEYS)
        + ", or configure a local endpoint under [models.<name>]"
    )
    return [DoctorFinding("model keys", True if present else None, ", ".join(present) if present else advice)]


def _not_needed(finding: DoctorFinding) -> DoctorFinding:
    """A missing key of the environment needs no advice where a model can be called without one."""
    if finding.what != "model keys" or finding.ok:
        return finding
    return replace(finding, detail="none in the environment; the model that is set needs none of them")


async def _endpoints(project: Project) -> list[DoctorFinding]:
    """Ask each local endpoint of the settings, and Ollama if the model that is set is there, once whether it answers."""
    from mazu_ls.models.pricing.model_note import local_address
    from mazu_ls.terminal.verbs.setting_up.setup import said_of_endpoint

    provider, _, model = (project.config.model or "").partition(":")
    named = dict.fromkeys((*project.config.models, *(("ollama",) if provider == "ollama" else ())))
    found: list[DoctorFinding] = []
    for name in named:
        if (address := local_address(name, project.config, project.env)) is None:
            continue
        said = await said_of_endpoint(address, model if provider == name else "")
        missing = False if provider == name else None
        found.append(DoctorFinding(f"endpoint {name}", said.endswith(" answers.") or missing, said))
    return found


def _files() -> list[DoctorFinding]:
    """Check the user's own settings: readable for nobody else if they hold a key."""
    from mazu_ls.config import config_files

    path = paths.mazu_home() / "config.toml"
    if not path.exists():
        return [DoctorFinding("settings", None, f"{path} does not exist; mazu-ls setup writes it")]
    layer, problem = config_files.read_layer(path)
    if problem or layer is None:
        return [DoctorFinding("settings", False, problem or str(path))]
    exposed = config_files.world_readable_keys(path)
    return [DoctorFinding("settings", not exposed, exposed or str(path))]


def fix() -> list[str]:
    """Repair what needs no decision; return what was done."""
    from mazu_ls.config import config_files

    done: list[str] = []
    path = paths.mazu_home() / "config.toml"
    if path.exists() and config_files.world_readable_keys(path):
        path.chmod(0o600)
        done.append(f"fixed: only you may read {path} now")
    for folder in (paths.mazu_home(), paths.state_home()):
        if folder.is_dir() and folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
            done.append(f"fixed: only you may enter {folder} now")
    return done or ["nothing had to be fixed"]


async def _project(given: argparse.Namespace, root: ProjectRoot) -> list[DoctorFinding]:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.terminal.host import TerminalHost
    from mazu_ls.terminal.surfaces.plain_surface import PlainSurface
    from mazu_ls.terminal.verbs.read_only_commands import environment

    state = paths.state_home()
    findings = [
        DoctorFinding("project", True if root.folders else None, root.sentence),
        DoctorFinding("user folder", True, str(paths.mazu_home())),
        DoctorFinding("state folder", not (why := _why_not_writable(_existing(state))), f"{state}{why}"),
    ]
    with environment(given, root) as env:
        surface = PlainSurface(quiet=True)
        surface.interactive = False  # a check asks nothing
        host = TerminalHost(root.folders, surface)
        project = await Project.open(root.folders, host, env=env)
        try:
            return findings + await _opened(project)
        finally:
            await project.close()


async def _opened(project: Project) -> list[DoctorFinding]:
    findings = [DoctorFinding("project", False, warning) for warning in project.warnings]
    if project.memories:
        limited = await project.memories.embedder.check(_PATIENCE)
        findings.append(DoctorFinding("memory", True, "ready"))
        findings += [DoctorFinding("recall", None, limited)] * bool(limited)
    if project.checkpoints:
        stats = await project.checkpoints.stats()
        findings.append(DoctorFinding("checkpoints", True, f"{stats.count} in {stats.bytes} bytes"))
    try:
        findings.append(DoctorFinding("model", True, (await project.model(None)).name))
    except MazuError as error:
        findings.append(DoctorFinding("model", None, f"{error.message} {error.hint}"))
    return findings + await _endpoints(project) + await _mcp_servers(project)


async def _mcp_servers(project: Project) -> list[DoctorFinding]:
    """Start each MCP server that the user agreed to and list its tools; they end with this command."""
    if project.extensions is None or not project.config.mcp_servers:
        return []
    from mazu_ls.tools.mcp.tools import tool_prefix

    await project.extensions.wait_started()
    names = [tool.name for tool in project.tools() if tool.source == "mcp"]
    findings: list[DoctorFinding] = []
    for one in project.mcp_servers():
        found = [name for name in names if name.startswith(tool_prefix(one.name))]
        said = [
            f"{one.state}: {', '.join(found) or 'no tools'}"
            if one.state == "connected"
            else one.detail or one.state
        ]
        if one.waiting:
            said.append(f"new or changed, see mazu-ls trust list: {', '.join(one.waiting)}")
        if one.state == "not_agreed":
            said.append("mazu-ls trust list shows it")
        ok = True if one.state == "connected" else None if one.state == "not_agreed" else False
        findings.append(DoctorFinding(f"mcp {one.name}", ok, "; ".join(said)))
    return findings


def _why_not_writable(folder: Path) -> str:
    """Return why nothing can be written there, such as a full disk; empty if it can. The file that tries it has no name."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 16))
            file.flush()
    except OSError as error:
        return f": nothing can be written there: {error.strerror}"
    return ""


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.exists())
