"""From evaluated words to commands: every command they may form, and those that `find` and `sh -c` form from others."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from itertools import islice, product

from mazu_ls.policy.bash.expansions import UNKNOWN
from mazu_ls.policy.bash.words import WordValue
from mazu_ls.policy.data import word_set
from mazu_ls.policy.tables.wrappers import SHELLS, WRAPPERS, program

MAX_ARGVS = 24
_PARTS = frozenset(("{/}", "{.}", "{//}", "{/.}"))  # of a path that `fd` finds
# Programs that a wildcard in program position could match.
_FOUND_BY_WILDCARD = SHELLS | WRAPPERS.keys() | word_set("found_by_wildcard")


def argvs(values: list[WordValue]) -> list[tuple[list[str], set[str]]]:
    """Return every command that the words may form, with the words that are wildcards."""
    found: list[tuple[list[str], set[str]]] = []
    for choice in islice(product(*(value.candidates for value in values)), MAX_ARGVS):
        argv = [text for fields in choice for text in fields]
        globs = {text for value, fields in zip(values, choice, strict=True) if value.glob for text in fields}
        if argv and (argv, globs) not in found:
            found.append((argv, globs))
    return found


def by_wildcard(argv: list[str], globs: set[str]) -> list[list[str]]:
    """Return the commands that `/usr/bin/s?do ls` may be."""
    if argv[0] not in globs:
        return []
    pattern = program(argv[0])
    return [[name, *argv[1:]] for name in _FOUND_BY_WILDCARD if fnmatchcase(name, pattern)]


def positional(argv: list[str]) -> list[str] | None:
    """Return what `$0`, `$1`, ... are in `sh -c SCRIPT NAME A B`."""
    for index, word in enumerate(argv[:-1]):
        if re.fullmatch(r"[-+][A-Za-z]*c[A-Za-z]*", word):
            return argv[index + 3 :]
    return None


def found_by_find(argv: list[str]) -> list[list[str]]:
    """Return the commands after `-exec` and similar actions, with each starting point in place of `{}`."""
    if argv[0] not in ("find", "gfind", "fd", "fdfind"):
        return []
    starts = []
    for word in argv[1:]:
        if word.startswith("-") or word in ("(", "!"):
            break
        starts.append(word)
    found: list[list[str]] = []
    for index, word in enumerate(argv):
        if word in ("-exec", "-execdir", "-ok", "-okdir", "-x", "-X", "--exec", "--exec-batch"):
            command = argv[index + 1 :]
            ends = [i for i, w in enumerate(command) if w in (";", "\\;") or (w == "+" and i)]
            command = command[: ends[0]] if ends else command
            narrowed = any(
                w in ("-name", "-iname", "-path", "-regex", "-newer", "-mtime", "-size") for w in argv[:index]
            )
            for start in starts or ["."]:
                place = (
                    f"{start}/*narrowed*" if narrowed and not start.startswith(("/", "~", "..")) else start
                )
                found.append([UNKNOWN if w in _PARTS else place if w == "{}" else w for w in command])
    return found
