"""The host as a tool sees it: each edit is shown to the user where the policy asks, recorded, and preceded by a checkpoint."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.agent.turn.delegating_host import DelegatingHost
from mazu_ls.errors import ToolError
from mazu_ls.host import GuardedHost
from mazu_ls.tools.edit.line_ends import common_ends

if TYPE_CHECKING:
    from mazu_ls.workspace import Workspace

MAX_DIFF_LINES = 400


@dataclass(frozen=True)
class RecordedEdit:
    """One edit that was made. `diff` is for show and may be cut; `whole` is every line of it, to be agreed to."""

    path: Path
    before: str
    after: str
    diff: str
    added: int
    removed: int
    whole: str

    @classmethod
    def from_texts(cls, path: Path, name: str, before: str | None, after: str | None) -> RecordedEdit:
        """The edit of the file that is called `name`; None: no file. `added` and `removed` count all its lines."""
        lines = _differing(name, before, after)
        added = sum(line.startswith("+") for line in lines[2:])
        removed = sum(line.startswith("-") for line in lines[2:])
        return cls(path, before or "", after or "", _shown(lines), added, removed, "\n".join(lines))

    @property
    def creates(self) -> bool:
        """Whether there was no file."""
        return self.diff.startswith("--- /dev/null")

    @property
    def deletes(self) -> bool:
        """Whether there will be no file."""
        return self.diff.partition("\n")[2].startswith("+++ /dev/null")


Approve = Callable[[RecordedEdit], Awaitable[str | None]]
"""Asks the user about an edit that is about to be made; raises ToolError where the answer is no.

Returns the text that the user wants instead, None where it shall be as it is.
"""


@dataclass
class ReviewedHost(DelegatingHost):
    """Passes everything on to the real host, except that an edit is first approved and then recorded in `edits`."""

    workspace: Workspace
    before_effect: Callable[[], Awaitable[None]]
    approve: Approve | None
    before_edit: Callable[[Path], Awaitable[None]] | None = None
    record: Callable[[Path, str | None, str | None], Awaitable[None]] | None = None
    """Told of an edit that is about to be made: what a checkpoint then knows to be the agent's."""
    edits: list[RecordedEdit] = field(default_factory=list)

    async def edit(self, path: Path, before: str | None, after: str | None) -> None:
        """Ask if need be, checkpoint what stood before, edit, record."""
        if isinstance(self.host, GuardedHost) and self.host.require_editable:
            await self.host.require_editable(path)
        edit = RecordedEdit.from_texts(path, self.workspace.relative(path), before, after)
        if self.approve and (taken := await self.approve(edit)) is not None and taken != after:
            after = taken
            edit = RecordedEdit.from_texts(path, self.workspace.relative(path), before, after)
        await self.before_effect()
        if self.before_edit:
            await self.before_edit(path)
        if self.record:
            await self.record(path, before, after)
        await self.host.edit(path, before, after)
        self.edits.append(edit)


def unified_diff(name: str, before: str | None, after: str | None) -> str:
    """A unified diff of one file, at most MAX_DIFF_LINES lines of it."""
    return _shown(_differing(name, before, after))


def _shown(lines: Sequence[str]) -> str:
    lines = [line.removesuffix("\r") for line in lines]
    if len(lines) > MAX_DIFF_LINES:
        lines = [*lines[:MAX_DIFF_LINES], f"... {len(lines) - MAX_DIFF_LINES} more lines"]
    return "\n".join(lines)


def _differing(name: str, before: str | None, after: str | None) -> list[str]:
    """The lines of a unified diff; an edit of one region costs no search.

    Lines end at line feeds alone, so that a change of line ends or of the final newline is a change.
    """
    old, new = _lines(before), _lines(after)
    head, tail = common_ends(old, new)
    lead = max(0, head - 3)
    end = max(0, tail - 3)
    lines = difflib.unified_diff(
        old[lead : len(old) - end],
        new[lead : len(new) - end],
        f"a/{name}" if before is not None else "/dev/null",
        f"b/{name}" if after is not None else "/dev/null",
        lineterm="",
    )
    return [_shifted(line, lead) if line.startswith("@@") else line for line in lines]


def _lines(text: str | None) -> list[str]:
    """The lines of a file; of the last one it is said where no newline ends it, as git does."""
    if not text:
        return []
    lines = text.split("\n")
    if lines[-1]:
        lines[-1] += "\n\\ No newline at end of file"
    else:
        lines.pop()
    return lines


def _shifted(header: str, lines: int) -> str:
    """A hunk header whose line numbers count from the beginning of the file."""
    if not lines:
        return header
    _, old, new, _ = header.split(" ", 3)

    def moved(span: str) -> str:
        start, comma, count = span[1:].partition(",")
        return f"{span[0]}{int(start) + lines}{comma}{count}"

    return f"@@ {moved(old)} {moved(new)} @@"


def refused(note: str, *, in_time: bool) -> ToolError:
    """What the model is told when the user says no."""
    if not in_time:
        return ToolError(
            "the user did not answer in time, which counts as no. Continue without it, or say what you need."
        )
    return ToolError(f"the user refused this{': ' + note if note else ''}. Ask, or continue without it.")
