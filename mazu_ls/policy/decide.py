"""The policy: hard deny, then the user's deny, ask and allow, then the default of the mode."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from mazu_ls.policy import files
from mazu_ls.policy.bash import shell
from mazu_ls.policy.rules import UNCLEAR, Decision, Mode, PolicyContext, Rule, ToolCallInfo, hosts
from mazu_ls.policy.step_budget import TooInvolvedError, limit_steps
from mazu_ls.tools.base import Effect

_DEFAULTS: dict[Mode, dict[Effect, Decision]] = {
    "ask": {
        Effect.READ: Decision("allow", "reading is free"),
        Effect.EDIT: Decision("ask", "mode ask asks before edits"),
        Effect.EXECUTE: Decision("ask", "mode ask asks before it runs anything"),
        Effect.NETWORK: Decision("ask", "mode ask asks before it reaches the network"),
        Effect.REMEMBER: Decision("allow", "memory is the project's own"),
    },
    "auto": {
        Effect.READ: Decision("allow", "reading is free"),
        Effect.EDIT: Decision("allow", "edits are free in mode auto"),
        Effect.EXECUTE: Decision("ask", "it is not known to be harmless"),
        Effect.NETWORK: Decision("ask", "reaching the network asks"),
        Effect.REMEMBER: Decision("allow", "memory is the project's own"),
    },
    "plan": {
        Effect.READ: Decision("allow", "reading is free"),
        **dict.fromkeys(
            (Effect.EDIT, Effect.EXECUTE, Effect.NETWORK, Effect.REMEMBER),
            Decision("deny", "mode plan only reads; change the mode to act"),
        ),
    },
    "bypass": dict.fromkeys(Effect, Decision("allow", "mode bypass")),
}

_SHOW_LINES = frozenset(("grep", "diagnostics", "definition", "references", "symbols", "edit_file"))
_EDIT = frozenset(("edit_file", "write_file"))
_EVERY_PATH = frozenset(("", "**", "**/*"))


def decide(call: ToolCallInfo, mode: Mode, rules: Sequence[Rule], place: PolicyContext) -> Decision:
    """Return whether a call may run. Reads the file system to resolve paths, and changes nothing.

    In mode auto "ask" means that somebody would have to be asked; the caller then denies, since nobody is there.
    """
    if shell.is_command(call):
        try:
            with limit_steps():
                return _shell(call, mode, rules, place)
        except TooInvolvedError:
            return shell.TOO_INVOLVED
    judged, path = files.judge(call, place) if call.effect in (Effect.READ, Effect.EDIT) else (None, None)
    if judged is not None and judged.verdict == "deny":
        return judged
    applying = [
        rule
        for rule in rules
        if rule.applies(call.tool) or _shows(call.tool, rule) or _edits(call.tool, rule)
    ]
    named = files.names_of(call, place, path) if applying else []
    matching = _own_first(call.tool, [rule for rule in applying if _about(rule, named, hosts(call))])
    default = _DEFAULTS[mode][call.effect]
    if default.verdict == "ask":
        default = _with_grant_target(default, call, place, path)
    return _ruled(matching, judged, default, mode)


def _shows(tool: str, rule: Rule) -> bool:
    """Return whether a read_file rule applies to a tool that shows lines of files, as edit_file does in its errors; it is allowed by its
    own name only."""
    return tool in _SHOW_LINES and rule.verdict != "allow" and rule.applies("read_file")


def _edits(tool: str, rule: Rule) -> bool:
    """Return whether a rule about the paths of one tool that edits applies to the other: a model that is refused tries that next. One
    for every path is about the tool alone, and each is allowed by its own name only."""
    named = rule.verdict != "allow" and any(map(rule.applies, _EDIT))
    return named and tool in _EDIT and " ".join(rule.pattern) not in _EVERY_PATH


def _own_first(tool: str, matching: list[Rule]) -> list[Rule]:
    """Leave out the rules about edits by the other tool where a rule allows this one by name for some paths; but what may not be read
    is not shown by an edit either."""
    if not any(
        rule.verdict == "allow" and rule.tool == tool and " ".join(rule.pattern) not in _EVERY_PATH
        for rule in matching
    ):
        return matching
    return [rule for rule in matching if rule.applies(tool) or _shows(tool, rule)]


def _about(rule: Rule, named: Sequence[str], reached: Sequence[str]) -> bool:
    """Return whether a rule matches: a deny or ask rule any of the names, an allow rule all of them, so that no link
    widens it.

    A rule may name the host that is `reached` instead; one that allows must name the port too if there is one.
    """
    fits = [rule.matches_text(name) for name in named]
    if rule.verdict == "allow":
        return all(fits) or any(rule.matches_host(host) for host in reached[:1])
    return any(fits) or any(rule.matches_host(host) for host in reached)


def _with_grant_target(
    asked: Decision, call: ToolCallInfo, place: PolicyContext, path: Path | None
) -> Decision:
    """Add what a grant would cover: the host, the file, or the tool if a call has neither."""
    if "url" in call.arguments and call.effect is Effect.NETWORK:
        named = hosts(call)[:1]
    elif "path" in call.arguments and call.effect is Effect.EDIT:
        named = files.names_of(call, place, path)
    else:
        return replace(asked, always=())
    if len(named) != 1:  # behind a link it would cover another file than the one that is shown
        return asked
    return replace(asked, always=(glob.escape(named[0]),), about=named[0])


def _ruled(
    rules: Sequence[Rule],
    built_in: Decision | None,
    default: Decision,
    mode: Mode,
) -> Decision:
    """Return the first that decides: the user's deny, the user's ask, the user's allow, the tables, the mode."""
    by_verdict = {
        verdict: next((r for r in rules if r.verdict == verdict), None)
        for verdict in ("deny", "ask", "allow")
    }
    if (rule := by_verdict["deny"]) is not None:
        return Decision("deny", rule.why, rule=str(rule))
    if (rule := by_verdict["ask"]) is not None:
        return Decision("ask", "a rule asks for it", rule=str(rule))
    if default.verdict == "deny":
        return default
    if (rule := by_verdict["allow"]) is not None and (built_in is None or rule.pattern):
        return Decision("allow", "a rule allows it", rule=str(rule))
    if built_in is not None and mode != "bypass":
        return built_in
    return default


