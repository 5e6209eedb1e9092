"""Streaming Markdown is cut where a block ends, whatever the size of the pieces."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mazu_ls.terminal.screen.markdown_stream import MarkdownStream, render_markdown

TEXT = "# a\n\npara\nmore\n\n```py\nx\n\ny\n```\n\n~~~~\n```\n\n~~~\n~~~~\nend\n\nlast"


@given(st.integers(1, len(TEXT)), st.sampled_from(["\n", "\r\n"]))
@example(1, "\r\n")
def test_no_block_is_cut_inside_a_fence_and_nothing_is_lost(size: int, line_end: str) -> None:
    stream, text = MarkdownStream(), TEXT.replace("\n", line_end)
    blocks = [stream.feed(text[at : at + size]) for at in range(0, len(text), size)]
    assert "".join(blocks) + stream.finish() == text
    ends = [sum(map(len, blocks[: at + 1])) for at, block in enumerate(blocks) if block]
    allowed = [text.index(start) for start in ("para", "```py", "~~~~", "last")]
    assert set(ends) <= set(allowed) and (size > 1 or ends == allowed)


def test_a_long_paragraph_is_not_looked_through_again_for_each_piece() -> None:
    stream = MarkdownStream()
    looked = 0
    for _ in range(1000):
        stream.feed("a line\n")
        looked += stream._looked == len(stream.tail)
    assert looked == 1000


@pytest.mark.parametrize("before", ["", "```sh\nls\n```\n"])
def test_of_a_long_block_only_the_end_is_drawn_while_it_streams(before: str) -> None:
    stream = MarkdownStream()
    stream.feed(f"{before}```python\n" + "".join(f"x{number} = 1\n" for number in range(5_000)))
    shown = stream.excerpt(20, 80).split("\n")
    assert (shown[0], shown[-2], len(shown)) == ("```python", "x4999 = 1", 21)


def test_the_end_of_a_long_table_keeps_its_head_and_a_long_line_is_cut() -> None:
    stream = MarkdownStream()
    stream.feed("| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 500)
    assert stream.excerpt(10, 80).startswith("| a | b |\n|---|---|\n| 1 |")
    stream = MarkdownStream()
    stream.feed("word " * 10_000)
    assert 5 * 40 - 5 <= len(stream.excerpt(5, 40)) <= 5 * 40
    stream = MarkdownStream()
    stream.feed("short\nlines")
    assert stream.excerpt(5, 40) == "short\nlines"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Wrap it in <Button> and return List<String>.", "Wrap it in <Button> and return List<String>."),
        ("<details>\n\nhidden\n\n</details>", "<details>\n\nhidden\n\n</details>"),
        ("<!-- kept --> and <br/>", "<!-- kept --> and <br/>"),
        ("See [the docs](https://a.example/b).", "See the docs (https://a.example/b)."),
        ("&#x202e;gnp.exe &amp; more", "<U+202E>gnp.exe & more"),
        ("At <https://a.example/b>.", "At https://a.example/b."),
        ("Look: ![a cat](cat.png) here", "Look: a cat (cat.png) here"),
        ("a[0] and [x] of dict[str, int]", "a[0] and [x] of dict[str, int]"),
    ],
)
def test_nothing_that_was_said_is_missing_on_the_screen(said: str, shown: str) -> None:
    assert render_markdown(said, 80, colours=False) == shown


@pytest.mark.parametrize(
    "prose",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "\U0001f469\U0001f3fd\u200d\U0001f4bb",
        "\u2764\ufe0f\u200d\U0001f525",
    ],
)
def test_joiners_that_are_spelling_stay_in_an_answer(prose: str) -> None:
    assert prose in render_markdown(prose, 40, colours=False)
    hidden = f"rm\u200c -rf\u200d x{prose[0]}\u200dy &zwj;"
    assert (
        render_markdown(hidden, 60, colours=False) == f"rm<U+200C> -rf<U+200D> x{prose[0]}<U+200D>y <U+200D>"
    )
