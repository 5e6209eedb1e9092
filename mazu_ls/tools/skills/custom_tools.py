"""Custom tools: each public function of a `.py` in `~/.mazu/tools/` or `.mazu/tools/`, typed by its signature.

The file is never imported here: its signatures are parsed, and it runs in its own process when it is called.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import MazuError
from mazu_ls.state.paths import PROJECT_FOLDER, mazu_home, root_key
from mazu_ls.tools.base import Effect, Tool, ToolOutput
from mazu_ls.tools.skills import python_runner, signature
from mazu_ls.tools.skills.skill_store import python_files
from mazu_ls.tools.skills.tools import render_call_result, run_context
from mazu_ls.tools.skills.trust import TrustStore
from mazu_ls.workspace import project_files

if TYPE_CHECKING:
    from mazu_ls.tools.context import ToolContext

MAX_BYTES = 2**20


@dataclass(frozen=True)
class UntrustedToolFile:
    """A file of a project without the user's consent: nothing of it can be called."""

    path: Path
    name: str
    content: bytes
    changed: bool


@dataclass(frozen=True)
class CustomTools:
    """The content of the folders: tools, files that wait for the user, one sentence for each invalid file."""

    tools: list[Tool]
    waiting: list[UntrustedToolFile]
    problems: list[str]


def custom_tools(roots: Sequence[Path], env: Mapping[str, str], taken: Sequence[str] = ()) -> CustomTools:
    """Read the folders. An error in one file does not affect the others; a name in `taken` is not used twice."""
    found = CustomTools([], [], [])
    names = set(taken)
    trust = TrustStore.load(mazu_home(env))
    for root, inside, project in _folders(roots, env):
        for file in python_files(root, inside):
            path = root / inside / file
            try:
                content = project_files.read_file(root, inside / file, MAX_BYTES)
                _one(path, content, project, trust, found=found, names=names)
            except MazuError as error:
                found.problems.append(error.message)
            except (OSError, UnicodeDecodeError) as error:
                found.problems.append(f"{path} cannot be read: {error}.")
    return found


def files_of_project(roots: Sequence[Path]) -> Iterator[tuple[str, Path, bytes]]:
    """Yield consent name, path and content of each tools file of a project, as it is now."""
    inside = PurePosixPath(PROJECT_FOLDER, "tools")
    for root in roots[:1]:
        for file in python_files(root, inside):
            with contextlib.suppress(OSError):
                content = project_files.read_file(root, inside / file, MAX_BYTES)
                yield f"{root_key(root)}/{file}", root / inside / file, content


def _folders(roots: Sequence[Path], env: Mapping[str, str]) -> list[tuple[Path, PurePosixPath, str | None]]:
    folders: list[tuple[Path, PurePosixPath, str | None]] = [
        ((mazu_home(env) / "tools").resolve(), PurePosixPath(), None)
    ]
    inside = PurePosixPath(PROJECT_FOLDER, "tools")
    return folders + [(root, inside, root_key(root)) for root in roots[:1]]


def _one(
    path: Path, content: bytes, project: str | None, trust: TrustStore, *, found: CustomTools, names: set[str]
) -> None:
    if project is not None:
        name = f"{project}/{path.name}"
        state = trust.state("tool", name, content)
        if state != "agreed":
            found.waiting.append(UntrustedToolFile(path, name, content, state == "changed"))
            return
    source = content.decode("utf-8")
    functions = [one for one in signature.functions(source, str(path)) if one.doc]
    if not functions:
        found.problems.append(f"{path} has no public function with a docstring.")
    for function in functions:
        if function.name in names:
            found.problems.append(f"{path}: {function.name} is already the name of another tool.")
            continue
        names.add(function.name)
        found.tools.append(_tool(function, path, source))


def _tool(function: signature.FunctionSignature, path: Path, source: str) -> Tool:
    async def run(arguments: dict[str, Any], turn: ToolContext) -> ToolOutput:
        return render_call_result(
            await python_runner.call(source, path, [function.name], arguments, run_context(turn))
        )

    return Tool(
        name=function.name,
        description=function.doc,
        effect=Effect.EXECUTE,
        schema=function.schema,
        decode=lambda raw: signature.check(function.schema, raw),
        run=run,
        source="custom",
    )
