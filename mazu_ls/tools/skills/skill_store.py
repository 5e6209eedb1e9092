"""Skills: plain Python functions that the agent or the user saved as files, run without a model."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from mazu_ls.errors import Kind, MazuError, ToolError
from mazu_ls.state.paths import PROJECT_FOLDER, mazu_home, private_folder, project_folder, root_key
from mazu_ls.tools.skills import python_runner, signature
from mazu_ls.tools.skills.python_runner import CallResult, RunContext
from mazu_ls.tools.skills.trust import State, TrustStore
from mazu_ls.workspace import project_files

NAME = re.compile(r"^[a-z][a-z0-9_]{1,63}$")
Scope = Literal["project", "global"]
MAX_BYTES = 2**20


@dataclass(frozen=True)
class Skill:
    """One skill. `schema` is that of its arguments; `trust` is "agreed" if it may run; `tests` are its test functions."""

    name: str
    description: str
    scope: Scope
    path: Path
    source: str
    schema: dict[str, Any]
    tests: tuple[str, ...]
    trust: State

    @property
    def signature(self) -> str:
        """Return its name and the names of its parameters, as in a call."""
        return f"{self.name}({', '.join(self.schema['properties'])})"


class SkillStore:
    """The skills of a project (`.mazu/skills/`) and of the user (`~/.mazu/skills/`); the project's come first."""

    def __init__(self, roots: Sequence[Path], env: Mapping[str, str]) -> None:
        self._roots = tuple(roots)
        self._env = env
        self._home = mazu_home(env)
        self._trust = TrustStore.load(self._home)

    def list(self) -> tuple[list[Skill], list[str]]:
        """Return all skills by name, and one sentence for each file that is none."""
        found: dict[str, Skill] = {}
        problems: list[str] = []
        for scope, root, inside in self._folders():
            for file in python_files(root, inside):
                try:
                    skill = self._read(root, inside / file, scope)
                except MazuError as error:
                    problems.append(error.message)
                else:
                    found.setdefault(skill.name, skill)
        return [found[name] for name in sorted(found)], problems

    def get(self, name: str) -> Skill:
        """Return one skill. Raises MazuError(not_found, config)."""
        if NAME.match(name):
            for scope, root, inside in self._folders():
                if project_files.is_regular(root, inside / f"{name}.py"):
                    return self._read(root, inside / f"{name}.py", scope)
        known = ", ".join(skill.name for skill in self.list()[0]) or "none yet"
        raise MazuError(Kind.NOT_FOUND, f"There is no skill {name}.", f"There are: {known}.")

    async def save(
        self, name: str, source: str, scope: Scope = "project", around: RunContext | None = None
    ) -> Skill:
        """Save a skill if its function exists and its tests pass; saving includes consent.

        Raises MazuError(config) if the source is no skill of that name, ToolError with the output of a test that
        failed.
        """
        function = _function(name, source)
        if names := signature.tests(source):
            where = around or RunContext(self._roots, self._env)
            await python_runner.call(source, Path(f"{name}.py"), names, {}, where)
        try:
            path = await asyncio.to_thread(self._write, scope, name, source)
        except OSError as error:
            raise MazuError(
                Kind.STORAGE,
                f"The skill {name} could not be written: {error.strerror or error} ({error.filename}).",
                "Move or delete whatever is in its place.",
            ) from error
        self._trust.agree("skill", self._pin(scope, name), source.encode())
        return Skill(name, function.doc, scope, path, source, function.schema, tuple(names), "agreed")

    async def run(
        self, name: str, arguments: Mapping[str, Any], around: RunContext | None = None
    ) -> CallResult:
        """Run a skill. Raises MazuError(not_found, permission), and ToolError if it fails."""
        skill = self.get(name)
        if skill.trust != "agreed":
            raise MazuError(
                Kind.PERMISSION,
                f"The skill {name} {'was changed' if skill.trust == 'changed' else 'came with the project'}, and you have not agreed to it.",
                "Read it and agree to it (`mazu-ls trust list`; in an editor mazu.trust.agree).",
            )
        try:
            signature.check(skill.schema, dict(arguments))
        except ValueError as error:
            raise ToolError(f"bad arguments for the skill {name}: {error}") from error
        return await python_runner.call(
            skill.source, skill.path, [name], arguments, around or RunContext(self._roots, self._env)
        )

    def agree(self, name: str) -> Skill:
        """Record the consent of the user, who has read the skill as it is now."""
        self.agree_to(self.get(name))
        return self.get(name)

    def agree_to(self, seen: Skill) -> None:
        """Record the consent of the user, who has read the skill as it was then."""
        self._trust.agree("skill", self._pin(seen.scope, seen.name), seen.source.encode())

    def forget(self, name: str) -> Skill:
        """Delete a skill. Raises MazuError(not_found)."""
        skill = self.get(name)
        root = self._roots[0] if skill.scope == "project" else skill.path.parent
        project_files.remove_file(root, skill.path.relative_to(root).as_posix(), missing_ok=True)
        return skill

    def _folders(self) -> list[tuple[Scope, Path, PurePosixPath]]:
        """Return scope, a folder that need not be checked for links, and the place of the skills below it."""
        found: list[tuple[Scope, Path, PurePosixPath]] = [
            (
                "global",
                (self._home / "skills").resolve(),
                PurePosixPath(),
            )  # the user's own links are followed
        ]
        if self._roots:
            found.insert(0, ("project", self._roots[0], PurePosixPath(PROJECT_FOLDER, "skills")))
        return found

    def _write(self, scope: Scope, name: str, source: str) -> Path:
        if scope == "global":
            root, inside = private_folder(self._home / "skills").resolve(), PurePosixPath()
        elif self._roots:
            project_folder(self._roots[0], "skills")
            root, inside = self._roots[0], PurePosixPath(PROJECT_FOLDER, "skills")
        else:
            raise MazuError(
                Kind.UNSUPPORTED,
                "No folder is open, so there is no project to keep the skill in.",
                "Open a folder.",
            )
        project_files.write_file(root, inside / f"{name}.py", source.encode())
        return root / inside / f"{name}.py"

    def _pin(self, scope: Scope, name: str) -> str:
        return f"{root_key(self._roots[0]) if scope == 'project' else 'global'}/{name}"

    def _read(self, root: Path, inside: PurePosixPath, scope: Scope) -> Skill:
        path = root / inside
        try:
            source = project_files.read_file(root, inside, MAX_BYTES).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise MazuError(Kind.CONFIG, f"{path} cannot be read: {error}.", "Fix or delete it.") from error
        function = _function(path.stem, source)
        state = self._trust.state("skill", self._pin(scope, path.stem), source.encode())
        # The user's own folder needs no consent.
        state = "agreed" if scope == "global" else state
        return Skill(
            path.stem,
            function.doc,
            scope,
            path,
            source,
            function.schema,
            tuple(signature.tests(source)),
            state,
        )


