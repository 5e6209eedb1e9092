"""What an undo says of the user's git, which is never written: commits of the turn that stay, and conflict markers."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.models import PathReason
from mazu_ls.errors import MazuError
from mazu_ls.journal import journal
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from mazu_ls.checkpoints.models import PlanFiles
    from mazu_ls.server.state import ServerState

_NAMES_GIT = re.compile(r"\bgit\b")
SHORT = 8
LOOKED_AT = 50
"""Restored files that are searched for conflict markers, at most, and of those none larger than `LARGEST` bytes."""
LARGEST = 1 << 20
MARKERS = ("<<<<<<< ", "=======", ">>>>>>> ")
"""How the lines of a conflict begin, in this order."""


async def kept_commits(server: ServerState, events: Sequence[journal.Event], after: int) -> list[PathReason]:
    """Return what commands of a conversation changed of the user's HEAD after an event, with the way back."""
    spans = list(_git_commands(events, after))
    if not spans:
        return []
    return await asyncio.to_thread(_moved, server.workspace.roots, spans)


def _git_commands(events: Sequence[journal.Event], after: int) -> Iterable[tuple[float, float]]:
    """Yield from when to when each command ran that names git."""
    begun: dict[str, float] = {}
    for event in events:
        match event.body:
            case journal.CallStarted(call_id, _, _, arguments) if event.seq > after:
                if _NAMES_GIT.search(str(arguments.get("command", ""))):
                    begun[call_id] = datetime.fromisoformat(event.at).timestamp()
            case journal.CallEnded(call_id) if call_id in begun:
                yield begun.pop(call_id), datetime.fromisoformat(event.at).timestamp()


def _moved(folders: Iterable[Path], spans: Sequence[tuple[float, float]]) -> list[PathReason]:
    from mazu_ls.gitcmd.head_log import head_log
    from mazu_ls.gitcmd.user_repository import find

    found: dict[Path, PathReason] = {}
    for folder in folders:
        if (repository := find(folder)) is None or repository.git_dir in found:
            continue
        moves, state = head_log(repository, spans), repository.state()
        if not moves or state.commit in (None, moves[0].before):
            continue
        first, last = moves[0], moves[-1]
        way_back = "`git reflog` shows where HEAD was"
        adjoin = all(
            one.after == later.before for one, later in pairwise(moves)
        )  # else others are between them
        if state.commit == last.after and adjoin and all(move.is_commit and move.certain for move in moves):
            command = (
                f"reset --soft {first.before[:SHORT]}" if int(first.before, 16) else "update-ref -d HEAD"
            )
            way_back = f"`git {command}` removes {'it' if len(moves) == 1 else 'them'} and leaves the files"
        before = next((move.branch_before for move in moves if move.branch_before), "")
        if before and state.branch not in (None, before):
            way_back += f"; the branch was {before}: `git switch {before}`"
        commits = [move for move in moves if move.is_commit]
        count = f"{len(commits)} commits, the last: " if len(commits) > 1 else ""
        what = f"HEAD at {state.commit[:SHORT]}"
        if commits:
            what = f"{count}commit {commits[-1].after[:SHORT]} \u201c{commits[-1].subject}\u201d"
        found[repository.git_dir] = PathReason(what, f"an undo never writes to your git: {way_back}")
    return list(found.values())


async def tell_conflict_markers(server: ServerState, plan: PlanFiles) -> None:
    """Warn about restored files that hold conflict markers: the merge they are of may have been finished since."""
    found: list[str] = []
    for name in plan.write[:LOOKED_AT]:
        with contextlib.suppress(MazuError, OSError):
            path = server.workspace.resolve(name)
            if path.stat().st_size <= LARGEST:
                text = await server.host.read(path)
                found += [name] * await asyncio.to_thread(has_markers, text)
    if found:
        hold = "holds" if len(found) == 1 else "hold"
        said = f"{', '.join(found)} {hold} the conflict markers of a merge or rebase, as at that checkpoint."
        await server.host.say("warning", f"{said} If you finished it since, redo this.")


def has_markers(text: str) -> bool:
    """Return whether the lines of a conflict are there, in their order. Linear: a regular expression of the three is cubic."""
    next_one = 0
    for line in split_lines(text, ends=False):
        if line.startswith(MARKERS[next_one]):
            next_one += 1
            if next_one == len(MARKERS):
                return True
    return False
