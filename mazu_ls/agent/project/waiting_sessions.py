"""What the user said in conversations from which nothing was extracted yet, so that the next one knows it at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.errors import MazuError
from mazu_ls.journal import journal
from mazu_ls.messages import escape_closing_tag
from mazu_ls.redact import redact

if TYPE_CHECKING:
    from mazu_ls.agent.project.services import ProjectServices

SESSIONS, MESSAGES, CHARACTERS = 3, 6, 300
"""The newest sessions, the last messages of each, and the characters of each message that are told."""
READ = 4 * CHARACTERS
"""Characters of a message that are looked at: a pasted log of a megabyte would hold up everything else."""
LARGEST = 4 << 20
"""Bytes of a journal up to which it is read before a turn."""


async def recent_words(project: ProjectServices, session_id: str | None) -> tuple[str, ...]:
    """Return one line for each conversation but `session_id` that waits for its extraction, the newest first: its date and
    the last messages of the user in turns that ended. What was undone is not told.

    Nothing is told where the user wants to be asked before anything is kept (`memory.write` "ask") or
    keeps nothing ("off").
    """
    if project.memories is None or project.config.memory.write != "auto":
        return ()
    waiting = await project.memories.extractions.unfinished()
    newest = [id for id in reversed(waiting) if id != session_id][:SESSIONS]
    lines = [await _line(project, id) for id in newest]
    return tuple(line for line in lines if line)


async def _line(project: ProjectServices, session_id: str) -> str:
    path = project.journals / f"{session_id}.jsonl"
    try:
        events = await asyncio.to_thread(_read, path)
        head = await project.conversation_head(session_id, events[-1].seq if events else 0)
    except (OSError, MazuError):
        return ""
    said: list[str] = []
    open_turn: list[str] = []
    at = ""
    for event in journal.branch_events(events, head):
        if isinstance(event.body, journal.UserSaid) and event.body.shown:
            open_turn.append(event.body.shown)
        elif isinstance(event.body, journal.TurnEnded):
            said, open_turn, at = said + open_turn, [], event.at
    quoted = [f"“{_short(text)}”" for text in said[-MESSAGES:]]
    return f"- ({at[:10]}) {' '.join(quoted)}" if quoted else ""


def _read(path: Path) -> list[journal.Event]:
    return list(journal.read(path)) if path.is_file() and path.stat().st_size <= LARGEST else []


def _short(text: str) -> str:
    read = text[:READ]
    if len(text) > READ and len(words := read.rsplit(None, 1)[0]) > CHARACTERS:
        read = words  # no half of a secret; Chinese, Japanese and Thai have no blanks
    one_line = " ".join(redact(read).split())
    whole = read == text and len(one_line) <= CHARACTERS
    cut = one_line if whole else f"{one_line[:CHARACTERS].rstrip()}…"
    return escape_closing_tag(cut, "memory")
