"""A Host in memory: some files open in an "editor", the rest on disk, questions answered as a test scripts them.

A question that the test did not expect fails it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from mazu_ls.errors import Kind, MazuError
from mazu_ls.host import Buffer, LanguageServices, Question, UserReply
from mazu_ls.tools.tool_titles import tool_verb
from mazu_ls.workspace import Workspace
from mazu_ls.workspace.disk import edit_text, read_text


def by_tool(tool: str, title: str) -> str:
    """A question as the tests name it: "Edit app.py" is "edit_file: app.py"; one that is about no tool by its own title."""
    verb = tool_verb(tool)
    return f"{tool}: {title.removeprefix(verb).strip()}" if title.startswith(verb) else title


@dataclass
class PlainHost:
    """`open` holds the text of open files; `answers` what the next questions are answered with, in order.

    An answer is "deny [note]", an empty text (no answer in time), or "allow_once", "allow_session" or "allow_always" the
    beginning of the question that it allows behind it: "allow_once edit_file: app.py".
    """

    faults: ClassVar[list[str]] = []
    """Questions without an answer, of all hosts since the test began; tests/conftest.py fails the test for them."""

    workspace: Workspace
    open: dict[Path, str] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    shown: list[Path] = field(default_factory=list)
    lender: LanguageServices | None = None

    async def read(self, path: Path) -> str:
        return self.open[path] if path in self.open else read_text(self.workspace, path)

    async def edit(self, path: Path, before: str | None, after: str | None) -> None:
        if path not in self.open:
            edit_text(self.workspace, path, before, after)
        elif self.open[path] != before or after is None:
            raise MazuError(Kind.CONFLICT, f"{path.name} changed in the editor.", "Read it again.")
        else:
            self.open[path] = after

    async def buffers(self) -> Sequence[Buffer]:
        return [
            Buffer(
                path.as_uri(),
                path,
                1,
                "text",
                text,
                dirty=not path.exists() or read_text(self.workspace, path) != text,
            )
            for path, text in self.open.items()
        ]

    async def save(self, paths: Sequence[Path]) -> Sequence[Path]:
        for path in paths:
            if path in self.open:
                path.write_bytes(self.open[path].encode())
        return []

    async def ask(self, question: Question, timeout: float) -> UserReply:
        self.asked.append(question)
        title = by_tool(question.tool, question.title)
        kind, _, rest = self.answers.pop(0).partition(" ") if self.answers else ("nothing", "", "")
        if kind == "nothing" or (kind.startswith("allow") and not title.startswith(rest)):
            self.faults.append(f"{title!r} was asked, the test answers {f'{kind} {rest}'.strip()!r}")
            raise AssertionError(self.faults[-1])
        choice = next((choice for choice in question.choices if choice.kind == kind), None)
        return UserReply(choice, rest if kind == "deny" else "")

    @property
    def can_ask(self) -> bool:
        return True

    async def say(self, level: Literal["info", "warning", "error"], text: str) -> None:
        self.said.append((level, text))

    async def show(self, path: Path, line: int | None = None) -> bool:
        self.shown.append(path)
        return True
