"""One turn: the model speaks, its tools run, until it is done or a limit, the user or a failure ends it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mazu_ls.agent.proposals.proposing_host import has_pending_rejection, inject_user_decisions
from mazu_ls.agent.session import compaction
from mazu_ls.agent.session.conversation import trim_to_window
from mazu_ls.agent.session.exclusive_task import await_uncancelled, raise_if_cancelled, uncancel
from mazu_ls.agent.session.partial_message import PartialMessage, RedactedDeltas
from mazu_ls.agent.session.recovery import LEFT
from mazu_ls.agent.turn.approvals import ApprovalGate
from mazu_ls.agent.turn.limits import CUT_OFF, STOPPED, TurnLimitReached, UsageMeter, count_of, said_nothing
from mazu_ls.agent.turn.loop_detection import CallOutcome, LoopDetector
from mazu_ls.agent.turn.tool_executor import NOT_RUN, ToolExecutor, select_tools, withheld_note
from mazu_ls.agent.turn.turn_checkpoints import TurnCheckpoints
from mazu_ls.agent.turn.types import FileEdit, Prompt, TurnResult
from mazu_ls.errors import Kind, MazuError, system_error
from mazu_ls.journal import journal
from mazu_ls.messages import Message, Text, ToolCall, Usage
from mazu_ls.models import model as models
from mazu_ls.models.pricing.call_cost import with_cost
from mazu_ls.models.pricing.tokens import least_usage, unread_tokens
from mazu_ls.models.pricing.unfinished_call import UnfinishedCall
from mazu_ls.models.provider_errors import ContentRefused
from mazu_ls.models.tool_call_builder import with_unused_ids
from mazu_ls.redact import redact

if TYPE_CHECKING:
    from pathlib import Path

    from mazu_ls.agent.turn.reviewed_host import RecordedEdit
    from mazu_ls.agent.turn.running_turn import TurnSession
    from mazu_ls.config.config import Mode
    from mazu_ls.tools.context import ToolContext

log = logging.getLogger(__name__)
FAILED, IN_THE_LOG = "The turn failed inside mazu-ls.", "The log has the detail."


@dataclass
class TurnRun:
    """A turn in progress. `turn` is what tools see of it; `chosen` is None if a `!command` of the user needs no model."""

    session: TurnSession
    asked: Prompt
    turn: ToolContext
    chosen: models.Model | None
    mode: Mode
    injected: tuple[str, ...] = ()
    reply: str = ""  # secrets are redacted
    edits: dict[Path, FileEdit] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    stuck: str | None = None

    def __post_init__(self) -> None:
        self.unfinished = PartialMessage(self.session.journal)
        self.meter = UsageMeter(self.asked.limits)
        self.loops = LoopDetector()
        tools, self.withheld = select_tools(self)
        self.specs = [models.ToolSpec(tool.name, tool.description, tool.schema) for tool in tools.values()]
        self.calls = ToolExecutor(self, tools, ApprovalGate(self))
        self.steps = TurnCheckpoints(self)
        self._memo = models.RequestMemo()
        self._compacted = False
        self._cut_short: Usage | None = None
        self._deltas = RedactedDeltas(self.record, self.unfinished)
        self.begun: Callable[[], object] | None = None
        """Called once the user's message is on the disk."""

    @property
    def model(self) -> models.Model:
        """The model of the turn."""
        assert self.chosen is not None
        return self.chosen

    @property
    def edits_unasked(self) -> bool:
        """Whether this run edits without asking: in mode ask by default, but not if someone chose that mode explicitly."""
        chosen = self.session.mode is not None or self.session.project.mode_is_chosen
        return self.asked.kind == "run" and self.mode == "ask" and not chosen

    def record(self, body: journal.Body, clean: str = "") -> None:
        """Record an event in the journal, which notifies the listeners. `clean`: see `Journal.append`."""
        self.session.append(body, self.turn.turn_id, clean)

    def record_memory(self, memory_id: str, outcome: str, title: str) -> None:
        """Record that a tool wrote a memory."""
        self.record(journal.MemoryTouched(memory_id, outcome, title))
        if outcome != "duplicate":
            self.written.append(memory_id)

    async def run(self, *, stopped: bool = False) -> TurnResult:
        """Run the turn. Cancelling the task ends it with stop reason "cancelled" and does not raise.

        `stopped`: it was cancelled before it began, and is recorded as such.
        """
        stop, error = (STOPPED, None) if stopped else await self._carried_out()
        return await await_uncancelled(asyncio.create_task(self._end(stop, error)), uncancel)

    async def _carried_out(self) -> tuple[TurnLimitReached, MazuError | None]:
        error: MazuError | None = None
        try:
            await self.sync_journal()
            if self.begun:
                self.begun()
            async with asyncio.timeout(self.asked.limits.seconds):
                stop = await self._loop()
        except asyncio.CancelledError:
            uncancel()
            stop = STOPPED
        except MazuError as failure:
            error, stop = failure, TurnLimitReached("error", failure.message)
            if failure.kind is Kind.REFUSAL:
                error, stop = None, TurnLimitReached("refusal", failure.message)
        except Exception as failure:
            if isinstance(failure, TimeoutError) and self.meter.out_of_time:
                return TurnLimitReached(
                    "max_seconds",
                    f"The limit of {count_of(self.asked.limits.seconds or 0, 'second')} is reached.",
                ), None
            log.exception("turn %s failed", self.turn.turn_id)
            error = system_error(failure) or MazuError(Kind.INTERNAL, FAILED, IN_THE_LOG)
            stop = TurnLimitReached("error", error.message)
        return stop, error

    async def _loop(self) -> TurnLimitReached:
        if self.asked.command:
            return await self._user_command(self.asked.command)
        while True:
            if stop := self.meter.exceeded():
                return stop
            await self._tell_unpriced()
            if self.withheld:
                await self.session.project.warn_once(withheld_note(self.withheld))
            await inject_user_decisions(self)
            if self.session.last_input > compaction.compaction_threshold(
                self.model.spec, self.turn.config.context
            ):
                await self.steps.wait_recorded()
                await compaction.compact_early(
                    self.session, self.model, self.turn.turn_id, spent=self.meter.add
                )
                if stop := self.meter.exceeded():
                    return stop
            if (said := await self._call_model()) is None:
                continue
            match said.stop:
                case "tool_use":
                    if stop := await self._tools(said.message):
                        return stop
                case "end_turn":
                    if self.asked.finish:
                        await self.asked.finish(self)
                    if not await has_pending_rejection(self):
                        return TurnLimitReached(
                            "end_turn", said_nothing(said.message.text) or self.meter.overspent
                        )
                case "max_tokens":
                    return TurnLimitReached("max_tokens", CUT_OFF)
                case "refusal":
                    return TurnLimitReached("refusal", said.detail or "The model declined to answer.")
                case "context_length":
                    await self._shorten(said.detail)

    async def _tell_unpriced(self) -> None:
        """Warn once that a money limit cannot be enforced, before more is spent; the other limits hold."""
        limit, name = self.asked.limits.cost, self.model.name
        known = self.model.spec.prices is not None and self.meter.usage.cost_usd is not None
        if limit is None or known:
            return
        await self.session.project.warn_once(
            f"What {name} costs is not known, so the limit of ${limit:g} cannot be enforced; the other limits apply. "
            f"Set its prices in [models.{self.model.spec.provider}] of config.toml."
        )

    async def _user_command(self, command: str) -> TurnLimitReached:
        """Run a `!command` that the user typed, under the same policy; the model sees it in the next turn."""
        call = ToolCall(f"user_{self.turn.turn_id}", "run_shell", {"command": command})
        (ended,) = await self.calls.run([call])
        self.reply = redact(ended.plain)
        told = Text(f"$ {command}\n{ended.plain}", untrusted="a command that the user ran")
        self.record(journal.UserSaid(Message("user", (told,))))
        self.steps.after_step(self.calls.step_title([ended]))
        return TurnLimitReached("end_turn", "")

    async def _shorten(self, detail: str) -> None:
        """Compact a context that is too long, once; if that was not enough, the turn ends with a sentence."""
        await self.steps.wait_recorded()
        if self._compacted or not await compaction.compact(
            self.session, self.model, self.turn.turn_id, refused=True, spent=self.meter.add
        ):
            raise MazuError(
                Kind.CONTEXT_LENGTH, detail or f"The conversation is too long for {self.model.name}.",
                "Start a new session, rewind, or choose a model with a larger window.",
            )  # fmt: skip
        self._compacted = True

    async def _call_model(self) -> models.ModelAnswer | None:
        """Return the answer; None if a limit was reached by attempts that broke off, or would be passed by what is sent alone."""
        request = await self.request(self.session.conversation.messages_to_send())
        prices, before = self.model.spec.prices, self.session.last_input
        if not self.meter.affords(lambda: with_cost(least_usage(request, before), prices)):
            return None
        self.unfinished.clear()
        finished: models.ModelAnswer | None = None
        call = UnfinishedCall(request, self.model.spec, self._book)
        try:
            async with aclosing(self.model.stream(request)) as chunks:
                async for chunk in chunks:
                    self.session.answer_begun.set()
                    await self.steps.wait_recorded()
                    raise_if_cancelled()
                    call.take(chunk)
                    if isinstance(chunk, models.RetryScheduled) and self.meter.exceeded():
                        return None
                    finished = self._take(chunk) or finished
        except MazuError as error:
            if isinstance(error, ContentRefused) and await self._withhold(error):
                return await self._call_model()
            if error.kind is Kind.CONTEXT_LENGTH:
                return models.ModelAnswer(Message("assistant", ()), "context_length", Usage(), error.message)
            self._cut_short = call.usage(failed=True)
            raise
        except (asyncio.CancelledError, Exception):  # stopped, or its step's checkpoint failed inside mazu-ls
            self._cut_short = finished.usage if finished else call.usage(failed=False)
            raise
        finally:
            self._deltas.flush()
        if finished is None:
            said = f"{self.model.name} ended its answer without a finish reason."
            raise MazuError(Kind.NETWORK, said, "Try again.")
        used = finished.usage + Usage(steps=1)
        self.meter.add(used)
        self.session.last_input = finished.usage.tokens
        self.record(journal.ModelSaid(finished.message, finished.stop, used))
        self.unfinished.clear()
        self.reply = redact(finished.message.text) or self.reply
        if not self.model.spec.hosted:
            await self._tell_oddities(request, finished)
        return finished

    async def _withhold(self, refused: ContentRefused) -> bool:
        """Remove from the conversation what the provider rejects, so that it can continue; return whether to ask again now."""
        if refused.part == "pictures" and not self.session.conversation.has_pictures:
            return False
        await self.steps.wait_recorded()
        self.record(journal.ContentWithheld(refused.part, refused.message))
        if refused.part == "message":  # the user's own request is removed with it
            refused.message += " It was removed from the conversation."
            return False
        await self.session.project.warn_once(f"An image was left out: {refused.message}")
        return True

    async def _tell_oddities(self, request: models.ModelRequest, answer: models.ModelAnswer) -> None:
        """Warn once each: about tool calls written as text, and about a server that truncates its input."""
        project, name, entry = self.session.project, self.model.name, self.model.spec.provider
        if answer.written:
            await project.warn_once(
                f"{name} writes its tool calls as text; mazu-ls parses them, and they need the same permission as all others."
            )
        if unread := unread_tokens(request, answer.usage):
            read = answer.usage.tokens - answer.usage.output_tokens
            await project.warn_once(
                f"{name} read only {read} of about {read + unread} tokens sent to it: its server silently truncates longer prompts. "
                f"Give it a larger context (Ollama: OLLAMA_CONTEXT_LENGTH), or set context_window in [models.{entry}].",
                key=f"cut prompts of {name}",
            )

    async def request(self, conversation: Sequence[Message]) -> models.ModelRequest:
        """Build exactly what a model call sends at this point of the conversation."""
        settings, is_run = self.turn.config.context, self.asked.kind == "run"
        system = await self.session.system(
            self.mode, self.model, autonomous=is_run, edits_unasked=self.edits_unasked
        )
        return models.ModelRequest(
            messages=trim_to_window(conversation, settings.window_turns, settings.window_tokens),
            system=(*system, *([withheld_note(self.withheld)] if self.withheld else ())),
            tools=self.specs,
            memo=self._memo,
        )

    def _take(self, chunk: models.Chunk) -> models.ModelAnswer | None:
        match chunk:
            case models.TextDelta(text):
                self._deltas.add("message", text)
            case models.ThinkingDelta(text):
                self._deltas.add("thought", text)
            case models.AnswerRestarted():
                self._deltas.discard()
                self.record(journal.MessageRestarted())
            case models.RetryScheduled(attempt, seconds, reason):
                self.record(journal.Retrying(attempt, seconds, reason))
            case models.ModelAnswer():
                return with_unused_ids(chunk, self.session.conversation.messages)
        return None

    async def _tools(self, message: Message) -> TurnLimitReached | None:
        ended = await self.calls.run(message.calls)
        failed = bool(ended) and not any(result.ok for result in ended)
        self.meter.failures = self.meter.failures + 1 if failed else 0
        outcomes = [
            CallOutcome(result.call, result.text, result.ok, self.calls.is_effectful(result.call))
            for result in ended
        ]
        self.stuck = self.stuck or self.loops.record_round(outcomes)
        self.steps.after_step(self.calls.step_title(ended))
        return TurnLimitReached("stuck", self.stuck) if self.stuck else None

    def record_edit(self, edit: RecordedEdit, *, is_file: bool = True) -> None:
        """Count one edit that was made; for a document that is no file, steps hold nothing but its text."""
        entry = self.edits.setdefault(edit.path, FileEdit(edit.path))
        entry.added += edit.added
        entry.removed += edit.removed
        if not is_file:
            return
        self.turn.changed.add(edit.path)
        if self.turn.seen.get(edit.path, edit.before) == edit.before:
            self.turn.seen[edit.path] = edit.after
        self.stuck = self.stuck or self.loops.record_edit(
            self.turn.workspace.relative(edit.path), edit.before, edit.after
        )

    async def sync_journal(self) -> None:
        """Sync the journal, so that after a power failure it still has a call that may have had an effect."""
        await asyncio.to_thread(self.session.journal.sync)

    async def save_changed(self) -> None:
        """Save what the agent changed in open buffers, before a command runs."""
        if self.turn.changed or self.edits:
            unsaved = await self._save(sorted(self.edits))
            if unsaved:
                names = ", ".join(self.turn.workspace.relative(path) for path in unsaved)
                said = f"The command was not run: {names} could not be saved first."
                raise MazuError(Kind.CONFLICT, said, "Save and try again.")

    async def _save(self, paths: Sequence[Path]) -> Sequence[Path]:
        """Save these files; what the editor does to the agent's text meanwhile (formatting on save) counts as the agent's."""
        before = {path: await self._text(path) for path in paths}
        unsaved = await self.turn.host.save(paths)
        for path, text in before.items():
            if (after := await self._text(path)) != text:
                await self.steps.record_edit(path, text, after)
        return unsaved

    async def _text(self, path: Path) -> str | None:
        try:
            return await self.turn.host.read(path)
        except (OSError, MazuError):
            return None

    def _record_unfinished(self) -> None:
        """Record the partial message of a cancelled call, and what is known of its tokens."""
        used = self._cut_short
        if used is not None:
            self.meter.add(used)
        if (said := self.unfinished.text).strip():
            message = Message("assistant", (Text(said),), self.model.name)
            clean = said if self.unfinished.is_searched else ""
            self.record(journal.ModelSaid(message, "cut", used or Usage()), clean)
            self.reply = said
        elif used is not None:
            self.record(journal.UsageRecorded(self.model.name, used, "a call that was stopped"))
        self.unfinished.clear()

    def _book(self, used: Usage) -> None:
        self.meter.add(used)
        self.record(journal.UsageRecorded(self.model.name, used, "an attempt that broke off"))

    async def _end(self, stop: TurnLimitReached, error: MazuError | None) -> TurnResult:
        await self.steps.wait_idle(cancelled=stop.reason == "cancelled")
        self._record_unfinished()
        # Calls of a message that was refused, cut, or finished just as the turn was stopped.
        for call_id in self.session.conversation.pending_tool_calls():
            self.record(journal.CallEnded(call_id, False, "not run", NOT_RUN))
        changes = await self.steps.finish(stop.reason, self.edits)
        if stop.reason == "cancelled" and self.session.closing:
            stop = TurnLimitReached("cancelled", LEFT)
        failure = {"kind": error.kind.value, "message": error.message, "hint": error.hint} if error else None
        self.record(
            journal.TurnEnded(
                stop.reason, self.reply, self.meter.usage, stop.sentence, failure, changes, tuple(self.steps.taken)
            ),
            self.reply,
        )  # fmt: skip
        await asyncio.to_thread(self.session.journal.sync)
        return TurnResult(
            self.session.id, self.turn.turn_id, self.reply, stop.reason, stop.sentence, self.meter.usage,
            tuple(self.edits.values()), tuple(self.steps.taken), self.injected, tuple(self.written), error, changes.uncounted is True,
        )  # fmt: skip
