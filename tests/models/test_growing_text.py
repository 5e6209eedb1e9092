"""What an answer takes in memory while it comes in small pieces."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from mazu_ls.journal.growing_text import GrowingText
from mazu_ls.models.anthropic.stream import AnthropicStream
from mazu_ls.models.model import ModelSpec
from mazu_ls.models.openai.chat_stream import ChatStream

PIECES = 30_000


def anthropic() -> Callable[[str], object]:
    stream = AnthropicStream(ModelSpec("anthropic", "claude-sonnet-5-5", 200_000, 64_000))
    stream.take({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    return lambda piece: stream.take(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
    )


def chat() -> Callable[[str], object]:
    stream = ChatStream(ModelSpec("openai", "gpt-6-sol", 200_000, 64_000))
    return lambda piece: list(stream.take({"choices": [{"index": 0, "delta": {"content": piece}}]}))


@pytest.mark.parametrize("make", [anthropic, chat])
def test_an_answer_takes_little_more_than_its_characters(make: Callable[[], Callable[[str], object]]):
    take = make()
    tracemalloc.start()
    try:
        for number in range(PIECES):
            take(f"w{number % 1000:03d}")
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2 * 4 * PIECES + 100_000


def test_no_piece_is_lost_where_they_are_joined():
    text = GrowingText()
    assert not text and str(text) == ""
    for number in range(2500):
        text.append(f"{number} ")
    assert text and str(text) == "".join(f"{number} " for number in range(2500))
    text.append("more")
    whole = str(text)
    assert whole.endswith("2499 more") and str(text) is whole
