"""Reads conversations from Cursor's `state.vscdb`: an SQLite file of keys and JSON values, row by row, read-only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from mazu_ls.memory.agents.agent_passage import (
    MAX_TEXT,
    MAX_TOOL_TEXT,
    AgentPassage,
    Role,
    redact_and_cut,
    time_of,
)

if TYPE_CHECKING:
    import sqlite3

_BUBBLES = (
    "SELECT key, value FROM cursorDiskKV WHERE key >= 'bubbleId:' AND key < 'bubbleId;' AND length(value) < ?"
)
_CHATS = "SELECT key, value FROM ItemTable WHERE key = 'workbench.panel.aichat.view.aichat.chatdata' AND length(value) < ?"
_MAX_VALUE = 8 * 1024**2
_ROLES: dict[Any, Role] = {1: "user", 2: "assistant", "user": "user", "ai": "assistant"}


def read_cursor(path: Path) -> Iterator[AgentPassage | str]:
    """Yield the messages: `bubbleId:<conversation>:<message>` of cursorDiskKV (`type` 1 is the user, 2 the model), and
    older chats of ItemTable."""
    import sqlite3  # a second SQLite library, which few processes need

    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as db:
            db.execute("PRAGMA trusted_schema = off")
            for table, query, read in (("cursorDiskKV", _BUBBLES, _bubble), ("ItemTable", _CHATS, _chat)):
                if not _is_stored(db, table):  # each database has only one of the two
                    continue
                for key, value in db.execute(query, (_MAX_VALUE,)):
                    yield from read(str(key), value)
    except sqlite3.Error as error:
        yield f"{path}: {error}."


def _is_stored(db: sqlite3.Connection, table: str) -> bool:
    """Return whether it is a table whose rows are stored in the file: a view or a computed column may never end."""
    kind = db.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ? AND sql NOT LIKE 'CREATE VIRTUAL%'",
        (table,),
    )
    columns = {name: hidden for _, name, _, _, _, _, hidden in db.execute(f"PRAGMA table_xinfo({table})")}
    return kind.fetchone() is not None and columns.get("key") == columns.get("value") == 0


def _bubble(key: str, value: Any) -> Iterator[AgentPassage]:
    bubble = _decoded(value)
    session = key.split(":")[1]
    if isinstance(bubble, dict):
        at = bubble.get("createdAt")
        yield from _passage(bubble.get("type"), bubble.get("text"), time_of(at), session)
        tool = bubble.get("toolFormerData")
        if isinstance(tool, dict):
            parts = (str(tool.get(name) or "") for name in ("name", "rawArgs", "result"))
            text = redact_and_cut(" ".join(part for part in parts if part), MAX_TOOL_TEXT)
            if text:
                yield AgentPassage("tool", text, 0, time_of(at), session)


def _chat(key: str, value: Any) -> Iterator[AgentPassage]:
    for tab in _list(_decoded(value), "tabs"):
        for bubble in _list(tab, "bubbles"):
            if isinstance(bubble, dict):
                text = bubble.get("text") or bubble.get("rawText")
                yield from _passage(bubble.get("type"), text, "", str(tab.get("tabId") or key))


def _list(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _passage(role: Any, text: Any, at: str, session: str) -> Iterator[AgentPassage]:
    known = _ROLES.get(role) if isinstance(role, int | str) else None
    if known and isinstance(text, str) and text.strip():
        yield AgentPassage(known, redact_and_cut(text, MAX_TEXT), 0, at, session)


def _decoded(value: Any) -> Any:
    try:
        return msgspec.json.decode(value) if isinstance(value, str | bytes) else None
    except (ValueError, RecursionError):
        return None
