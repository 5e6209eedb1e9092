"""Executes the tool calls of one model message: approved, run, recorded; each gets exactly one result."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace as replace_call

from mazu_ls.agent.proposals.proposing_host import make_proposing_host
from mazu_ls.agent.turn.edit_diagnostics import EditDiagnostics
from mazu_ls.agent.turn.question_records import ask_about_skill
from mazu_ls.agent.turn.reviewed_host import RecordedEdit, ReviewedHost
from mazu_ls.agent.turn.turn_checkpoints import UndoUnavailable
from mazu_ls.errors import InvalidArguments, MazuError, ToolError
from mazu_ls.journal import journal
from mazu_ls.messages import Text, ToolCall
from mazu_ls.models.message_repair import wrap_untrusted
from mazu_ls.models.tool_arguments import find_tool, fit_to_schema, names_with_nul
from mazu_ls.redact import StreamRedactor, redact
from mazu_ls.tools.base import Effect, Tool, ToolOutput
from mazu_ls.tools.context import KEPT_OUTPUTS, ToolContext
from mazu_ls.tools.knowledge.timely_memories import TimelyMemories
from mazu_ls.tools.output_limits import MAX_RESULT_CHARS, cut_middle, result_room, with_fit_pictures
from mazu_ls.tools.shell.protected_files import remember_ignored
from mazu_ls.tools.tool_titles import call_title, step_title
from mazu_ls.workspace.file_names import show_name
from mazu_ls.workspace.text import split_lines
from mazu_ls.workspace.visible_text import make_tool_name
from mazu_ls.workspace.workspace import suggestion

if TYPE_CHECKING:
    from mazu_ls.agent.turn.approvals import ApprovalGate
    from mazu_ls.agent.turn.running_turn import RunningTurn
    from mazu_ls.policy.rules import Decision

log = logging.getLogger(__name__)
CANCELLED = "error: stopped by the user before it finished; check the current state before you continue."
OUT_OF_TIME = "error: stopped at the time limit of the turn before it finished; check the current state before you continue."
TYPED_MEANWHILE = (
    "the user typed elsewhere in it while they were asked; their text stays, line numbers may have moved"
)
_QUOTING = re.compile(r"""['"\\]""")
AT_ONCE = 8
"""Reads of one message that run at the same time: what each does on the event loop holds up everything else."""
MAX_CALLS = 100
TOO_MANY = f"error: not run, because a message may hold at most {MAX_CALLS} calls. Make the others in your next message."
NOT_RUN = "error: not run, because the turn was stopped first."


@dataclass(frozen=True)
class FinishedCall:
    """A call with its result: `text` for the model, `plain` without marks for the user."""

    call: ToolCall
    ok: bool
    text: str
    plain: str
    edits: tuple[RecordedEdit, ...]


class ToolExecutor:
    """Runs the calls of a turn: reads in parallel, calls with an effect one by one, in the model's order."""

    def __init__(self, run: RunningTurn, tools: dict[str, Tool], approvals: ApprovalGate) -> None:
        self._run = run
        self._tools = tools
        self._approvals = approvals
        self._open: dict[str, ToolCall] = {}
        self._room = MAX_RESULT_CHARS
        self._proposed: dict[str, str] = {}
        self._at_once = asyncio.Semaphore(AT_ONCE)
        run.session.told_memories.update(run.injected)
        memories = run.turn.memories if run.turn.config.memory.inject_tokens else None
        self._timely = TimelyMemories(memories, run.session.told_memories, run.turn.host, run.turn.workspace)
        self._news = EditDiagnostics(run.turn.host.lender, run.turn.workspace)

    async def run(self, calls: Sequence[ToolCall]) -> list[FinishedCall]:
        """Run the first MAX_CALLS calls and refuse the others; a cancellation gives every call without a result one that says so, and is raised to the caller."""
        self._open = {call.id: call for call in calls}
        ended: list[FinishedCall] = []
        try:
            refused = [await self._refuse(call) for call in calls[MAX_CALLS:]]
            calls = [self._with_fitted_arguments(call) for call in calls[:MAX_CALLS]]
            self._open = {call.id: call for call in calls}
            chosen = self._run.chosen
            self._room = result_room(chosen.spec.context_window if chosen else None, len(calls))
            for reads, group in groupby(calls, self._only_reads):
                if reads:
                    ended += await asyncio.gather(*(self._in_turn(call) for call in group))
                else:
                    ended += [await self._in_turn(call) for call in group]
        finally:
            self.close_all(NOT_RUN)
        return ended + refused

    async def _refuse(self, call: ToolCall) -> FinishedCall:
        await asyncio.sleep(0)
        return self._end(replace_call(call, name=make_tool_name(call.name)), False, TOO_MANY)

    async def _in_turn(self, call: ToolCall) -> FinishedCall:
        async with self._at_once:
            await asyncio.sleep(0)  # cancelling, typing and other sessions come between two calls
            return await self._one(call)

    def close_all(self, text: str) -> None:
        """Give each call without a result one that says it has none."""
        for call in tuple(self._open.values()):
            self._end(call, False, text)

    def is_effectful(self, call: ToolCall) -> bool:
        """Return whether the call may have changed something other than workspace files edited by tools."""
        tool = self._tools.get(call.name)
        return tool is not None and tool.effect not in (Effect.READ, Effect.EDIT)

    def step_title(self, ended: Sequence[FinishedCall]) -> str:
        """Describe a step by its successful calls that did more than read, or by all of them where none did."""
        done = [(one.call, self._tools.get(one.call.name)) for one in ended if one.ok]
        did = [call for call, tool in done if tool is not None and tool.effect is not Effect.READ]
        calls = did or [one.call for one in ended]
        return redact(step_title([(call.name, call.arguments) for call in calls]))

    def _with_fitted_arguments(self, call: ToolCall) -> ToolCall:
        """Repair the call's tool name and arguments to fit the schema, so that what is judged, shown and recorded is what runs."""
        name = find_tool(call.name, self._tools.keys())
        if name is None:
            return replace_call(call, name=make_tool_name(call.name))
        if call.invalid:
            return call
        return replace_call(
            call, name=name, arguments=fit_to_schema(call.arguments, self._tools[name].schema)
        )

    def _only_reads(self, call: ToolCall) -> bool:
        tool = self._tools.get(call.name)
        return tool is None or tool.effect is Effect.READ

    async def _one(self, call: ToolCall) -> FinishedCall:
        self._run.record(
            journal.CallStarted(call.id, call.name, call_title(call.name, call.arguments), call.arguments)
        )
        edits: list[RecordedEdit] = []
        try:
            output = await self._decided(call, edits)
        except ToolError as error:
            output = ToolOutput(f"error: {error}", untrusted=error.origin, ok=False)
            _note_origin(self._run.turn, self._tools.get(call.name), output)
        except InvalidArguments as error:
            output = ToolOutput(f"error: {error}", ok=False)
        except MazuError as error:
            output = ToolOutput(f"error: {error.message} {error.hint}".rstrip(), ok=False)
        except FileNotFoundError as error:
            output = ToolOutput(
                f"error: there is no file {self._named(error, call)}{self._suggestion(error)}", ok=False
            )
        except OSError as error:
            said = f"error: {error.strerror or error}: {self._named(error, call)}"
            output = ToolOutput(said.rstrip(": "), ok=False)
        except asyncio.CancelledError:
            self._end(call, False, self._cut_off(call, edits))
            raise
        except Exception:
            log.exception("tool %s failed", call.name)
            output = ToolOutput(
                f"error: {call.name} failed inside mazu-ls; the log has the detail. Try another way.",
                ok=False,
            )
        text = render_for_model(output, self._room)
        if note := self._approvals.note(call):
            text = f"{text}\n{note}"
        try:
            text += await self._timely.about_call(call.name, call.arguments, ok=output.ok, output=output.text)
            if not self._edit_follows(call):
                text += await self._news.report_new()
        finally:  # a cancellation while waiting for diagnostics must not lose the call's result
            ended = self._end(call, output.ok, text, output, tuple(edits))
        return ended

    def _cut_off(self, call: ToolCall, edits: Sequence[RecordedEdit]) -> str:
        """Return the result of a call that was cancelled, which has not begun where its question is still open."""
        if call.id in self._approvals.unanswered and not edits:
            return NOT_RUN
        return OUT_OF_TIME if self._run.meter.out_of_time else CANCELLED

    def _edit_follows(self, call: ToolCall) -> bool:
        """Return whether another edit of this message is still to run; diagnostics reported before it would soon be out of date."""
        later = (self._tools.get(waiting.name) for waiting in self._open.values() if waiting is not call)
        return any(tool is not None and tool.effect is Effect.EDIT for tool in later)

    def _named(self, error: OSError, call: ToolCall) -> str:
        """Return the name of the file that an error is about, as the model names files."""
        if not isinstance(error.filename, str):
            return str(call.arguments.get("path", ""))
        path = Path(error.filename)
        workspace = self._run.turn.workspace
        return workspace.relative(path) if workspace.contains(path) else show_name(error.filename)

    def _suggestion(self, error: OSError) -> str:
        workspace = self._run.turn.workspace
        inside = isinstance(error.filename, str) and workspace.contains(Path(error.filename))
        return suggestion(workspace, Path(error.filename)) if inside else ""

    async def _decided(self, call: ToolCall, edits: list[RecordedEdit]) -> ToolOutput:
        tool = self._tools.get(call.name)
        if call.invalid:
            said = f"the arguments of {call.name} are not valid: {call.invalid}."
            raise ToolError(f"{said} Send a JSON object.")
        if tool is None:
            raise ToolError(self._no_tool(call.name))
        if tool.source == "builtin" and (names := names_with_nul(call.arguments)):
            raise ToolError(f"{', '.join(names)} of {call.name} holds a NUL character; leave it out")
        tool.decoded(call.arguments)
        ask_on_edit = await self._approvals.decide(call, tool)
        call = self._approvals.as_allowed(call)
        await ask_about_skill(self._run, call)
        if tool.effect not in (Effect.READ, Effect.EDIT):  # an edit's checkpoint records it on the disk, too
            await self._run.sync_journal()
        prepare_change = partial(self._prepare_change, call)
        if _may_write(tool):
            await prepare_change()
        elif tool.effect is Effect.REMEMBER:
            await self._run.steps.ensure_baseline()
        if tool.effect is Effect.EXECUTE:
            await self._run.save_changed()
            self._run.steps.executed = True
        host = ReviewedHost(
            self._run.turn.host, self._run.turn.workspace, prepare_change, ask_on_edit,
            self._news.capture_baseline, self._run.steps.record_edit, edits,
        )  # fmt: skip
        proposed = make_proposing_host(self._run, host)
        decision = self._approvals.decisions.pop(call.id, None)
        shown = StreamRedactor()
        turn = replace(
            self._run.turn,
            host=proposed or host,
            emit=lambda text: self._show_output(call, shown.feed(text)),
            remembered=self._run.record_memory,
            said=(self._run.asked.text, *self._run.session.conversation.said),
            withheld=self._approvals.is_read_denied,
            by_rule=self._approvals.has_read_rules,
            attended=decision is None or not decision.sandboxed,
            changes_git=decision is not None and decision.changes_git,
        )
        async with self._run.steps.command(may_write=_may_write(tool), runs_git=may_run_git(call)):
            output = await self._output(call, tool, turn, shown, decision if ask_on_edit else None)
        if host.rebased:
            typed = f"[{', '.join(host.rebased)}: {TYPED_MEANWHILE}]"
            output = replace_call(output, text=f"{output.text}\n{typed}")
        if output.images and tool.source != "builtin":
            output = await asyncio.to_thread(with_fit_pictures, output)
        _note_origin(turn, tool, output)
        if proposed is None:
            return output
        self._proposed[call.id] = "\n".join(proposed.diffs.values())
        return proposed.note_for_model(output)

    async def _output(
        self,
        call: ToolCall,
        tool: Tool,
        turn: ToolContext,
        shown: StreamRedactor,
        asked_later: Decision | None,
    ) -> ToolOutput:
        """Call the tool. `asked_later`: why an edit asks, once it is known; where it did not come to that, its result may need it."""
        try:
            output = await tool.call(call.arguments, turn)
        except ToolError:  # whatever it says: that it failed tells whether the text is there
            await self._approvals.ask_unread(call, tool, asked_later, failed=True)
            raise
        finally:
            self._show_output(call, shown.flush())
        await self._approvals.ask_unread(call, tool, asked_later, failed=False)
        return output

    def _no_tool(self, name: str) -> str:
        if name in self._run.withheld:
            return withheld_note([name])
        known = {tool.name for tool in self._run.session.project.tools()} - self._tools.keys()
        if name in known and self._run.mode == "plan":
            return f"not allowed: mode plan only reads, so there is no {name}; the user can change the mode"
        if name in known and not self._run.asked.allow_shell:
            return f"{name} is not available in this run: it was started without --allow-shell"
        return f"there is no tool {result_summary(name)!r}; there are: {', '.join(sorted(self._tools))}"

    async def _prepare_change(self, call: ToolCall) -> None:
        """Ensure that the change can be undone or that the user agreed to continue without undo. Raises UndoUnavailable."""
        try:
            await self._run.steps.prepare_change()
        except UndoUnavailable as refusal:
            self._approvals.refuse(call, str(refusal), refusal.decided_by)
            raise
        if any(isinstance(value, str) and value.endswith(".gitignore") for value in call.arguments.values()):
            await asyncio.to_thread(remember_ignored, self._run.turn.workspace.roots)

    def _show_output(self, call: ToolCall, text: str) -> None:
        if text:
            self._run.record(journal.CallOutput(call.id, text))

    def _end(
        self,
        call: ToolCall,
        ok: bool,
        text: str,
        output: ToolOutput | None = None,
        edits: tuple[RecordedEdit, ...] = (),
    ) -> FinishedCall:
        if self._open.pop(call.id, None):
            proposed = self._proposed.pop(call.id, "")
            diff = "\n".join(edit.diff for edit in edits) or proposed or None
            images = output.images if output else ()
            line = (output and output.summary) or result_summary(output.text if output else text)
            self._run.record(journal.CallEnded(call.id, ok, line, text, images, diff, bool(proposed)))
            for edit in edits:
                self._run.record_edit(edit)
        return FinishedCall(call, ok, text, cut_middle(output.text) if output else text, edits)


def _note_origin(turn: ToolContext, tool: Tool | None, output: ToolOutput) -> None:
    """Keep where text comes from that the agent may write down later."""
    if output.untrusted and tool is not None and (tool.source == "mcp" or tool.effect is Effect.NETWORK):
        turn.heard.append(output.untrusted)
    elif output.untrusted in KEPT_OUTPUTS:
        turn.outputs.append((output.untrusted, output.text))


def select_tools(run: RunningTurn) -> tuple[dict[str, Tool], list[str]]:
    """Return the tools that the model of a turn is offered, by name, and the names of those that only the missing `--allow-shell`
    withholds from it, commands and skills left out: what the user's own rule allows is offered without it."""
    offered: dict[str, Tool] = {}
    withheld: list[str] = []
    rules = [*run.session.rules, *run.session.project.rules()]
    for tool in run.session.project.tools():
        if run.asked.kind == "edit" or (run.mode == "plan" and tool.effect is not Effect.READ):
            continue
        skill = tool.source == "skill" or tool.name == "run_skill"
        brought = tool.source in ("mcp", "custom")
        ruled = (brought or tool.name == "run_shell") and any(
            rule.verdict == "allow" and rule.applies(tool.name) for rule in rules
        )
        if run.asked.allow_shell or tool.effect is not Effect.EXECUTE or skill or ruled:
            offered[tool.name] = tool
        elif brought:
            withheld.append(tool.name)
    return offered, withheld


def withheld_note(names: Sequence[str]) -> str:
    """Tell model and user which tools a run does not have, and how they are allowed."""
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return (
        f"Not available in this run: {shown}. `mazu-ls permissions allow {names[0]} '*'` allows a tool; "
        "with --allow-shell alone they are there, but each call has to be approved."
    )


def _may_write(tool: Tool) -> bool:
    """Return whether a tool may change files other than by an edit of one file, so that only a scan shows what it did."""
    if tool.effect is Effect.REMEMBER:
        return "skill" in tool.name  # a skill is files; everything else that is remembered is rows
    return tool.effect is Effect.EXECUTE or (tool.source == "mcp" and tool.effect is not Effect.READ)


def may_run_git(call: ToolCall) -> bool:
    """Return whether a call may move HEAD: it or its tool names git, other than by a file such as `.gitignore`."""
    said = _QUOTING.sub("", "\n".join([call.name, *_texts_of(call.arguments)]))
    return re.search(r"(?<![.\w])(?:git|gh|jj|hub)(?![\w.])|git_|_git", said) is not None


def _texts_of(value: object) -> Iterator[str]:
    """Yield every text in the arguments of a call, names included."""
    todo = [value]
    while todo:
        match todo.pop():
            case str(text):
                yield text
            case dict(fields):
                todo += [*fields, *fields.values()]
            case list(items) | tuple(items):
                todo += items
            case _:
                pass


def result_summary(text: str) -> str:
    """Return the first line of a text, at most 120 characters."""
    line = next((line.strip() for line in split_lines(text, ends=False) if line.strip()), "")
    return line if len(line) <= 120 else line[:117] + "..."


def render_for_model(output: ToolOutput, room: int = MAX_RESULT_CHARS) -> str:
    """Return what the model reads: bounded, and between marks that it cannot close itself if its origin is not trusted."""
    return wrap_untrusted(Text(cut_middle(output.text, room), output.untrusted))
