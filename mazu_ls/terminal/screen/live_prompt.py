"""The prompt of a conversation, drawn before everything that it talks to is imported."""

from __future__ import annotations

import asyncio
import importlib
import sys
from typing import TYPE_CHECKING

from mazu_ls.state import paths
from mazu_ls.terminal.exit_status import DONE, INTERRUPTED
from mazu_ls.terminal.screen.printing import print_text
from mazu_ls.terminal.screen.screen import Screen

if TYPE_CHECKING:
    import argparse

    from mazu_ls.terminal.project_root import ProjectRoot


async def converse(given: argparse.Namespace, root: ProjectRoot) -> int:
    """Run the conversation until the user leaves. The prompt appears first; everything else is imported behind it."""
    from prompt_toolkit.completion import ThreadedCompleter

    from mazu_ls.terminal.chat.completion import MessageCompleter

    history = paths.state_home() / "history"
    screen = Screen(
        composer=True,
        history=history if history.parent.is_dir() else None,
        completer=ThreadedCompleter(MessageCompleter(root.folders)),
    )
    screen.status = lambda: "opening the project …"
    if first := getattr(given, "first_prompt", None):
        first.give_way()
    try:
        return await screen.run(lambda: _converse(given, root, screen))
    except asyncio.CancelledError:
        if not screen.left.is_set():
            raise
        return INTERRUPTED if screen.stopping else DONE
    finally:
        if screen.stopping and (said := screen.parting()):
            print_text(said, sys.stderr)
        for text in screen.queued:
            print_text(f"Not sent: {text}", sys.stderr)


async def _converse(given: argparse.Namespace, root: ProjectRoot, screen: Screen) -> int:
    client = await asyncio.to_thread(importlib.import_module, "mazu_ls.terminal.clients.in_process")
    live = await asyncio.to_thread(importlib.import_module, "mazu_ls.terminal.screen.live_chat")
    async with client.opened_client(given, root) as (server, host):
        return await live.LiveChat(server, host, screen, given).run()
