"""Decides whether a tool call may run: the policy first; if it says "ask", the user, who sees exactly what will happen."""

from __future__ import annotations

import asyncio
import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mazu_ls.agent.proposals.proposing_host import is_propose_mode
from mazu_ls.agent.turn.call_description import describe_call, question_title
from mazu_ls.agent.turn.question_records import (
    ask_recorded,
    changed_arguments,
    editable_arguments,
    hunk_options,
    take_hunks,
)
from mazu_ls.agent.turn.reviewed_host import Approve, RecordedEdit, refused
from mazu_ls.config.mcp_files import mcp_paths
from mazu_ls.errors import ToolError
from mazu_ls.host import Choice, Question
from mazu_ls.journal import journal
from mazu_ls.policy import Decision, PolicyContext, Rule, ToolCallInfo
from mazu_ls.policy.files import BUILT_IN_ASKS
from mazu_ls.tools.base import Effect
from mazu_ls.tools.knowledge.memory_origin import reason_to_ask
from mazu_ls.tools.shell import sandbox
from mazu_ls.tools.tool_titles import tool_gerund
from mazu_ls.workspace import PathRefused
from mazu_ls.workspace.file_names import show_name
from mazu_ls.workspace.visible_text import shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mazu_ls.agent.turn.running_turn import RunningTurn
    from mazu_ls.config.config import Mode
    from mazu_ls.host import UserReply
    from mazu_ls.messages import ToolCall
    from mazu_ls.tools.base import Tool

READING = "read_file"
SHELL = "run_shell"
UNCONFINED = ", or install bubblewrap (Linux), with which `run --allow-shell` and mode auto run any command in a sandbox"
MAX_LABEL_CHARS = 60  # characters of a command line on a button; the question shows all of it


