"""The two errors of the product: one for the user, one for the model. The log gets everything else."""

import errno
import re
from enum import StrEnum
from typing import Any, Literal, get_args, get_origin, get_type_hints


class Kind(StrEnum):
    """What went wrong, as the wire names it (docs/protocol.md, section 4)."""

    AUTH = "auth"
    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    NETWORK = "network"
    CONTEXT_LENGTH = "context_length"
    REFUSAL = "refusal"
    MODEL = "model"
    BUDGET = "budget"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    BUSY = "busy"
    STORAGE = "storage"
    GIT = "git"
    CONFIG = "config"
    UNSUPPORTED = "unsupported"
    INTERNAL = "internal"


class MazuError(Exception):
    """Addressed to the user: one sentence that says what happened, one that says what to do."""

    def __init__(self, kind: Kind, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint


_ADVICE = {
    errno.EMFILE: "Raise the limit of open files (ulimit -n) and restart mazu-ls.",
    errno.ENFILE: "Close some programs: the machine has no room for another open file.",
    errno.ENOMEM: "Close some programs: the machine has no memory left.",
    errno.ENOSPC: "Free some disk space.",
    errno.EDQUOT: "Free some disk space: the quota is used up.",
    errno.EROFS: "Put the state directory (MAZU_STATE_HOME) on a disk that can be written.",
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG), ""),
}


def system_advice(error: OSError) -> str:
    """What the user can do about a call that the operating system refused."""
    return _ADVICE.get(error.errno or 0) or "Check the disk and its permissions."


def system_error(error: BaseException) -> MazuError | None:
    """The error for a call that the machine refused: too many open files, no space, no permission; None for any other."""
    if not isinstance(error, OSError) or error.errno not in _ADVICE:
        return None
    said = ": ".join(str(part) for part in (error.filename, error.strerror) if part)
    return MazuError(Kind.STORAGE, f"{said}.", system_advice(error))


class InvalidArguments(Exception):
    """A command was called with arguments it does not take; `field` names the one at fault."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class ToolError(Exception):
    """Addressed to the model: why its tool call failed, and what would work instead.

    `origin` names where text in it comes from that is data, never instruction; None if all of it is ours.
    """

    def __init__(self, message: str = "", origin: str | None = None) -> None:
        super().__init__(message)
        self.origin = origin


_KINDS = {
    "int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false", "array": "a list", "object": "a table",
    "null": "nothing",
}  # fmt: skip


def describe_invalid(problem: str, value: Any, hint: Any) -> str:
    """What msgspec finds wrong, without the names of Python's types."""
    if get_origin(hint) is Literal:
        return f"{value!r} is none of {', '.join(get_args(hint))}"
    if missing := re.match(r"Object missing required field `(\w+)`", problem):
        return f"`{missing[1]}` is missing"
    if unknown := re.match(r"Object contains unknown field `(\w+)`", problem):
        return f"there is no `{unknown[1]}` here"
    place = re.search(r" - at `\$?\.?([^`]+)`$", problem)
    where = f"`{place[1]}`: " if place and place[1] else ""
    if bad := re.match(r"Invalid enum value '([^']*)'", problem):
        inner = get_type_hints(hint).get(place[1]) if place and isinstance(hint, type) else None
        allowed = (
            f"none of {', '.join(get_args(inner))}" if get_origin(inner) is Literal else "not known here"
        )
        return f"{where}{bad[1]!r} is {allowed}"
    if expected := re.match(r"Expected `([^`]+)`(?:, got `(\w+)`)?([^`]*)", problem):
        names = [_KINDS.get(kind.strip(), kind.strip()) for kind in expected[1].split("|")]
        got = (
            f", not {_KINDS.get(expected[2], expected[2])}" if expected[2] else expected[3].split(" - at ")[0]
        )
        if isinstance(value, float) and not where:  # "not a number" would be untrue
            got = f", not {value:g}"
        return (
            f"{where}{' or '.join(names)}{got} is expected"
            if not expected[2]
            else f"{where}{' or '.join(names)} is expected{got}"
        )
    return problem
