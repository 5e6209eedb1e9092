"""Undo of a file that an editor shows with unsaved text: file and document each lose the agent's lines, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mazu_ls.checkpoints.models import OWN_CHANGES, Checkpoint, OnConflict, RollbackReport
from mazu_ls.checkpoints.restore.keep_reasons import KEPT, SAME_LINES, YOUR_FILE
from mazu_ls.host import Buffer
from tests.checkpoints.bed import Bed

LINES = 24
FIRST = [f"v{number}\n" for number in range(LINES)]


@dataclass
class Editor:
    """A document, the file below it, an agent that changes the lines 0, 4, 8, …, and a user who changes 2, 6, 10, …"""

    project: Bed
    lines: list[str] = field(default_factory=lambda: [*FIRST])
    is_dirty: bool = False
    changes: int = 0

    @property
    def path(self) -> Path:
        return self.project.root / "a.txt"

    @property
    def file(self) -> list[str]:
        return self.path.read_text().splitlines(keepends=True)

    @property
    def buffers(self) -> list[Buffer]:
        return [Buffer(self.path.as_uri(), self.path, 1, "text", "".join(self.lines), self.is_dirty)]

    def change(self, lines: list[str], at: int, who: str) -> None:
        self.changes += 1
        lines[at] = f"{who} {self.changes}\n"

    async def do(self, script: str) -> None:
        for number, action in enumerate(script.split()):
            await getattr(self, action)(number * 4 % LINES)

    async def take(self, _: int = 0, kind: str = "step", label: str = "") -> Checkpoint:
        return await self.project.take(
            label, touched=["a.txt"], kind=kind, buffers=self.buffers, session_id="s"
        )

    async def agent(self, at: int) -> None:
        before = "".join(self.lines)
        self.change(self.lines, at, "agent")
        await self.project.engine.record_edit("s", self.path, before, "".join(self.lines))
        self.is_dirty = True
        await self.take()

    async def command(self, at: int) -> None:
        await self.save()
        await self.take(label=OWN_CHANGES)
        await self.run(at)

    async def run(self, at: int) -> None:
        """A command right after a save, which no checkpoint divides from it."""
        await self.save()
        number = await self.project.engine.begin_command("s", self.buffers)
        self.change(self.lines, at, "command")
        self.path.write_text("".join(self.lines))
        await self.project.engine.end_command(number, self.buffers)
        await self.take()

    async def type(self, at: int) -> None:
        self.change(self.lines, at + 2, "user")
        self.is_dirty = True

    async def over(self, _: int) -> None:
        """The user changes a line of the agent's."""
        at = next(at for at, line in enumerate(self.lines) if line.startswith("agent"))
        self.change(self.lines, at, "user")
        self.is_dirty = True

    async def save(self, _: int = 0) -> None:
        self.path.write_text("".join(self.lines))
        self.is_dirty = False

    async def discard(self, _: int) -> None:
        self.lines, self.is_dirty = self.file, False

    async def shell(self, at: int) -> None:
        """The user changes the file by other means."""
        lines = self.file
        self.change(lines, at + 2, "user")
        self.path.write_text("".join(lines))

    async def undo(self, target: Checkpoint, choice: OnConflict = "keep") -> RollbackReport:
        plan = await self.project.engine.plan(
            target.id, on_conflict=choice, buffers=self.buffers, session="s", own=True
        )
        report = await plan.apply(choice, self.project.type_text)
        assert plan.preview().plan == report.plan
        text = self.project.typed.get(self.path.as_uri())
        self.lines = self.lines if text is None else text.splitlines(keepends=True)
        return report


@pytest.fixture
def editor(project: Bed) -> Editor:
    project.write("a.txt", "".join(FIRST))
    return Editor(project)


def without_agent(lines: list[str]) -> list[str]:
    return [
        old if now.startswith(("agent", "command")) else now for old, now in zip(FIRST, lines, strict=True)
    ]


