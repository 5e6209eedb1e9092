"""Reads files of other coding agents: transcripts message by message, and notes (rules, memory files) line by line.

Every reader is a generator and holds one line or row at a time, so that a folder of gigabytes needs little memory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from mazu_ls.errors import Kind, MazuError
from mazu_ls.memory.agents.agent_passage import (
    MAX_TEXT,
    MAX_TOOL_TEXT,
    AgentPassage,
    Role,
    redact_and_cut,
    time_of,
    without_controls,
)
from mazu_ls.memory.agents.cursor_database import read_cursor
from mazu_ls.workspace.text import split_lines

MAX_LINE = 8 * 1024**2
"""Maximum length in bytes; a longer line of a transcript is a picture or a dump."""
MAX_NOTE = 1024**2
_NOTE_NAMES = frozenset(("claude.md", "claude.local.md", "agents.md", "agents.override.md", "conventions.md", ".cursorrules", "memory.md"))  # fmt: skip
_NOTE_FOLDERS = frozenset(("rules", "memory", "memories", "memory-bank"))
_SKIPPED_FOLDERS = frozenset((".git", "node_modules", ".venv", "__pycache__"))
_INJECTED = re.compile(r"\s*<([a-z]+[-_][\w-]*|permissions|skill)\b[^<>]*>")
"""What agents put into the user's messages stands at their beginning in elements of their own (`<bash-stdout>`,
`<environment_context>`); of HTML only custom elements have such names, and few users begin a message with a whole one."""
_OF_AGENTS = re.compile(
    r"[a-z]+_\w+|permissions|skill|(?:bash|command|local-command)-\w+|system-reminder|user-prompt-submit-hook"
)
_INSTRUCTIONS = re.compile(r"\s*# AGENTS\.md instructions")
_ASKED = re.compile(r"<user_query>(.*?)</user_query>", re.DOTALL)
_DESCRIBED = re.compile(r"description:\s*\S")
_MARKUP_STARTS = "#-*+|>< \t"
"""With which no line of prose begins; a label in bold (`**Why:**`) belongs to the line before it."""
_POINT = re.compile(r"\s*(?:[-*+]|\d+[.)])\s|\*\*")
"""With which a point of a list, or a labelled paragraph, begins."""
_NUMBER = re.compile(r"\d+[.)]\s+")
_RULE = re.compile(r"```.*|~~~.*|(?:=+|-{3,})\s*")
_AIDER_START = re.compile(r"# aider chat started at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")


def find_files(agent: str, source: Path) -> Iterator[Path]:
    """Yield the files of `agent` at `source`, in order; links are not followed. Raises MazuError(not_found)."""
    if source.is_file():
        yield source
        return
    if not source.is_dir():
        raise MazuError(
            Kind.NOT_FOUND,
            f"There is no file or folder {source}.",
            f"Give the place where {agent} keeps its files.",
        )
    for folder, folders, names in os.walk(source, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED_FOLDERS)
        for name in sorted(names):
            path = Path(folder, name)
            if _reader(agent, path) is not None and path.is_file() and not path.is_symlink():
                yield path


def read_file(agent: str, path: Path) -> Iterator[AgentPassage | str]:
    """Yield the passages of one file; a text instead says what is wrong with a part of it."""
    reader = _reader(agent, path) or _read_note
    try:
        yield from reader(path)
    except (OSError, UnicodeError) as error:
        yield f"{path}: {error.strerror if isinstance(error, OSError) else 'not UTF-8 text'}."


def _reader(agent: str, path: Path) -> Callable[[Path], Iterator[AgentPassage | str]] | None:
    name, parents = path.name.lower(), {parent.name.lower() for parent in path.parents}
    if agent == "markdown":
        return _read_note if path.suffix in (".md", ".markdown", ".mdc") else None
    if agent == "cursor" and name == "state.vscdb":
        return read_cursor
    if agent == "aider" and name == ".aider.chat.history.md":
        return _read_aider
    if path.suffix == ".jsonl" and agent in _JSON_LINES:
        return lambda at: _read_json_lines(at, _JSON_LINES[agent])
    if name in _NOTE_NAMES or (path.suffix in (".md", ".mdc") and parents & _NOTE_FOLDERS):
        return _read_note
    return None


def _read_json_lines(
    path: Path, parse: Callable[[dict[str, Any]], Iterator[tuple[Role, str]]]
) -> Iterator[AgentPassage | str]:
    session, wrong = path.stem, 0
    with path.open("rb") as file:
        for number, line in _lines(file):
            if line is None:
                yield f"{path}:{number}: a line of more than {MAX_LINE // 1024**2} MB is left out."
                continue
            try:
                row = msgspec.json.decode(line)
            except (ValueError, RecursionError):
                wrong += bool(line.strip())
                continue
            if not isinstance(row, dict):
                wrong += 1
                continue
            at = time_of(row.get("timestamp") or row.get("ts"))
            for role, text in parse(row):
                limit = MAX_TOOL_TEXT if role == "tool" else MAX_TEXT
                said = _without_injected(text) if role == "user" else text
                if said.strip():
                    yield AgentPassage(role, redact_and_cut(said, limit), number, at, session)
    if wrong:
        yield f"{path}: {wrong} {'line is not a JSON object' if wrong == 1 else 'lines are not JSON objects'}."


def _without_injected(text: str) -> str:
    """Return what the user wrote of a message: what follows the elements that an agent put at its beginning."""
    if _INSTRUCTIONS.match(text):
        return ""
    at = 0
    while (found := _INJECTED.match(text, at)) is not None:
        end = f"</{found[1]}>"
        closed = text.find(end, found.end())
        if closed < 0:
            return "" if _OF_AGENTS.fullmatch(found[1]) else text[at:]
        at = closed + len(end)
    return text[at:]


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines with their numbers; None for one that is too long."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) < MAX_LINE or line.endswith(b"\n"):
            yield number, line
            continue
        while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
            pass
        yield number, None


def _parse_claude(row: dict[str, Any]) -> Iterator[tuple[Role, str]]:
    """Parse a line of Claude Code: `{"type": "user" | "assistant", "message": {"role", "content"}, "timestamp"}`; content is a text
    or a list of blocks."""
    message = row.get("message")
    if row.get("type") not in ("user", "assistant") or row.get("isMeta") or not isinstance(message, dict):
        return
    # To a subagent the model writes, and the summary of a compaction is the model's too.
    by_model = row["type"] != "user" or row.get("isSidechain") or row.get("isCompactSummary")
    role: Role = "assistant" if by_model else "user"
    content = message.get("content")
    if isinstance(content, str):
        yield role, content
        return
    for block in content if isinstance(content, list) else ():
        match block:
            case {"type": "text", "text": str(text)}:
                yield role, text
            case {"type": "tool_use", "name": name, "input": given}:
                yield "tool", f"{name} {_text(given)}"
            case {"type": "tool_result", "content": result}:
                yield "tool", _blocks(result)


def _parse_codex(row: dict[str, Any]) -> Iterator[tuple[Role, str]]:
    """Parse a line of Codex: `{"type": "response_item", "payload": item}`, in older files the item itself, and `history.jsonl`."""
    item = row.get("payload") if row.get("type") == "response_item" else row
    match item:
        case {"type": "message", "role": "user" | "assistant" as role, "content": content}:
            yield role, _blocks(content)
        case {"type": "function_call" | "custom_tool_call", "name": name}:
            yield "tool", f"{name} {_text(item.get('arguments') or item.get('input'))}"
        case {"type": "local_shell_call", "action": action}:
            yield "tool", _text(action)
        case {"type": "function_call_output" | "custom_tool_call_output", "output": output}:
            yield "tool", _blocks(output)
        case {"session_id": str(), "text": str(text)}:
            yield "user", text


def _parse_cursor(row: dict[str, Any]) -> Iterator[tuple[Role, str]]:
    """Parse a line of Cursor's `agent-transcripts/*.jsonl`: `{"role", "message": {"content"}}`."""
    if row.get("role") in ("user", "assistant"):
        message = row.get("message")
        text = _blocks(message.get("content") if isinstance(message, dict) else row.get("content"))
        # Beside what the user asked stand rules, files and the state of the editor.
        yield row["role"], "\n".join(_ASKED.findall(text)).strip() or text


