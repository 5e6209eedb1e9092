"""The host as tools see it: each edit is shown to the user if the policy asks, preceded by a checkpoint, and recorded."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.agent.turn.delegating_host import DelegatingHost
from mazu_ls.errors import MazuError, ToolError
from mazu_ls.host import GuardedHost
from mazu_ls.tools.edit.line_ends import common_ends
from mazu_ls.tools.edit.rebased_edit import rebase_edit
from mazu_ls.workspace.visible_text import plural

if TYPE_CHECKING:
    from mazu_ls.workspace import Workspace

MAX_DIFF_LINES = 400


@dataclass(frozen=True)
class RecordedEdit:
    """One edit that was made. `diff` is for display and may be cut; `whole` is every line of it, for the user's
    consent."""

    path: Path
    before: str
    after: str
    diff: str
    added: int
    removed: int
    whole: str

    @classmethod
    def from_texts(cls, path: Path, name: str, before: str | None, after: str | None) -> RecordedEdit:
        """Build the record of an edit of the file called `name`; None: no file. `added` and `removed` count all its
        lines."""
        lines = _differing(name, before, after)
        added = sum(line.startswith("+") for line in lines[2:])
        removed = sum(line.startswith("-") for line in lines[2:])
        return cls(path, before or "", after or "", _shown(lines), added, removed, "\n".join(lines))

    def fits(self, now: str) -> bool:
        """Return whether the edit can be made in `now`, a later text of the file."""
        return rebase_edit(self.before, self.after, now) is not None

    @property
    def creates(self) -> bool:
        """Whether the edit creates the file."""
        return self.diff.startswith("--- /dev/null")


Approve = Callable[[RecordedEdit], Awaitable[str | None]]
"""Asks the user about an edit before it is made; raises ToolError if the answer is no.

Returns the text that the user wants instead, None if the edit is accepted as it is.
"""


@dataclass
class ReviewedHost(DelegatingHost):
    """Forwards everything to the real host, except that an edit is first approved and then recorded in `edits`."""

    workspace: Workspace
    before_effect: Callable[[], Awaitable[None]]
    approve: Approve | None
    before_edit: Callable[[Path], Awaitable[None]] | None = None
    record: Callable[[Path, str | None, str | None], Awaitable[None]] | None = None
    """Called with an edit before it is made, so that a checkpoint attributes it to the agent."""
    edits: list[RecordedEdit] = field(default_factory=list)
    rebased: list[str] = field(default_factory=list)
    """The names of files in which the user typed elsewhere while the question was open."""

    async def edit(self, path: Path, before: str | None, after: str | None) -> None:
        """Ask if the policy wants it, take the baseline checkpoint, edit, record."""
        if isinstance(self.host, GuardedHost) and self.host.require_editable:
            await self.host.require_editable(path)
        edit = RecordedEdit.from_texts(path, self.workspace.relative(path), before, after)
        if self.approve and (taken := await self.approve(edit)) is not None and taken != after:
            after = taken
            edit = RecordedEdit.from_texts(path, self.workspace.relative(path), before, after)
        if self.approve and before is not None and after is not None:
            before, after = await self._rebased(path, before, after)
            edit = RecordedEdit.from_texts(path, self.workspace.relative(path), before, after)
        await self.before_effect()
        if self.before_edit:
            await self.before_edit(path)
        if self.record:
            await self.record(path, before, after)
        await self.host.edit(path, before, after)
        self.edits.append(edit)

    async def _rebased(self, path: Path, before: str, after: str) -> tuple[str, str]:
        """Return the text that the user sees now, and that with the edit in it; both as they were if the edit does not fit."""
        try:
            now = await self.host.read(path)
        except (OSError, MazuError):
            return before, after
        if now == before or (merged := rebase_edit(before, after, now)) is None:
            return before, after
        self.rebased.append(self.workspace.relative(path))
        return now, merged


def unified_diff(name: str, before: str | None, after: str | None) -> str:
    """Return a unified diff of one file, at most MAX_DIFF_LINES lines of it (format: GNU diffutils manual, "Unified
    Format")."""
    return _shown(_differing(name, before, after))


def _shown(lines: Sequence[str]) -> str:
    lines = [line.removesuffix("\r") for line in lines]
    if len(lines) > MAX_DIFF_LINES:
        added, removed = (sum(line[:1] == sign for line in lines[2:]) for sign in "+-")
        rest = f"... {plural(len(lines) - MAX_DIFF_LINES, 'more line')} (+{added} -{removed} in all)"
        lines = [*lines[:MAX_DIFF_LINES], rest]
    return "\n".join(lines)


def _differing(name: str, before: str | None, after: str | None) -> list[str]:
    """Return the lines of a unified diff; for an edit of one region without running difflib on the whole file.

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
    """Return the lines of a file; a last line without a newline is marked as git does."""
    if not text:
        return []
    lines = text.split("\n")
    if lines[-1]:
        lines[-1] += "\n\\ No newline at end of file"
    else:
        lines.pop()
    return lines


def _shifted(header: str, lines: int) -> str:
    """Shift the line numbers of a hunk header so that they count from the beginning of the file."""
    if not lines:
        return header
    _, old, new, _ = header.split(" ", 3)

    def moved(span: str) -> str:
        start, comma, count = span[1:].partition(",")
        return f"{span[0]}{int(start) + lines}{comma}{count}"

    return f"@@ {moved(old)} {moved(new)} @@"


def refused(note: str, *, in_time: bool) -> ToolError:
    """Return the error that the model gets when the user says no."""
    if not in_time:
        return ToolError(
            "the user did not answer in time, which counts as no. Continue without it, or say what you need."
        )
    return ToolError(f"the user refused this{': ' + note if note else ''}. Ask, or continue without it.")
