"""Files that a line creates from known text: a later command that runs them is judged by that text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from mazu_ls.policy.bash import pipeline_taint
from mazu_ls.policy.bash.pipeline_taint import Stage
from mazu_ls.policy.data import table
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables.wrappers import program
from mazu_ls.workspace.text import split_lines

# Programs that take commands from their input, and the prefix of a line that goes to a shell.
_TAKE_COMMANDS = table("file_writes.take_commands")


@dataclass
class WrittenFiles:
    """The contents of files written by a line, by base name; a file may have been written more than once.

    Each text of a name is kept once, as a key in the order of writing.
    """

    texts: dict[str, dict[str, None]] = field(default_factory=dict)

    def note(self, stage: Stage, sources: Sequence[Stage]) -> None:
        """Record what `stage`, fed by `sources`, writes to files."""
        if not stage.argv:
            return
        names = {PurePosixPath(redirect.target).name for redirect in stage.redirects if ">" in redirect.op}
        if program(stage.argv[0]) == "tee":
            names |= {PurePosixPath(word).name for word in stage.argv[1:] if not word.startswith("-")}
        for other in pipeline_taint.copied_files(stage.argv, set(self.texts)):
            copied = {PurePosixPath(word).name for word in stage.argv[1:]} & set(self.texts)
            for name in copied - {other}:
                self._add(other, self.texts[name])
        if names and (known := pipeline_taint.known_input([*sources, stage])):
            for name in names - {"", "null"}:
                self._add(name, known)

    def _add(self, name: str, texts: Iterable[str]) -> None:
        """Add texts that `name` may hold. Each costs a step: files copied back and forth end as too complex."""
        held = self.texts.setdefault(name, {})
        for text in texts:
            spend(1)
            held[text] = None

    def run_by(self, argv: list[str]) -> list[str]:
        """Return the texts of files that this command runs."""
        return [
            text
            for name, texts in self.texts.items()
            if pipeline_taint.runs_one_of(argv, {name})
            for text in texts
        ]


def commands_in_input(stage: Stage, sources: Sequence[Stage], read: Sequence[str] = ()) -> list[str]:
    """Return command lines in the known input of an editor, a debugger, a database client, or of `make -f -`; also in
    what it `read`s."""
    signs = _TAKE_COMMANDS.get(program(stage.argv[0])) if stage.argv else None
    if signs is None:
        return []
    bodies = [*stage.bodies, *(pipeline_taint.known_input(sources) or []), *read]
    lines = [line for body in bodies for line in split_lines(body, ends=False)]
    return [
        line.lstrip(signs + " ").removeprefix("shell ").removeprefix("system ")
        for line in lines
        if line[:1] in signs and line.strip()
    ] + [line.split(";", 1)[1] for line in lines if signs[0] == "\t" and ";" in line]
