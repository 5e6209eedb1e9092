"""One command of the wire from the command line: carried out, shown, its exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls.terminal.exit_status import DONE, exit_status
from mazu_ls.terminal.screen.printing import print_json

if TYPE_CHECKING:
    import argparse

    from mazu_ls.server.state import ServerState
    from mazu_ls.terminal.host import TerminalHost


STORED = {
    "mazu.models.set": "set_model", "mazu.permissions.mode": "set_mode", "mazu.permissions.set": "set_rule",
}  # fmt: skip
"""Commands that hold for a server's life alone: here what they say is stored."""


async def execute(
    server: ServerState, host: TerminalHost, name: str, arguments: dict[str, Any], given: argparse.Namespace
) -> int:
    """Run it and print the result; the exit status."""
    from mazu_ls.server import commands
    from mazu_ls.terminal.screen.printing import as_json

    if getattr(given, "subverb", None) == "review" and not as_json(given):
        from mazu_ls.terminal.verbs import proposals

        return await proposals.review(server)

    async def run(command: str, values: dict[str, Any]) -> Any:
        return await commands.execute(server, command, [values])

    if name in STORED:
        from mazu_ls.terminal.verbs import storing_verbs

        stored = await getattr(storing_verbs, STORED[name])(server, arguments)
        storing_verbs.show(stored, as_json=as_json(given))
        return DONE
    result = await run(name, arguments)
    if name == "mazu.status":
        folders = [str(folder) for folder in given.root.folders]
        result = {
            **result,
            "project": {"folders": folders, "why": given.root.why, "sentence": given.root.sentence},
        }
    if name == "mazu.session.end":  # elsewhere this goes on in the background
        await (await server.wait_opened()).extractions.wait_idle()
    if as_json(given):
        print_json(result)
    else:
        from mazu_ls.terminal import show

        show.result(name, result)
    return DONE if arguments.get("preview") else exit_status(result)
