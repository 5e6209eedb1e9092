"""Tools for the model to list, run and save skills."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from mazu_ls.tools import output_limits
from mazu_ls.tools.base import Effect, Tool, ToolOutput, tool
from mazu_ls.tools.context import COMMAND_OUTPUT, ToolContext
from mazu_ls.tools.edit.redacted.placeholders import refuse_placeholders
from mazu_ls.tools.skills import signature
from mazu_ls.tools.skills.python_runner import CallResult, RunContext
from mazu_ls.tools.skills.skill_store import Scope, Skill, SkillStore
from mazu_ls.workspace.text import split_lines

MOST_TOOLS = 50  # more would fill the prompt; run_skill runs them all


class SaveSkillArgs(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(description="Name of the function, such as count_lines.")]
    source: Annotated[
        str,
        Meta(
            description="A Python file: one typed function of that name with a docstring that says what it is for, its imports,"
            " and functions test_... that use assert; they must pass before it is kept."
        ),
    ]
    scope: Annotated[Scope, Meta(description="global: for every project.")] = "project"


class RunSkillArgs(Struct, forbid_unknown_fields=True):
    name: str
    arguments: Annotated[dict[str, Any], Meta(description="By the names of its parameters.")] = {}


class ListSkillsArgs(Struct, forbid_unknown_fields=True):
    name: Annotated[str | None, Meta(description="Show the source of this one instead.")] = None


def skills_of(turn: ToolContext) -> SkillStore:
    """Return the skills of this turn."""
    return SkillStore(turn.workspace.roots, turn.env)


def run_context(turn: ToolContext) -> RunContext:
    """Return the run context: skills and custom tools are sandboxed like the shell."""
    settings = turn.config.shell
    return RunContext(turn.workspace.roots, turn.env, settings.sandbox, settings.network)


@tool(Effect.EXECUTE)
async def save_skill(args: SaveSkillArgs, turn: ToolContext) -> str:
    """Keep a piece of Python that worked, so that it can be run again by name. Its tests run first and must pass."""
    refuse_placeholders(args.source, "the skill")
    skill = await skills_of(turn).save(args.name, args.source, args.scope, run_context(turn))
    tested = f"{len(skill.tests)} tests passed" if skill.tests else "it has no test"
    return f"saved the skill {skill.name} ({tested})"


@tool(Effect.EXECUTE)
async def run_skill(args: RunSkillArgs, turn: ToolContext) -> ToolOutput:
    """Run a saved skill. It costs no model call."""
    return render_call_result(await skills_of(turn).run(args.name, args.arguments, run_context(turn)))


def skill_tools(roots: Sequence[Path], env: Mapping[str, str], taken: Sequence[str]) -> list[Tool]:
    """Return the skills that may run, each as a tool with its own name; one whose name is taken needs run_skill."""
    skills, _ = SkillStore(roots, env).list()
    free = [skill for skill in skills if skill.trust == "agreed" and skill.name not in taken]
    return [_tool(skill) for skill in free[:MOST_TOOLS]]


def _tool(skill: Skill) -> Tool:
    async def run(arguments: dict[str, Any], turn: ToolContext) -> ToolOutput:
        return render_call_result(await skills_of(turn).run(skill.name, arguments, run_context(turn)))

    return Tool(
        name=skill.name,
        description=skill.description,
        effect=Effect.EXECUTE,
        schema=skill.schema,
        decode=lambda raw: signature.check(skill.schema, raw),
        run=run,
        source="skill",
    )


@tool(Effect.READ)
async def list_skills(args: ListSkillsArgs, turn: ToolContext) -> ToolOutput:
    """List the saved skills with their parameters, or show the source of one."""
    book = skills_of(turn)
    if args.name is not None:
        skill = await asyncio.to_thread(book.get, args.name)
        return ToolOutput(skill.source, untrusted=None if skill.trust == "agreed" else str(skill.path))
    skills, problems = await asyncio.to_thread(book.list)
    lines = [
        f"{s.signature}: {split_lines(s.description, ends=False)[0]}" for s in skills if s.trust == "agreed"
    ]
    waiting = [s.name for s in skills if s.trust != "agreed"]
    lines += [f"[not agreed to by the user, so they cannot be run: {', '.join(waiting)}]"] if waiting else []
    return ToolOutput(
        "\n".join([*lines, *(f"[{problem}]" for problem in problems)]) or "there are no skills yet"
    )


def render_call_result(called: CallResult) -> ToolOutput:
    """Render a result for the model: what was returned, then what was printed. It may hold any file's text, as a command's output."""
    result = called.result
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, indent=1)
    lines = (
        []
        if result is None and called.output
        else [output_limits.limit_head(text, "return less, or write a file")]
    )
    if called.output:
        lines.append(f"[printed]\n{called.output.rstrip()}")
    return ToolOutput("\n".join(lines), untrusted=COMMAND_OUTPUT)
