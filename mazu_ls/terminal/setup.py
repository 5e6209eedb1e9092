"""`doctor` says what is there and what is missing; `init` prepares a project."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mazu_ls import __version__, paths
from mazu_ls.errors import MazuError
from mazu_ls.gitcmd import find_git
from mazu_ls.terminal import show
from mazu_ls.terminal.host import TerminalHost

KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "DEEPSEEK_API_KEY", "GEMINI_API_KEY")

CONFIG = """\
# Settings of this project. They may tighten what the user's own settings allow, never loosen it.
# Every key is optional; these are the defaults.

# [limits]
# max_steps = 15
# max_cost_usd = 1.0

# [memory]
# write = "auto"        # "ask", "off"

# [checkpoints]
# keep_days = 30
"""
ROLE = """\
You work on this project as a careful colleague.

- Prefer the smallest change that solves the problem.
- Follow the conventions you find in the code.
- Run the tests after a change and say what they said.
"""


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `ok` None: optional and absent."""

    what: str
    ok: bool | None
    detail: str


async def doctor(folders: Sequence[Path], as_json: bool) -> int:
    """Check everything mazu-ls needs; the exit code is 1 where something that is needed is missing."""
    findings = [*_programs(), *_keys(), *await _project(folders)]
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        out = show.console()
        for finding in findings:
            mark = {True: "[green]ok[/]      ", False: "[red]missing[/] ", None: "[dim]none[/]    "}[
                finding.ok
            ]
            out.print(mark + f"[bold]{finding.what}[/] {finding.detail}")
    return 1 if any(finding.ok is False for finding in findings) else 0


def _programs() -> list[Finding]:
    git = find_git()
    ripgrep, sandbox = shutil.which("rg"), shutil.which("bwrap")
    return [
        Finding("mazu-ls", True, f"{__version__}, Python {platform.python_version()}, {sys.platform}"),
        Finding("git", bool(git), git or "checkpoints need it: install git"),
        Finding("ripgrep", True if ripgrep else None, ripgrep or "optional: grep is faster with it"),
        Finding(
            "bubblewrap",
            True if sandbox else None,
            sandbox or "optional: holds commands in a sandbox; Landlock is used where the kernel has it",
        ),
        Finding("SQLite", True, _sqlite()),
    ]


def _sqlite() -> str:
    try:
        import apsw
    except ImportError:
        return sqlite3.sqlite_version
    return f"{apsw.sqlite_lib_version()} through APSW {apsw.apsw_version()}"


def _keys() -> list[Finding]:
    present = [key for key in KEYS if os.environ.get(key)]
    advice = "set one of " + ", ".join(KEYS) + ", or configure a local endpoint under [models.<name>]"
    return [Finding("model keys", True if present else None, ", ".join(present) if present else advice)]


async def _project(folders: Sequence[Path]) -> list[Finding]:
    from mazu_ls.agent.project import Project

    findings = [
        Finding("user folder", True, str(paths.mazu_home())),
        Finding("state folder", os.access(_existing(paths.state_home()), os.W_OK), str(paths.state_home())),
    ]
    project = await Project.open(folders, TerminalHost(folders, quiet=True))
    try:
        for warning in project.warnings:
            findings.append(Finding("project", False, warning))
        if project.memories:
            findings.append(Finding("memory", True, str(project.database)))
        if project.checkpoints:
            stats = await project.checkpoints.stats()
            findings.append(Finding("checkpoints", True, f"{stats.count} in {stats.bytes} bytes"))
        try:
            findings.append(Finding("model", True, (await project.model(None)).name))
        except MazuError as error:
            findings.append(Finding("model", None, f"{error.message} {error.hint}"))
    finally:
        await project.close()
    return findings


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.exists())


async def init(folders: Sequence[Path], as_json: bool) -> int:
    """Create `.mazu/` with a commented config and a role document; what is there already stays."""
    folder = await asyncio.to_thread(paths.project_folder, folders[0])
    made: list[str] = []
    for name, text in (("config.toml", CONFIG), ("role.md", ROLE)):
        path = folder / name
        if not path.exists():
            path.write_text(text, encoding="utf-8")
            made.append(str(path))
    for name in ("chats", "skills", "tools"):
        (folder / name).mkdir(exist_ok=True)
    if as_json:
        print(json.dumps({"folder": str(folder), "created": made}))
    else:
        print(
            f"{folder} is ready" + (f": wrote {', '.join(Path(path).name for path in made)}" if made else "")
        )
    return 0
