"""Streaming Markdown is cut where a block ends, whatever the size of the pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.terminal.screen.markdown_stream import MarkdownStream

TEXT = "# a\n\npara\nmore\n\n```py\nx\n\ny\n```\n\n~~~~\n```\n\n~~~\n~~~~\nend\n\nlast"


@given(st.integers(1, len(TEXT)))
def test_no_block_is_cut_inside_a_fence_and_nothing_is_lost(size: int) -> None:
    stream = MarkdownStream()
    blocks = [stream.feed(TEXT[at : at + size]) for at in range(0, len(TEXT), size)]
    assert "".join(blocks) + stream.finish() == TEXT
    ends = [sum(map(len, blocks[: at + 1])) for at, block in enumerate(blocks) if block]
    allowed = [TEXT.index(start) for start in ("para", "```py", "~~~~", "last")]
    assert set(ends) <= set(allowed)


def test_a_long_paragraph_is_not_looked_through_again_for_each_piece() -> None:
    stream = MarkdownStream()
    looked = 0
    for _ in range(1000):
        stream.feed("a line\n")
        looked += stream._looked == len(stream.tail)
    assert looked == 1000
