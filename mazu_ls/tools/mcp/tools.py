"""Converts tools and results of MCP to our own types, bounded."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from mazu_ls.messages import Image
from mazu_ls.tools import output_limits
from mazu_ls.tools.base import ToolOutput

if TYPE_CHECKING:
    from mcp.types import CallToolResult
    from mcp.types import Tool as McpTool

MAX_TOOLS = 200
DESCRIPTION_CHARS = 4000
SCHEMA_BYTES = 64 * 1024
IMAGE_CHARS = 7 * 2**20
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


def tool_name(server: str, tool: str) -> str:
    """Return `mcp__server__tool` in the characters and the length that providers allow; unique if it has to be cut."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", f"mcp__{server}__{tool}")
    if plain == f"mcp__{server}__{tool}" and len(plain) <= NAME_CHARS:
        return plain
    digest = hashlib.sha256(f"{server}\0{tool}".encode()).hexdigest()[:8]
    return f"{plain[: NAME_CHARS - 9]}_{digest}"


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