@pytest.mark.parametrize(
    "script",
    [
        "agent type command type",
        "agent command type",
        "agent type save type",
        "agent type save type agent",
        "agent type save type take type",
        "agent type save type take discard",
        "agent save type agent type",
        "command agent save take agent agent type",
        "save agent",
        "agent save agent agent",
        "agent shell type",
        "agent type save shell type",
    ],
)
@pytest.mark.parametrize(("before", "choice"), [("", "keep"), ("type", "merge")])
async def test_the_file_is_what_was_saved_and_the_document_that_and_what_was_not(
    editor: Editor, before: str, script: str, choice: OnConflict
):
    await editor.do(before)
    first = await editor.take(kind="baseline")
    await editor.do(script)
    wanted = without_agent(editor.file), without_agent(editor.lines)
    report = await editor.undo(first, choice)
    assert (report.applied, report.verified, report.plan.conflicts) == (True, True, [])
    assert (editor.file, editor.lines) == wanted
    assert {(one.path, one.reason) for one in report.plan.keep} <= {("a.txt", YOUR_FILE)}


@pytest.mark.parametrize("choice", ["keep", "merge"])
@pytest.mark.parametrize("script", ["discard agent", "discard agent save", "discard agent command"])
async def test_text_thrown_away_before_the_agents_edit_stays_away(
    editor: Editor, script: str, choice: OnConflict
):
    await editor.do("type")
    first = await editor.take(kind="baseline")
    await editor.do(script)
    report = await editor.undo(first, choice)
    assert (report.applied, report.verified, report.plan.conflicts) == (True, True, [])
    assert (editor.file, editor.lines) == (FIRST, FIRST)


@pytest.mark.parametrize("script", ["agent over save type", "agent save over", "agent type save over"])
async def test_a_line_that_both_changed_is_a_conflict_and_named_if_it_is_kept(editor: Editor, script: str):
    first = await editor.take(kind="baseline")
    await editor.do(script)
    was = editor.file, editor.lines
    asked = await editor.undo(first, "spare")
    assert not asked.applied and [one.path for one in asked.plan.conflicts] == ["a.txt"]
    assert (editor.file, editor.lines) == was
    report = await editor.undo(first)
    assert [(one.path, one.reason) for one in report.plan.keep] == [("a.txt", SAME_LINES)]
    assert editor.lines == was[1]
    assert not any(line.startswith("agent") for line in editor.file)


async def test_what_stays_in_the_document_is_named_although_the_file_is_written(editor: Editor):
    """An edit whose texts are too long to be recorded: what was typed before it in the same step cannot be separated."""
    first = await editor.take(kind="baseline")
    await editor.do("agent save")
    before = "".join(editor.lines)
    editor.lines += [f"{number}\n" for number in range(1 << 18)]
    await editor.project.engine.record_edit("s", editor.path, before, "".join(editor.lines))
    await editor.do("type")
    await editor.take()
    report = await editor.undo(first)
    assert [(one.path, one.reason) for one in report.plan.keep] == [("a.txt", KEPT)]
    assert editor.file == FIRST


async def test_redo_gives_back_file_and_document(editor: Editor):
    first = await editor.take(kind="baseline")
    await editor.do("agent type command type")
    was = editor.file, editor.lines
    await editor.undo(first)
    done = await editor.project.engine.last_rollback("s")
    assert done is not None
    plan = await editor.project.engine.plan(
        done.safety, on_conflict="keep", buffers=editor.buffers, session="s", redo_of=done
    )
    assert (await plan.apply("keep", editor.project.type_text)).verified
    text = editor.project.typed[editor.path.as_uri()]
    assert (editor.file, text.splitlines(keepends=True)) == was


@pytest.mark.parametrize("between", ["agent", "agent save"])
async def test_what_was_saved_before_an_undone_turn_stays_in_the_file(editor: Editor, between: str):
    await editor.do("type")
    first = await editor.take(kind="baseline")
    await editor.do("run")
    second = await editor.take(kind="baseline")
    await editor.do(between)
    await editor.undo(second)
    editor.is_dirty = False
    await editor.do("type")
    wanted = without_agent(editor.file), without_agent(editor.lines)
    report = await editor.undo(first)
    assert (report.applied, report.verified, report.plan.conflicts) == (True, True, [])
    assert (editor.file, editor.lines) == wanted
