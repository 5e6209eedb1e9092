"""The interface of a model: a request goes in, chunks come out, the last one holds the message."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct

from mazu_ls.messages import Message, Usage
from mazu_ls.models.request_memo import RequestMemo

Stop = Literal["end_turn", "tool_use", "max_tokens", "refusal", "context_length"]
"""Why a model ended its message. Tools run on "tool_use" alone; a cut message may hold half a call."""


Thinks = Literal["no", "budget", "adaptive", "always", "effort", "effort_or_tools"]
"""How a model's thinking is controlled. "no": not at all. "budget": in tokens. "adaptive": it decides, and can be told
not to. "always": it decides, cannot be told not to, and takes no forced tool. "effort": by a word. "effort_or_tools":
by a word, and over Chat Completions not at all in a request with tools."""

Api = Literal["chat", "responses"]
"""The API behind OpenAI's client: Chat Completions, or the Responses API, the only one in which the newest models
reason and call tools at once."""


class Prices(Struct, frozen=True):
    """US dollars per million tokens. `cache_read` and `cache_write` None: the provider bills them as input.

    A prompt of more than `long_from` tokens, cached ones included, costs `long_input` and `long_output` times as much.
    """

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None
    long_from: int | None = None
    long_input: float = 1.0
    long_output: float = 1.0


class ModelSpec(Struct, frozen=True):
    """What is known of a model. `context_window` and `max_output` in tokens; `prices` None if unknown.

    `api` is irrelevant for models behind Anthropic's client. `hosted`: it is called at its provider's own address, so
    that its tool calls are native and its token counts right; other servers may write calls into the text, and truncate
    prompts.
    """

    provider: str
    model: str
    context_window: int
    max_output: int
    prices: Prices | None = None
    sees_images: bool = False
    thinks: Thinks = "no"
    api: Api = "chat"
    hosted: bool = False

    @property
    def name(self) -> str:
        """`provider:model`."""
        return f"{self.provider}:{self.model}"


class ToolSpec(Struct, frozen=True):
    """A tool as the model sees it; `schema` is the JSON Schema of an object."""

    name: str
    description: str
    schema: dict[str, Any]


class ModelRequest(Struct, frozen=True):
    """One call of a model.

    `system` is ordered from the most stable part to what changes often; each part ends with a cache breakpoint if the
    provider has them. `max_output` in tokens (None: the model's own limit). `force_tool` names the tool that must be
    called. `effort` is a thinking budget in tokens, None for no thinking.
    """

    messages: Sequence[Message]
    system: tuple[str, ...] = ()
    tools: Sequence[ToolSpec] = ()
    max_output: int | None = None
    force_tool: str | None = None
    effort: int | None = None
    memo: RequestMemo | None = None
    """What was computed for earlier calls with the same beginning; the request is the same without it."""

    @property
    def effort_word(self) -> str:
        """Return `effort` as the word that newer models take for it."""
        tokens = self.effort or 0
        return "low" if tokens <= 2048 else "medium" if tokens <= 10_000 else "high"


class TextDelta(Struct, frozen=True):
    """More of the answer."""

    text: str


class ThinkingDelta(Struct, frozen=True):
    """More of the reasoning."""

    text: str


class ToolCallDelta(Struct, frozen=True):
    """The model begins to write the arguments of a call; it may run only once `ModelAnswer` holds it."""

    id: str
    name: str


class ArgumentsDelta(Struct, frozen=True):
    """More of the arguments of a call, as raw JSON: already paid for, but nothing to act on."""

    text: str


class UsageReported(Struct, frozen=True):
    """The service's count of the running call's tokens, before its answer is complete; it replaces earlier counts."""

    usage: Usage


class RetryScheduled(Struct, frozen=True):
    """The call failed with a transient error; it is retried, for the `attempt`-th time, after `seconds`."""

    attempt: int
    seconds: float
    reason: str


class AnswerRestarted(Struct, frozen=True):
    """The answer starts again: what this stream showed so far is void."""


class ModelAnswer(Struct, frozen=True):
    """The whole message. `detail` explains a stop that is not an ordinary end; `usage.cost_usd` is of this call.

    `written`: the number of its calls that were written as text, see models/written_calls/.
    """

    message: Message
    stop: Stop
    usage: Usage
    detail: str = ""
    written: int = 0


Chunk = (
    TextDelta | ThinkingDelta | ToolCallDelta | ArgumentsDelta | UsageReported | RetryScheduled | AnswerRestarted
    | ModelAnswer
)  # fmt: skip


class Model(Protocol):
    """A language model at one endpoint."""

    @property
    def name(self) -> str:
        """`provider:model`."""
        ...

    @property
    def spec(self) -> ModelSpec:
        """Window, limits, prices."""
        ...

    def body(self, request: ModelRequest) -> dict[str, Any]:
        """Return exactly what `stream` sends first, as the JSON body of the provider's format."""
        ...

    async def prepare(self) -> None:
        """Import what a call needs, and set its client up. Raises MazuError as the call would."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        """Call the model. `ModelAnswer` comes last and once, or a MazuError is raised.

        Closing or cancelling ends the HTTP request at once.
        """
        ...
