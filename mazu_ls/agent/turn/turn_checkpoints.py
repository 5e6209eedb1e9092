"""The checkpoints of one turn: the baseline before it, one after each step that changed something, one at its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from mazu_ls.agent.session.ids import headline
from mazu_ls.agent.turn.types import FileEdit
from mazu_ls.checkpoints.models import OWN_CHANGES
from mazu_ls.errors import MazuError, ToolError
from mazu_ls.host import Choice, Question
from mazu_ls.journal import journal

if TYPE_CHECKING:
    from mazu_ls.agent.turn.running_turn import RunningTurn
    from mazu_ls.checkpoints.engine import Checkpoints
    from mazu_ls.checkpoints.models import CheckpointKind

log = logging.getLogger(__name__)
NO_UNDO = "no checkpoint could be taken{why}, so this could not be undone, and nobody agreed to continue without undo; do not change or run anything"
WITHOUT_UNDO = (
    Choice("allow_once", "Continue without undo", "allow_once"),
    Choice("deny", "Do not change anything", "deny"),
)
COUNT_SECONDS = 2.0
"""Seconds that the end of a turn waits for the list of files that its commands changed."""
COUNT_STEP = 0.05
"""Seconds between two checks whether mazu-ls is shutting down meanwhile."""
MOST_COUNTED = 500
"""Maximum number of files changed by commands; of more, the end of a turn counts none."""
CHECKPOINT_SECONDS = 0.3
"""Seconds that the end of a cancelled turn waits for a checkpoint that is being taken."""


class UndoUnavailable(ToolError):
    """Nothing is changed or run, since it could not be undone. `decided_by` as in CallDecided."""

    def __init__(self, decided_by: str, why: str) -> None:
        super().__init__(NO_UNDO.format(why=f" ({why})" if why else ""))
        self.decided_by = decided_by


class TurnCheckpoints:
    """The checkpoints of one turn; `taken` are their ids. `ran_command`: a command ran in this turn; `executed`: one ran since
    the last checkpoint, so that the changed files are not known by name."""

    def __init__(self, run: RunningTurn) -> None:
        """Begin with the conversation's present head: events up to here precede the turn."""
        self.taken: list[str] = []
        self.executed = False
        self.ran_command = False
        self._run = run
        self._boundary = run.session.journal.head
        self._baseline_taken = False
        self._without_undo = False
        self._refused_by: str | None = None
        self._memories_held = 0
        self._unsaved = 0
        self._taking: asyncio.Task[None] | None = None
        self._beside: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def ensure_baseline(self) -> None:
        """Take the turn's baseline checkpoint before anything changes, once, so that the turn can be undone."""
        if self._baseline_taken:
            return
        label = "before: " + headline(self._run.asked.title or self._run.asked.text)
        await self._checkpoint("baseline", label, full=True, boundary=self._boundary)
        self._baseline_taken = True

    async def prepare_change(self) -> None:
        """Ensure, before the agent edits or runs something, that a baseline exists or the user agrees to continue without undo.

        Raises UndoUnavailable if no checkpoint could be taken and the answer is no, or nobody may be asked (mode auto).
        """
        await self.ensure_baseline()
        if self.taken or self._without_undo or self._run.mode == "bypass":
            return
        cause = self._run.session.project.no_checkpoints
        why = cause.message.removeprefix("No checkpoints: ").rstrip(".") if cause else ""
        if self._refused_by is None:
            # A command typed by the user shows that somebody is there to be asked, whatever the mode.
            unasked = self._run.mode == "auto" and not self._run.asked.command
            self._refused_by = "nobody" if unasked else await self._ask_without_undo(why)
            self._without_undo = self._refused_by is None
        if self._refused_by is not None:
            raise UndoUnavailable(self._refused_by, why)

    async def _ask_without_undo(self, why: str) -> str | None:
        """Return who said no; None if the user agrees. Asked once per turn."""
        run = self._run
        question = Question(
            run.session.id, f"undo-{run.turn.turn_id}", "checkpoint", "Continue without undo?",
            "No checkpoint of the current state could be taken, so nothing that this turn does could be undone" + (f": {why}." if why else "."),
            WITHOUT_UNDO,
        )  # fmt: skip
        with run.session.waiting():
            seconds = run.session.project.config.permissions.timeout_seconds
            reply = await run.turn.host.ask(question, seconds)
        if reply.choice is not None:
            return "user" if reply.choice.kind == "deny" else None
        return "nobody" if reply.unreachable else "timeout"

    async def record_edit(self, path: Path, before: str | None, after: str | None) -> None:
        """Record an edit of the agent before it is made."""
        run = self._run
        if run.session.project.checkpoints:
            await run.session.project.checkpoints.record_edit(run.session.id, path, before, after)

    @asynccontextmanager
    async def command(self, *, may_write: bool, runs_git: bool) -> AsyncIterator[None]:
        """Attribute to the agent what changes while the block runs: it may change any file. `runs_git`: and git's HEAD."""
        checkpoints = self._run.session.project.checkpoints
        if checkpoints is None or not may_write:
            yield
            return
        host = self._run.turn.host
        number = None
        try:
            buffers = await host.buffers()
            number = await checkpoints.begin_command(self._run.session.id, buffers, runs_git=runs_git)
        except MazuError:
            # otherwise the user agreed to continue
            if not (self._without_undo or self._run.mode == "bypass"):
                raise
        if number is None:
            yield
            return
        try:
            await self._keep_own_work(checkpoints, number)
            yield
        finally:
            # A cancelled turn continues to its own end while this runs; until it is closed the command counts as running.
            self._ending = asyncio.create_task(self._end_command(checkpoints, number))
            await asyncio.shield(self._ending)

    async def _keep_own_work(self, checkpoints: Checkpoints, command: int) -> None:
        """Take a checkpoint if the user changed files since the last one: the command may overwrite or remove them."""
        try:
            if not await checkpoints.follows_own_work(command):
                return
        except MazuError as error:
            log.warning("whether the user changed files before a command is not known: %s", error)
            return
        executed = self.executed
        await self._checkpoint("step", OWN_CHANGES, full=False)
        self.executed = executed

    async def _end_command(self, checkpoints: Checkpoints, number: int) -> None:
        try:
            await checkpoints.end_command(number, await self._run.turn.host.buffers())
        except (MazuError, OSError) as error:
            log.warning("what a command changed is not known: %s", error)
        finally:
            checkpoints.forget_command(number)

    def after_step(self, label: str) -> None:
        """Begin a checkpoint after a step that changed something, once enough such steps have passed.

        The model is asked what comes next meanwhile. `wait_recorded` must be awaited before anything else is done or recorded.
        """
        if not (self._changed or len(self._run.written) > self._memories_held):
            return
        self._unsaved += 1
        every = self._run.asked.checkpoint_every or self._run.turn.config.checkpoints.every
        if self._unsaved >= every:
            self._beside = self._begin("step", label, full=False)

    async def wait_recorded(self) -> None:
        """Wait until the checkpoint of the last step is taken and recorded. Raises what it failed with inside mazu-ls."""
        if self._beside is not None:
            await asyncio.shield(self._beside)
            self._beside = None

    async def wait_idle(self, *, cancelled: bool) -> None:
        """Wait for a checkpoint that is being taken, briefly if the turn was `cancelled`; it is recorded when it is complete."""
        if self._is_taking and self._taking:
            await asyncio.wait([self._taking], timeout=CHECKPOINT_SECONDS if cancelled else None)

    async def finish(self, reason: str, edits: dict[Path, FileEdit]) -> journal.Changes:
        """Checkpoint what no checkpoint of the turn holds yet, and add the files that its commands changed to the turn's edits.

        Nothing is counted if the turn was cancelled, and not everything if counting takes too long: then the result is `uncounted`.
        """
        checkpoints = self._run.session.project.checkpoints
        uncertain = bool(self.taken) and checkpoints is not None and not checkpoints.looked_everywhere
        if (self._unsaved or self._changed or uncertain) and not self._is_taking:
            await self._checkpoint(
                "step", "end of turn" if reason == "end_turn" else f"end of turn: {reason}", full=True
            )
        ran = bool(self.taken) and (self.ran_command or self.executed)
        counted = not ran or (reason != "cancelled" and await self._add_command_changes(edits))
        done = edits.values()
        lines = sum(one.added for one in done), sum(one.removed for one in done)
        return journal.Changes(len(done), *lines, uncounted=UNSET if counted else True)

    async def _add_command_changes(self, edits: dict[Path, FileEdit]) -> bool:
        """Add the files that the turn's commands changed, from the checkpoints before and after; return whether they are known."""
        session = self._run.session
        checkpoints = session.project.checkpoints
        if checkpoints is None or len(self.taken) < 2 or self._is_taking or self.executed or session.closing:
            return False
        counting = asyncio.create_task(
            checkpoints.count_changes((self.taken[0], self.taken[-1]), session.id, MOST_COUNTED)
        )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + COUNT_SECONDS
        while not counting.done() and not session.closing and loop.time() < deadline:
            await asyncio.wait({counting}, timeout=COUNT_STEP)
        if not counting.done():
            # It ends by itself soon; cancelling it would leave its error unhandled.
            counting.add_done_callback(_is_counted)
            return False
        if not _is_counted(counting):
            return False
        files = counting.result()
        for counted in files or ():
            file, path = counted.file, self._run.turn.workspace.locate(counted.file.path)
            lines = file.added or 0, file.removed or 0
            if (edited := edits.setdefault(path, FileEdit(path, *lines))) and counted.agent_alone:
                # A formatter after an edit: the turn changed as many lines as its ends differ in, at least.
                edited.added, edited.removed = max(edited.added, lines[0]), max(edited.removed, lines[1])
        return files is not None

    @property
    def _changed(self) -> bool:
        return self.executed or bool(self._run.turn.changed)

    @property
    def _is_taking(self) -> bool:
        return self._taking is not None and not self._taking.done()

    async def _checkpoint(
        self, kind: CheckpointKind, label: str, *, full: bool, boundary: int | None = None
    ) -> None:
        """Take a checkpoint. Cancelling the turn does not stop it half-way, since the thread that takes it cannot be stopped."""
        await asyncio.shield(self._begin(kind, label, full=full, boundary=boundary))

    def _begin(
        self, kind: CheckpointKind, label: str, *, full: bool, boundary: int | None = None
    ) -> asyncio.Task[None]:
        touched = None if full else sorted(self._run.turn.changed)
        self._taking = asyncio.create_task(self._take(kind, label, touched, boundary))
        return self._taking

    async def _take(
        self, kind: CheckpointKind, label: str, touched: list[Path] | None, boundary: int | None
    ) -> None:
        run = self._run
        words = headline(run.asked.title or run.asked.text)
        title = f"before: {words}" if kind == "baseline" else f"{words} · {label}"
        checkpoint = await run.session.checkpoint(
            kind, label, run.turn.turn_id, touched, boundary, title=title
        )
        if kind != "baseline":
            run.turn.changed.clear()
            self.ran_command = self.ran_command or self.executed
            self.executed = False
            self._unsaved = 0
            self._memories_held = len(run.written)
        if checkpoint:
            self.taken.append(checkpoint)
            if not run.session.journal.closed:
                run.record(journal.CheckpointTaken(checkpoint, kind, label))


def _is_counted(counting: asyncio.Task[Any]) -> bool:
    """Return whether a count succeeded; otherwise log why, without the names of all files."""
    error = None if counting.cancelled() else counting.exception()
    if error is not None:
        said = " ".join(str(error).split())
        log.warning(
            "what the commands of this turn changed is not counted: %s", f"{said[:80]} … {said[-80:]}"
        )
    return not counting.cancelled() and error is None
