"""The host of a terminal: files on disk, questions and sentences on its surface."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mazu_ls.host import Buffer, LanguageServices, Question, UserReply
from mazu_ls.terminal.chat.question_keys import WHY, hunk_questions, with_keys
from mazu_ls.terminal.surfaces.surface import Surface
from mazu_ls.workspace import Workspace
from mazu_ls.workspace.disk import edit_text, read_text
from mazu_ls.workspace.visible_text import make_visible

if TYPE_CHECKING:
    from mazu_ls.server.client.host_questions import HostQuestions


class TerminalHost:
    """A host without buffers, so nothing is ever unsaved. Without a user at the terminal no question is answered."""

    def __init__(self, folders: Sequence[Path], surface: Surface) -> None:
        self._workspace = Workspace(folders)
        self.surface = surface
        self._asking = asyncio.Lock()
        self.require_editable: Callable[[Path], Awaitable[None]] | None = None
        """Raises MazuError if an editor of another process holds unsaved text of a file."""
        self.own_command: tuple[str, str] | None = None
        """The session and the command line that the user typed after `!`, while it runs: the user need not allow it again."""
        self.unanswered: set[str] = set()
        """Calls whose question nobody was there to answer."""
        self.questions: HostQuestions | None = None
        """Who else is asked; None where nobody else can be."""
        self.concerns: Callable[[str], bool] = lambda session_id: True
        """Whether what a session asks is for this terminal: not what an editor's other conversations ask."""
        self.has_chosen: Callable[[], Awaitable[object]] | None = None
        """Waits until it is known which conversation this terminal takes part in."""

    @property
    def lender(self) -> LanguageServices | None:
        """None: a terminal has no language servers."""
        return None

    @property
    def can_ask(self) -> bool:
        """Whether there is a user at this terminal, or another client that is asked."""
        return self.surface.interactive or (self.questions is not None and self.questions.asks_others)

    async def read(self, path: Path) -> str:
        """The file's text."""
        return await asyncio.to_thread(read_text, self._workspace, path)

    async def edit(self, path: Path, before: str | None, after: str | None) -> None:
        """Write the file atomically if its text is still `before`, and no editor holds unsaved text of it."""
        if self.require_editable:
            await self.require_editable(path)
        await asyncio.to_thread(edit_text, self._workspace, path, before, after)

    async def buffers(self) -> Sequence[Buffer]:
        """None: a terminal holds no documents."""
        return ()

    async def save(self, paths: Sequence[Path]) -> Sequence[Path]:
        """Everything is on disk already."""
        return ()

    async def ask(self, question: Question, timeout: float) -> UserReply:
        """Show what will happen and read a key, one question at a time."""
        if self._is_own_command(question):
            return UserReply(next(choice for choice in question.choices if choice.kind == "allow_once"))
        if question.session_id and self.has_chosen is not None:
            await self.has_chosen()
        if question.session_id and not self.concerns(question.session_id):
            return UserReply(None)
        if self.questions is None:
            reply = await self._ask_here(question, timeout)
        else:
            reply = await self.questions.ask(question, lambda asked: self._ask_here(asked, timeout), timeout)
        if reply.unreachable:
            self.unanswered.add(question.call_id)
        if reply.answered_in and reply.choice:
            self.surface.say("info", f"Answered in {reply.answered_in}: {reply.choice.label}")
        return reply

    def _is_own_command(self, question: Question) -> bool:
        """Return whether it is about the command that the user typed, and none of the agent's, here or in another session."""
        if self.own_command is None or question.tool != "run_shell":
            return False
        session, command = self.own_command
        asked = question.detail.rpartition(WHY)[0].strip()
        return question.session_id == session and asked == make_visible(command).strip()

    async def _ask_here(self, question: Question, timeout: float) -> UserReply:
        if not self.surface.interactive:
            return UserReply(None, unreachable=True)
        async with self._asking:
            keyed = with_keys(question)
            answer = await self.surface.ask(keyed.ask, timeout)
            if answer.key and answer.key == keyed.by_hunk:
                return await self._ask_by_hunk(question, timeout)
        return UserReply(keyed.choices.get(answer.key or ""), answer.note)

    async def _ask_by_hunk(self, question: Question, timeout: float) -> UserReply:
        """Ask about each hunk of an edit; one unanswered question leaves all of it unanswered."""
        taken: list[str] = []
        for hunk, asked in zip(question.hunks, hunk_questions(question), strict=True):
            answer = await self.surface.ask(asked, timeout)
            if answer.key is None:
                return UserReply(None)
            if answer.key == "y":
                taken.append(hunk.id)
        once = next(choice for choice in question.choices if choice.kind == "allow_once")
        return UserReply(once, hunks=tuple(taken))

    async def say(self, level: Literal["info", "warning", "error"], text: str) -> None:
        """Show one sentence."""
        self.surface.say(level, text.removeprefix("Mazu: "))

    async def show(self, path: Path, line: int | None = None) -> bool:
        """Name the place; a terminal opens no files."""
        self.surface.say("info", f"{path}:{line + 1}" if line is not None else str(path))
        return False
