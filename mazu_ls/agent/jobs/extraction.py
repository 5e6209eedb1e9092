"""Memory extraction: one forced tool call finds memories and a summary when a session has ended.

A session whose editor disconnected is examined after the next start, once the editor has been open for a while. Nothing waits for an
extraction, and a failed one is tried again later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from mazu_ls.agent.background_tasks import BackgroundTasks
from mazu_ls.agent.jobs.extracted_memories import mark_origins, summarize_stored, tell_stored
from mazu_ls.errors import Kind, MazuError, ToolError
from mazu_ls.host import Choice, Question
from mazu_ls.journal import journal
from mazu_ls.messages import Message, Text
from mazu_ls.models import model as models
from mazu_ls.workspace.visible_text import plural

if TYPE_CHECKING:
    from mazu_ls.agent.project.services import ProjectServices
    from mazu_ls.memory.io.extract import Extraction
    from mazu_ls.memory.io.extraction_queue import ExtractionClaim
    from mazu_ls.memory.io.extraction_queue import ExtractionQueue as Pending

log = logging.getLogger(__name__)
EARLIER = "earlier sessions"
START_SECONDS = 20.0
"""Seconds after the start at which sessions of earlier processes are examined."""
REST_SECONDS, AFTER_SECONDS, POSTPONE_SECONDS = 600.0, 5.0, 3600.0
"""Seconds that a session must rest before a one-turn process examines it, that this may take, and until it is tried again."""
MAX_OUTPUT = 4_000
ROOM_SHARE = 0.5


class NoExtractionModel(MazuError):
    """No model is available at present, which is no failure."""


class Answered(NamedTuple):
    """What a model found, and what asking it cost in US dollars; None where its price is not known."""

    found: Extraction
    cost_usd: float | None


class MemoryExtractor:
    """The extractions of one project, run as background tasks."""

    def __init__(
        self, project: ProjectServices, is_open: Callable[[str], bool], holds: Callable[[str], bool]
    ) -> None:
        self._project = project
        self._is_open = is_open
        self._holds = holds
        self._tasks = BackgroundTasks("extraction of memories")
        self._noted: set[str] = set()
        self._failure_said = False

    def schedule(self, session_id: str) -> None:
        """The session has a new message: extraction is pending from now on, also if mazu-ls ends without warning."""
        if session_id not in self._noted and (pending := self._pending()):
            self._noted.add(session_id)
            self._tasks.spawn(pending.note(session_id))

    def on_session_end(self, session_id: str) -> None:
        """The session has ended: extract now."""
        if self._pending():
            self._tasks.spawn(self._one(session_id))

    def start(self) -> None:
        """Examine what earlier processes left, after a delay."""
        self._tasks.spawn(self._earlier(), EARLIER)

    async def look_at_oldest(self) -> None:
        """Examine one session that nobody has continued for a while: a one-turn process ends before `start` would do so.

        An extraction that takes too long stays pending and is not tried for an hour: each attempt costs the same again.
        """
        pending = self._pending()
        if pending is None or not (waiting := await pending.waiting(REST_SECONDS)):
            return
        try:
            async with asyncio.timeout(AFTER_SECONDS):
                await self._one(waiting[0].session_id)
        except TimeoutError:
            await pending.postpone(waiting[0].session_id, POSTPONE_SECONDS)
        except Exception:  # that of another conversation: the turn has its answer
            log.warning("extraction of %s failed", waiting[0].session_id, exc_info=True)

    async def wait_idle(self) -> None:
        """Wait for the extractions that the end of a session started."""
        await self._tasks.drain(without=EARLIER)

    async def close(self) -> None:
        """Stop; what is not finished stays pending."""
        await self._tasks.close()

    def _pending(self) -> Pending | None:
        """Return the stored list of pending sessions; None if nothing may or can be written."""
        memories = self._project.memories
        return memories.extractions if memories and self._project.config.memory.write != "off" else None

    async def _earlier(self) -> None:
        await asyncio.sleep(START_SECONDS)
        if pending := self._pending():
            for waiting in await pending.waiting():
                if not self._is_open(waiting.session_id) and not await self._one(waiting.session_id):
                    return

    async def _one(self, session_id: str) -> bool:
        """Extract from one session; a failure is kept for later and reported once. Return whether to continue with the others."""
        pending = self._pending()
        if pending is None or (claim := await pending.claim(session_id)) is None:
            return True
        self._noted.discard(session_id)  # a message from now on makes it pending again
        try:
            self._glance(session_id)
            await self._extract(claim, pending)
        except (MazuError, ToolError) as error:
            if isinstance(error, NoExtractionModel) or (
                isinstance(error, MazuError) and error.kind is Kind.BUSY
            ):
                log.info("session %s still waits: %s", session_id, error.message)
                return error.kind is Kind.BUSY
            failed = await pending.failed(session_id, str(error))
            log.warning("extraction of %s failed (%d): %s", session_id, failed.attempts, error)
            if not self._failure_said:
                self._failure_said = True
                text = f"What was learned in a conversation could not be kept yet: {error}".rstrip(".")
                await self._project.host.say("warning", f"{text}. It is tried again later; nothing is lost.")
            return False
        finally:
            await pending.release(claim)
        return True

    def _glance(self, session_id: str) -> None:
        """Raise MazuError(busy) if another process has the session open, and will examine it. Nothing stays locked: the
        user may continue any session while a model is asked about it."""
        path = self._project.journals / f"{session_id}.jsonl"
        if not self._holds(session_id) and path.exists():
            journal.Journal(path).close()

    async def _extract(self, claim: ExtractionClaim, pending: Pending) -> None:
        from mazu_ls.agent.session.conversation import replay

        project, session_id = self._project, claim.session_id
        path = project.journals / f"{session_id}.jsonl"
        events = await asyncio.to_thread(lambda: list(journal.read(path)) if path.exists() else [])
        head = await project.conversation_head(session_id, events[-1].seq if events else 0)
        conversation = replay(journal.branch_events(events, head))
        if not any(message.role == "assistant" for message in conversation.messages):
            await pending.skip(claim)
            return
        messages = conversation.messages_to_send()
        asked = await self._asked(messages, conversation.model)
        found = mark_origins(asked.found, messages)
        if await self._may_keep(claim, found, pending):
            merged = await pending.merge(claim, found)
            for problem in merged.problems:
                log.warning("session %s: %s", session_id, problem)
            if body := summarize_stored(merged.memories):
                project.emit(session_id, journal.Event(0, 0, journal.now(), None, body))
                text = tell_stored(merged.memories, found.summary.title, asked.cost_usd)
                await project.host.say("info", text)

    async def _asked(self, messages: list[Message], model_name: str | None) -> Answered:
        from mazu_ls.models.catalog import cheapest_like

        try:
            model = await self._project.model(model_name)
        except MazuError as error:
            raise NoExtractionModel(error.kind, error.message, error.hint) from error
        chosen = self._project.config.memory.extraction_model or cheapest_like(model.spec)
        if chosen != model.name:
            try:
                return await self._ask(await self._project.model(chosen), messages)
            except (MazuError, ToolError) as error:  # a key need not be valid for every model
                log.warning("%s could not say what to remember, %s is asked: %s", chosen, model.name, error)
        return await self._ask(model, messages)

    async def _ask(self, model: models.Model, messages: list[Message]) -> Answered:
        from mazu_ls.agent.jobs.ask import call_once
        from mazu_ls.agent.session.compaction import render_messages
        from mazu_ls.memory.io import extract
        from mazu_ls.models.tool_arguments import fit_to_schema

        text = render_messages(messages, int(model.spec.context_window * ROOM_SHARE) * 3)
        request = models.ModelRequest(
            messages=[
                Message("user", (Text(text, untrusted="the session"), Text("Save what is worth keeping.")))
            ],
            system=(extract.INSTRUCTION,),
            tools=[models.ToolSpec(extract.TOOL, extract.DESCRIPTION, extract.schema())],
            max_output=MAX_OUTPUT,
            force_tool=extract.TOOL,
        )
        said = await call_once(self._project, model, request, "extraction")
        call = next((call for call in said.message.calls if call.name == extract.TOOL), None)
        if call is None or call.invalid:
            why = f": {call.invalid}" if call else ""
            raise ToolError(f"{model.name} did not say what to keep{why}")
        found = extract.decode(fit_to_schema(call.arguments, extract.schema()))
        return Answered(found, said.usage.cost_usd)

    async def _may_keep(self, claim: ExtractionClaim, found: Extraction, pending: Pending) -> bool:
        """Ask the user if `memory.write` is "ask". A no is final; without an answer the session stays pending."""
        if self._project.config.memory.write != "ask" or not found.memories:
            return True
        lines = "\n".join(f"- {item.category}: {item.title}" for item in found.memories)
        choices = (Choice("allow_once", "Keep them", "allow_once"), Choice("deny", "Do not", "deny"))
        title = f"Keep {plural(len(found.memories), 'memory', 'memories')} from this session?"
        question = Question(
            claim.session_id, "", "remember", title, f"{found.summary.title}\n{lines}", choices
        )
        reply = await self._project.host.ask(question, self._project.config.permissions.timeout_seconds)
        if reply.choice and reply.choice.kind == "deny":
            await pending.skip(claim)
        return reply.choice is not None and reply.choice.kind != "deny"
