"""A session: one conversation, one turn at a time."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import asdict

from mazu_ls.agent.session import compaction, session_search
from mazu_ls.agent.session.conversation import Conversation, replay
from mazu_ls.agent.session.deleted_sessions import SessionStart
from mazu_ls.agent.session.exclusive_task import ExclusiveTask, uncancel
from mazu_ls.agent.session.ids import headline, new_id
from mazu_ls.agent.session.journal_views import last_started
from mazu_ls.agent.session.undo import find_turn
from mazu_ls.agent.turn import context_blocks, prompt
from mazu_ls.agent.turn.turn import Prompt, TurnResult, TurnRun
from mazu_ls.errors import Kind, MazuError
from mazu_ls.journal import journal
from mazu_ls.messages import Message
from mazu_ls.tools.context import MOST_OUTPUTS, ShellState, ToolContext

if TYPE_CHECKING:
    from mazu_ls.agent.project.services import ProjectServices
    from mazu_ls.checkpoints.models import CheckpointKind
    from mazu_ls.config.config import Mode
    from mazu_ls.host import Buffer
    from mazu_ls.models.model import Model
    from mazu_ls.policy import Rule

log = logging.getLogger(__name__)
T = TypeVar("T")


class Session:
    """Opened on its journal, which it holds until it is closed."""

    def __init__(self, project: ProjectServices, path: Path) -> None:
        """Open the journal at `path`; `load` must follow. Raises MazuError(busy) if another process holds it."""
        self.project = project
        self.journal = journal.Journal(path, project.emit)
        self.id = self.journal.session_id
        self.name = ""
        self.conversation = Conversation()
        self.rules: list[Rule] = []
        self.mode: Mode | None = None
        self.last_input = 0
        self.state = "idle"
        self.shell = ShellState(project.root)
        self.seen: dict[Path, str] = {}
        self.outputs: deque[tuple[str, str]] = deque(maxlen=MOST_OUTPUTS)
        self.told_memories: set[str] = set()
        """Ids of the memories that the conversation contains; what a compaction cut may be given again."""
        self._work = ExclusiveTask()
        self._said_all = self._loaded = False
        self.start = SessionStart(self.journal)
        self.interrupted: str | None = None
        """The kind of the turn during which mazu-ls ended, once that was found."""
        self.aside, self.map, self.answer_begun = False, "", asyncio.Event()
        self.standing_memory = ""
        """The memory block that stays the same from turn to turn; part of the system prompt."""
        self.queue: dict[str, journal.MessageQueued] = {}
        """Messages queued until the running turn ends, in order."""
        self.closing = False
        """Whether mazu-ls is shutting down: a turn that stops now was not stopped by the user."""

    async def load(self) -> None:
        """Read the conversation up to its head, which a rollback, also of another process, may have moved."""
        stored = await asyncio.to_thread(lambda: [*journal.read(self.journal.path)])
        is_disordered = self.journal.last < (last := stored[-1].seq if stored else 0)
        self.journal.last = max(self.journal.last, last)
        head = await self.project.conversation_head(self.id, self.journal.last)
        moved = self._loaded and head != self.journal.head
        self.journal.head, self.journal.stale = head, False
        events = journal.branch_events(stored, head)
        self.conversation = replay(events)
        self.told_memories = self.conversation.told_memories
        for event in events:
            self._note(event.body)
        self.queue = queued(stored)
        # A name outlives the turn that set it, which may have been undone.
        named = [
            e.body.name for e in stored if isinstance(e.body, journal.SessionStarted | journal.SessionNamed)
        ]
        self.name = next((name for name in reversed(named) if name), "")
        self._loaded = True
        if is_disordered and head == last and self.journal.held:
            self.append(journal.SessionNamed(self.name))  # the last line is the last event again
        if moved:
            self.project.head_moved(self.id, head)
        if self.project.proposals:
            await self.project.proposals.keep_turns(self.id, {event.turn for event in events if event.turn})

    async def refresh(self) -> None:
        """Read the conversation again if a rollback, perhaps of another process, moved its head."""
        if (
            not self.running
            and await self.project.conversation_head(self.id, self.journal.last) != self.journal.head
        ):
            await self.load()

    def events(self) -> list[journal.Event]:
        """Return the events of the conversation, from its root to its head. Reads the file: call it from a thread."""
        return journal.branch_events(journal.read(self.journal.path), self.journal.head)

    def append(self, body: journal.Body, turn: str | None = None, clean: str = "") -> None:
        """Record an event and apply it to the conversation. `clean`: see `Journal.append`."""
        event = self.journal.append(body, turn, clean)
        if not isinstance(body, journal.TRANSIENT):
            self.conversation.apply(event)
            self._note(event.body)
        if isinstance(body, journal.SessionEnded) and not self.aside:
            self.project.scheduler.on_session_end(self.id)

    def _note(self, body: journal.Body) -> None:
        if isinstance(body, journal.SessionNamed):
            self.name = body.name
        elif isinstance(body, journal.SessionStarted):
            self.aside = body.aside
        elif isinstance(body, journal.MessageQueued):
            self.queue[body.id] = body
        elif isinstance(body, journal.MessageDequeued):
            self.queue.pop(body.id, None)
        elif isinstance(body, journal.SessionEnded):
            self.state = "ended"
        elif isinstance(body, journal.TurnEnded):
            self._said_all = True
        elif isinstance(body, journal.ModelSaid):
            self.last_input = body.usage.tokens or self.last_input

    @property
    def running(self) -> bool:
        """Whether a turn is in progress."""
        return self._work.running

    @property
    def is_at_work(self) -> bool:
        """Whether a turn or a background command of this session runs, or a message waits to be sent."""
        unfinished = any(one.code is None for one in self.shell.background.values())
        return self.running or bool(self.queue) or unfinished

    @property
    def ending(self) -> bool:
        """Whether the turn in progress has recorded its end, so that it is over in a moment."""
        return self.running and self._said_all

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Mark the turn as waiting for the user's answer."""
        self.state = "waiting"
        try:
            yield
        finally:
            self.state = "running"

    async def prompt(
        self, asked: Prompt, turn_id: str | None = None, begun: Callable[[], object] | None = None
    ) -> TurnResult:
        """Run one turn. Raises MazuError(busy) while another runs, MazuError(auth) or (config) if no model is available.

        Cancelling the caller cancels the turn. `begun` is called once the user's message is on the disk.
        """
        with self.start.noting_refusal():
            return await self._alone(self._turn(asked, turn_id or new_id("t"), begun))

    async def compact(self, model_name: str | None = None) -> bool:
        """Replace all but the last exchange by a summary; False if there is nothing to replace."""
        return await self._alone(self._compact(model_name))

    async def _compact(self, model_name: str | None) -> bool:
        model = await self.project.model(model_name or self.conversation.model)
        try:
            return await compaction.compact(self, model, new_id("t"))
        finally:
            await asyncio.to_thread(self.journal.sync)

    async def _alone(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` as this session's exclusive task."""
        if not self.running:
            self._said_all = False
            self.state = "running"
        try:
            return await self._work.run(work)
        finally:
            if not self.running:
                self.state = "idle"

    def cancel(self) -> bool:
        """Stop the running turn; False if none runs, or if it is being stopped already."""
        return self._work.cancel()

    async def wait_idle(self) -> None:
        """Wait until no turn is in progress."""
        await self._work.wait_idle()

    async def _turn(self, asked: Prompt, turn_id: str, begun: Callable[[], object] | None) -> TurnResult:
        with self.project.turn_markers.mark(self.id):
            return await self._marked_turn(asked, turn_id, begun)

    async def _marked_turn(
        self, asked: Prompt, turn_id: str, begun: Callable[[], object] | None
    ) -> TurnResult:
        stopped = False
        while True:  # even if cancelled this early the turn is recorded: the user's message is not lost
            try:
                model = await self.prepare_turn(asked)
                if model is not None and not stopped:
                    await self._wait_for_tools()
                blocks, injected = (
                    ([], ())
                    if stopped or model is None
                    else await context_blocks.build_context_blocks(self, asked, model)
                )
                break
            except asyncio.CancelledError:
                if stopped:
                    raise
                uncancel()
                stopped = True
        told = tuple(memory.id for memory in injected)
        mode = asked.mode_in(self.mode or self.project.mode)
        run = TurnRun(self, asked, self.context(turn_id), model, mode, told)
        run.begun = begun
        if not self.name:
            self.append(journal.SessionNamed(headline(asked.text)))
        run.record(
            journal.TurnStarted(
                asked.kind, model.name if model else "", told, tuple(memory.title for memory in injected),
                journal.TurnLimits(**asdict(asked.limits)), asked.allow_shell, asked.checkpoint_every,
                mode, model.spec.context_window if model else None,
            )
        )  # fmt: skip
        parts = prompt.user_parts(asked.text, asked.attachments, blocks)
        run.record(journal.UserSaid(Message("user", parts), asked.text, asked.attached))
        if not self.aside:
            self.project.scheduler.schedule(self.id)
        return await run.run(stopped=stopped)

    async def _wait_for_tools(self) -> None:
        """Wait a while for files with tools and for MCP servers; tell the user if the turn begins without servers."""
        if (extensions := self.project.extensions) is None:
            return
        await extensions.wait_agreed()
        if names := ", ".join(await extensions.wait_started()):
            left_out = f"MCP servers that are still starting are left out of this turn: {names}."
            await self.project.warn_once(left_out)

    async def prepare_turn(self, asked: Prompt) -> Model | None:
        """Bring the conversation up to date and return the model of the turn; None for a `!command` of the user."""
        if await self.project.conversation_head(self.id, self.journal.last) != self.journal.head:
            await self.load()
        return None if asked.command else await self.project.model(asked.model or self.conversation.model)

    def context(self, turn_id: str) -> ToolContext:
        """Return the context that the tools of a turn get."""
        project = self.project
        return ToolContext(
            session_id=self.id,
            turn_id=turn_id,
            host=project.host,
            workspace=project.workspace,
            memories=project.memories,
            config=project.config,
            shell=self.shell,
            seen=self.seen,
            outputs=self.outputs,
            changed=set(),
            emit=lambda text: None,
            remembered=lambda memory_id, outcome, title: None,
            env=project.env,
            past=self._past,
        )

    async def _past(self, query: str, limit: int) -> list[str]:
        """Search what was said and done in other sessions, and in this one once it was compacted; one line per turn."""
        skip = "" if self.conversation.was_compacted else self.id
        found = await asyncio.to_thread(session_search.search, self.project.journals, query, limit, skip)
        imported = await self.project.memories.imported.search(query, limit) if self.project.memories else []
        lines = [
            f"{said.at[:10]} {'this conversation' if said.session_id == self.id else said.session_id}"
            f" user: {said.user} / answer: {said.reply}{f' / calls: {said.calls}' if said.calls else ''}"
            for said in found
        ]
        return lines + [f"{one.at[:10]} {one.agent} {one.session} {one.role}: {one.text}" for one in imported]

    async def system(
        self, mode: Mode, model: Model, *, autonomous: bool, edits_unasked: bool = False
    ) -> tuple[str, ...]:
        """Return the system prompt of the next call; the role document is read again."""
        project = self.project
        drawn = self.map if project.map_budget(model) else ""
        return prompt.system(
            project.role(), await project.conventions(self.seen), mode, project.folders, autonomous=autonomous, project_map=drawn,
            memory=self.standing_memory, edits_unasked=edits_unasked,
        )  # fmt: skip

    async def render_map(self, model: Model, buffers: Sequence[Buffer], patience: float) -> None:
        """Render the project map once for the whole conversation: a prefix that changes misses the provider's cache."""
        if not self.map:
            focus = context_blocks.open_files(self.project.workspace, buffers)
            budget = self.project.map_budget(model)
            drawn = await self.project.render_map(budget, focus, patience, self.answer_begun)
            self.map = self.map or drawn

    async def checkpoint(
        self,
        kind: CheckpointKind,
        label: str,
        turn_id: str,
        touched: Sequence[Path] | None,
        boundary: int | None,
        *,
        title: str = "",
    ) -> str | None:
        """Take a checkpoint and return its id; None, with one warning, if none can be taken."""
        return await self.project.checkpoint(
            kind, label, session_id=self.id, turn_id=turn_id, touched=touched, boundary=boundary, title=title
        )

    async def rewind(self, turns: int = 1, turn_id: str | None = None) -> int:
        """Remove the last turns, or those from `turn_id` on, from the conversation; return how many.

        They stay in the journal. Raises MazuError(not_found) for a turn that is not in the conversation.
        """
        if self.running:
            raise MazuError(Kind.BUSY, "A turn is running.", "Stop it first.")
        events = await asyncio.to_thread(self.events)
        starts = [event for event in events if isinstance(event.body, journal.TurnStarted)]
        if turn_id is not None:
            turns = len(starts) - starts.index(start_of_turn(events, turn_id))
        if not starts or turns < 1:
            return 0
        taken = min(turns, len(starts))
        await self.move_head(starts[-taken].parent)
        return taken

    async def move_head(self, head: int) -> None:
        """End the conversation at `head`; later events become another branch."""
        await self.project.move_head(self.id, head, self.journal.last)
        await self.load()

    async def last_turn(self) -> tuple[str, int, str | None] | None:
        """Return the id of the last turn, the event before it, and its baseline checkpoint if it took one."""
        events = await asyncio.to_thread(self.events)
        return find_turn(events)

    async def last_started(self) -> datetime | None:
        """Return when the last turn of the conversation began."""
        return last_started(await asyncio.to_thread(self.events))

    async def release(self) -> bool:
        """Close the files of a session at rest, whose journal is held again with the next use; False for one at work."""
        await asyncio.to_thread(self.journal.sync)
        if self.is_at_work:
            return False
        for finished in self.shell.background.values():
            finished.spool.close()
        self.shell.background.clear()
        self.journal.release()  # at once: nothing may be appended in the midst of it
        return True

    async def close(self) -> None:
        """Stop what runs and release the journal; a turn stopped this way is offered for resuming."""
        self.closing = True
        self.cancel()
        await self._work.wait_idle(timeout=2)
        for running in self.shell.background.values():
            await running.stop()
            running.spool.close()
        if self.start.is_void:
            self.journal.path.unlink(missing_ok=True)
        await asyncio.to_thread(self.journal.close)


def queued(events: Iterable[journal.Event]) -> dict[str, journal.MessageQueued]:
    """Return the queued messages of a journal that were neither sent nor removed."""
    found: dict[str, journal.MessageQueued] = {}
    for event in events:
        if isinstance(event.body, journal.MessageQueued):
            found[event.body.id] = event.body
        elif isinstance(event.body, journal.MessageDequeued):
            found.pop(event.body.id, None)
    return found


def start_of_turn(events: Iterable[journal.Event], turn_id: str) -> journal.Event:
    """Return the event with which a turn of this conversation began. Raises MazuError(not_found)."""
    for event in events:
        if isinstance(event.body, journal.TurnStarted) and event.turn == turn_id:
            return event
    raise MazuError(
        Kind.NOT_FOUND, "That turn is not part of the current conversation.", "See mazu.session.events."
    )
