"""Rewrites sentences for an editor without a plugin: what its user can choose or write instead of the wire's names."""

from __future__ import annotations

import re

from mazu_ls.errors import MazuError

_WIRE_NAME = re.compile(r"(?<![\w/.\\-])`?\b(mazu(?:\.[a-z]+)+)\b`?(?![(/\\]|\.\w)")
_WORDS = {
    "mazu.cancel": "the code action Mazu: stop",
    "mazu.checkpoint.list": "the code action Mazu: roll back…",
    "mazu.rollback": "the code action Mazu: roll back…",
    "mazu.undo": "/undo in the chat document",
    "mazu.redo": "/redo in the chat document",
    "mazu.models.set": "/model in the chat document",
}


def in_editor_words(text: str) -> str:
    """Return the text with commands of the wire replaced where such an editor offers them."""
    return _WIRE_NAME.sub(_in_words, text) if "mazu." in text else text


def _in_words(found: re.Match[str]) -> str:
    words = _WORDS.get(found[1], found[0])
    before = found.string[: found.start()]
    if found[1] in _WORDS and (not before or before.endswith((". ", "\n"))):
        return words[0].upper() + words[1:]  # a sentence begins
    return words


def use_editor_words(error: MazuError) -> None:
    """Rewrite an error for the user of such an editor."""
    error.message, error.hint = in_editor_words(error.message), in_editor_words(error.hint)
