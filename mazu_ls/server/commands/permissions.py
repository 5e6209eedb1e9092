"""mazu.permissions.*: the mode, the rules, and the decision about a call."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from mazu_ls.config.mcp_files import mcp_paths
from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.server.client.question_view import question_view
from mazu_ls.server.commands import command
from mazu_ls.server.wire import permissions as wire
from mazu_ls.server.wire.common import NoParams

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.state import ServerState
    from mazu_ls.tools.base import Tool


@command("mazu.permissions.list")
async def list_rules(server: ServerState, params: NoParams) -> wire.PermissionState:
    """Return the mode and every rule: of the settings, added while this server runs, granted for the project."""
    return _state(await server.wait_opened())


async def _show_rules(server: ServerState) -> None:
    """Without arguments: nothing is changed, mode and rules are shown."""


@command("mazu.permissions.set", natural=_show_rules)
async def set_rule(server: ServerState, params: wire.SetRuleParams) -> wire.PermissionState:
    """Add a rule: `allow` is stored for this project, `ask` and `deny` hold while this server runs."""
    project = await server.wait_opened()
    if params is None:
        return _state(project)
    rule = params.rule
    if rule.verdict == "allow":
        await asyncio.to_thread(project.grants.add, rule.tool, _prefix(rule.pattern))
    else:
        from mazu_ls.policy import RuntimeRule

        given = RuntimeRule.now(rule.tool, rule.pattern, rule.verdict)
        project.given.setdefault(given.id, given)
    return _state(project)


def _prefix(pattern: str) -> tuple[str, ...]:
    """Return a pattern as the words a grant begins with; `*` is any call."""
    try:
        words = shlex.split(pattern)
    except ValueError as error:
        raise InvalidArguments(
            f"`rule.pattern` cannot be split into words: {error}", "rule.pattern"
        ) from error
    return tuple(words[:-1] if words[-1:] == ["*"] else words)


async def _newest_rule(server: ServerState) -> wire.RevokeRuleParams:
    """Without arguments: the rule given last."""
    project = await server.wait_opened()
    dated = [(grant.granted_at, grant.id) for grant in project.grants.list()]
    dated += [(given.given_at, given.id) for given in project.given.values()]
    if not dated:
        raise MazuError(Kind.NOT_FOUND, "There is no rule to revoke.", "See mazu.permissions.list.")
    return wire.RevokeRuleParams(max(dated)[1])


@command("mazu.permissions.revoke", natural=_newest_rule)
async def revoke(server: ServerState, params: wire.RevokeRuleParams) -> wire.PermissionState:
    """Revoke a rule that was added, a grant of the project or of a session; rules of the settings are changed there."""
    project = await server.wait_opened()
    if _revoked_in_session(project, params.id):
        return _state(project)
    if project.given.pop(params.id, None) is None:
        await asyncio.to_thread(project.grants.revoke, params.id)
    return _state(project)


def _revoked_in_session(project: Project, rule_id: str) -> bool:
    found = False
    for session in project.sessions.opened():
        kept = [rule for rule in session.rules if rule.id != rule_id]
        found = found or len(kept) < len(session.rules)
        session.rules[:] = kept
    return found


@command("mazu.permissions.mode", natural=_show_rules)
async def mode(server: ServerState, params: wire.SetModeParams) -> wire.PermissionState:
    """Change the mode while this server runs. `bypass` has to be typed, since almost nothing is asked any more."""
    project = await server.wait_opened()
    if params is not None:
        if params.mode == "bypass" and project.mode != "bypass" and params.confirm != "bypass":
            raise InvalidArguments(
                'mode "bypass" asks about almost nothing; confirm it with `confirm: "bypass"`', "confirm"
            )
        project.set_mode(params.mode)
        server.notify_changed("permissions")
    return _state(project)


async def _selected_command(server: ServerState) -> wire.CheckPermissionParams:
    """Without arguments: the selected text as a shell command."""
    text = server.editor.selection.strip() if server.editor else ""
    if not text:
        raise InvalidArguments(
            "`tool` is missing, and no text is selected that could be a shell command", "tool"
        )
    return wire.CheckPermissionParams("run_shell", {"command": text})


@command("mazu.permissions.check", natural=_selected_command)
async def check(server: ServerState, params: wire.CheckPermissionParams) -> wire.PermissionVerdict:
    """Return what would be decided about a tool call; nothing is run."""
    from mazu_ls.policy import PolicyContext, ToolCallInfo
    from mazu_ls.policy.decide import decide
    from mazu_ls.tools.shell.sandbox import holds_unattended

    project = await server.wait_opened()
    tool = next((tool for tool in project.tools() if tool.name == params.tool), None)
    if tool is None:
        known = ", ".join(sorted(tool.name for tool in project.tools()))
        raise InvalidArguments(f"there is no tool {params.tool!r}; there are {known}", "tool")
    _check_judged(tool, params.arguments)
    shell = project.config.shell
    confined = await asyncio.to_thread(holds_unattended, shell.sandbox, network=shell.network)
    roots = project.workspace.roots
    programs = await asyncio.to_thread(mcp_paths, project.config.mcp_servers, roots)
    place = PolicyContext(
        roots, project.root, Path.home(), confined, programs, tuple(project.workspace.own())
    )
    call = ToolCallInfo(tool.name, tool.effect, params.arguments)
    found = await asyncio.to_thread(decide, call, params.mode or project.mode, project.rules(), place)
    rule = UNSET if found.rule is None else found.rule
    return wire.PermissionVerdict(found.verdict, found.reason, found.sandboxed, rule)


def _check_judged(tool: Tool, arguments: dict[str, Any]) -> None:
    """Check the arguments by which a call is judged against the tool's schema; others are not required."""
    for name in ("command", "path", "url"):
        if tool.schema.get("properties", {}).get(name, {}).get("type") != "string":
            continue
        missing = name == "command" and name in tool.schema.get("required", ()) and name not in arguments
        if missing or not isinstance(arguments.get(name, ""), str):
            raise InvalidArguments(f"`arguments.{name}` of {tool.name} must be text", f"arguments.{name}")


def _state(project: Project) -> wire.PermissionState:
    """Return the state. Only rules that can be revoked have ids; the others come from a config file or the editor's
    settings."""
    view = wire.PermissionRuleView
    rules = [
        view(None, rule.tool, rule.pattern, rule.verdict, "settings")
        for rule in project.config.permissions.rules
    ]
    rules += [
        view(one.id, one.tool, one.pattern, one.verdict, "given", given_at=one.given_at)
        for one in project.given.values()
    ]
    rules += [
        view(grant.id, grant.tool, grant.pattern, "allow", "granted", granted_at=grant.granted_at)
        for grant in project.grants.list()
    ]
    for session in project.sessions.opened():
        for rule in session.rules:
            pattern = rule.exact[0] if rule.exact else " ".join(rule.pattern) or "*"
            rules.append(view(rule.id, rule.tool, pattern, rule.verdict, "session", session_id=session.id))
    return wire.PermissionState(project.mode, rules)


@command("mazu.permissions.answer")
async def answer(server: ServerState, params: wire.AnswerQuestionParams) -> wire.AnswerResult:
    """Answer the open question, in all places where it is shown; the first answer counts. Without arguments: show it."""
    asked = server.editor.approvals.find(params.call_id) if server.editor else None
    answered = bool(
        asked
        and params.option_id
        and asked.answer(params.option_id, params.note, params.arguments, params.hunks)
    )
    if answered or asked is None:
        return wire.AnswerResult(answered, None)
    return wire.AnswerResult(False, question_view(asked.question))
