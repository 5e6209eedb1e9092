"""The types of the wire for the VS Code extension: editors/vscode/src/wire.ts."""

from __future__ import annotations

import re
from pathlib import Path
from types import NoneType
from typing import Any

import msgspec

from codegen import wire
from codegen.descriptions import field_descriptions
from codegen.type_syntax import TypeSyntax

TYPES = Path(__file__).resolve().parents[2] / "editors" / "vscode" / "src" / "wire.ts"
WIDTH = 120
"""As in editors/vscode/.prettierrc.json."""
HEAD = """\
/** Arguments and results of every command (docs/protocol.md). Written by `make generate` from mazu_ls/server/wire: do not edit. */
"""
RENAMED = {"LspRange": "Range", "LspPosition": "Position"}


def module() -> str:
    """The whole file."""
    parts = [HEAD, *(_interface(struct) for struct in wire.structs()), _commands()]
    return "\n".join(parts)


def name(struct: type[msgspec.Struct]) -> str:
    """What a type is called here."""
    return RENAMED.get(struct.__name__, wire.short_name(struct))


SYNTAX = TypeSyntax(
    name=name,
    union=" | ",
    quote="'",
    mapping="Record<{}, {}>",
    integer="number",
    null="null",
    anything="unknown",
)


def _interface(struct: type[msgspec.Struct]) -> str:
    about = wire.about(struct)
    match len(about):
        case 0:
            lines: list[str] = []
        case 1:
            lines = [f"/** {about[0]} */"]
        case _:
            lines = ["/**", *(f" * {line}".rstrip() for line in about), " */"]
    if not wire.fields(struct):
        return "\n".join([*lines, f"export type {name(struct)} = Record<string, never>;\n"])
    lines.append(f"export interface {name(struct)} {{")
    described = field_descriptions(struct)
    for field in wire.fields(struct):
        if about_field := described.get(field.name):
            lines.append(f"  /** {about_field} */")
        lacking = "?" if wire.may_lack(struct, field) else ""
        lines.append(_broken(f"  {field.encode_name}{lacking}: {SYNTAX.expression(field.type)};"))
    return "\n".join([*lines, "}\n"])


def _broken(line: str) -> str:
    """A field as the formatter breaks it: one member of a long union per line."""
    if len(line) <= WIDTH:
        return line
    head, _, union = line.partition(": ")
    if len(union) + len("    ") <= WIDTH:
        return f"{head}:\n    {union}"
    return f"{head}:\n" + "\n".join(f"    | {part}" for part in union.split(" | "))


def _commands() -> str:
    lines = ["/** Argument and result of each command. */", "export interface WireCommands {"]
    for command in wire.declared():
        lines.append(f"  /** {_about(command.about)} */")
        result = " | ".join(_result(one) for one in command.results) or "unknown"
        lines.append(f"  '{command.name}': [{name(command.params)}, {result}];")
    return "\n".join([*lines, "}\n"])


def _result(one: type[Any]) -> str:
    return "null" if one is NoneType else name(one)


def _about(text: str) -> str:
    """The first sentences of a docstring that stand on one line."""
    room = WIDTH - len("  /**  */")
    while len(text) > room and (cut := re.search(r"(?s)^.*(?<=[.:;])(?=\s)", text[:room])):
        text = cut[0].rstrip(":;")
        break
    return text[:room]
