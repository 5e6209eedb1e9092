"""mazu.skills.*: plain Python functions the agent or the user saved, run without a model."""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING

from msgspec import UNSET

from mazu_ls.errors import InvalidArguments, Kind, MazuError, ToolError
from mazu_ls.server import uris
from mazu_ls.server.commands import command
from mazu_ls.server.commands.turn.turns import focus_target
from mazu_ls.server.wire import skills as wire
from mazu_ls.server.wire.common import NoParams
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.state import ServerState
    from mazu_ls.tools.skills.python_runner import RunContext
    from mazu_ls.tools.skills.skill_store import Skill, SkillStore


@command("mazu.skills.list")
async def list_skills(server: ServerState, params: NoParams) -> wire.SkillList:
    """List every skill by name, and the problems of files that are none."""
    book, _ = await _book(server)
    skills, problems = await asyncio.to_thread(book.list)
    return wire.SkillList([_encoded(skill, source=False) for skill in skills], list(problems))


async def _chosen_name(server: ServerState) -> wire.SkillParams:
    """Without arguments: the user chooses one."""
    return wire.SkillParams((await _chosen(server)).name)


@command("mazu.skills.show", natural=_chosen_name)
async def show(server: ServerState, params: wire.SkillParams) -> wire.SkillView:
    """One skill with its source; read it before you agree to one that came with the project."""
    book, _ = await _book(server)
    return _encoded(await asyncio.to_thread(book.get, params.name))


async def _selected_source(server: ServerState) -> wire.SaveSkillParams:
    """Without arguments: the selected text, or the function round the cursor, is the source."""
    return wire.SaveSkillParams((await focus_target(server, "source")).text)


@command("mazu.skills.save", natural=_selected_source)
async def save(server: ServerState, params: wire.SaveSkillParams) -> wire.SkillView:
    """Save a function as a skill, once its tests pass. Saving a skill includes consent."""
    book, around = await _book(server)
    name = params.name or _first_function(params.source)
    source = _described(params.source, name, params.description)
    try:
        skill = await book.save(name, source, params.scope, around)
    except ToolError as error:
        raise _failed(name, error) from error
    server.notify_changed("skills")
    return _encoded(skill)


async def _chosen_run(server: ServerState) -> wire.RunSkillParams:
    """Without arguments: the user chooses one that needs no arguments."""
    return wire.RunSkillParams((await _chosen(server, runnable=True)).name)


@command("mazu.skills.run", natural=_chosen_run)
async def run(server: ServerState, params: wire.RunSkillParams) -> wire.SkillRunResult:
    """Run a skill in its own process; `output` is what it printed."""
    book, around = await _book(server)
    try:
        called = await book.run(params.name, params.arguments, around)
    except ToolError as error:
        raise _failed(params.name, error) from error
    return wire.SkillRunResult(called.result, called.output)


@command("mazu.skills.forget", natural=_chosen_name)
async def forget(server: ServerState, params: wire.SkillParams) -> wire.SkillView:
    """Delete a skill."""
    book, _ = await _book(server)
    skill = await asyncio.to_thread(book.forget, params.name)
    server.notify_changed("skills")
    return _encoded(skill)


async def _book(server: ServerState) -> tuple[SkillStore, RunContext]:
    from mazu_ls.tools.skills.python_runner import RunContext
    from mazu_ls.tools.skills.skill_store import SkillStore

    project: Project = await server.wait_opened()
    shell = project.config.shell
    around = RunContext(project.folders, project.env, shell.sandbox, shell.network)
    return SkillStore(project.folders, project.env), around


async def _chosen(server: ServerState, *, runnable: bool = False) -> Skill:
    book, _ = await _book(server)
    skills, _ = await asyncio.to_thread(book.list)
    offered = [skill for skill in skills if not (runnable and skill.schema.get("required"))]
    index = await server.pick(
        "Which skill?",
        [f"{skill.name}: {split_lines(skill.description, ends=False)[0]}" for skill in offered],
    )
    if index is None:
        raise InvalidArguments("`name` is missing; mazu.skills.list shows the names", "name")
    return offered[index]


def _encoded(skill: Skill, *, source: bool = True) -> wire.SkillView:
    return wire.SkillView(
        skill.name,
        skill.description,
        skill.scope,
        uris.from_path(skill.path),
        skill.schema,
        list(skill.tests),
        skill.trust,
        skill.source if source else UNSET,
    )


def _first_function(source: str) -> str:
    return next(
        (
            node.name
            for node in _parsed(source).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ),
        "",
    )


def _described(source: str, name: str, description: str) -> str:
    """Return the source with `description` as the docstring of a function that has none."""
    node = next(
        (
            n
            for n in _parsed(source).body
            if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.name == name
        ),
        None,
    )
    if node is None or not description or ast.get_docstring(node):
        return source
    lines = split_lines(source)
    first = node.body[0]
    lines.insert(first.lineno - 1, f"{' ' * first.col_offset}{ast.unparse(ast.Constant(description))}\n")
    return "".join(lines)


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidArguments(f"`source` is not valid Python: {error}", "source") from error


def _failed(name: str, error: ToolError) -> MazuError:
    return MazuError(
        Kind.CONFIG, f"The skill {name} failed: {error}", "See its source with mazu.skills.show."
    )
