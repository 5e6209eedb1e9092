"""Finding what was said in earlier sessions, in their journals."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mazu_ls import journal
from mazu_ls.agent.session.journal_views import TurnRecord, transcript

MAX_SESSIONS = 200
EXCERPT = 300
WORD = re.compile(r"\w{2,}")


@dataclass(frozen=True)
class SessionMatch:
    """One turn that was found: `words` of the query occur in it."""

    session_id: str
    turn_id: str
    at: str
    user: str
    reply: str
    words: int


def search(folder: Path, query: str, limit: int, skip: str = "") -> list[SessionMatch]:
    """Turns of the newest sessions but `skip`, those with the most words of the query first, then the newest. Reads files."""
    wanted = {word.casefold() for word in WORD.findall(query)}
    newest = sorted(folder.glob("s_*.jsonl"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    found = [said for path in newest[:MAX_SESSIONS] if path.stem != skip for said in _in(path, wanted)]
    return sorted(found, key=lambda said: (said.words, said.at), reverse=True)[:limit]


def _in(path: Path, wanted: set[str]) -> Iterable[SessionMatch]:
    for turn in transcript(path.stem, list(journal.read(path))):
        there = {word.casefold() for word in WORD.findall(f"{turn.user}\n{turn.reply}")}
        if words := len(wanted & there):
            yield _said(path.stem, turn, wanted, words)


def _said(session_id: str, turn: TurnRecord, wanted: set[str], words: int) -> SessionMatch:
    return SessionMatch(
        session_id, turn.id, turn.at, _excerpt(turn.user, wanted), _excerpt(turn.reply, wanted), words
    )


def _excerpt(text: str, wanted: set[str]) -> str:
    """The part of a text around the first word that was looked for."""
    first = next((match.start() for match in WORD.finditer(text) if match[0].casefold() in wanted), 0)
    start = max(0, first - EXCERPT // 3)
    cut = " ".join(text[start : start + EXCERPT].split())
    return ("…" if start else "") + cut + ("…" if start + EXCERPT < len(text) else "")
