"""The mode, the rules and open questions over the wire (docs/protocol.md, sections 2 and 5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from mazu_ls.server.wire.codec import Params, Wire
from mazu_ls.server.wire.common import Text

ModeName = Literal["ask", "auto", "plan", "bypass"]
VerdictName = Literal["allow", "ask", "deny"]
RuleOrigin = Literal["settings", "given", "granted", "session"]


class RuleFields(Params, frozen=True):
    tool: Text
    pattern: Text = "*"
    verdict: VerdictName = "ask"


class SetRuleParams(Params, frozen=True):
    rule: RuleFields
    """The rule to store."""


class RevokeRuleParams(Params, frozen=True):
    id: str
    """An id."""


class SetModeParams(Params, frozen=True):
    """`confirm`: the word "bypass", typed by the user, for that mode."""

    mode: ModeName
    """A permission mode."""
    confirm: str | None = None


class PermissionRuleView(Wire, frozen=True):
    """A rule. `id` is null for one of the settings, which is changed there; `session_id`: the session it ends with."""

    id: str | None
    tool: str
    pattern: str
    verdict: VerdictName
    source: RuleOrigin
    given_at: datetime | UnsetType = UNSET
    granted_at: datetime | UnsetType = UNSET
    session_id: str | UnsetType = UNSET


class PermissionState(Wire, frozen=True):
    mode: ModeName
    rules: list[PermissionRuleView]


class CheckPermissionParams(Params, frozen=True):
    """What would be decided about this call; nothing is run."""

    tool: Text
    """The name of a tool, such as run_shell."""
    arguments: dict[str, Any]
    """What it would be called with."""
    mode: ModeName | None = None
    """A permission mode."""


class PermissionVerdict(Wire, frozen=True):
    """`sandboxed`: nobody agreed to it, the sandbox holds it. `rule`: the rule that decided."""

    verdict: VerdictName
    reason: str
    sandboxed: bool
    rule: str | UnsetType = UNSET


class AnswerQuestionParams(Params, frozen=True):
    """The id of one of the options of a question that is open; `call_id`: the one about this call.

    `arguments` replace those of the same name, of the hunks of an edit those in `hunks` are taken.
    """

    option_id: Text | None = None
    call_id: str | None = None
    note: str = ""
    arguments: dict[str, str] | None = None
    hunks: tuple[str, ...] | None = None


class QuestionOptionView(Wire, frozen=True):
    """`kind` `choice`: an answer that costs something or cannot be guessed; no key that allows takes it, only its label."""

    id: str
    label: str
    kind: Literal["allow_once", "allow_session", "allow_always", "deny", "choice"]


class QuestionHunkView(Wire, frozen=True):
    id: str
    diff: str


class QuestionView(Wire, frozen=True):
    """A tool call that waits for the user. `rule`: what a standing answer would allow; `document`: the file that changes.

    `editable`: names of the arguments that the user may change before allowing. `reason`: why it is asked, with which `detail` ends.
    """

    session_id: str
    call_id: str
    tool: str
    title: str
    detail: str
    options: list[QuestionOptionView]
    diff: str | UnsetType = UNSET
    hunks: list[QuestionHunkView] | UnsetType = UNSET
    rule: str | UnsetType = UNSET
    document: str | UnsetType = UNSET
    editable: list[str] | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class AnswerResult(Wire, frozen=True):
    """`open`: the question that is asked, where this answered none."""

    answered: bool
    open: QuestionView | None
