"""A tool: typed arguments, one effect, and a docstring that the model reads."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, get_type_hints

import msgspec
from msgspec import Struct

from mazu_ls.errors import ToolError
from mazu_ls.messages import Image

if TYPE_CHECKING:
    from mazu_ls.tools.context import ToolContext

Source = Literal["builtin", "custom", "skill", "mcp"]


class Effect(StrEnum):
    """What a tool does to the world; the policy decides by it."""

    READ = "read"
    EDIT = "edit"
    EXECUTE = "execute"
    NETWORK = "network"
    REMEMBER = "remember"


class ToolOutput(Struct, frozen=True):
    """The output of a tool for the model. `untrusted` names the origin of text that is data, never instruction.

    `ok` is False for a call that ran and failed, such as a command that ended with an exit code other than 0. `summary` is the
    line that users see of it, "" for the first one of the text.
    """

    text: str
    images: tuple[Image, ...] = ()
    untrusted: str | None = None
    ok: bool = True
    summary: str = ""


class Tool(Struct, frozen=True):
    """A function that the model may call. `schema` is the JSON Schema of its arguments; `run` gets the decoded
    arguments."""

    name: str
    description: str
    effect: Effect
    schema: dict[str, Any]
    decode: Callable[[dict[str, Any]], Any]
    run: Callable[[Any, ToolContext], Awaitable[str | ToolOutput]]
    source: Source = "builtin"

    async def call(self, arguments: dict[str, Any], turn: ToolContext) -> ToolOutput:
        """Validate `arguments` and run. Raises ToolError with a text for the model."""
        result = await self.run(self.decoded(arguments), turn)
        return result if isinstance(result, ToolOutput) else ToolOutput(result)

    def decoded(self, arguments: dict[str, Any]) -> Any:
        """Return the arguments that `run` takes. Raises ToolError for any that it cannot take: nobody is asked about those."""
        try:
            return self.decode(arguments)
        except (msgspec.ValidationError, TypeError, ValueError) as error:
            raise ToolError(f"bad arguments for {self.name}: {error}{self._names(str(error))}") from error

    def _names(self, complaint: str) -> str:
        """List the valid arguments if the error is about an unknown one."""
        if "unknown field" not in complaint or "$" in complaint:
            return ""
        return f"; it takes {', '.join(self.schema.get('properties', {})) or 'none'}"


def tool(effect: Effect) -> Callable[[Callable[..., Awaitable[str | ToolOutput]]], Tool]:
    """Make a Tool of `async def name(args: SomeStruct, turn: ToolContext)`; its docstring is the description."""

    def make(function: Callable[..., Awaitable[str | ToolOutput]]) -> Tool:
        module = inspect.getmodule(function)
        first = next(iter(inspect.signature(function).parameters.values()))
        arguments = get_type_hints(function, vars(module), include_extras=True)[first.name]
        return Tool(
            name=getattr(function, "__name__", ""),
            description=inspect.getdoc(function) or "",
            effect=effect,
            schema=schema_of(arguments),
            decode=lambda raw: msgspec.convert(raw, arguments),
            run=function,
        )

    return make


def schema_of(arguments: type) -> dict[str, Any]:
    """Return the JSON Schema of an argument Struct, its references inlined (some providers accept none)."""
    (schema,), components = msgspec.json.schema_components([arguments], ref_template="{name}")
    inlined = _inline(schema, components)
    inlined.pop("title", None)
    return inlined


def _inline(node: Any, components: dict[str, Any]) -> Any:
    if isinstance(node, dict):
        if "$ref" in node:
            return _inline(components[node["$ref"]], components)
        return {key: _inline(value, components) for key, value in node.items()}
    if isinstance(node, list):
        return [_inline(item, components) for item in node]
    return node
