"""Converts tools and results of MCP to our own types, bounded."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import msgspec

from mazu_ls.errors import ToolError
from mazu_ls.messages import Image
from mazu_ls.redact import redact
from mazu_ls.tools import output_limits
from mazu_ls.tools.base import ToolOutput
from mazu_ls.workspace.visible_text import shorten

if TYPE_CHECKING:
    from mcp.types import CallToolResult
    from mcp.types import Tool as McpTool

MAX_TOOLS = 200
DESCRIPTION_CHARS = 4000
SCHEMA_BYTES = 64 * 1024
LIST_BYTES = 2**20
ERROR_CHARS = 500  # of what a server says in an error
IMAGE_CHARS = 7 * 2**20
ARGUMENT_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
UNWANTED = frozenset({"$schema", "$id", "anyOf", "oneOf", "allOf", "not", "if", "then", "else"})
LIKE_A_DIGEST = re.compile(r"_x[0-9a-f]{8}\Z")
NAME_CHARS = 64  # what the providers allow for the name of a tool


@dataclass(frozen=True)
class McpToolSpec:
    """A tool as the server describes it; `content` is what the user agrees to: name, description, schema."""

    name: str
    description: str
    schema: dict[str, Any]

    @property
    def content(self) -> bytes:
        """The canonical bytes of the description."""
        return msgspec.json.encode([self.name, self.description, self.schema], order="deterministic")


def offered(tool: McpTool) -> McpToolSpec | None:
    """Return a tool, None if its schema cannot be given to a model."""
    schema = dict(tool.input_schema)
    if schema.get("type", "object") != "object" or len(msgspec.json.encode(schema)) > SCHEMA_BYTES:
        return None
    description = output_limits.clean(tool.description or tool.title or tool.name)
    return McpToolSpec(
        tool.name,
        output_limits.limit_head(description, "cut", DESCRIPTION_CHARS),
        {**schema, "type": "object"},
    )


def bounded(found: Sequence[McpToolSpec]) -> list[McpToolSpec]:
    """Return the first tools of a list: at most MAX_TOOLS, whose descriptions and schemas have at most LIST_BYTES together."""
    sizes = accumulate(len(one.content) for one in found)
    return [one for one, size in zip(found, sizes, strict=True) if size <= LIST_BYTES][:MAX_TOOLS]


def schema_for_model(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that every provider takes: one that it refuses fails every request of the conversation.

    A reference at the top is replaced by what it names. Dropped are the dialect (`$schema`, `$id`), arguments whose names the services do not take, and alternatives at the top, of which
    all arguments are offered.
    """
    schema = _dereferenced(schema)
    alternatives = [one for key in ("anyOf", "oneOf", "allOf") for one in _listed(schema.get(key))]
    properties: dict[str, Any] = {}
    for part in (*alternatives, schema):
        found = part.get("properties")
        properties |= found if isinstance(found, dict) else {}
    kept = {
        name: value
        for name, value in properties.items()
        if ARGUMENT_NAME.fullmatch(name) and isinstance(value, dict | bool)
    }
    required = schema.get("required")
    made = {key: value for key, value in schema.items() if key not in UNWANTED}
    made |= {"type": "object", "properties": kept}
    made["required"] = (
        [one for one in required if isinstance(one, str) and one in kept]
        if isinstance(required, list)
        else []
    )
    if not made["required"]:
        del made["required"]
    return made


def _dereferenced(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that is a reference to one of its own definitions as that definition, beside the others."""
    reference = schema.get("$ref")
    others = {key: value for key, value in schema.items() if key != "$ref"}
    kind, _, name = (
        reference.removeprefix("#/").partition("/") if isinstance(reference, str) else ("", "", "")
    )
    definitions = schema.get(kind) if kind in ("$defs", "definitions") else None
    found = definitions.get(name) if isinstance(definitions, dict) else None
    if not isinstance(found, dict):
        return others
    return {**{key: value for key, value in found.items() if key != "$ref"}, **others}


def _listed(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def tool_prefix(server: str) -> str:
    """Return what the names of a server's tools, and of no other server's, begin with: rules such as `mcp__server__*` are written with it.

    The first `__` after it ends the server's name, so a name that holds one, or ends in `_`, is replaced by one with a digest,
    and so is a name that looks like such a replacement.
    """
    if "__" not in server and server == server.strip("_") and not LIKE_A_DIGEST.search(server):
        return f"mcp__{server}__"
    digest = hashlib.sha256(server.encode()).hexdigest()[:8]
    return f"mcp__{re.sub('_+', '_', server).strip('_')}_x{digest}__"


def tool_name(server: str, tool: str) -> str:
    """Return `mcp__server__tool` in the characters and the length that providers allow; unique if it has to be cut."""
    wanted = tool_prefix(server) + tool
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", wanted)
    if plain == wanted and len(plain) <= NAME_CHARS:
        return plain
    digest = hashlib.sha256(f"{server}\0{tool}".encode()).hexdigest()[:8]
    return f"{plain[: NAME_CHARS - 9]}_{digest}"


def origin(server: str) -> str:
    """Return what marks the words of a server, in results and errors."""
    return f"mcp:{server}"


def failure(tool: str, server: str, error: Exception) -> ToolError:
    """Return the error of a call for the model. What the server says in it is bounded, and is data as its results are."""
    said = shorten(redact(str(error)) or repr(error), ERROR_CHARS)
    return ToolError(f"{tool} of the MCP server {server} failed: {said}", origin(server))


def output(result: CallToolResult, origin: str) -> ToolOutput:
    """Return the output of a tool: text, images, and notes for what a model cannot be shown."""
    texts: list[str] = []
    images: list[Image] = []
    for block in result.content:
        match block.type:
            case "text":
                texts.append(output_limits.clean(block.text))
            case "image" if len(block.data) <= IMAGE_CHARS:
                images.append(Image(block.mime_type, block.data))
            case "resource":
                text = getattr(block.resource, "text", None)
                texts.append(
                    output_limits.clean(text)
                    if text is not None
                    else f"[binary resource {block.resource.uri}]"
                )
            case "resource_link":
                texts.append(f"[resource {block.uri}]")
            case other:
                texts.append(f"[{other} left out]")
    if not texts and result.structured_content is not None:
        texts.append(msgspec.json.format(msgspec.json.encode(result.structured_content), indent=1).decode())
    text = output_limits.limit_head("\n".join(texts), "ask the tool for less")
    return ToolOutput(text or "(no text)", tuple(images), untrusted=origin, ok=not result.is_error)
