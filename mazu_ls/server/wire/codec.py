"""The one decoder and the one encoder between JSON and our types; what does not fit is named by its field."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from mazu_ls.errors import InvalidArguments

T = TypeVar("T")
PLACE = re.compile(r" - at `(?P<path>[^`]*)`$")
MISSING = re.compile(r"missing required field `(?P<name>[^`]+)`")
UNKNOWN = re.compile(r"contains unknown field `(?P<name>[^`]+)`")
SOMETHING = r"\S"
"""What a text must match that says something: blanks alone say nothing."""
PLAIN = r"\A[^\x00-\x1f\x7f-\x9f]*\Z"
"""What a name must match that is spoken of in sentences, headers and logs."""
NAMED = r"\A[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*\Z"
"""PLAIN and SOMETHING at once."""
PROBLEMS = {
    f"Expected `str` matching regex {pattern!r}": problem
    for pattern, problem in (
        (SOMETHING, "must not be empty or blank"),
        (PLAIN, "must not hold control characters"),
        (NAMED, "must not be blank or hold control characters"),
    )
}


class Wire(Struct, rename="camel", frozen=True):
    """A result as the client reads it."""


class Params(Struct, rename="camel", frozen=True, forbid_unknown_fields=True):
    """Arguments of a command: a field that is not declared is refused, so a typo is never ignored."""


def convert(raw: Any, to: type[T], whole: str = "arguments") -> T:
    """`raw` as a `to`, nothing coerced. Raises InvalidArguments that names the field; `whole` names the root."""
    try:
        value = msgspec.convert(raw, to)
    except msgspec.ValidationError as error:
        field = field_at_fault(str(error))
        problem = PLACE.sub("", str(error))
        problem = PROBLEMS.get(problem, problem)
        raise InvalidArguments(f"`{field or whole}`: {problem}", field) from error
    except RecursionError as error:
        raise InvalidArguments(f"`{whole}` is nested too deeply", "") from error
    return value


def as_view(value: Any, to: type[T]) -> T:
    """A record of the domain as a wire type with fields of the same names, nested ones too."""
    return msgspec.convert(value, to, from_attributes=True)


def field_at_fault(message: str) -> str:
    """The dotted field that a msgspec message is about, "" for the whole."""
    place = PLACE.search(message)
    path = place["path"].removeprefix("$").lstrip(".") if place else ""
    name = MISSING.search(message) or UNKNOWN.search(message)
    return ".".join(part for part in (path, name["name"] if name else "") if part)


def refuse_surrogates(value: Any, path: str = "") -> None:
    """Raises InvalidArguments for text that no file and no database can hold: half a surrogate pair."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            # Python decodes a byte of the command line that is not UTF-8 to one of U+DC80..U+DCFF (PEP 383).
            escaped = "\udc80" <= value[error.start] <= "\udcff"
            problem = (
                "is not valid UTF-8" if escaped else "holds half a surrogate pair, which is no character"
            )
            raise InvalidArguments(f"`{path}` {problem}", path) from error
    elif isinstance(value, dict):
        for key, inner in value.items():
            refuse_surrogates(key, path or "arguments")
            refuse_surrogates(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            refuse_surrogates(inner, f"{path}[{index}]")
