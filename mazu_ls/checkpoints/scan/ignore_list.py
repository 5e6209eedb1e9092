"""The ignore list of one scanned folder: our own patterns, the user's files, and the `.gitignore`s above the folder.

Git alone decides what is ignored. `maybe_ignored` says of which paths it need not be asked: a process costs as much as the
rest of a checkpoint.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from mazu_ls.gitcmd.editor_files import EDITOR_FILES
from mazu_ls.gitcmd.outer_ignores import outer_patterns
from mazu_ls.gitcmd.user_repository import UserRepository
from mazu_ls.workspace.project_files import read_file

# The last one is the temporary name of an atomic write by the agent.
_OURS = ".mazu/\n.mazu-staging-*/\n.git\n.*.????????????.mazu\n"


def exclude_text(user: UserRepository | None) -> str:
    """Return what git reads as `core.excludesFile` during the scan; later lines override earlier ones."""
    return _joined(outer_patterns(user) if user is not None else ())


@lru_cache(8)
def _joined(own: tuple[str, ...]) -> str:
    # a folder with such a name is not excluded
    lines = [*EDITOR_FILES, *(f"!{pattern}/" for pattern in EDITOR_FILES), *own]
    return "\n".join(lines) + "\n" + _OURS


MAX_RULES = 1 << 15
"""Bytes of a `.gitignore` that is looked into; git is asked about every path beside a longer one."""
_BRACKET = re.compile(rb"(?<!\\)\[[^][/\\!^:]+\]")
_TOKEN = re.compile(rb"\\?.", re.DOTALL)
_STAR, _BYTE = b".*", b"."
_ANYTHING = re.compile(b".*", re.DOTALL)


def maybe_ignored(root: Path, inside: bytes, exclude: str, paths: Sequence[bytes]) -> list[bytes]:
    """Return those of these paths of the folder `root / inside` that `exclude` or a `.gitignore` on their way may match.

    Git ignores none of the others, whatever else the rules say: a rule names at least one part of what it matches.
    """
    outer = _parts_named(exclude.encode("utf-8", "surrogateescape"))
    found: dict[bytes, re.Pattern[bytes] | None] = {}

    def in_folder(folder: bytes) -> re.Pattern[bytes] | None:
        if folder not in found:
            file = os.fsdecode(b"/".join(part for part in (inside, folder, b".gitignore") if part))
            found[folder] = _parts_named_in(root, file)
        return found[folder]

    def may_match(path: bytes) -> bool:
        parts = [part for part in path.split(b"/") if part]
        rules = [outer, *(in_folder(b"/".join(parts[:depth])) for depth in range(len(parts)))]
        return any(named is not None and any(map(named.fullmatch, parts)) for named in rules)

    return [path for path in paths if may_match(path)]


def _parts_named_in(root: Path, file: str) -> re.Pattern[bytes] | None:
    try:
        return _parts_named(read_file(root, file, MAX_RULES))
    except FileNotFoundError:
        return None
    except OSError:
        return _ANYTHING  # a link, unreadable or too long: git says what it makes of that


@lru_cache(64)
def _parts_named(text: bytes) -> re.Pattern[bytes] | None:
    """Return what matches at least one part of every path that a rule of an ignore file matches; None without rules."""
    patterns: set[bytes] = set()
    for line in text.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        rule = line.removesuffix(b"\r").rstrip(b" ")
        if rule and rule[:1] not in (b"#", b"!"):
            patterns.add(_part_named(rule))
    if not patterns:
        return None
    return (
        re.compile(b"|".join(sorted(patterns)), re.DOTALL | re.IGNORECASE) if b"\0" not in text else _ANYTHING
    )


def _part_named(rule: bytes) -> bytes:
    """Return an expression for the part of a path that a rule says most about. It may match too much, never too little."""
    best, letters = _STAR, -1
    for tokens in _tokens(rule):
        written = b"".join(tokens)
        if not written.isascii() or _STAR * 2 in written or all(token == _STAR for token in tokens):
            continue  # it may be written in another normal form; or `**`, which may match several parts, or none
        count = sum(token not in (_STAR, _BYTE) for token in tokens)
        if count > letters:
            best, letters = _with_one_star(tokens), count
    return best


def _tokens(rule: bytes) -> list[list[bytes]]:
    """Return the expressions of each letter of a rule, for each part. The rest after an odd bracket is not read."""
    parts: list[list[bytes]] = [[]]
    for token in _TOKEN.findall(_BRACKET.sub(b"?", rule)):
        if token == b"/":
            parts.append([])
        elif token in (b"[", b"\\", b"\\/"):
            parts[-1].append(_STAR)
            break
        else:
            parts[-1].append({b"*": _STAR, b"?": _BYTE}.get(token) or re.escape(token[-1:]))
    return parts


def _with_one_star(tokens: list[bytes]) -> bytes:
    """Return the expression of a part; what is between the first and the last star may be anything: several would take long."""
    if _STAR not in tokens:
        return b"".join(tokens)
    first, last = tokens.index(_STAR), len(tokens) - tokens[::-1].index(_STAR)
    return b"".join((*tokens[:first], _STAR, *tokens[last:]))