@dataclass
class ApprovalGate:
    """Decides on the calls of one turn, and stores what the user allowed for the session or permanently.

    `decisions` are those by call id: the shell has to know why a command was allowed.
    """

    run: RunningTurn
    _changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    _notes: dict[str, str] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    """Calls whose question is open, or was when it was cancelled."""
    _asked: set[str] = field(default_factory=set)

    async def decide(self, call: ToolCall, tool: Tool) -> Approve | None:
        """Return when the call may run; raises ToolError if it may not.

        An edit that needs a question may start: the returned function asks once the exact change is known.
        """
        decision = self.decisions[call.id] = await self._policy(call, tool)
        if tool.effect is Effect.EXECUTE and decision.verdict != "deny":
            await self._say_what_is_not_held()
        if tool.effect is Effect.REMEMBER and decision.verdict != "deny":
            decision = await self._judge_memory_write(call, decision)
        if decision.verdict == "deny":
            self._record(call, "deny", decision.reason, _by(decision))
            raise ToolError(f"not allowed: {decision.reason}")
        if tool.effect is Effect.EDIT and is_propose_mode(self.run):
            if decision.verdict == "ask" and self._shows_unread(call):
                await self._ask(call, tool, decision, None)
                return None
            self._record(call, "allow", "it is proposed: the user decides on each hunk", "policy")
            return None
        if decision.verdict == "allow" or (tool.effect is Effect.EDIT and self._autonomous(decision)):
            self._record(call, "allow", decision.reason, _by(decision))
            return None
        if self.run.mode == "auto":
            reason = (
                f"{decision.reason}; mode auto does not ask; {await self._how_to_allow(call, tool, decision)}"
            )
            self._record(call, "deny", reason, "policy")
            raise ToolError(f"not allowed: {reason}")
        if tool.effect is Effect.EDIT:
            return lambda edit: self._ask(call, tool, decision, edit)
        await self._ask(call, tool, decision, None)
        return None

    async def ask_unread(
        self, call: ToolCall, tool: Tool, decision: Decision | None, *, failed: bool
    ) -> None:
        """Ask about an edit that was not asked about since it does not fit, or changes nothing, if its result would say what is in a file
        that read_file may not show. Raises ToolError if the answer is no, and where the edit alone is allowed (`decision` None)."""
        if tool.effect is not Effect.EDIT or call.id in self._asked:
            return
        if (decision is not None or failed) and self._shows_unread(call):
            if decision is None:
                raise ToolError("the edit does not fit, and this file may not be shown to you: ask the user")
            why = f"{decision.reason}; the edit does not fit, and the answer would tell the model what is in the file"
            decision = replace(decision, reason=why, always=None, exact=None)
            await self._ask(call, tool, decision, None, final=True)

    def _shows_unread(self, call: ToolCall) -> bool:
        try:
            path = self.run.turn.workspace.resolve(str(call.arguments.get("path")), write=True)
        except PathRefused:
            return False
        return path.exists() and self.is_read_denied(path)

    def refuse(self, call: ToolCall, reason: str, decided_by: str) -> None:
        """Record that a call that was allowed is not carried out after all."""
        self._record(call, "deny", reason, decided_by)

    def is_read_denied(self, path: Path) -> bool:
        """Return whether read_file of this file would be refused or asked about; other tools that show text leave it out."""
        info = ToolCallInfo(READING, Effect.READ, {"path": show_name(str(path))})
        return self._judged(info, self.run.mode).verdict != "allow"

    @property
    def has_read_rules(self) -> bool:
        """Return whether any rule of the user's restricts reading files."""
        return any(rule.verdict != "allow" and rule.applies(READING) for rule in self._rules())

    async def _judge_memory_write(self, call: ToolCall, decision: Decision) -> Decision:
        """Apply `memory.write`; but a rule that asks counts, and the user's own memories are replaced only with the user's
        consent."""
        setting = self.run.turn.config.memory.write
        why = None
        if self.run.mode != "bypass":
            said = (self.run.asked.text, *self.run.session.conversation.said)
            why = await reason_to_ask(call.name, call.arguments, self.run.turn.memories, said)
        if decision.verdict == "ask":
            return replace(decision, reason=f"{decision.reason}; {why}" if why else decision.reason)
        verdict = "ask" if setting == "ask" or why else "allow"
        return replace(decision, verdict=verdict, reason=why or f"memory.write is {setting}")

    async def _policy(self, call: ToolCall, tool: Tool) -> Decision:
        shell = self.run.turn.config.shell
        judged, mode = ToolCallInfo(tool.name, tool.effect, call.arguments), self.run.mode
        if tool.name != SHELL:  # judged by their own arguments alone, so the model's order does not matter
            if tool.effect is Effect.EDIT:
                return await self._judged_beside(judged, mode)
            return self._unreachable(judged) or self._judged(judged, mode)
        confined = await asyncio.to_thread(sandbox.holds_unattended, shell.sandbox, network=shell.network)
        if self.run.asked.kind == "run":
            # With --allow-shell the user agreed to commands when starting it, without it only to those that a rule allows.
            mode = "ask" if not self.run.asked.allow_shell else "auto" if mode == "ask" else mode
        return await self._judged_beside(judged, mode, confined=confined)

    async def _judged_beside(self, call: ToolCallInfo, mode: Mode, *, confined: bool = False) -> Decision:
        """Judge off the event loop: for a program that reads whole folders the policy scans the project."""
        place = await self._writing_place(confined=confined)
        return await asyncio.to_thread(_decide, call, mode, self._rules(), place)

    def _unreachable(self, call: ToolCallInfo) -> Decision | None:
        """Refuse an address that no answer would let it reach, instead of asking about it."""
        if call.tool != "web_fetch" or self.run.turn.config.web.allow_private:
            return None
        from mazu_ls.tools.web.fetch import why_not_public

        why = why_not_public(str(call.arguments.get("url")))
        return Decision("deny", why, rule="public addresses only") if why else None

    def _judged(self, call: ToolCallInfo, mode: Mode) -> Decision:
        """Judge a call that writes no file."""
        return _decide(call, mode, self._rules(), self._place())

    async def _how_to_allow(self, call: ToolCall, tool: Tool, decision: Decision) -> str:
        """Tell whoever started this how the call can be allowed next time, only by what would allow it."""
        if (
            decision.rule is not None and decision.rule not in BUILT_IN_ASKS
        ):  # deny and ask rules come before every allow rule
            return f"your rule `{decision.rule}` makes it ask: change that rule in config.toml, or run this where you can answer"
        if tool.effect is Effect.EXECUTE and tool.name != SHELL:
            subject = "*"
        elif tool.name != SHELL:
            subject = str(call.arguments.get("url") or call.arguments.get("path") or "*")
        elif decision.always is not None:
            subject = " ".join(decision.always)
        elif patterns := await self._missing_patterns(call):
            commands = (f"`mazu-ls permissions allow {tool.name} {shlex.quote(one)}`" for one in patterns)
            return f"allow it with {' and '.join(commands)}"
        else:  # it writes files, or cannot be known: a pattern would match nothing
            shell = self.run.turn.config.shell
            is_missing = (
                shell.sandbox != "off" and (await asyncio.to_thread(sandbox.probe)).kind != "bubblewrap"
            )
            return (
                f"no pattern allows this line: run it where you can answer{UNCONFINED if is_missing else ''}"
            )
        return f"allow it with `mazu-ls permissions allow {tool.name} {shlex.quote(subject)}`"

    async def _missing_patterns(self, call: ToolCall) -> list[str]:
        """Return what to allow so that the command line runs: the commands of it that no rule allows yet; empty if that is not enough."""
        from mazu_ls.policy.missing_grants import missing_grants

        judged = ToolCallInfo(SHELL, Effect.EXECUTE, call.arguments)
        place = await self._writing_place()
        return await asyncio.to_thread(missing_grants, judged, self.run.mode, self._rules(), place)

    def _place(self) -> PolicyContext:
        workspace, shell = self.run.turn.workspace, self.run.turn.shell
        return PolicyContext(workspace.roots, shell.cwd, Path.home(), own=tuple(workspace.own()))

    async def _writing_place(self, *, confined: bool = False) -> PolicyContext:
        """Return the place with the files that MCP servers are started from, which are looked for off the event loop."""
        place, servers = self._place(), self.run.turn.config.mcp_servers
        programs = await asyncio.to_thread(mcp_paths, servers, place.roots) if servers else place.programs
        return replace(place, confined=confined, programs=programs)

    async def _say_what_is_not_held(self) -> None:
        """Warn at the first command if there is no sandbox."""
        setting = self.run.turn.config.shell.sandbox
        if setting == "required" or (setting == "auto" and (await asyncio.to_thread(sandbox.probe)).in_force):
            return
        why = "shell.sandbox is off" if setting == "off" else sandbox.probe().why
        await self.run.session.project.warn_once(
            f"Commands do not run in a sandbox ({why}): they can write your files, read your keys and reach the network."
        )

    def _rules(self) -> list[Rule]:
        return [*self.run.session.rules, *self.run.session.project.rules()]

    def _autonomous(self, decision: Decision) -> bool:
        """Return whether an autonomous run may make this edit unasked, within its limits and checkpointed; a rule or an explicitly
        chosen mode makes it ask."""
        return self.run.edits_unasked and decision.rule is None

    def as_allowed(self, call: ToolCall) -> ToolCall:
        """Return the call with the arguments that the user allowed, which may differ from the model's."""
        arguments = self._changed.get(call.id)
        return call if arguments is None else replace(call, arguments=arguments)

    def note(self, call: ToolCall) -> str:
        """Return what the model is told of an answer that changed the call; "" if none did."""
        return self._notes.get(call.id, "")

    async def _ask(
        self,
        call: ToolCall,
        tool: Tool,
        decision: Decision,
        edit: RecordedEdit | None,
        *,
        final: bool = False,
    ) -> str | None:
        """Ask about a call; raises ToolError if the answer is no. For an edit, return the text that the user accepts. `final`: nothing of
        the call can be changed any more."""
        self._asked.add(call.id)
        session = self.run.session
        question = Question(
            session.id,
            call.id,
            tool.name,
            question_title(call),
            f"{describe_call(call, edit)}\n\nWhy this needs approval: {decision.reason}",
            _choices(tool, decision),
            edit.whole if edit else None,
            hunk_options(edit) if edit else (),
            _rule(tool, decision),
            edit.path if edit else None,
            () if edit or final else editable_arguments(call),
            edit.fits if edit else None,
            decision.reason,
        )
        with session.waiting():
            self.unanswered.add(call.id)
            reply = await ask_recorded(self.run, question, session.project.config.permissions.timeout_seconds)
            self.unanswered.discard(call.id)
        kind = reply.choice.kind if reply.choice else "deny"
        if kind == "deny":
            if reply.void:
                self._record(call, "deny", reply.void, "user")
                raise ToolError(f"not done: {reply.void} Read it again, then edit it.")
            if reply.unreachable:
                reason = f"nobody is here to approve it; {await self._how_to_allow(call, tool, decision)}"
                self._record(call, "deny", reason, "policy")
                raise ToolError(f"not allowed: {decision.reason}; {reason}")
            by = "user" if reply.choice else "timeout"
            self._record(call, "deny", reply.note or "refused", by, answered_in=reply.answered_in)
            raise refused(reply.note, in_time=reply.choice is not None)
        arguments = changed_arguments(question, call, reply)
        if arguments is not None:
            decision = await self._judge_changed(call, tool, arguments)
        self._record(call, "allow", kind.replace("_", " "), "user", arguments, answered_in=reply.answered_in)
        await self._keep_standing(tool, kind, decision)
        if reply.note:
            self._notes[call.id] = f"[the user says: {reply.note}]"
        return self._taken(call, edit, reply)

    async def _judge_changed(self, call: ToolCall, tool: Tool, arguments: dict[str, Any]) -> Decision:
        """Judge a call as the user changed it: what the policy denies no answer can allow."""
        decision = await self._judged_beside(ToolCallInfo(tool.name, tool.effect, arguments), self.run.mode)
        if decision.verdict == "deny":
            self._record(call, "deny", decision.reason, _by(decision), arguments)
            raise ToolError(f"the user changed the call, and so it is not allowed: {decision.reason}")
        self._changed[call.id] = arguments
        self.decisions[call.id] = replace(decision, sandboxed=False)  # whoever changed it agreed to it
        changed = {name: value for name, value in arguments.items() if call.arguments.get(name) != value}
        self._notes[call.id] = (
            f"[the user changed the call before it ran: {json.dumps(changed, ensure_ascii=False)}]"
        )
        return decision

    async def _keep_standing(self, tool: Tool, kind: str, decision: Decision) -> None:
        """Store what the answer grants beyond this call; a changed call may be granted less than was offered."""
        session = self.run.session
        if kind == "allow_session" and (decision.always is not None or decision.exact is not None):
            session.rules.append(_for_session(tool.name, decision))
        elif kind == "allow_always" and decision.always is not None:
            await asyncio.to_thread(session.project.grants.add, tool.name, decision.always)
        elif kind == "allow_always" and decision.exact is not None:
            line, folder = decision.exact
            await asyncio.to_thread(session.project.grants.add, tool.name, (line,), folder)

    def _taken(self, call: ToolCall, edit: RecordedEdit | None, reply: UserReply) -> str | None:
        """Return the text of an edit of which the user accepts some hunks; None if all are accepted."""
        if edit is None or reply.hunks is None:
            return None
        taken, left = take_hunks(edit, reply.hunks)
        if left:
            self._notes[call.id] = (
                f"[the user took only a part of this edit; not applied:\n{left}\nread the file again before you continue]"
            )
        return taken

    def _record(
        self,
        call: ToolCall,
        verdict: str,
        reason: str,
        decided_by: str,
        arguments: dict[str, Any] | None = None,
        *,
        answered_in: str | None = None,
    ) -> None:
        word = "allow" if verdict == "allow" else "deny"
        self.run.record(journal.CallDecided(call.id, word, reason, decided_by, arguments, answered_in))


