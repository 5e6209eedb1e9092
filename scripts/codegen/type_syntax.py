"""How a language writes the wire's types: one walk over msgspec's shapes, with the words and brackets of each language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from msgspec import inspect as shapes


@dataclass(frozen=True)
class TypeSyntax:
    """The words of one language. `null` is None where the language marks an optional field instead of naming a null type."""

    name: Callable[[type[msgspec.Struct]], str]
    union: str
    quote: str
    mapping: str
    integer: str
    null: str | None
    anything: str

    def expression(self, shape: shapes.Type) -> str:
        """A type expression. Raises SystemExit for a shape that the wire has not used yet."""
        match shape:
            case shapes.StructType():
                return self.name(shape.cls)
            case shapes.UnionType():
                return self.union.join(self._members(shape))
            case shapes.ListType() | shapes.VarTupleType():
                inner = self.expression(shape.item_type)
                return f"({inner})[]" if self.union in inner else f"{inner}[]"
            case shapes.DictType():
                return self.mapping.format(self.expression(shape.key_type), self.expression(shape.value_type))
            case shapes.LiteralType():
                return self.union.join(f"{self.quote}{value}{self.quote}" for value in shape.values)
            case shapes.EnumType():
                return self.union.join(f"{self.quote}{one.value}{self.quote}" for one in shape.cls)
            case shapes.IntType():
                return self.integer
            case shapes.NoneType():
                return self.null or "nil"
            case shapes.AnyType() | shapes.RawType():
                return self.anything
            case _:
                return _PLAIN[type(shape)] if type(shape) in _PLAIN else _unknown(shape)

    def _members(self, shape: shapes.UnionType) -> list[str]:
        """The alternatives, null last; what is left out (UNSET) is the optional mark's."""
        stated = [one for one in shape.types if not isinstance(one, shapes.CustomType)]
        if self.null is None:
            stated = [one for one in stated if not isinstance(one, shapes.NoneType)]
        return [
            self.expression(one) for one in sorted(stated, key=lambda one: isinstance(one, shapes.NoneType))
        ]


_PLAIN = {
    shapes.StrType: "string",
    shapes.DateTimeType: "string",
    shapes.FloatType: "number",
    shapes.BoolType: "boolean",
}


def _unknown(shape: shapes.Type) -> str:
    raise SystemExit(f"no type for {shape}")
