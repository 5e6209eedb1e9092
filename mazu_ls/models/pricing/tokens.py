"""Estimates the tokens of a request without a tokenizer; see `messages.estimate_tokens` for texts."""

from __future__ import annotations

from collections.abc import Sequence

from mazu_ls.messages import (
    IMAGE_TOKENS,
    Image,
    Message,
    ToolResult,
    Usage,
    estimate_encoded,
    estimate_message,
    estimate_tokens,
)
from mazu_ls.models.model import ModelRequest, ToolSpec
from mazu_ls.models.request_memo import RequestMemo

CONTEXT_STEP = 1024
LEAST_READ = 512
"""A server that counts fewer tokens of a prompt counts something else, such as those that were not cached."""


def estimate_messages(messages: Sequence[Message]) -> int:
    """Estimate a conversation."""
    return sum(map(estimate_message, messages))


def estimate_request(request: ModelRequest) -> int:
    """Estimate all that one call sends: system, tools, messages."""
    memo = request.memo or RequestMemo()
    messages, _ = memo.count(request.messages, _measured)
    return _fixed(request, memo) + messages


def least_usage(request: ModelRequest, read_before: int) -> Usage:
    """Return about the least that a call uses before it answers: what the last call of the conversation used (`read_before`, which is
    known, and which the provider may have cached), and half of the estimate of what is new, since estimates are no better than that."""
    sent = estimate_request(request)
    cached = min(read_before, sent)
    return Usage(input_tokens=(sent - cached) // 2, cache_read_tokens=cached)


def unread_tokens(request: ModelRequest, usage: Usage) -> int:
    """Return about how many tokens of a request a server silently dropped, from its own count of the prompt.

    Returns 0 unless it counts less than half of what was sent (estimates are no better than that), or exactly a context
    window's size. Pictures do not count.
    """
    read = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    if read < LEAST_READ:
        return 0
    memo = request.memo or RequestMemo()
    messages, pictures = memo.count(request.messages, _measured)
    sent = _fixed(request, memo) + messages - IMAGE_TOKENS * pictures
    is_full = (read + 1) % CONTEXT_STEP <= 2  # 4,095 to 4,097
    most = sent / 1.3 if is_full else sent / 2
    return sent - read if read < most else 0


def _fixed(request: ModelRequest, memo: RequestMemo) -> int:
    """Estimate system and tools."""
    return sum(memo.cost(part, estimate_tokens) for part in request.system) + sum(
        memo.cost(tool, _tool) for tool in request.tools
    )


def _measured(messages: Sequence[Message]) -> tuple[int, int]:
    """Estimate messages, and count the pictures in them."""
    pictures = sum(
        len(part.images) if isinstance(part, ToolResult) else isinstance(part, Image)
        for message in messages
        for part in message.parts
    )
    return estimate_messages(messages), pictures


def _tool(tool: ToolSpec) -> int:
    return estimate_tokens(tool.name) + estimate_tokens(tool.description) + estimate_encoded(tool.schema)
