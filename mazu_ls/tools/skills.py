"""Skills as the model's tools."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

from msgspec import Meta, Struct

from mazu_ls.tools import bounded
from mazu_ls.tools.pythoncall import Called, Surroundings
from mazu_ls.tools.skillbook import Scope, Skills
from mazu_ls.tools.tool import Effect, ToolOutput, tool
from mazu_ls.tools.turn import Turn


class SaveSkill(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(description="Name of the function, such as count_lines.")]
    source: Annotated[
        str,
        Meta(
            description="A Python file: one typed function of that name with a docstring that says what it is for, its imports,"
            " and functions test_... that use assert; they must pass before it is kept."
        ),
    ]
    scope: Annotated[Scope, Meta(description="global: for every project.")] = "project"


class RunSkill(Struct, forbid_unknown_fields=True):
    name: str
    arguments: Annotated[dict[str, Any], Meta(description="By the names of its parameters.")] = {}


class ListSkills(Struct, forbid_unknown_fields=True):
    name: Annotated[str | None, Meta(description="Show the source of this one instead.")] = None


def skills_of(turn: Turn) -> Skills:
    """The skills this turn may see."""
    return Skills(turn.workspace.roots, turn.env)


def surroundings(turn: Turn) -> Surroundings:
    """Skills and custom tools are held like the shell."""
    settings = turn.config.shell
    return Surroundings(turn.workspace.roots, turn.env, settings.sandbox, settings.network)


@tool(Effect.EXECUTE)
async def save_skill(args: SaveSkill, turn: Turn) -> str:
    """Keep a piece of Python that worked, so that it can be run again by name. Its tests run first and must pass."""
    skill = await skills_of(turn).save(args.name, args.source, args.scope, surroundings(turn))
    tested = f"{len(skill.tests)} tests passed" if skill.tests else "it has no test"
    return f"saved the skill {skill.name} ({tested})"


@tool(Effect.EXECUTE)
async def run_skill(args: RunSkill, turn: Turn) -> str:
    """Run a saved skill. It costs no model call."""
    return told(await skills_of(turn).run(args.name, args.arguments, surroundings(turn)))


@tool(Effect.READ)
async def list_skills(args: ListSkills, turn: Turn) -> ToolOutput:
    """List the saved skills with their parameters, or show the source of one."""
    book = skills_of(turn)
    if args.name is not None:
        skill = await asyncio.to_thread(book.get, args.name)
        return ToolOutput(skill.source, untrusted=None if skill.trust == "agreed" else str(skill.path))
    skills, problems = await asyncio.to_thread(book.list)
    lines = [
        f"{s.name}({', '.join(s.schema['properties'])}): {s.description.splitlines()[0]}"
        for s in skills
        if s.trust == "agreed"
    ]
    waiting = [s.name for s in skills if s.trust != "agreed"]
    lines += [f"[not agreed to by the user, so they cannot be run: {', '.join(waiting)}]"] if waiting else []
    return ToolOutput(
        "\n".join([*lines, *(f"[{problem}]" for problem in problems)]) or "there are no skills yet"
    )


def told(called: Called) -> str:
    """A result as text for the model: what was returned, then what was printed."""
    result = called.result
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, indent=1)
    lines = [] if result is None and called.output else [bounded.head(text, "return less, or write a file")]
    if called.output:
        lines.append(f"[printed]\n{called.output.rstrip()}")
    return "\n".join(lines)
