"""Prints the result of one wire command on stdout: rendered for a person, or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import Kind, MazuError
from mazu_ls.terminal.exit_status import DONE, FAILED, exit_status
from mazu_ls.terminal.screen.printing import as_json, print_json, print_text

if TYPE_CHECKING:
    import argparse
CHECKPOINTS_SHOWN = 50
"""How many a list of checkpoints holds if nothing else was asked for."""


def present_result(name: str, result: Any, arguments: Mapping[str, Any], given: argparse.Namespace) -> int:
    """Print it and return the exit status; a status says which project it is about."""
    if name == "mazu.status":
        folders = [str(folder) for folder in given.root.folders]
        project = {"folders": folders, "why": given.root.why, "sentence": given.root.sentence}
        result = {**result, "project": project}
    if as_json(given):
        print_json(result)
    else:
        from mazu_ls.terminal import show

        if isinstance(result, dict) and "plan" in result:
            asked = {
                "isPreview": bool(arguments.get("preview")),
                "onConflict": arguments.get("onConflict"),
                "isUndo": name == "mazu.undo",
                "sessionId": arguments.get("sessionId"),
            }
            result = {**result, **asked, "folders": [str(folder) for folder in given.root.folders]}
        if name == "mazu.memory.forget":
            result = {**result, "isForGood": bool(arguments.get("forGood"))}
        if name == "mazu.checkpoint.list":
            result = {**result, "limit": arguments.get("limit", CHECKPOINTS_SHOWN)}
        show.result(name, result)
    return DONE if arguments.get("preview") else exit_status(result)


@contextmanager
def drawing_of(command: str) -> Iterator[None]:
    """Raise MazuError for a result without a field that such results have; the log has the details."""
    try:
        yield
    except (LookupError, TypeError, AttributeError) as error:
        import logging

        logging.getLogger(__name__).warning("the result of %s could not be shown", command, exc_info=True)
        raise MazuError(
            Kind.INTERNAL,
            "The server answered with what cannot be shown: look at what it did before you do it again.",
            "MAZU_LOG=WARNING says why; --json prints the answer as it is.",
        ) from error


def print_failure(given: argparse.Namespace, error: Mapping[str, Any]) -> int:
    """Print an error of the server like one of this process; return the exit status."""
    from mazu_ls.terminal.wording import error_text

    data = error.get("data")
    fields = data if isinstance(data, dict) else {}
    hint, message = str(fields.get("hint") or ""), str(error.get("message", ""))
    message = message.removesuffix(hint).rstrip() if hint else message
    if as_json(given):
        kind = str(fields.get("kind") or "internal")
        print_json({"error": {"kind": kind, "message": message, "hint": hint}}, indent=None)
    print_text(f"mazu-ls: {error_text(message, hint)}", sys.stderr)
    return FAILED
