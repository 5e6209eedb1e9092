"""The commands of the server and the types of their arguments and results, as `mazu_ls/server/wire/` declares them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, get_args

import msgspec
from msgspec import inspect as shapes

from mazu_ls.server import commands
from mazu_ls.server.wire.codec import Params


@dataclass(frozen=True)
class Declared:
    """One command: its arguments, and the types that its result may have (none: not declared, any JSON)."""

    name: str
    about: str
    params: type[msgspec.Struct]
    results: tuple[type[Any], ...]

    @property
    def takes_nothing(self) -> bool:
        """Whether there is no argument at all."""
        return not msgspec.structs.fields(self.params)


def declared() -> list[Declared]:
    """Every command, in the order of the wire contract."""
    found: list[Declared] = []
    for name in commands.names():
        command = commands.find(name)
        assert command is not None
        about = inspect.getdoc(command.run) or ""
        found.append(Declared(name, " ".join(about.split()), command.params, _results(command.run)))
    return found


def _results(run: Any) -> tuple[type[Any], ...]:
    """What a command returns; only this annotation: the others name types that the type checker alone imports."""
    annotation = eval(run.__annotations__["return"], run.__globals__)
    if annotation is Any:
        return ()
    return get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)


def structs() -> list[type[msgspec.Struct]]:
    """Every struct that a command takes or returns, those inside others too, each once, by name."""
    found: dict[str, type[msgspec.Struct]] = {}
    for command in declared():
        for struct in (command.params, *(result for result in command.results if result is not NoneType)):
            for one in _within(shapes.type_info(struct)):
                assert found.setdefault(one.__name__, one) is one, f"two types are called {one.__name__}"
    return [found[name] for name in sorted(found)]


def _within(shape: shapes.Type) -> Iterator[type[msgspec.Struct]]:
    match shape:
        case shapes.StructType():
            yield shape.cls
            for field in shape.fields:
                yield from _within(field.type)
        case shapes.UnionType():
            for one in shape.types:
                yield from _within(one)
        case shapes.ListType() | shapes.VarTupleType():
            yield from _within(shape.item_type)
        case shapes.DictType():
            yield from _within(shape.value_type)
        case _:
            pass


def fields(struct: type[msgspec.Struct]) -> tuple[shapes.Field, ...]:
    """The fields of a struct with their types."""
    shape = shapes.type_info(struct)
    assert isinstance(shape, shapes.StructType)
    return shape.fields


def may_lack(struct: type[msgspec.Struct], field: shapes.Field) -> bool:
    """Whether a field may be left out: an argument with a default, or what a result leaves out where it has none."""
    if issubclass(struct, Params):
        return not field.required
    return (
        not field.required
        and field.default is msgspec.NODEFAULT
        and field.default_factory is msgspec.NODEFAULT
    )


def alternatives(shape: shapes.Type) -> tuple[shapes.Type, ...]:
    """The types of a union, or the one there is."""
    return tuple(shape.types) if isinstance(shape, shapes.UnionType) else (shape,)


def about(struct: type[msgspec.Struct]) -> list[str]:
    """The lines of a struct's own docstring; none where it has none."""
    text = struct.__dict__.get("__doc__")
    lines = inspect.cleandoc(text).splitlines() if text else []
    names = {one.name: one.encode_name for one in msgspec.structs.fields(struct)}
    return [re.sub(r"`(\w+)`", lambda found: f"`{names.get(found[1], found[1])}`", line) for line in lines]


def short_name(struct: type[msgspec.Struct]) -> str:
    """A type's name for a client: it shows the thing itself, not a view of it."""
    return struct.__name__.removesuffix("View")
