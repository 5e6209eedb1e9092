"""Commands that read keys or print them."""

from __future__ import annotations

import re

from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.data import pattern, word_set
from mazu_ls.policy.tables import targets
from mazu_ls.policy.tables.argv import flags, operands

_TEXT_PROGRAMS = word_set("text_programs")
_PATTERN_PROGRAMS = word_set("pattern_programs")


def read(name: str, rest: list[str], scope: ShellScope) -> str | None:
    """Return why the command would read keys.

    Checks words that name a place with keys outside the workspace (as they are, and after `=`, `@`, `:` or an option
    letter), programs that print keys, and reading all of the home.
    """
    if (reason := _prints(name, rest) or _sweeps(name, rest, scope)) is not None:
        return reason
    if name in _TEXT_PROGRAMS:
        return None
    skipped = False
    for word in rest:
        if name in _PATTERN_PROGRAMS - {"sed"} and not skipped and not word.startswith("-"):
            skipped = True
            continue
        read = re.findall(r"[rRwW]\s+([^\s;}]+)", word) if name in ("sed", "gsed") else []
        for part in (*_parts(word), *read):
            if (found := targets.secret(part, scope)) is not None:
                return f"{found} holds keys or passwords"
    return None


def _parts(word: str) -> list[str]:
    parts = [word]
    for separator in ("=", "@", ":", ","):
        if separator in word:
            parts += [piece for piece in word.split(separator) if piece]
    if re.match(r"^-[A-Za-z][/~.]", word):
        parts.append(word[2:])
    return [part.removeprefix("file://").lstrip("@<") for part in parts if part and not part.startswith("--")]


_PRINTERS = pattern("credential_paths.printers")


def _prints(name: str, rest: list[str]) -> str | None:
    return "it prints keys or passwords" if _PRINTERS.match(" ".join((name, *rest))) else None


_READS_ALL = word_set("reads_all")


def _sweeps(name: str, rest: list[str], scope: ShellScope) -> str | None:
    """Return why a command would read everything below the home, keys included."""
    deep = name in _READS_ALL or (
        name in ("grep", "egrep", "fgrep", "zgrep", "cp", "cat") and set(flags(rest)) & {"r", "R", "a"}
    )
    if name == "find" and any(word in ("-exec", "-execdir", "-ok", "-okdir") for word in rest):
        deep = True
    if not deep:
        return None
    home = str(scope.place.home)
    for word in operands(rest):
        for path in targets.places(word.rstrip("*") or ".", scope):
            outside = not targets.inside(path, scope.place)
            if outside and (path == home or home.startswith(path.rstrip("/") + "/")):
                return "it would read all of your home, keys included"
    return None
