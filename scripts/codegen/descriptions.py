"""The docstrings below the fields of a struct: what users read about a setting or an argument."""

from __future__ import annotations

import ast
import inspect
import textwrap

import msgspec


def field_descriptions(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The docstring below each field, inherited ones too, as one line, by the field's Python name."""
    found: dict[str, str] = {}
    for one in reversed(struct.__mro__):
        if "__annotations__" in one.__dict__ and issubclass(one, msgspec.Struct):
            found |= _own_descriptions(one)
    return found


def _own_descriptions(struct: type[msgspec.Struct]) -> dict[str, str]:
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(struct))).body
    assert isinstance(node, ast.ClassDef)
    found: dict[str, str] = {}
    for field, line in zip(node.body, node.body[1:], strict=False):
        documented = isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and documented:
            found[field.target.id] = " ".join(str(line.value.value).split())  # type: ignore[attr-defined]
    return found
