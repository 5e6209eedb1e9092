"""Skills, models, tools, permissions, role, usage, audit, status over the wire (docs/protocol.md, section 2)."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from mazu_ls.server.wire.codec import Params
from mazu_ls.server.wire.common import Amount, ModelName, Positive, Text

ModeName = Literal["ask", "auto", "plan", "bypass"]
SkillName = Annotated[str, Meta(min_length=1, max_length=100)]


class SkillParams(Params, frozen=True):
    name: SkillName


class SaveSkillParams(Params, frozen=True):
    """`source` is Python; `name` is the function's where it is not given."""

    source: Text
    name: SkillName | None = None
    description: str = ""
    scope: Literal["project", "global"] = "project"


class RunSkillParams(Params, frozen=True):
    name: SkillName
    arguments: dict[str, Any] = field(default_factory=dict)


class AgreeTo(Params, frozen=True):
    """`hash` is the SHA-256 that mazu.trust.list named: the content that the user has read."""

    id: Text
    hash: Text


class RevokeTrust(Params, frozen=True):
    id: Text


class AttachState(Params, frozen=True):
    """The path at which the project was."""

    source: Text | None = field(default=None, name="from")


class AttachedState(Struct, frozen=True, rename="camel"):
    """`attached`: the path at which the project was whose state this one has now; null where it keeps its own.

    `set_aside`: where what this one had until then is kept; null where it had nothing.
    """

    attached: str | None
    set_aside: str | None = None


class ExportState(Params, frozen=True):
    """`uri`: the file to write; one that exists is replaced only with `overwrite`."""

    uri: Text
    overwrite: bool = False


class ExportedStateView(Struct, frozen=True, rename="camel"):
    uri: str
    bytes: int
    memories: int
    sessions: int
    checkpoints: int


class ImportState(Params, frozen=True):
    """`mine`: the user says that a file which this machine did not write is his own; `replace`: what is here is set aside."""

    uri: Text
    mine: bool = False
    replace: bool = False


class ImportedState(Struct, frozen=True, rename="camel"):
    """`project` is the path of the project that the file was made of; `set_aside` where the state of before is kept."""

    project: str
    created_at: str
    memories: int
    sessions: int
    checkpoints: int
    set_aside: str | None


class SetModelParams(Params, frozen=True):
    model: ModelName


class RuleFields(Params, frozen=True):
    tool: Text
    pattern: str = "*"
    verdict: Literal["allow", "ask", "deny"] = "ask"


class SetRuleParams(Params, frozen=True):
    rule: RuleFields


class RevokeRuleParams(Params, frozen=True):
    id: str


class SetModeParams(Params, frozen=True):
    """`confirm`: the word "bypass", typed by the user, for that mode."""

    mode: ModeName
    confirm: str | None = None


class AnswerQuestionParams(Params, frozen=True):
    """The id of one of the options of a question that is open; `call_id`: the one about this call.

    `arguments` replace those of the same name, of the hunks of an edit those in `hunks` are taken.
    """

    option_id: Text | None = None
    call_id: str | None = None
    note: str = ""
    arguments: dict[str, str] | None = None
    hunks: tuple[str, ...] | None = None


class CheckPermissionParams(Params, frozen=True):
    """What would be decided about this call; nothing is run."""

    tool: Text
    arguments: dict[str, Any]
    mode: ModeName | None = None


class ShowRoleParams(Params, frozen=True):
    """The role document in force; with `uri` that document, as it would be as a role."""

    uri: str | None = None


class SetRoleParams(Params, frozen=True):
    """`uri`: a file whose text becomes the role; without it the open document is taken."""

    uri: str | None = None


class UsageParams(Params, frozen=True):
    session_id: str | None = None
    since_days: Amount | None = None


class AuditParams(Params, frozen=True):
    limit: Positive = 100
    session_id: str | None = None


def camel(value: Any, keep: tuple[str, ...] = ()) -> Any:
    """A record of the domain with camelCase names, nested ones too; what stands under a name in `keep` stays as it is."""
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    elif isinstance(value, Struct):
        value = {name: getattr(value, name) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {
            _camel_name(key): inner if key in keep else camel(inner, keep) for key, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [camel(inner, keep) for inner in value]
    return value


def _camel_name(name: str) -> str:
    head, *rest = str(name).split("_")
    return head + "".join(part.capitalize() for part in rest)
