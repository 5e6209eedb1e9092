"""The argument column of the table of commands in docs/protocol.md. What else a row says is kept."""

from __future__ import annotations

import re
from typing import get_args

import msgspec
from msgspec import inspect as shapes

from codegen import wire
from mazu_ls.server.wire.common import Category, Scope, State
from mazu_ls.server.wire.permissions import ModeName

ROW = re.compile(r"^\| (?P<names>`mazu\.[^|]*?) \| (?P<cell>(?:[^|\\]|\\.)*?) ?\|", re.MULTILINE)
CODE = re.compile(r"^`[^`]*`")
NAMED = {
    frozenset(get_args(values)): name
    for name, values in (("Scope", Scope), ("Category", Category), ("MemoryState", State), ("Mode", ModeName))
}
"""Values that several commands share; the page lists them once."""
LEFT_OUT = ("LspRange", "LspPosition")
"""Shapes of LSP itself, which need no description."""


def with_arguments(text: str) -> str:
    """The page with the arguments of every command as they are declared."""
    here = {command.name: command for command in wire.declared()}

    def written(found: re.Match[str]) -> str:
        command = here.get(re.findall(r"`([^`]+)`", found["names"])[0])
        if command is None or found["cell"].startswith("`uri` of"):
            return found[0]
        prose = CODE.sub("", found["cell"]).strip()
        code = f"`{arguments(command.params)}`" if not command.takes_nothing else ""
        cell = " ".join(part for part in (code, prose) if part)
        return f"| {found['names']} | {cell}{' ' if cell else ''}|"

    head, mark, tail = text.partition("What a command does without arguments")
    return ROW.sub(written, head) + mark + tail


def arguments(struct: type[msgspec.Struct]) -> str:
    """The fields of an argument as the page writes them."""
    return ", ".join(_field(one) for one in wire.fields(struct))


def _field(field: shapes.Field) -> str:
    kind = _kind(field.type)
    if field.required:
        return field.encode_name + (f": {kind}" if kind else "")
    default = field.default
    if (name := NAMED.get(frozenset(_choices(field.type)))) and default:
        return f'{field.encode_name}?: {name}="{default}"'
    if isinstance(default, bool):
        return f"{field.encode_name}?={str(default).lower()}"
    if isinstance(default, int | float) or (isinstance(default, str) and default):
        rest = [one for one in _choices(field.type) if one != default]
        first = f'"{default}"' if isinstance(default, str) else str(default)
        return f"{field.encode_name}?=" + " or ".join([first, *(f'"{one}"' for one in rest)])
    return f"{field.encode_name}?" + (f": {kind}" if kind else "")


def _choices(shape: shapes.Type) -> list[str]:
    return [
        str(value)
        for one in wire.alternatives(shape)
        if isinstance(one, shapes.LiteralType)
        for value in one.values
    ]


def _kind(shape: shapes.Type) -> str:
    """What a value is, where its name does not say it: values, lists and objects."""
    if choices := _choices(shape):
        if name := NAMED.get(frozenset(choices)):
            return name
        return " or ".join(f'"{one}"' for one in choices)
    for one in wire.alternatives(shape):
        match one:
            case shapes.StructType() if one.cls.__name__ not in LEFT_OUT:
                return f"{{{arguments(one.cls)}}}"
            case shapes.ListType() | shapes.VarTupleType():
                return f"[{_kind(one.item_type) or _scalar(one.item_type)}]"
            case _:
                pass
    return ""


def _scalar(shape: shapes.Type) -> str:
    return {shapes.StrType: "str", shapes.IntType: "int"}.get(type(shape), "any")
