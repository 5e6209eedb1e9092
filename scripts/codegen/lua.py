"""The types of the wire for the Neovim plugin: editors/neovim/lua/mazu/wire.lua, annotations that are never run."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import inspect as shapes

from codegen import wire
from codegen.descriptions import field_descriptions
from codegen.type_syntax import TypeSyntax

TYPES = Path(__file__).resolve().parents[2] / "editors" / "neovim" / "lua" / "mazu" / "wire.lua"
HEAD = """\
---@meta mazu.wire
-- Results of the commands (docs/protocol.md) as types. Written by `make generate` from mazu_ls/server/wire: do not edit.
"""
RENAMED = {"LspRange": "lsp.Range", "LspPosition": "lsp.Position"}


def module() -> str:
    """The whole file."""
    return "\n".join([HEAD, *(_class(struct) for struct in wire.structs() if struct.__name__ not in RENAMED)])


def name(struct: type[msgspec.Struct]) -> str:
    """What a type is called here."""
    return RENAMED.get(struct.__name__, f"mazu.{wire.short_name(struct)}")


SYNTAX = TypeSyntax(
    name=name, union="|", quote='"', mapping="table<{}, {}>", integer="integer", null=None, anything="any"
)


def _class(struct: type[msgspec.Struct]) -> str:
    lines = [f"--- {line}".rstrip() for line in wire.about(struct)] + [f"---@class {name(struct)}"]
    described = field_descriptions(struct)
    for field in wire.fields(struct):
        null = any(isinstance(one, shapes.NoneType) for one in wire.alternatives(field.type))
        optional = "?" if null or wire.may_lack(struct, field) else ""
        lines.append(
            f"---@field {field.encode_name}{optional} {SYNTAX.expression(field.type)} {described.get(field.name, '')}".rstrip()
        )
    return "\n".join([*lines, ""])