_JSON_LINES: dict[str, Callable[[dict[str, Any]], Iterator[tuple[Role, str]]]] = {
    "claude-code": _parse_claude,
    "codex": _parse_codex,
    "cursor": _parse_cursor,
}


def _blocks(content: Any) -> str:
    """Join the texts of a content that is a text, a list of blocks or an object with one of them."""
    if isinstance(content, list):
        return "\n".join(
            _text(block.get("text")) if isinstance(block, dict) else _text(block) for block in content
        )
    if isinstance(content, dict):
        return _blocks(content.get("content") or content.get("text") or content.get("output"))
    return _text(content)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _read_aider(path: Path) -> Iterator[AgentPassage | str]:
    """Parse aider's chat history: `# aider chat started at TIME`, `#### ` before each line of the user, `> ` before each of aider
    itself."""
    at, role, first, held, size = "", "note", 1, list[str](), 0
    with path.open("rb") as file:
        for number, raw in _lines(file):
            if raw is None:
                yield f"{path}:{number}: a line of more than {MAX_LINE // 1024**2} MB is left out."
                continue
            line = raw.decode(errors="replace").rstrip("\r\n")
            if start := _AIDER_START.match(line):
                kind, at_next = "note", start[1]
            else:
                kind, at_next = (
                    "user" if line.startswith("#### ") else "tool" if line.startswith("> ") else "assistant",
                    at,
                )
            if kind != role or at_next != at or size > MAX_TEXT:
                yield from _aider_passage(role, held, first, at, path)
                role, first, held, size, at = kind, number, [], 0, at_next
            held.append(line.removeprefix("#### ").removeprefix("> "))
            size += len(held[-1]) + 1
    yield from _aider_passage(role, held, first, at, path)


