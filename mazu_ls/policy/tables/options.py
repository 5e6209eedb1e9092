"""What a program may be given so that it only reads: flags, options with values, operands."""

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


def split(spec: ProgramSpec, words: list[str]) -> ParsedOptions | str:
    """Split the words by the table; return a sentence if one is not in it. Abbreviated long options are not in it."""
    names = {name.split("=")[0]: name for name in spec.long.split()}
    options: list[tuple[str, str | None]] = []
    operands: list[str] = []
    paths: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--":
            operands += words[at:]
            break
        if not word.startswith("-") or word == "-":
            operands.append(word)
            if not spec.permutes:
                operands += words[at:]
                break
        elif word.startswith("--"):
            name, given, value = word[2:].partition("=")
            known = names.get(name)
            if known is None:
                return f"option --{name} is not known to be harmless"
            if "=" in known and not given:
                if known.endswith("?"):
                    value = ""
                elif at >= len(words):
                    return f"option --{name} lacks its value"
                else:
                    value, at = words[at], at + 1
            elif given and "=" not in known:
                return f"option --{name} takes no value"
            options.append((f"--{name}", value))
            paths += [value] if known.endswith("=path") else []
        elif spec.number and _NUMBER.match(word):
            options.append((word, None))
        else:
            taken = _short(spec, words, at, options, paths)
            if isinstance(taken, str):
                return taken
            at = taken
    return ParsedOptions(options, operands, paths)


def _short(
    spec: ProgramSpec, words: list[str], at: int, options: list[tuple[str, str | None]], paths: list[str]
) -> int | str:
    """Read the cluster before `at`, such as `-la` or `-n5`; return where to continue."""
    word = words[at - 1]
    for index, letter in enumerate(word[1:], 1):
        if letter in spec.values:
            value = word[index + 1 :]
            if not value:
                if at >= len(words):
                    return f"option -{letter} lacks its value"
                value, at = words[at], at + 1
            options.append((f"-{letter}", value))
            if letter in spec.paths:
                paths.append(value)
            return at
        if letter not in spec.flags:
            return f"option -{letter} is not known to be harmless"
        options.append((f"-{letter}", None))
    return at


def harmless(value: str | None) -> bool:
    """Return whether an option's value is plain text."""
    return value is None or bool(_HARMLESS_VALUE.match(value))
