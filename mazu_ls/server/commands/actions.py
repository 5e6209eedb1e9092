"""mazu.actions.*: the commands of code actions in editors without our plugin: they ask for what is missing and report
the result."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import InvalidArguments, MazuError
from mazu_ls.server.chat import markdown
from mazu_ls.server.chat.rollback_text import rollback_sentence
from mazu_ls.server.commands import command, execute
from mazu_ls.server.commands.checkpoints import opened_checkpoints
from mazu_ls.server.documents import mazu_files
from mazu_ls.server.wire import actions as wire
from mazu_ls.server.wire.common import NoParams
from mazu_ls.workspace.visible_text import shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mazu_ls.checkpoints.models import Checkpoint
    from mazu_ls.server.state import ServerState

POINTS = 8
"""Maximum number of choices that a dialog of buttons shows well; mazu.checkpoint.list has all."""
LOOKED_AT = 100
MAX_LABEL_CHARS = 60
LEAVE = "Leave it as it is"
SHOWN = 2
"""Maximum number of memories that a message shows well; more are shown as a document."""


@command("mazu.actions.checkpoint")
async def checkpoint(server: ServerState, params: NoParams) -> Any:
    """Take a checkpoint, and report it."""
    taken = await execute(server, "mazu.checkpoint", [{}])
    files = sum(taken["files"].values())
    await server.host.say(
        "info", f"Mazu: checkpoint taken; {_count(files, 'file')} changed since the one before."
    )
    return taken


@command("mazu.actions.undo")
async def undo(server: ServerState, params: NoParams) -> Any:
    """Undo the last turn, and report what was restored and what was kept."""
    result = await execute(server, "mazu.undo", [{}])
    await _say_result(server, result, "the last turn is undone")
    return result


@command("mazu.actions.rollback")
async def rollback(server: ServerState, params: wire.ChoosePointParams) -> Any:
    """Choose a checkpoint by the user's words and its time, and roll back to it; with `uri` that file alone."""
    checkpoints = await opened_checkpoints(server)
    path = server.path_of(params.uri) if params.uri else None
    found, _ = await checkpoints.list(LOOKED_AT)
    points = [one for one in found if one.kind in ("baseline", "manual", "safety")]
    if path is not None:
        points = [one for one in points if await _differs(server, one, path)]
    if not points:
        what = (
            f"no earlier text of {path.name} is known" if path else "there is no checkpoint to go back to yet"
        )
        await server.host.say("info", f"Mazu: {what}.")
        return None
    points = points[:POINTS]
    labels = point_labels(points)
    question = f"Take {path.name} back to…" if path else "Roll back everything to…"
    chosen = await server.pick(question, [*labels, LEAVE])
    if chosen is None or chosen == len(points):
        return None
    arguments: dict[str, Any] = {"id": points[chosen].id}
    if path is not None:
        arguments |= {"only": ["code"], "paths": [server.name_of(path)]}
    result = await execute(server, "mazu.rollback", [arguments])
    await _say_result(server, result, f"back at {labels[chosen]}")
    return result


@command("mazu.actions.recall")
async def recall(server: ServerState, params: wire.RecallHereParams) -> Any:
    """What is known about a place, shown as a message if it is short, else as a document."""
    query, uri = params.query, params.uri
    if query is None:
        editor = server.editor
        query = (editor.selection if editor else "").strip()[:2000]
        uri = uri or (editor.focus.uri if editor and editor.focus else None)
    if not query:
        raise InvalidArguments("`query` is missing, and nothing is selected to use instead", "query")
    arguments = {"query": query} | ({"uri": uri} if uri and server.file_of(uri) else {})
    result = await execute(server, "mazu.recall", [arguments])
    found = [] if result["onlyNearest"] else result["memories"]
    if not found:
        said = "Mazu: nothing is remembered about this yet. Use “Mazu: remember this”."
        if main := result["mainWorktree"]:
            said += f" This is a linked worktree of {main}, which has a memory of its own: `mazu-ls memory export` there, `mazu-ls memory import` here."
        await server.host.say("info", said)
    elif len(found) <= SHOWN and not any(one["body"].strip() for one in found):
        await server.host.say("info", "Mazu: " + " · ".join(one["title"] for one in found))
    else:
        await mazu_files.show_text(
            server, "recall.md", "# What is known about this\n\n" + "\n".join(map(_memory, found))
        )
    return result


async def _differs(server: ServerState, point: Checkpoint, path: Path) -> bool:
    """Return whether a file differs from a checkpoint; False if that is unknown."""
    arguments = {"id": point.id, "paths": [server.name_of(path)]}
    try:
        return bool((await execute(server, "mazu.checkpoint.diff", [arguments]))["files"])
    except MazuError:
        return False


def point_labels(points: Sequence[Checkpoint]) -> list[str]:
    """Return the checkpoints' labels for a person: the time, and the words they are about; with seconds where two read the same."""
    labels = [_point_label(one, "%H:%M") for one in points]
    return [
        _point_label(one, "%H:%M:%S") if labels.count(label) > 1 else label
        for one, label in zip(points, labels, strict=True)
    ]


def _point_label(point: Checkpoint, clock: str) -> str:
    at = point.created_at.astimezone()
    today = datetime.now(at.tzinfo).date()
    day = "" if at.date() == today else f"{at:%d %b} "
    words = " ".join((point.title or point.label or "checkpoint").split())
    return f"{day}{at:{clock}} {shorten(words, MAX_LABEL_CHARS)}"


async def _say_result(server: ServerState, result: dict[str, Any], done: str) -> None:
    """Report the result of a rollback in a sentence."""
    clean = result["applied"] and result["verified"] and not result["plan"]["conflicts"]
    await server.host.say("info" if clean else "warning", f"Mazu: {rollback_sentence(result, done)}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _memory(memory: dict[str, Any]) -> str:
    check = " (to be checked: its code changed)" if memory["state"] == "check" else ""
    body = f"\n{markdown.escape(memory['body'].strip())}\n" if memory["body"].strip() else ""
    why = markdown.escape(f"{memory['category'].replace('_', ' ')}: {memory['why']}")
    return f"## {markdown.escape(memory['title'])}{check}\n{body}\n*{why}*\n"