def _function(name: str, source: str) -> signature.FunctionSignature:
    if not NAME.match(name):
        raise MazuError(
            Kind.CONFIG, f"{name!r} is no name for a skill.", "Use lower-case letters, digits and _."
        )
    found = next((one for one in signature.functions(source, f"{name}.py") if one.name == name), None)
    if found is None:
        raise MazuError(
            Kind.CONFIG,
            f"The source of the skill {name} has no function {name}.",
            f"Define `def {name}(...)`.",
        )
    if not found.doc:
        raise MazuError(
            Kind.CONFIG,
            f"The function {name} has no docstring.",
            "Say in one what it is for: it is what models read.",
        )
    return found


def files_of_project(roots: Sequence[Path]) -> Iterator[tuple[str, Path, bytes]]:
    """Yield consent name, path and content of each skill of a project, as it is now."""
    inside = PurePosixPath(PROJECT_FOLDER, "skills")
    for root in roots[:1]:
        for file in python_files(root, inside):
            with contextlib.suppress(OSError):
                content = project_files.read_file(root, inside / file, MAX_BYTES)
                yield f"{root_key(root)}/{file.removesuffix('.py')}", root / inside / file, content


def python_files(root: Path, inside: PurePosixPath) -> list[str]:
    """Return the names of the Python files in a folder below `root`; none if it is missing or a link leads there."""
    try:
        entries = project_files.list_folder(root, inside)
    except OSError:
        return []
    return [entry.name for entry in entries if entry.name.endswith(".py")]
