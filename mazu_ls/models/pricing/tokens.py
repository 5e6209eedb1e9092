"""How many tokens a text will cost, roughly and without a tokenizer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from mazu_ls.messages import Image, Message, Part, Text, Thinking, ToolCall, ToolResult, Usage
from mazu_ls.models.model import ModelRequest, ToolSpec

BYTES_PER_TOKEN = 3.5
"""Code and English lie between 3.2 and 4.2 UTF-8 bytes a token with current tokenizers; low is the safe side."""
IMAGE_TOKENS = 1600
"""A full-size picture (https://docs.anthropic.com/en/docs/build-with-claude/vision)."""
PER_MESSAGE = 4
CONTEXT_STEP = 1024
LEAST_READ = 512
"""A server that counts fewer tokens of a prompt counts something else, such as those that were not in its cache."""


def estimate_tokens(text: str) -> int:
    """A cautious estimate of the tokens in `text`; 0 for the empty one."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return math.ceil(size / BYTES_PER_TOKEN)


def estimate_parts(parts: Iterable[Part]) -> int:
    """The parts of one message, pictures included."""
    total = 0
    for part in parts:
        if isinstance(part, Text | Thinking):
            total += estimate_tokens(part.text)
        elif isinstance(part, ToolCall):
            total += estimate_tokens(part.name) + math.ceil(
                len(msgspec.json.encode(part.arguments)) / BYTES_PER_TOKEN
            )
        elif isinstance(part, ToolResult):
            total += estimate_tokens(part.text) + IMAGE_TOKENS * len(part.images)
        elif isinstance(part, Image):
            total += IMAGE_TOKENS
    return total


def estimate_messages(messages: Sequence[Message]) -> int:
    """A conversation."""
    return sum(PER_MESSAGE + estimate_parts(message.parts) for message in messages)


def estimate_request(request: ModelRequest) -> int:
    """All that one call sends: system, tools, messages."""
    system = sum(estimate_tokens(part) for part in request.system)
    return system + sum(map(_tool, request.tools)) + estimate_messages(request.messages)


def unread_tokens(request: ModelRequest, usage: Usage) -> int:
    """About how many tokens of a request a server left away without saying so, as its own count of the prompt shows.

    0 unless it counts less than half of what was sent, as estimates of text are not better than that, or just as many as
    a context is wide. Pictures do not count.
    """
    pictures = sum(
        len(part.images) if isinstance(part, ToolResult) else isinstance(part, Image)
        for message in request.messages
        for part in message.parts
    )
    sent = estimate_request(request) - IMAGE_TOKENS * pictures
    read = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    is_full = (read + 1) % CONTEXT_STEP <= 2  # 4,095 to 4,097
    most = sent / 1.3 if is_full else sent / 2
    return sent - read if LEAST_READ <= read < most else 0


def _tool(tool: ToolSpec) -> int:
    shape = math.ceil(len(msgspec.json.encode(tool.schema)) / BYTES_PER_TOKEN)
    return estimate_tokens(tool.name) + estimate_tokens(tool.description) + shape
