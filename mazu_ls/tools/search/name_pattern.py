"""Globs over file names."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import regex

from mazu_ls.tools.search.bounded_pattern import BoundedPattern, compile_pattern


class NamePattern(BoundedPattern):
    """A glob that matches composed and decomposed letters alike."""

    def match(self, text: str) -> bool:
        return super().match(text if text.isascii() else unicodedata.normalize("NFC", text))


@lru_cache(maxsize=64)
def name_matcher(pattern: str) -> NamePattern:
    """Compile a glob for relative paths: `**` any folders, `*` and `?` within one, `{a,b}` either.

    Without a slash it matches the name at any depth. Composed and decomposed letters are equal.
    """
    pattern = unicodedata.normalize("NFC", pattern).removeprefix("./").lstrip("/")
    if "/" not in pattern:
        pattern = f"**/{pattern}"
    out, index, depth = [], 0, 0
    while index < len(pattern):
        char = pattern[index]
        if pattern.startswith("**/", index):
            out.append("(?:[^/]+/)*")
            index += 3
            continue
        if pattern.startswith("**", index):
            out.append(".*")
            index += 2
            continue
        if char == "[" and (end := pattern.find("]", index + 2)) > 0:
            inner = pattern[index + 1 : end].replace("\\", "\\\\")
            out.append(f"[{'^' + inner[1:] if inner[0] in '!^' else inner}]")
            index = end + 1
            continue
        if char == "{" and "}" in pattern[index:]:
            depth += 1
            out.append("(?:")
        elif char == "}" and depth:
            depth -= 1
            out.append(")")
        else:
            out.append(
                {"*": "[^/]*", "?": "[^/]", ",": "|" if depth else ","}.get(char) or regex.escape(char)
            )
        index += 1
    return NamePattern(compile_pattern("".join(out) + r"\Z").compiled)
