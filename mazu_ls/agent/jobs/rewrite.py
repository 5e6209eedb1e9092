"""Rewrites one passage of a file as the user asks: one model call without tools, one edit in the editor."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.agent.proposals.hunks import line_changes
from mazu_ls.agent.turn.limits import Limits
from mazu_ls.agent.turn.reviewed_host import RecordedEdit
from mazu_ls.agent.turn.types import Prompt, RepliedTurn, TurnResult
from mazu_ls.errors import Kind, MazuError, ToolError
from mazu_ls.journal import journal
from mazu_ls.redact import PLACEHOLDER, has_secret
from mazu_ls.tools.edit.redacted.placeholders import require_hidden, restore_secrets
from mazu_ls.tools.edit.shown_text import ShownText
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project

OF_REWRITE = "edit: "
"""How the name of a rewrite's session begins."""
CONTEXT_CHARS = 12_000
OPENING_FENCE = re.compile(r"^```[^\n]*\n", re.MULTILINE)
CLOSING_FENCE = re.compile(r"^```[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class RewriteSource:
    """The document with the passage, which need not be a file: its name, its path if it has one, its text.

    `now` returns the current text. `edit` replaces a text by another one if the document still has the first, and
    returns the text that the document has afterwards.
    """

    name: str
    path: Path | None
    text: str
    now: Callable[[], Awaitable[str]]
    edit: Callable[[str, str], Awaitable[str]]


class PassageChanged(MazuError):
    """The passage to be rewritten is no longer what the model saw (conflict)."""

    def __init__(self, name: str) -> None:
        super().__init__(
            Kind.CONFLICT,
            f"What was to be rewritten in {name} was changed in the meantime.",
            "Ask for it again.",
        )


async def rewrite(
    project: Project,
    source: RewriteSource,
    start: int,
    end: int,
    *,
    instruction: str,
    model: str | None = None,
    turn_id: str | None = None,
) -> TurnResult:
    """Replace the characters `start` to `end` (0-based, exclusive) of `source` by the model's rewrite of them.

    If the text no longer holds the passage that the model saw, the result holds PassageChanged; changes elsewhere in
    the document do not matter.
    """
    seen = source.text

    async def place_edit(run: RepliedTurn) -> None:
        new = _with_secrets(replacement(run.reply, seen[start:end]), source, start, end)
        if new == seen[start:end]:
            return
        try:
            await run.steps.prepare_change()
        except ToolError as refusal:  # never sent to a model: the turn fails
            raise _nothing_changed(project) from refusal
        before = await source.now()
        at = passage_at(before, seen, start, end)
        if at is None:
            raise PassageChanged(source.name)
        wanted = before[:at] + new + before[at + end - start :]
        if source.path:
            await run.steps.record_edit(source.path, before, wanted)
        after = await source.edit(before, wanted)
        if source.path and after != wanted:  # a part was taken
            await run.steps.record_edit(source.path, before, after)
        edit = RecordedEdit.from_texts(source.path or Path(source.name), source.name, before, after)
        run.record_edit(edit, is_file=source.path is not None)

    session = await project.sessions.new_background_session(f"{OF_REWRITE}{instruction}")
    asked = Prompt(
        _question(source.name, seen, start, end, instruction),
        model=model, limits=Limits.from_settings(project.config.limits), kind="edit", finish=place_edit,
        title=f"{instruction} ({source.name})",
    )  # fmt: skip
    try:
        return await session.prompt(asked, turn_id)
    finally:
        session.append(journal.SessionEnded())  # no conversation continues from here


def _nothing_changed(project: Project) -> MazuError:
    """Return the error for a rewrite that was not made: no checkpoint could be taken, and nobody agreed to continue
    without undo."""
    cause = project.no_checkpoints
    why = f" {cause.message}" if cause else ""
    return MazuError(
        cause.kind if cause else Kind.STORAGE,
        f"Nothing was changed: no checkpoint could be taken, so it could not be undone, and nobody agreed to that.{why}",
        cause.hint if cause else "",
    )


def replacement(reply: str, old: str) -> str:
    """Extract the new text from a reply: its fenced block, otherwise all of it; it ends in a line end if the old text
    did.

    Raises MazuError(model) for an empty reply.
    """
    opening = OPENING_FENCE.search(reply)
    closing = CLOSING_FENCE.search(reply, opening.end()) if opening else None
    text = reply[opening.end() : closing.start()].removesuffix("\n") if opening and closing else reply
    if not text.strip() and not closing:
        raise MazuError(Kind.MODEL, "The model gave no new text.", "Try again, or say it differently.")
    text = text.replace("\r\n", "\n")
    if "\r\n" in old:
        text = text.replace("\n", "\r\n")
    ending = "\r\n" if old.endswith("\r\n") else "\n" if old.endswith("\n") else ""
    return text.rstrip("\r\n") + ending


def _with_secrets(new: str, source: RewriteSource, start: int, end: int) -> str:
    """Return `new` with the secrets that the model was not shown put back. Raises MazuError(conflict) if that is not
    possible."""
    if not PLACEHOLDER.search(new) and not has_secret(source.text[start:end]):
        return new
    shown = ShownText.from_source(source.text)
    try:
        restored = restore_secrets(new, shown, source.name, shown.shown_span(start, end))
        result = source.text[:start] + restored.text + source.text[end:]
        require_hidden(
            result, [(start + first, start + last) for first, last in restored.secrets], source.name
        )
        return restored.text
    except ToolError as error:
        raise MazuError(
            Kind.CONFLICT,
            f"The model's text for {source.name} contains a placeholder of a secret that cannot be put back, so nothing was changed.",
            "Select a passage without the secret and ask again.",
        ) from error


def passage_at(now: str, seen: str, start: int, end: int) -> int | None:
    """Return the offset in the current text at which characters `start` to `end` of the text `seen` begin.

    That is where their lines are unchanged, otherwise the only place with the same text; None if there is none.
    """
    lines = split_lines(seen)
    line_ends = list(accumulate(map(len, lines)))
    first = bisect_right(line_ends, start)
    last = max(first, bisect_left(line_ends, end)) + 1
    moved = 0
    for change in line_changes(lines, split_lines(now)):
        if change.start >= last:
            break
        if change.end > first:
            passage = seen[start:end]
            alone = passage.strip() and seen.count(passage) == now.count(passage) == 1
            return now.index(passage) if alone else None
        moved += sum(map(len, change.lines)) - sum(map(len, lines[change.start : change.end]))
    return start + moved


def _question(name: str, text: str, start: int, end: int, instruction: str) -> str:
    before, after = text[max(0, start - CONTEXT_CHARS) : start], text[end : end + CONTEXT_CHARS]
    return (
        f"Rewrite the passage marked <passage> in {name}. Instruction: {instruction}\n"
        "Answer with the new text of the passage alone, in one fenced code block, with the same indentation; "
        "change nothing that the instruction does not need.\n\n"
        f"{before}<passage>{text[start:end]}</passage>{after}"
    )
