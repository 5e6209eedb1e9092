"""Functions of a Python file as tools: name, docstring and JSON schema from the signature, without running the file."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from mazu_ls.errors import Kind, MazuError

_TYPES: dict[str, dict[str, Any]] = {
    "str": {"type": "string"}, "int": {"type": "integer"}, "float": {"type": "number"}, "bool": {"type": "boolean"},
    "list": {"type": "array"}, "tuple": {"type": "array"}, "set": {"type": "array"}, "Sequence": {"type": "array"},
    "dict": {"type": "object"}, "Mapping": {"type": "object"}, "None": {"type": "null"}, "Path": {"type": "string"}, "Any": {}, "object": {},
}  # fmt: skip
_INSTANCES: dict[str, type | tuple[type, ...]] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict, "null": type(None),
}  # fmt: skip


@dataclass(frozen=True)
class FunctionSignature:
    """One public function of a file, and the JSON schema of its parameters."""

    name: str
    doc: str
    schema: dict[str, Any]


def functions(source: str, where: str) -> list[FunctionSignature]:
    """Return the public top-level functions. Raises MazuError(config) if the file is no Python, or one cannot be called
    by name."""
    nodes = _parsed(source, where)
    found = []
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith(
            ("_", "test")
        ):
            try:
                schema = _schema(node, where)
            except RecursionError as error:
                raise _too_nested(where) from error
            found.append(FunctionSignature(node.name, _encodable(ast.get_docstring(node) or ""), schema))
    return found


def _parsed(source: str, where: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (RecursionError, MemoryError) as error:  # nested deeper than the parser allows
        raise _too_nested(where) from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        place = f"{where}:{line}" if line else where
        raise MazuError(
            Kind.CONFIG, f"{place} is not valid Python: {getattr(error, 'msg', error)}.", "Fix the file."
        ) from error


def _too_nested(where: str) -> MazuError:
    return MazuError(Kind.CONFIG, f"{where} is nested too deeply to be read.", "Fix or delete the file.")


def _encodable(text: str) -> str:
    """Half of a surrogate pair, as `"\\ud800"` makes it, is no text that can be sent."""
    return text.encode("utf-8", "replace").decode()


def tests(source: str) -> list[str]:
    """Return the names of the functions `test` and `test_...`, in order. Raises MazuError(config)."""
    nodes = _parsed(source, "the source")
    return [
        n.name
        for n in nodes
        if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.name.startswith("test")
    ]


def _schema(node: ast.FunctionDef | ast.AsyncFunctionDef, where: str) -> dict[str, Any]:
    arguments = node.args
    if arguments.vararg or arguments.kwarg or arguments.posonlyargs:
        raise MazuError(
            Kind.CONFIG,
            f"{where}: {node.name} takes *args, **kwargs or positional-only parameters.",
            "Name each parameter.",
        )
    properties: dict[str, Any] = {}
    required: list[str] = []
    without_default = len(arguments.args) - len(arguments.defaults)
    defaults = [*[None] * without_default, *arguments.defaults, *arguments.kw_defaults]
    for parameter, default in zip([*arguments.args, *arguments.kwonlyargs], defaults, strict=True):
        schema = dict(_type(parameter.annotation))
        if default is None:
            required.append(parameter.arg)
        elif isinstance(default, ast.Constant) and _is_json(default.value):
            schema["default"] = default.value
        properties[parameter.arg] = schema
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _type(node: ast.expr | None) -> dict[str, Any]:
    """Return the JSON schema of an annotation; anything is allowed if it is not understood."""
    match node:
        case ast.Constant(value=None):
            return {"type": "null"}
        case ast.Constant(value=str(text)):
            try:
                return _type(ast.parse(text, mode="eval").body)
            except (SyntaxError, ValueError, MemoryError):  # apparently a description
                return {}
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return _TYPES.get(name, {})
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return {"anyOf": [_type(left), _type(right)]}
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inside):
            return _generic(name, inside.elts if isinstance(inside, ast.Tuple) else [inside])
    return {}


def _generic(name: str, inside: list[ast.expr]) -> dict[str, Any]:
    match name:
        case "Optional":
            return {"anyOf": [_first(inside), {"type": "null"}]}
        case "Union":
            return {"anyOf": [_type(one) for one in inside]}
        case "Literal":
            return {
                "enum": [one.value for one in inside if isinstance(one, ast.Constant) and _is_json(one.value)]
            }
        case "Annotated":
            said = next(
                (o.value for o in inside[1:] if isinstance(o, ast.Constant) and isinstance(o.value, str)),
                None,
            )
            return {**_first(inside), **({"description": _encodable(said)} if said else {})}
        case "list" | "set" | "Sequence" | "tuple" | "frozenset":
            return {"type": "array", "items": _first(inside)}
        case "dict" | "Mapping":
            return {"type": "object", "additionalProperties": _type(inside[1]) if len(inside) > 1 else {}}
    return {}


def _first(inside: list[ast.expr]) -> dict[str, Any]:
    return _type(inside[0]) if inside else {}


def _is_json(value: object) -> bool:
    """Return whether JSON has this value: no bytes, no `...`, no complex number, no infinity, no unbounded number."""
    if isinstance(value, str):
        return value.isascii() or _encodable(value) == value
    return value is None or (isinstance(value, int | float) and abs(value) < 2**63)


def check(schema: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments, if they match the schema of a function. Raises ValueError that names the wrong one."""
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in arguments:
            raise ValueError(f"missing required `{name}`")
    for name, value in arguments.items():
        if name not in properties:
            raise ValueError(f"unknown `{name}`")
        if not _fits(properties[name], value):
            raise ValueError(f"`{name}` does not fit {properties[name]}")
    return arguments


def _fits(schema: dict[str, Any], value: Any) -> bool:
    if "anyOf" in schema:
        return any(_fits(one, value) for one in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    expected = _INSTANCES.get(schema.get("type", ""))
    if expected is None:
        return True
    if isinstance(value, bool) and schema["type"] in ("integer", "number"):
        return False
    if not isinstance(value, expected):
        return False
    items = schema.get("items")
    return not (items and isinstance(value, list)) or all(_fits(items, one) for one in value)
