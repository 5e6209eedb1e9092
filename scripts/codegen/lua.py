"""The types of the wire for the Neovim plugin: editors/neovim/lua/mazu/wire.lua, annotations that are never run."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import inspect as shapes

from codegen import wire
from codegen.descriptions import field_descriptions

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


def type_of(shape: shapes.Type) -> str:
    """A type expression."""
    match shape:
        case shapes.StructType():
            return name(shape.cls)
        case shapes.UnionType():
            return "|".join(type_of(one) for one in _stated(shape))
        case shapes.ListType() | shapes.VarTupleType():
            inner = type_of(shape.item_type)
            return f"({inner})[]" if "|" in inner else f"{inner}[]"
        case shapes.DictType():
            return f"table<{type_of(shape.key_type)}, {type_of(shape.value_type)}>"
        case shapes.LiteralType():
            return "|".join(f'"{value}"' for value in shape.values)
        case shapes.EnumType():
            return "|".join(f'"{one.value}"' for one in shape.cls)
        case shapes.StrType() | shapes.DateTimeType():
            return "string"
        case shapes.IntType():
            return "integer"
        case shapes.FloatType():
            return "number"
        case shapes.BoolType():
            return "boolean"
        case shapes.AnyType() | shapes.RawType():
            return "any"
        case shapes.NoneType():
            return "nil"
        case _:
            raise SystemExit(f"no Lua for {shape}")


def _stated(shape: shapes.UnionType) -> list[shapes.Type]:
    """The types that a value may have; null and what is left out are the optional mark's."""
    return [one for one in shape.types if not isinstance(one, shapes.NoneType | shapes.CustomType)]


def _class(struct: type[msgspec.Struct]) -> str:
    lines = [f"--- {line}".rstrip() for line in wire.about(struct)] + [f"---@class {name(struct)}"]
    described = field_descriptions(struct)
    for field in wire.fields(struct):
        null = any(isinstance(one, shapes.NoneType) for one in wire.alternatives(field.type))
        optional = "?" if null or wire.may_lack(struct, field) else ""
        lines.append(
            f"---@field {field.encode_name}{optional} {type_of(field.type)} {described.get(field.name, '')}".rstrip()
        )
    return "\n".join([*lines, ""])
