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
from mazu_ls.workspace.visible_text import make_line

if TYPE_CHECKING:
    from mazu_ls.checkpoints.models import PlanFiles
    from mazu_ls.gitcmd.head_log import HeadLogEntry
    from mazu_ls.gitcmd.user_repository import UserRepository
    from mazu_ls.server.state import ServerState

_NAMES_GIT = re.compile(r"\bgit\b")
NEVER = "an undo never writes to your git"
SHORT = 8
_TYPED = re.compile(r"\w[\w./@+-]*", re.ASCII)
"""A branch that a shell takes literally: git allows `;`, `$` and quotes in names, and a name may come with a clone."""
WORDS = 100
"""Characters of a branch or message that are shown, so that it hides nothing of what is said."""
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
    from mazu_ls.gitcmd.head_log import head_log, stashes
    from mazu_ls.gitcmd.user_repository import find

    found: dict[Path, list[PathReason]] = {}
    for folder in folders:
        if (repository := find(folder)) is None or repository.git_dir in found:
            continue
        head = _head(repository, head_log(repository, spans))
        found[repository.git_dir] = [
            *([head] if head else []),
            *(_stash(number, one) for number, one in stashes(repository, spans)),
        ]
    return [reason for reasons in found.values() for reason in reasons]


def _head(repository: UserRepository, moves: Sequence[HeadLogEntry]) -> PathReason | None:
    """Return what stays of these moves of HEAD, and the way back; None for nothing."""
    state = repository.state()
    if not moves or state.commit is None:
        return None
    first = next((move.switched[0] for move in moves if move.switched), state.branch)
    made = _made(moves, first)
    if state.commit == moves[0].before and state.branch == first:
        return _left_behind(repository, made, first)
    commits = [move for each in made.values() for move in each]
    switched, ways = state.branch not in (None, first), list[str]()
    if switched:
        ways.append(_way_back(first, moves[0].before))
    on = next(iter(made), None)
    tip = repository.tip(on) if on and on != state.branch else state.commit
    is_left = tip == commits[-1].after if len(made) == 1 else False
    adjoin = all(one.after == later.before for one, later in pairwise(commits))  # else others are between
    if is_left and adjoin and all(move.certain for move in commits) and on == first:
        start = commits[0].before
        command = f"reset --soft {start[:SHORT]}" if int(start, 16) else "update-ref -d HEAD"
        it = "it" if len(commits) == 1 else "them"
        ways.append(f"{'then ' * switched}`git {command}` removes {it} and leaves the files")
    if not ways:
        ways.append("`git reflog` shows where HEAD was")
    what = f"branch {_shown(state.branch)}" if switched else f"HEAD at {state.commit[:SHORT]}"
    return PathReason(_named(commits) if commits else what, f"{NEVER}: {'; '.join(ways)}")


def _made(moves: Sequence[HeadLogEntry], first: str | None) -> dict[str | None, list[HeadLogEntry]]:
    """Return the commits among these moves by branch. `first`: the branch before them, None for a detached HEAD."""
    made: dict[str | None, list[HeadLogEntry]] = {}
    branch = first
    for move in moves:
        branch = move.switched[1] if move.switched else branch
        if move.is_commit:
            made.setdefault(branch, []).append(move)
    return made


def _left_behind(
    repository: UserRepository, made: dict[str | None, list[HeadLogEntry]], first: str | None
) -> PathReason | None:
    """Return what is said of commits on other branches if HEAD is where it was; None if none of them is the tip of one."""
    for branch, commits in reversed(made.items()):
        if branch not in (None, first) and repository.tip(branch) == commits[-1].after:
            look = f"git log {branch}" if _TYPED.fullmatch(branch) else "git branch"
            return PathReason(_named(commits), f"{NEVER}: it is on the branch {_shown(branch)}: `{look}`")
    return None


def _way_back(branch: str | None, commit: str) -> str:
    """Say where HEAD was, and the command that leads there. `branch`: None for a HEAD that was detached at the commit."""
    if branch is None:
        return f"HEAD was detached: `git switch --detach {commit[:SHORT]}`"
    way = f"git switch {branch}" if _TYPED.fullmatch(branch) else "git reflog"
    return f"the branch was {_shown(branch)}: `{way}`"


def _named(commits: Sequence[HeadLogEntry]) -> str:
    """Name commits by their number and the last one."""
    count = f"{len(commits)} commits, the last: " if len(commits) > 1 else ""
    return f"{count}commit {commits[-1].after[:SHORT]} \u201c{_shown(commits[-1].subject)}\u201d"


def _shown(words: str | None) -> str:
    return make_line(words or "", WORDS)


def _stash(number: int, made: HeadLogEntry) -> PathReason:
    """Return what is said of a stash. Never to drop it: what was ignored, too large or staged is in no checkpoint."""
    name = f"stash@{{{number}}}"
    look = (
        f"before you drop it, look with `git stash show --include-untracked {name}`: it may hold the only copy of a file"
        f" (`git restore --source {name}^3 FILE` for one that git did not track)"
    )
    return PathReason(
        f"{name} \u201c{_shown(made.what)}\u201d",
        f"{NEVER}: {look if made.certain else 'see `git stash list`'}",
    )


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
