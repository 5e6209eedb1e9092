"""Checks given values against the types of the settings: a wrong one is named, and affects no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from math import isfinite
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from mazu_ls.errors import describe_invalid

NEVER_STORED = "mode bypass is not a setting: you choose it for a session and confirm it by typing"


class Rejected(Struct, frozen=True):
    """A value that is not used. `meant`: the setting that it was probably for, empty if nothing is similar."""

    name: str
    problem: str
    value: Any
    meant: str


Reject = Callable[[Rejected], None]


def accept(
    struct: type[Struct], values: Mapping[str, Any], reject: Reject, prefix: str = ""
) -> dict[str, Any]:
    """Return the values that fit `struct`; call `reject` with each that does not."""
    hints = get_type_hints(struct, include_extras=True)
    good: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        hint = hints.get(key)
        if hint is None:
            close = get_close_matches(key, hints, 1, 0.6)
            meant = f"{prefix}{close[0]}" if close else ""
            suggestion = f" (did you mean {meant}?)" if close else ""
            reject(Rejected(name, f"there is no such setting{suggestion}; it is ignored", value, meant))
            continue
        nested = hint if isinstance(hint, type) and issubclass(hint, Struct) else None
        if nested and isinstance(value, Mapping):
            good[key] = accept(nested, value, reject, f"{name}.")
        elif get_origin(hint) is dict and isinstance(value, Mapping) and prefix == "":
            good[key] = _accept_table(get_args(hint)[1], value, name, reject)
        elif get_origin(hint) in (list, tuple) and isinstance(value, list):
            good[key] = _accept_items(get_args(hint)[0], value, name, reject)
        elif _fits(value, hint, name, reject, instead="the default is used"):
            good[key] = value
    return good


def _accept_items(hint: Any, values: list[Any], name: str, reject: Reject) -> list[Any]:
    """Return the valid entries. An invalid one does not affect the others: a rule that denies stays."""
    return [
        value
        for number, value in enumerate(values, 1)
        if _fits(value, hint, name, reject, instead=f"entry {number} is ignored")
    ]


def _accept_table(
    struct: type[Struct], value: Mapping[str, Any], name: str, reject: Reject
) -> dict[str, Any]:
    good: dict[str, Any] = {}
    for entry, fields in value.items():
        if isinstance(fields, Mapping):
            good[entry] = accept(struct, fields, reject, f"{name}.{entry}.")
        else:
            reject(Rejected(f"{name}.{entry}", "a table is expected; it is ignored", fields, name))
    return good


def _fits(value: Any, hint: Any, name: str, reject: Reject, *, instead: str) -> bool:
    if isinstance(value, float) and not isfinite(value):  # 1e400 is inf in TOML
        problem = f"a finite number is expected; leave it out for the default; {instead}"
        reject(Rejected(name, problem, value, name))
        return False
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        never = (name, value) == ("permissions.mode", "bypass")
        problem = NEVER_STORED if never else describe_invalid(str(error), value, hint)
        reject(Rejected(name, f"{problem}; {instead}", value, name))
        return False
    return True
