"""Options and operands: how words are split into them, and which a program may be given so that it only reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from mazu_ls.policy.data import read_table

Operands = Literal["paths", "text", "pattern", "script", "none", "revisions"]
_NUMBER = re.compile(r"^[-+]?\d+[a-zA-Z]{0,2}$")
_HARMLESS_VALUE = re.compile(r"^[^\x00-\x1f`$]*$")


class NotProvablySafe(Exception):
    """Why the line has to be asked about."""


def require(holds: object, reason: str) -> None:
    """Raise NotProvablySafe for this reason unless the condition holds."""
    if not holds:
        raise NotProvablySafe(reason)


@dataclass(frozen=True)
class ProgramSpec:
    """One program. `flags` and `values` are short options without and with a value; `long` are whole names.

    A long option that takes a value is written `name=`; `name=path` says that the value is a path to read. `operands`
    says what the rest is; `at_most` how many there may be; `number` that `-5` is one. `listing` programs show names,
    not contents, so that a wildcard over secrets is harmless; `needs_option` ones do something else when called
    without. If `permutes` is False, options end at the first operand.
    """

    flags: str = ""
    values: str = ""
    long: str = ""
    operands: Operands = "paths"
    at_most: int | None = None
    number: bool = False
    listing: bool = False
    paths: str = ""
    needs_option: bool = False
    permutes: bool = True


def read_specs(kind: str, others: Mapping[str, ProgramSpec] = MappingProxyType({})) -> dict[str, ProgramSpec]:
    """Read one table of programs.toml; a name instead of a row means the spec of that name, of this table or of
    `others`."""
    found: dict[str, ProgramSpec] = {}
    for name, row in read_table("programs")[kind].items():
        found[name] = ({**others, **found})[row] if isinstance(row, str) else ProgramSpec(**row)
    return found


@dataclass(frozen=True)
class ParsedOptions:
    """The words of a command: options as (name, value), operands, paths among the values."""

    options: list[tuple[str, str | None]]
    operands: list[str]
    paths: list[str]


def split(spec: ProgramSpec, words: list[str], name: str, *, any_value: bool = False) -> ParsedOptions:
    """Split the words of `name` by its table. Abbreviated long options are in no table.

    Raises NotProvablySafe for an option that is not in it, and for a value that is not plain text unless `any_value`.
    """
    names = {long.split("=")[0]: long for long in spec.long.split()}
    found = ParsedOptions([], [], [])
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--" or not word.startswith("-") or word == "-":
            found.operands.extend([word] if word != "--" else [])
            if word == "--" or not spec.permutes:
                found.operands.extend(left)
                break
        elif spec.number and _NUMBER.match(word):
            found.options.append((word, None))
        elif word.startswith("--"):
            long, given, value = word[2:].partition("=")
            known = names.get(long, "")
            require(known, f"{name}: option --{long} is not known to be harmless")
            require("=" in known or not given, f"{name}: option --{long} takes no value")
            if "=" in known and not given and not known.endswith("?"):
                require(left, f"{name}: option --{long} lacks its value")
                value = left.pop(0)
            found.options.append((f"--{long}", value))
            found.paths.extend([value] if known.endswith("=path") else [])
        else:
            _read_short(spec, word, left, found, name)
    plain = any_value or all(_HARMLESS_VALUE.match(value or "") for _, value in found.options)
    require(plain, "an option's value is not known to be harmless")
    return found


def _read_short(spec: ProgramSpec, word: str, left: list[str], found: ParsedOptions, name: str) -> None:
    """Read a cluster such as `-la` or `-n5`; a value may be the next word that is left."""
    for index, letter in enumerate(word[1:], 1):
        if letter in spec.values:
            value = word[index + 1 :]
            require(value or left, f"{name}: option -{letter} lacks its value")
            value = value or left.pop(0)
            found.options.append((f"-{letter}", value))
            found.paths.extend([value] if letter in spec.paths else [])
            return
        require(letter in spec.flags, f"{name}: option -{letter} is not known to be harmless")
        found.options.append((f"-{letter}", None))


def flags(rest: list[str]) -> str:
    """Return all short option letters, and `r`, `f` for the long options that mean them, abbreviations included."""
    letters = ""
    for word in rest:
        if word == "--":
            break
        if word.startswith("--"):
            letters += "r" if len(word) > 3 and "--recursive".startswith(word) else ""
            letters += "D" if len(word) > 4 and "--delete".startswith(word) else ""
        elif word.startswith("-"):
            letters += word[1:]
    return letters


def operands(rest: list[str]) -> list[str]:
    """Return the words that are no options."""
    if "--" in rest:
        cut = rest.index("--")
        return [word for word in rest[:cut] if not word.startswith("-")] + rest[cut + 1 :]
    return [word for word in rest if not word.startswith("-") or word == "-"]


def abbreviates(word: str, option: str, least: int) -> bool:
    """Return whether `word` is a long option, or its beginning of at least `least` characters."""
    head = word.split("=", 1)[0]
    return len(head) >= least and option.startswith(head)


def find_starts(rest: list[str]) -> list[str]:
    """Return where `find` or `fd` begins to look: the words ahead of its options and tests."""
    ends = (at for at, word in enumerate(rest) if word.startswith("-") or word in ("(", "!"))
    return rest[: next(ends, len(rest))] or ["."]
