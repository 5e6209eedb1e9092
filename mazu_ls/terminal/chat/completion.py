"""Completion of a message: `/commands` at its beginning, `@files` of the project anywhere."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

FILES = 50_000
SHOWN = 40
FRESH_SECONDS = 10.0
_NAMED = re.compile(r"(?:^|\s)@(\"[^\"\n]*|[^\s@\"]*)$")


class MessageCompleter(Completer):
    """Lists files as git sees them, and again after a while."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._files: list[str] = []
        self._listed_at = -FRESH_SECONDS

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Yield those that match the text before the cursor."""
        before = document.text_before_cursor
        if before.startswith("/") and "\n" not in before and "@" not in before:
            from mazu_ls.terminal.chat.slash_help import completed

            for text, typed, said in completed(before):
                yield Completion(text, -typed, display_meta=said)
        elif named := _NAMED.search(before):
            from mazu_ls.server.chat.markdown import mention_of

            for path in matching(self._list(), named[1].removeprefix('"')):
                yield Completion(mention_of(path)[1:], -len(named[1]), display=path)

    def _list(self) -> list[str]:
        if time.monotonic() - self._listed_at >= FRESH_SECONDS:
            from mazu_ls.tools.search.gitignore_walk import walk

            self._files = [
                str(Path(entry.path).relative_to(folder))
                for folder in self._folders
                for entry in itertools.islice(walk(folder, folder), FILES)
                if entry.name.isprintable()  # a line feed cannot be typed, nor seen
            ]
            self._listed_at = time.monotonic()
        return self._files


def matching(files: Sequence[str], typed: str) -> list[str]:
    """Return the files whose name begins with what was typed, then those whose path contains it, shorter ones first."""
    wanted = typed.lower()
    found = [path for path in files if wanted in path.lower()]
    found.sort(key=lambda path: (not Path(path).name.lower().startswith(wanted), len(path), path))
    return found[:SHOWN]
