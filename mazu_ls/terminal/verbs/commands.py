"""Runs one wire command from the command line: carries it out, shows it, returns its exit status."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.server.rpc.live.served import CHANGING
from mazu_ls.terminal.clients.results import present_result
from mazu_ls.terminal.exit_status import DONE
from mazu_ls.terminal.screen.printing import print_text
from mazu_ls.terminal.verbs.compare import checkpoint_named, note_unsaved
from mazu_ls.terminal.verbs.read_only_commands import READING

if TYPE_CHECKING:
    import argparse

    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.state import ServerState
    from mazu_ls.terminal.host import TerminalHost


STORED = {
    "mazu.models.set": "set_model", "mazu.permissions.mode": "set_mode", "mazu.permissions.set": "set_rule",
}  # fmt: skip
"""Commands whose effect ends with a server; in a terminal their effect is stored."""


OF_CHECKPOINTS = {
    "mazu.rollback", "mazu.checkpoint.diff", "mazu.checkpoint.pin", "mazu.checkpoint.unpin", "mazu.checkpoint.file",
    "mazu.checkpoint.contents",
}  # fmt: skip
"""Commands that take a checkpoint: by its id, or here by its label."""
REMEMBERING = {
    "mazu.memory.import", "mazu.memory.sync",
    *(name for name in CHANGING if name.startswith(("mazu.remember", "mazu.memory.", "mazu.wiki."))),
}  # fmt: skip
"""Commands that are of no use without storing something."""
PAID = ("mazu.council", "mazu.ask", "mazu.edit")
"""Commands that call models and show nothing until they are done."""
JUDGED_BY = ("command", "path", "url", "name", "query")
"""Main arguments of tools, of which the first may be typed without its name."""
OF_PROJECTS = READING - {"mazu.status", "mazu.models.list", "mazu.tools.list", "mazu.permissions.check"}
"""Commands that show what a project has."""


async def _call_arguments(server: ServerState, given: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON object as it is, other text as the argument by which the tool is judged: its command, path or
    address."""
    import json

    typed: str = given["arguments"]
    try:
        found = json.loads(typed)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    for tool in (await server.wait_opened()).tools():
        taken = tool.schema.get("properties", {})
        if tool.name == given.get("tool") and (
            name := next((one for one in JUDGED_BY if one in taken), None)
        ):
            return {name: typed}
    raise InvalidArguments(f"{given.get('tool')} needs its arguments as a JSON object", "arguments")


async def _require_lasting(server: ServerState, arguments: dict[str, Any]) -> None:
    """Raise MazuError(storage) if the disk cannot store what must outlive this process."""
    disk = (await server.wait_opened()).disk
    ids = [arguments.get(name) for name in ("id", "by")]
    of_all_projects = arguments.get("scope", arguments.get("category")) in ("global", "user_preference")
    of_all_projects = of_all_projects or any(isinstance(one, str) and one.startswith("g_") for one in ids)
    if disk and (why := disk.why or (disk.home_why if of_all_projects else "")):
        raise MazuError(
            Kind.STORAGE,
            f"Nothing was changed: {why}.",
            "Free some space or check the permissions, then try again.",
        )


async def execute(
    server: ServerState, host: TerminalHost, name: str, arguments: dict[str, Any], given: argparse.Namespace
) -> int:
    """Run it and print the result; return the exit status."""
    from mazu_ls.server import commands
    from mazu_ls.terminal.screen.printing import as_json

    if getattr(given, "subverb", None) == "review" and not as_json(given):
        from mazu_ls.terminal.verbs import proposals

        return await proposals.review(server)

    async def run(command: str, values: dict[str, Any]) -> Any:
        return await commands.execute(server, command, [values])

    if name in STORED:
        return await _store(server, name, arguments, given)
    if name == "mazu.permissions.check" and isinstance(arguments.get("arguments"), str):
        arguments = {**arguments, "arguments": await _call_arguments(server, arguments)}
    if not given.root.folders and name in OF_PROJECTS:
        print_text(f"mazu-ls: {given.root.problem} Only what holds everywhere is shown.", sys.stderr)
    if name == "mazu.permissions.revoke":
        from mazu_ls.terminal.verbs.storing_verbs import remove_named_rules

        id = arguments.get("id")
        if isinstance(id, str) and await remove_named_rules(server, id):
            name, arguments = "mazu.permissions.list", {}
    if name == "mazu.checkpoint.diff" and "id" not in arguments:
        newest = (await run("mazu.checkpoint.list", {"limit": 1}))["checkpoints"]
        arguments = {**arguments, "id": newest[0]["id"]} if newest else arguments
    for field in ("id", "against"):
        if name in OF_CHECKPOINTS and isinstance(arguments.get(field), str):
            arguments = {**arguments, field: await checkpoint_named(run, arguments[field])}
    if name in REMEMBERING:
        await _require_lasting(server, arguments)
    try:
        result = await run(name, arguments)
    except asyncio.CancelledError:
        if name in PAID:
            print_text("Stopped. `mazu-ls usage` shows what it cost until then.", sys.stderr)
        raise
    if name == "mazu.edit" and not as_json(given):
        await _show_change(server, result)
    if name == "mazu.checkpoint.diff" and arguments.get("against", "now") == "now":
        await note_unsaved(server)
    if name == "mazu.status":
        from mazu_ls.server.logs import log_place

        result["log"] = (
            log_place()
        )  # where servers write it, also while this command works on an empty temporary state
    if name == "mazu.session.end":  # in a server this continues in the background
        await (await server.wait_opened()).extractions.wait_idle()
    if name == "mazu.tools.list":
        _note_servers(await server.wait_opened())
    return present_result(name, result, arguments, given)


async def _store(server: ServerState, name: str, arguments: dict[str, Any], given: argparse.Namespace) -> int:
    """Store what the command sets and show it; the arguments are checked as a server checks them."""
    from mazu_ls.server import commands
    from mazu_ls.terminal.screen.printing import as_json
    from mazu_ls.terminal.verbs import storing_verbs

    if name == "mazu.permissions.set" and given.verb != "call" and "rule" not in arguments:
        arguments = {"rule": arguments}  # `permissions deny TOOL PATTERN` gives its fields one by one
    params = await commands.read_arguments(server, name, arguments)
    stored = await getattr(storing_verbs, STORED[name])(server, params)
    storing_verbs.show(stored, as_json=as_json(given))
    return DONE


async def _show_change(server: ServerState, result: dict[str, Any]) -> None:
    """Show what a rewrite changed, as after an edit in a chat."""
    if result["edits"] and result["checkpoints"]:
        from mazu_ls.server import commands
        from mazu_ls.terminal.lists import path_of
        from mazu_ls.terminal.screen import styled_text
        from mazu_ls.terminal.surfaces.plain_surface import DIFF_LINES

        paths = [server.name_of(Path(path_of(edit["uri"]))) for edit in result["edits"]]
        wanted = {"id": result["checkpoints"][0], "paths": paths}
        found = await commands.execute(server, "mazu.checkpoint.diff", [wanted])
        styled_text.write(styled_text.diff_lines(found["patch"], DIFF_LINES))


def _note_servers(project: Project) -> None:
    """Name the MCP servers whose tools are not listed: a command that only shows something starts none."""
    if stopped := [one.name for one in project.mcp_servers() if one.state == "stopped"]:
        print_text(
            f"Not listed: the tools of {', '.join(stopped)}. MCP servers start with a conversation; mazu-ls doctor tries them.",
            sys.stderr,
        )