def _aider_passage(role: str, held: list[str], line: int, at: str, path: Path) -> Iterator[AgentPassage]:
    text = redact_and_cut("\n".join(held), MAX_TEXT)
    known: dict[str, Role] = {"user": "user", "tool": "tool", "assistant": "assistant"}
    if text and role in known:
        yield AgentPassage(known[role], text, line, at, f"{path.parent.name}/{at}")


def _joined_prose(lines: Sequence[str]) -> list[str]:
    """Return as many lines, each paragraph, and each point of a list, in its first one."""
    joined: list[str] = []
    first = -1
    for at, line in enumerate(lines):
        begins = bool(_POINT.match(line))
        goes_on = (
            first >= 0
            and bool(line.strip())
            and not begins
            and line[0] not in "#|>"
            and not _RULE.match(line)
        )
        if goes_on:
            joined[first] += f" {line.strip()}"
        joined.append("" if goes_on or line.strip("= ") == "" else line)
        is_prose = bool(line) and line[0] not in _MARKUP_STARTS and not _RULE.match(line)
        first = first if goes_on else at if begins or is_prose else -1
    return joined


def _read_note(path: Path) -> Iterator[AgentPassage | str]:
    """Yield the lines of a Markdown file outside front matter and code, each heading included.

    A file of Claude Code's own memory is one memory, which front matter describes: each paragraph of its prose is a point, too.
    """
    if path.stat().st_size > MAX_NOTE:
        yield f"{path}: more than {MAX_NOTE // 1024**2} MB is no note."
        return
    fence = ""
    lines = split_lines(path.read_text(encoding="utf-8-sig"), ends=False)
    front = (
        next((n for n, line in enumerate(lines[1:], 1) if line.strip() == "---"), 0)
        if lines[:1] == ["---"]
        else -1
    )
    is_memory = path.parent.name == "memory" and any(_DESCRIBED.match(line) for line in lines[1 : front + 1])
    for number, line in enumerate(_joined_prose(lines) if is_memory else lines, 1):
        mark = line.strip()[:3]
        if number <= front + 1 or fence or mark in ("```", "~~~"):
            fence = "" if fence and mark == fence else fence or (mark if mark in ("```", "~~~") else "")
            continue
        if line.strip():
            if is_memory and line[0] not in _MARKUP_STARTS:
                line = f"- {_NUMBER.sub('', line)}"  # noqa: PLW2901 - a point as any other
            yield AgentPassage("note", without_controls(line).rstrip()[:MAX_TEXT], number, "", path.name)
