"""The origin of what the agent writes down: the user's words, a file's or its own; and which writes need the user's
consent."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import MazuError

if TYPE_CHECKING:
    from mazu_ls.memory.memories import Memories
    from mazu_ls.tools.context import ToolContext

_WORD = re.compile(r"[^\W_]{3,}")
_FILE_CHARACTERS = 200_000
MOST_FILES = 200
_FROM_USER, _FROM_FILE = 0.6, 0.75
"""Shares of significant words. The user's statements are paraphrased; files are quoted."""


def user_said(text: str, said: Iterable[str]) -> bool:
    """Return whether the user's own messages hold most words of `text`."""
    return _share(text, _words(" ".join(said))) >= _FROM_USER


async def written_origin(text: str, turn: ToolContext) -> str | None:
    """Return where what the agent writes down comes from: the pages that the turn read, or the file, search or command whose words
    it repeats. None: the user, or the agent itself."""
    if turn.origin:
        return turn.origin
    read = list(turn.seen.items())[-MOST_FILES:]
    files = [(turn.workspace.relative(path), content) for path, content in read]
    return await asyncio.to_thread(quoted_source, text, [*turn.outputs, *files], turn.said)


def quoted_source(text: str, seen: Sequence[tuple[str, str]], said: Iterable[str]) -> str | None:
    """Return the origin of the text that the model read whose words `text` repeats, the last where several are alike; None if they
    are rather the user's."""
    if user_said(text, said):
        return None
    best, most = None, _FROM_FILE
    for origin, content in seen:
        if (share := _share(text, _words(content[:_FILE_CHARACTERS]))) >= most:
            best, most = origin, share
    return best


async def reason_to_ask(
    name: str, arguments: Mapping[str, Any], memories: Memories | None, said: Iterable[str]
) -> str | None:
    """Return why the user must agree to a call that remembers: it replaces the user's own memory, or applies to every
    project."""
    if memories is None or name not in ("remember", "wiki_write"):
        return None
    if name == "wiki_write":
        if arguments.get("mode") == "append" or not (page := await _page(memories, arguments.get("slug"))):
            return None
        return f"it replaces the page {page} that you wrote"
    if isinstance(id := arguments.get("supersedes"), str) and (title := await _owned(memories, id)):
        return f"it replaces what you said or pinned: {title}"
    text = f"{arguments.get('title', '')} {arguments.get('body', '')}"
    if arguments.get("category") == "user_preference" and not user_said(text, said):
        return "it would be included in every project, and you did not say it here"
    return None


async def _owned(memories: Memories, id: str) -> str | None:
    try:
        memory = await memories.get(id)
    except MazuError:  # the call itself reports the error
        return None
    return memory.title if memory.pinned or memory.source == "user" else None


async def _page(memories: Memories, slug: object) -> str | None:
    if not isinstance(slug, str):
        return None
    try:
        page = await memories.wiki.read(slug)
    except MazuError:  # there is none yet, or the name is invalid
        return None
    return slug if page.pinned or page.source == "user" else None


def _share(text: str, words: frozenset[str]) -> float:
    own = _words(text)
    return len(own & words) / len(own) if own else 0.0


def _words(text: str) -> frozenset[str]:
    from mazu_ls.memory.search.tokens import query_terms

    return frozenset(query_terms(" ".join(_WORD.findall(text))))
