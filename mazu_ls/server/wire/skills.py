"""Skills, and what a project brings that takes effect once it is agreed to (docs/protocol.md, section 2)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from mazu_ls.server.wire.codec import Params, Wire
from mazu_ls.server.wire.common import Scope, Text

SkillName = Annotated[str, Meta(min_length=1, max_length=100)]
Agreement = Literal["new", "changed", "agreed"]


class SkillParams(Params, frozen=True):
    name: SkillName
    """Its name."""


class SaveSkillParams(Params, frozen=True):
    """`source` is Python; `name` is the function's where it is not given."""

    source: Text
    """Python source."""
    name: SkillName | None = None
    """Its name."""
    description: str = ""
    scope: Scope = "project"
    """Of this project, or of all projects."""


class RunSkillParams(Params, frozen=True):
    name: SkillName
    """Its name."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """What the skill is called with."""


class SkillView(Wire, frozen=True):
    """A saved function. `schema` is the JSON schema of its arguments; a list leaves `source` out."""

    name: str
    description: str
    scope: Scope
    uri: str
    schema: dict[str, Any]
    tests: list[str]
    trust: Agreement
    source: str | UnsetType = UNSET


class SkillList(Wire, frozen=True):
    """By name; `problems` say which files are no skills, and why."""

    skills: list[SkillView]
    problems: list[str]


class SkillRunResult(Wire, frozen=True):
    """What the function returned, and what it printed."""

    result: Any
    output: str


class AgreeToTrustParams(Params, frozen=True):
    """`hash` is the SHA-256 that mazu.trust.list named: the content that the user has read."""

    id: Text
    """An id."""
    hash: Text
    """The hash that `mazu-ls trust` shows."""


class RevokeTrustParams(Params, frozen=True):
    id: Text
    """An id."""


class TrustItemView(Wire, frozen=True):
    """`hash` is the SHA-256 of the content as it is now. `files`: absolute paths of files of the project that a server is
    started from and that are new or changed since the user agreed; empty for anything else. `host`: where a server is that is reached
    over HTTP, with its address if that is of this machine or the user's network; empty for anything else."""

    id: str
    kind: Literal["role", "skill", "tool", "mcp"]
    path: str
    state: Agreement
    hash: str
    files: tuple[str, ...] = ()
    host: str = ""


class TrustList(Wire, frozen=True):
    items: list[TrustItemView]