def _choices(tool: Tool, decision: Decision) -> tuple[Choice, ...]:
    """Return the possible answers, as far as the decision allows grants."""
    choices = [Choice("allow_once", "Allow once", "allow_once")]
    if decision.always is not None:
        what = _describe_grant(tool.name, decision)
        choices.append(Choice("allow_session", f"Allow {what} for this session", "allow_session"))
        choices.append(Choice("allow_always", f"Always allow {what} in this project", "allow_always"))
    elif decision.exact is not None:
        line = f"exactly `{_short(decision.exact[0])}`"
        choices.append(Choice("allow_session", f"Allow {line} for this session", "allow_session"))
        choices.append(Choice("allow_always", f"Always allow {line} in this project", "allow_always"))
    return (*choices, Choice("deny", "Deny", "deny"))


def _rule(tool: Tool, decision: Decision) -> str | None:
    """Describe the rule that a lasting answer would add."""
    if decision.always is not None:
        return _describe_grant(tool.name, decision)
    return f"exactly `{_short(decision.exact[0])}`" if decision.exact is not None else None


def _describe_grant(tool: str, decision: Decision) -> str:
    """Describe a grant for the label of a button: "editing app.py"."""
    if decision.about:
        return f"{tool_gerund(tool)} {decision.about}"
    return f"`{' '.join(decision.always)} …`" if decision.always else tool_gerund(tool)


def _for_session(tool: str, decision: Decision) -> Rule:
    if decision.always is not None:
        return Rule(tool, decision.always, "allow", origin="session")
    assert decision.exact is not None, "nothing else was offered for the session"
    line, _ = decision.exact
    return Rule(tool, (" ".join(line.split()),), "allow", origin="session", exact=decision.exact)


def _short(line: str) -> str:
    return shorten(" ".join(line.split()), MAX_LABEL_CHARS)


def _by(decision: Decision) -> str:
    return f"rule {decision.rule}" if decision.rule else "policy"


def _decide(call: ToolCallInfo, mode: Mode, rules: Sequence[Rule], place: PolicyContext) -> Decision:
    from mazu_ls.policy.decide import decide  # imported here because its tables take 40 ms to load

    return decide(call, mode, rules, place)