def _shell(call: ToolCallInfo, mode: Mode, rules: Sequence[Rule], place: PolicyContext) -> Decision:
    line = shell.analyse(call, place)
    if line.denied is not None:
        return Decision("deny", line.denied.reason, rule=line.denied.rule)
    matching = [rule for rule in rules if rule.applies(call.tool)]
    if (held := _held_back(line, matching)) is not None:
        return held
    git_alone = line.git_alone
    default = _DEFAULTS[mode][Effect.EXECUTE]
    if mode == "bypass" and line.unclear is not None:
        default = Decision("ask", line.unclear, rule=UNCLEAR)
    if default.verdict != "ask":
        return replace(default, changes_git=git_alone)
    allowing = [rule for rule in matching if rule.verdict == "allow"]
    if (granted := line.granted(allowing, place)) is not None:
        return Decision("allow", "a rule allows it", rule=str(granted), changes_git=git_alone)
    doubt = line.doubt
    if mode == "auto":
        if doubt is None:
            known = Decision("allow", "it only reads, or runs the project's tests", rule="known commands")
            return replace(known, sandboxed=place.confined)
        if place.confined and (doubt := line.beyond_sandbox) is None:
            return Decision("allow", "it runs in the sandbox", rule="sandbox", sandboxed=True)
    exact = (line.text, place.cwd) if line.plain else None
    reason = default.reason if mode == "bypass" else line.why_not_granted(allowing) or doubt or default.reason
    if "may hold secrets" not in reason and (secret := line.secret(place)) is not None:
        reason = f"{secret} may hold secrets; {reason}"  # the graver one: the output goes to the model
    return Decision(
        "ask", reason, default.rule, line.prefix(place, allowing), exact=exact, changes_git=git_alone
    )


def _held_back(line: shell.CommandLine, rules: Sequence[Rule]) -> Decision | None:
    """Return the deny or ask rule that matches the line; one that may match is a reason to ask."""
    for verdict in ("deny", "ask"):
        for rule in rules:
            if rule.verdict == verdict and line.mentions(rule):
                return Decision(verdict, rule.why, rule=str(rule))
    for rule in rules:
        if rule.verdict != "allow" and (why := line.why_it_may_match(rule)) is not None:
            return Decision("ask", why, rule=str(rule))
    return None
