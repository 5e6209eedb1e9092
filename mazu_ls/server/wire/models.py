"""Models, tools and the role document over the wire (docs/protocol.md, section 2)."""

from __future__ import annotations

from typing import Any, Literal

from mazu_ls.messages import Usage
from mazu_ls.server.wire.codec import Params, Wire
from mazu_ls.server.wire.common import ModelName, ModelWanted, Text


class SetModelParams(Params, frozen=True):
    model: ModelName
    """Provider:model."""


class PricesView(Wire, frozen=True):
    """US dollars per million tokens. A prompt of more than `long_from` tokens costs `long_input` and `long_output` times as much."""

    input: float
    output: float
    cache_read: float | None
    cache_write: float | None
    long_from: int | None
    long_input: float
    long_output: float


class ModelSpecView(Wire, frozen=True):
    """`context_window` and `max_output` in tokens; `prices` is null where they are not known."""

    provider: str
    model: str
    context_window: int
    max_output: int
    prices: PricesView | None
    sees_images: bool
    thinks: str
    api: str
    hosted: bool


class ModelView(Wire, frozen=True):
    """A model that can be chosen by `name`. `ready`: its key is there, or it needs none. `source`: where it is known from."""

    name: str
    provider: str
    spec: ModelSpecView
    ready: bool
    source: str


class ModelList(Wire, frozen=True):
    """`current` is null where no key is set."""

    models: list[ModelView]
    current: str | None


class ToolView(Wire, frozen=True):
    """What a model may call; `schema` is the JSON schema of its arguments."""

    name: str
    description: str
    effect: str
    source: str
    schema: dict[str, Any]


class ToolList(Wire, frozen=True):
    tools: list[ToolView]


class ShowRoleParams(Params, frozen=True):
    """The role document in force; with `uri` that document, as it would be as a role."""

    uri: str | None = None


class SetRoleParams(Params, frozen=True):
    """`uri`: a file whose text becomes the role; without it the open document is taken."""

    uri: str | None = None
    """A file."""


class RoleView(Wire, frozen=True):
    """`text` is empty where there is no role document."""

    uri: str
    text: str


class OfferedTool(Params, frozen=True):
    """A tool of the caller's, which the caller runs; `schema` is the JSON schema of an object."""

    name: Text
    description: str
    schema: dict[str, Any]


class RequestedCall(Params, frozen=True):
    id: Text
    name: Text
    arguments: dict[str, Any]


class ReturnedResult(Params, frozen=True):
    call_id: Text
    text: str
    ok: bool = True


class CallerMessage(Params, frozen=True):
    """`calls` are of an assistant's message, `results` of a user's."""

    role: Literal["user", "assistant"]
    text: str = ""
    calls: tuple[RequestedCall, ...] = ()
    results: tuple[ReturnedResult, ...] = ()


class ModelCallParams(Params, frozen=True):
    messages: tuple[CallerMessage, ...]
    tools: tuple[OfferedTool, ...] = ()
    force_tool: str | None = None
    model: ModelWanted | None = None
    partial_result_token: str | None = None
    """The answer's text is also sent as it comes, as `$/progress` of this token."""


class MadeCall(Wire, frozen=True):
    id: str
    name: str
    arguments: dict[str, Any]


class ModelCallResult(Wire, frozen=True):
    """What the model said, and the calls that it asks its caller for."""

    text: str
    calls: list[MadeCall]
    usage: Usage
