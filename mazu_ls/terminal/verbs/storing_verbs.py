"""`models set`, `permissions mode` and rules: the command line stores its changes, and says where."""

from __future__ import annotations

import asyncio
import shlex
import sys
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import InvalidArguments
from mazu_ls.terminal.project_root import path_in_project
from mazu_ls.terminal.screen.printing import print_json, print_text
from mazu_ls.terminal.verbs.stored_settings import (
    add_rule,
    remove_rules,
    settings_file,
    store_setting,
    stored_rules,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mazu_ls.policy.grants import Grant
    from mazu_ls.server.state import ServerState
    from mazu_ls.server.wire.models import SetModelParams
    from mazu_ls.server.wire.permissions import SetModeParams, SetRuleParams
    from mazu_ls.terminal.verbs.stored_settings import StoredRule


async def set_model(server: ServerState, params: SetModelParams) -> dict[str, Any]:
    """Set the model of new conversations."""
    from mazu_ls.models.pricing.model_note import model_note

    project = await server.wait_opened()
    model = (await project.model(params.model)).name
    path = store_setting("model", model, server.env)
    project.configure(server.settings)
    effective = project.config.model
    notes = [note] if (note := await model_note(model, project.config, project.env)) else []
    if server.env.get("MAZU_MODEL"):
        notes.append(f"MAZU_MODEL={server.env['MAZU_MODEL']} in the environment is used before it.")
    elif effective != model:
        notes.append(f"A setting of this project is used before it here: {effective}.")
    notes.append("Conversations that were begun keep theirs; /model changes it there.")
    return {"model": model, "storedIn": str(path), "notes": notes}


async def set_mode(server: ServerState, params: SetModeParams) -> dict[str, Any]:
    """Set the default permission mode."""
    mode = params.mode
    if mode == "bypass":
        raise InvalidArguments(
            "bypass cannot be saved as a default: no action would ask for approval any longer. For one conversation: mazu-ls chat --mode bypass",
            "mode",
        )
    path = store_setting("permissions.mode", mode, server.env)
    project = await server.wait_opened()
    project.configure(server.settings)
    effective = project.config.permissions.mode
    notes = [] if effective == mode else [f"A setting of this project tightens it here: {effective}."]
    return {"mode": mode, "storedIn": str(path), "notes": notes}


async def set_rule(server: ServerState, params: SetRuleParams) -> dict[str, Any]:
    """Store a rule: `allow` is granted for this project; `ask` and `deny` are stored in the user's settings."""
    from mazu_ls.server.commands import execute

    pattern = params.rule.pattern
    rule = {"tool": params.rule.tool, "pattern": pattern, "verdict": params.rule.verdict}
    await _check_tool(server, rule["tool"])
    if any(
        tool.name == rule["tool"] and "path" in tool.schema.get("properties", {})
        for tool in (await server.wait_opened()).tools()
    ):
        rule["pattern"] = path_in_project(pattern, server.folders)
    if rule["verdict"] == "allow":
        rule["pattern"] = _as_grant(rule["pattern"])
        result = await execute(server, "mazu.permissions.set", [{"rule": rule}])
        notes = await _denied_anyway(server, rule)
        return {**result, "rule": rule, "storedIn": "the grants of this project", "notes": notes}
    path = add_rule(rule, server.env)
    project = await server.wait_opened()
    project.configure(server.settings)
    result = await execute(server, "mazu.permissions.list", [{}])
    of_all = "It holds in all your projects; a pattern of paths is relative to the top of each."
    return {**result, "rule": rule, "storedIn": str(path), "notes": [of_all]}


async def remove_named_rules(server: ServerState, named: str) -> bool:
    """Revoke grants and rules of the user's settings by their pattern, or as "TOOL PATTERN" or "VERDICT TOOL PATTERN".

    False if there is none, or something that can be revoked has that id. Raises InvalidArguments if it names rules with
    several verdicts: revoking a grant must not also remove a deny.
    """
    project = await server.wait_opened()
    granted = project.grants.list()
    if any(grant.id == named for grant in granted) or named in project.given:
        return False
    grants, rules = _rules_named(server, granted, named)
    if not (grants or rules):  # a path is relative to the current folder, as in `permissions allow`
        before, space, pattern = named.rpartition(" ")
        in_project = before + space + path_in_project(pattern, server.folders)
        grants, rules = _rules_named(server, granted, in_project)
    found = {f"allow {grant.tool} {grant.pattern}": "the grants of this project" for grant in grants}
    found |= {" ".join(rule): str(settings_file(server.env)) for rule in rules}
    if len({one.partition(" ")[0] for one in found}) > 1:
        raise InvalidArguments(f"{named!r} may be any of these; name one: {'; '.join(found)}", "id")
    for grant in grants:
        await asyncio.to_thread(project.grants.revoke, grant.id)
    remove_rules(rules, server.env)
    project.configure(server.settings)
    for one, place in found.items():
        print_text(f"mazu-ls: {one}: removed from {place}.", sys.stderr)
    return bool(found)


def _rules_named(
    server: ServerState, granted: Sequence[Grant], named: str
) -> tuple[list[Grant], list[StoredRule]]:
    """Return the grants, and the rules of the user's settings, of that name."""
    grants = [
        grant
        for grant in granted
        if any(
            _is_named(named, "allow", grant.tool, pattern)
            for pattern in (grant.pattern, grant.pattern.removesuffix(" *"))
        )
    ]
    return grants, [rule for rule in stored_rules(server.env) if _is_named(named, *rule)]


def _is_named(named: str, verdict: str, tool: str, pattern: str) -> bool:
    return named in (pattern, f"{tool} {pattern}", f"{verdict} {tool} {pattern}")


async def _denied_anyway(server: ServerState, rule: dict[str, str]) -> list[str]:
    """Return warnings that what was just allowed is denied all the same, and by what."""
    from mazu_ls.server.commands import execute

    line = rule["pattern"].removesuffix("*").strip()
    if rule["tool"] != "run_shell" or not line:
        return []
    call = {"tool": "run_shell", "arguments": {"command": line}}
    checked = await execute(server, "mazu.permissions.check", [call])
    if checked["verdict"] != "deny":
        return []
    return [f"It changes nothing: `{line}` is denied all the same ({checked['reason']})."]


async def _check_tool(server: ServerState, tool: str) -> None:
    names = sorted(one.name for one in (await server.wait_opened()).tools())
    if tool in names or "*" in tool or tool.startswith("mcp__"):
        return
    from difflib import get_close_matches

    close = get_close_matches(tool, names, 1, 0.5)
    meant = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(names)}"
    raise InvalidArguments(f"there is no tool {tool!r}{meant}", "tool")


def _as_grant(pattern: str) -> str:
    """Return the grant: "pytest *" and "pytest" both stand for commands that begin with pytest."""
    try:
        words = shlex.split(pattern)
    except ValueError as error:
        raise InvalidArguments(f"`pattern` is not a command line: {error}", "pattern") from error
    return pattern if len(words) < 2 or words[-1] == "*" else f"{pattern} *"


def show(result: dict[str, Any], *, as_json: bool) -> None:
    """Print what holds from now on, and where it is stored."""
    if as_json:
        print_json(result)
        return
    if rule := result.get("rule"):
        what = f"{rule['verdict']} {rule['tool']} {rule['pattern']}"
    else:
        what = f"mode {result['mode']}" if "mode" in result else f"model {result['model']}"
    print(f"{what}: stored in {result['storedIn']}")
    for note in result["notes"]:
        print(note, file=sys.stderr)
