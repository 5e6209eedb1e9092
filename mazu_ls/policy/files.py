"""Judges the paths of tools: outside the workspace is denied, secrets and files that run later are asked about."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from mazu_ls.platform.own_program import is_own_program
from mazu_ls.policy.rules import UNCLEAR, Decision, PolicyContext, ToolCallInfo, subject
from mazu_ls.tools.base import Effect
from mazu_ls.workspace import PathRefused, Workspace, autorun, path_rules

LARGE = 64 * 2**20  # bytes
# Package stores (pnpm, uv) fill these with hard links, so that a link there is no sign of anything.
_LINKED_BY_DESIGN = frozenset(("node_modules", "site-packages", ".venv", "venv", ".tox", ".nox", "target"))
_TAKES_FOLDERS = frozenset(("list_dir", "glob_files", "grep"))


def judge(call: ToolCallInfo, place: PolicyContext) -> tuple[Decision | None, Path | None]:
    """Judge a read or an edit by its path alone: None if the path is no reason against it. Return the resolved path, too, if it has
    one."""
    raw = call.arguments.get("path")
    if not isinstance(raw, str):
        return None, None
    write = call.effect is Effect.EDIT
    try:
        path = Workspace(place.roots, lambda: place.own).resolve(raw, write=write)
    except PathRefused as refused:
        return Decision("deny", refused.message.rstrip("."), rule="paths stay inside the workspace"), None
    if not write and path.is_dir() and call.tool not in _TAKES_FOLDERS:
        return Decision("deny", f"{raw} is a folder", rule="files are files"), path
    return _asked(raw, path, write, place), path


def names_of(call: ToolCallInfo, place: PolicyContext, path: Path | None) -> list[str]:
    """Return what rules are matched with: for a path (that `judge` resolved) as it was written, and relative to the root."""
    named = [subject(call)]
    raw = call.arguments.get("path")
    if isinstance(raw, str) and path is not None:
        workspace = Workspace(place.roots)
        plain = workspace.relative(Path(os.path.normpath(path.parent / path.name)))
        named = [plain, *([] if Path(raw).is_absolute() else [os.path.normpath(raw)])]
    return list(dict.fromkeys(named))


BUILT_IN_ASKS = frozenset(("files that run later", "secrets", "hard links", "large files", UNCLEAR))
"""Rules of ours that ask; an allow rule of the user that names the path comes before them."""


def _asked(raw: str, path: Path, write: bool, place: PolicyContext) -> Decision | None:
    parts = _inside(path, place)
    if write and (name := autorun.runs_later(parts)) is not None:
        return Decision(
            "ask", f"{name} is obeyed by editors, builds or other agents", rule="files that run later"
        )
    if write and path in place.programs:
        return Decision("ask", "an MCP server is started from it", rule="files that run later")
    if write and is_own_program(path):
        return Decision("ask", "mazu-ls itself runs from there", rule="files that run later")
    if (
        name := path_rules.is_secret(parts) or path_rules.is_secret(PurePosixPath(raw).parts[-1:])
    ) is not None:
        return Decision("ask", f"{name} may hold secrets", rule="secrets")
    try:
        status = path.lstat()
    except OSError:
        return None
    if not path.is_dir() and status.st_nlink > 1 and not _LINKED_BY_DESIGN.intersection(parts):
        return Decision("ask", "it is a hard link, so it may be a file from elsewhere", rule="hard links")
    if not write and path.is_file() and status.st_size > LARGE:
        return Decision("ask", f"it has {status.st_size // 2**20} MiB", rule="large files")
    return None


def _inside(path: Path, place: PolicyContext) -> tuple[str, ...]:
    for root in sorted(place.roots, key=lambda root: -len(root.parts)):
        if path.is_relative_to(root):
            return path.relative_to(root).parts
    return path.parts
