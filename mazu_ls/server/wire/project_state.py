"""The state of a project as a whole: attached, exported, imported (docs/protocol.md, section 2)."""

from __future__ import annotations

from msgspec import field

from mazu_ls.server.wire.codec import Params, Wire
from mazu_ls.server.wire.common import Text


class AttachStateParams(Params, frozen=True):
    """The path at which the project was."""

    source: Text | None = field(default=None, name="from")
    """Its former path; the one found if not given."""


class AttachedState(Wire, frozen=True):
    """`attached`: former path of the project whose state was taken over; null if this project kept its own state.

    `set_aside`: where what this one had until then is kept; null where it had nothing.
    """

    attached: str | None
    set_aside: str | None = None


class ExportStateParams(Params, frozen=True):
    """`uri`: the file to write; one that exists is replaced only with `overwrite`."""

    uri: Text
    """The file to write."""
    overwrite: bool = False
    """Replace a file of that name."""


class ExportedStateView(Wire, frozen=True):
    uri: str
    bytes: int
    memories: int
    sessions: int
    checkpoints: int
    not_included: int = 0
    """Ignored or too large files whose earlier content an undo restores here, but not from this file."""


class ImportStateParams(Params, frozen=True):
    """`mine`: the user says that a file which this machine did not write is their own; `replace`: what is here is set aside."""

    uri: Text
    """The file."""
    mine: bool = False
    """The archive is your own, made on another machine."""
    replace: bool = False
    """Replace the current state of this project; the old one is kept."""


class ImportedState(Wire, frozen=True):
    """`project` is the path of the project that the file was made of; `set_aside` where the previous state is kept."""

    project: str
    created_at: str
    memories: int
    sessions: int
    checkpoints: int
    set_aside: str | None
