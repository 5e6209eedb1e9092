"""Finding what was said in earlier sessions, in their journals."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mazu_ls import journal
from mazu_ls.agent.session.journal_views import ToolCallRecord, TurnRecord, transcript

MAX_SESSIONS = 200
EXCERPT = 300
MOST_CALLS = 3
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
    calls: str = ""
    """What tools were asked and what came of it, where that holds a word of the query."""


def search(folder: Path, query: str, limit: int, skip: str = "") -> list[SessionMatch]:
    """Turns of the newest sessions but `skip`, those with the most words of the query first, then the newest. Reads files."""
    wanted = {word.casefold() for word in WORD.findall(query)}
    newest = sorted(folder.glob("s_*.jsonl"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    found = [said for path in newest[:MAX_SESSIONS] if path.stem != skip for said in _in(path, wanted)]
    return sorted(found, key=lambda said: (said.words, said.at), reverse=True)[:limit]


def _in(path: Path, wanted: set[str]) -> Iterable[SessionMatch]:
    for turn in transcript(path.stem, list(journal.read(path))):
        calls = "\n".join(map(_call_text, turn.calls))
        there = {word.casefold() for word in WORD.findall(f"{turn.user}\n{turn.reply}\n{calls}")}
        if words := len(wanted & there):
            yield _said(path.stem, turn, wanted, words)


def _said(session_id: str, turn: TurnRecord, wanted: set[str], words: int) -> SessionMatch:
    return SessionMatch(
        session_id, turn.id, turn.at, _excerpt(turn.user, wanted), _excerpt(turn.reply, wanted), words,
        "; ".join(_calls_with(turn, wanted)[-MOST_CALLS:]),
    )  # fmt: skip


def _calls_with(turn: TurnRecord, wanted: set[str]) -> list[str]:
    texts = map(_call_text, turn.calls)
    return [text for text in texts if wanted & {word.casefold() for word in WORD.findall(text)}]


def _call_text(call: ToolCallRecord) -> str:
    """One call in a line, such as `run_shell pytest -q: exit code 1`."""
    asked = " ".join(" ".join(str(value).split())[:EXCERPT] for value in call.arguments.values())
    return f"{call.tool} {asked[:EXCERPT]}: {call.outcome[:EXCERPT]}"


def _excerpt(text: str, wanted: set[str]) -> str:
    """The part of a text around the first word that was looked for."""
    first = next((match.start() for match in WORD.finditer(text) if match[0].casefold() in wanted), 0)
    start = max(0, first - EXCERPT // 3)
    cut = " ".join(text[start : start + EXCERPT].split())
    return ("…" if start else "") + cut + ("…" if start + EXCERPT < len(text) else "")
