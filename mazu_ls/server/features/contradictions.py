"""Hints where an edit of the agent's contradicts a pinned decision: found by recall over the hunk, judged by words."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.agent.proposals.hunks import line_changes
from mazu_ls.errors import MazuError
from mazu_ls.server import uris
from mazu_ls.server.documents.documents import OpenDocument
from mazu_ls.server.rpc.lsp_types import LspPosition, LspRange
from mazu_ls.state.paths import PROJECT_FOLDER
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from mazu_ls.memory.memories import Memories
    from mazu_ls.memory.models import Memory
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)
HINT = 4
BINDING = ("decision", "convention")
HUNKS = 12
"""Maximum number of hunks examined per edit."""
RECALLED = 30
QUERY = 2000
TITLE = 200
KEPT = 50
"""Maximum number of hints per file."""


@dataclass(frozen=True)
class Contradiction:
    """A line that the agent wrote, `number` lines into the file, and the decision it contradicts; seen `at`."""

    text: str
    number: int
    what: str
    memory: Memory
    at: datetime


class Contradictions:
    """The contradictions of all files, until their line or their memory changes."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self._of: dict[str, list[Contradiction]] = {}

    def edited(self, path: Path, before: str, after: str) -> None:
        """The agent changed a file: examine what it wrote."""
        self._server.jobs.spawn(self._look(path, before, after))

    def has(self, uri: str) -> bool:
        """Return whether there may be any in a document."""
        return bool(self._of.get(uris.key(uri)))

    @property
    def closed(self) -> list[Path]:
        """Return the files with contradictions that are not open."""
        editor = self._server.editor
        paths = [Path(path) for key in self._of if (path := uris.file_path(key))]
        return [path for path in paths if editor is None or editor.documents.at(path) is None]

    async def at(self, uri: str, lines: list[str]) -> list[tuple[int, Contradiction]]:
        """Return those that still apply to a document, with their line."""
        kept = self._of.get(key := uris.key(uri), [])
        if not kept:
            return []
        live = [one for one in kept if await self._holds(one)]
        found = [(line, one) for one in live if (line := _place(one, lines)) is not None]
        # A removed line may return by an undo; a memory that was changed since was judged by the user.
        self._of[key] = live
        return found

    async def _look(self, path: Path, before: str, after: str) -> None:
        project = self._server.project
        if project is None or project.memories is None or not self._server.workspace.contains(path):
            return
        name = self._server.name_of(path)
        if PROJECT_FOLDER in Path(name).parts:
            return
        found = await _found(project.memories, name, before, after)
        if not found:
            return
        key = uris.key(uris.from_path(path))
        known = {(one.memory.id, one.text) for one in found}
        others = [one for one in self._of.get(key, []) if (one.memory.id, one.text) not in known]
        self._of[key] = [*others, *found][-KEPT:]
        await self._server.hints.proposed(name)

    async def _holds(self, one: Contradiction) -> bool:
        """Return whether the memory still is the same pinned decision, and nobody has confirmed it since."""
        project = self._server.project
        if project is None or project.memories is None:
            return False
        try:
            now = await project.memories.get(one.memory.id, one.memory.scope)
        except MazuError:
            return False
        return _binding(now) and now.updated_at <= one.at


async def _found(memories: Memories, name: str, before: str, after: str) -> list[Contradiction]:
    if not await memories.shelves.has_entries(pinned=True):
        return []
    from mazu_ls.memory.anchors.contradiction import find_violations

    old, new = split_lines(before), split_lines(after)
    found: list[Contradiction] = []
    shift = 0
    for change in (await asyncio.to_thread(line_changes, old, new))[:HUNKS]:
        removed, first = old[change.start : change.end], change.start + shift
        shift += len(change.lines) - len(removed)
        query = "".join([*change.lines, *removed])[:QUERY]
        if not query.strip() or not change.lines:
            continue
        recalled = await memories.recall(query, limit=RECALLED, files=[name], count_use=False)
        for memory in filter(_binding, recalled):
            if one := find_violations(memory.title, memory.body, name, removed, change.lines):
                line = change.lines[one.line]
                found.append(Contradiction(line, first + one.line, one.what, memory, datetime.now(UTC)))
    return found


def _binding(memory: Memory) -> bool:
    """Return whether edits are checked against a memory: pinned, in force, and not from an untrusted source."""
    return memory.pinned and memory.state == "current" and memory.category in BINDING and not memory.origin


def _place(one: Contradiction, lines: list[str]) -> int | None:
    """Return the present line nearest to where it was."""
    text = one.text.rstrip("\r\n")
    there = [number for number, line in enumerate(lines) if line.rstrip("\r\n") == text]
    return min(there, key=lambda number: abs(number - one.number), default=None)


async def hints(known: Contradictions, document: OpenDocument) -> list[dict[str, Any]]:
    """Return one diagnostic for each line of a document that contradicts a decision."""
    return [
        {
            "range": _range(document, line),
            "severity": HINT,
            "source": "mazu",
            "message": f"This contradicts a {one.memory.category}: {one.memory.title} ({one.what})",
            "data": {"memory": one.memory.id, "contradiction": one.what},
        }
        for line, one in await known.at(document.uri, document.lines)
    ]


async def actions(
    known: Contradictions, document: OpenDocument, span: LspRange
) -> list[tuple[str, str, dict[str, Any]]]:
    """Return title, command and arguments of the actions in a range: keep, follow, replace or drop the decision."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    for line, one in await known.at(document.uri, document.lines):
        if not span.start.line <= line <= span.end.line:
            continue
        memory, place = one.memory, {"uri": document.uri, "range": _range(document, line)}
        short = memory.title[:60]
        instruction = (
            f"Change this so that it follows the {memory.category}: {memory.title}\n{memory.body}".strip()
        )
        new = {
            "title": f"Allowed: {one.text.strip()}"[:TITLE],
            "category": memory.category,
            "pinned": True,
            "anchors": [place],
            "supersedes": memory.id,
        }
        found += [
            (f"make this follow “{short}”", "mazu.edit", {**place, "instruction": instruction}),
            (f"“{short}” is still true", "mazu.memory.update", {"id": memory.id, "pinned": True}),
            (f"supersede “{short}” with the code here", "mazu.remember", new),
            (f"forget “{short}”", "mazu.memory.forget", {"id": memory.id}),
        ]
    return found


def _range(document: OpenDocument, line: int) -> LspRange:
    shown = document.line(line)
    first = len(shown) - len(shown.lstrip(" \t"))
    return LspRange(
        document.position(line, first),
        LspPosition(line, document.position(line, len(shown.rstrip("\r\n"))).character),
    )
