"""Programs that run another program: where the inner command begins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import dropwhile

from mazu_ls.policy.data import pattern, read_table, table, word_set
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables.allowed_commands import PROGRAMS

SHELLS = word_set("shells")
INTERPRETERS = pattern("wrappers.interpreters")
CODE_OPTIONS = table("wrappers.code_options")


@dataclass(frozen=True)
class WrapperSpec:
    """Options that take a value, and how many words precede the inner command."""

    values: str = ""
    before: int = 0
    assignments: bool = False


_TABLE = read_table("wrappers")
WRAPPERS = {
    name: WrapperSpec(before=words) for words, names in enumerate(_TABLE["plain"]) for name in names.split()
} | {name: WrapperSpec(**spec) for name, spec in _TABLE["specs"].items()}


# The first operand of an unknown program may be a command; only these names are taken for one.
_TAKEN_FOR_COMMANDS = SHELLS | word_set("taken_for_commands")
# Their operands are names of programs or files, never commands.
_ABOUT_PROGRAMS = word_set("about_programs")


# GNU's programs have a `g` before their names where those of BSD have the names: Homebrew, FreeBSD, Solaris.
_OTHER_NAMES = {f"g{name}": name for name in word_set("gnu_programs")} | {"bfs": "find"}


def program(word: str) -> str:
    """Return a program's name without its folder."""
    return word.rstrip("/").rsplit("/", 1)[-1] or word


def inner(argv: list[str]) -> list[list[str]]:
    """Return the commands that a wrapper may run, for every reading of its options; none if it is no wrapper. A program with
    two names, `grm`, is read by the other one, too."""
    if (same := _OTHER_NAMES.get(argv[0])) is not None:
        return [[same, *argv[1:]], *_of_unknown(argv)]
    spec = WRAPPERS.get(argv[0])
    if spec is None:
        return _of_unknown(argv)
    if argv[0] == "command" and argv[1:2] in (["-v"], ["-V"]):
        return []
    found: list[list[str]] = []
    for start in _starts(argv, spec):
        spend(1 + len(argv) // 20)
        command = [word for word in argv[start + spec.before :] if word != ":::"]  # parallel's operands
        if spec.assignments:
            command = list(dropwhile(re.compile(r"[A-Za-z_]\w*=").match, command))
        if command and command not in found:
            found.append(command)
    return found


def unwrapped(argv: list[str]) -> list[list[str]]:
    """Return the command and every one that it wraps, however deep; each by its program's name without the folder."""
    found: list[list[str]] = []
    todo = [argv]
    while todo:
        words = todo.pop()
        spend(2 + len(words) // 10 + len(found))
        if words and (words := [program(words[0]), *words[1:]]) not in found:
            found.append(words)
            todo += inner(words)
    return found


def _of_unknown(argv: list[str]) -> list[list[str]]:
    """Return the command in `launcher sudo ls`: what follows the options of an unknown program, if it could be a
    command."""
    if (
        argv[0] in _ABOUT_PROGRAMS
        or argv[0] in _TAKEN_FOR_COMMANDS
        or argv[0] in PROGRAMS
        or INTERPRETERS.match(argv[0])
    ):
        return []
    letters = {word for word in argv if re.fullmatch(r"-[A-Za-z]", word)}  # each may take a value or not
    every = {*_starts(argv, WrapperSpec()), *_starts(argv, WrapperSpec(values=" ".join(letters)))}
    starts = [start for start in sorted(every) if start + 1 < len(argv)]
    return [argv[start:] for start in starts if program(argv[start]) in _TAKEN_FOR_COMMANDS]


def _starts(argv: list[str], spec: WrapperSpec) -> list[int]:
    """Return where the options may end. An unknown option may take a value or not: then both."""
    values = spec.values.split()
    starts: list[int] = []
    todo, looked = [1], set[int]()
    while todo:
        at = todo.pop()
        if at >= len(argv) or at in looked:
            continue
        spend(1 + len(values) // 4)
        looked.add(at)
        word = argv[at]
        if word == "--":
            starts += [at + 1] if at + 1 not in starts else []
        elif not word.startswith("-") or word == "-":
            starts += [at] if at not in starts else []
            if word == "-" and spec.assignments:  # `env -` is `env -i`
                todo.append(at + 1)
        elif word in values:
            todo.append(at + 2)
        elif "=" in word or (
            word.startswith("-") and any(v in word[:2] for v in values if len(v) == 2 and len(word) > 2)
        ):
            todo.append(at + 1)
        else:
            takes = word.startswith("--") or f"-{word[-1]}" in values  # `exec -cla NAME`
            todo += [at + 1, at + 2] if takes else [at + 1]
    return starts
