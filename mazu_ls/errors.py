"""The two errors of the product: one for the user, one for the model. The log gets everything else."""

from enum import StrEnum


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


class InvalidArguments(Exception):
    """A command was called with arguments it does not take; `field` names the one at fault."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class ToolError(Exception):
    """Addressed to the model: why its tool call failed, and what would work instead."""
