"""Adjoining changes of two sides: merged without gluing lines together, and in bounded time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.checkpoints.restore.merge import MOST_PAIRS, merge_adjoining

TEXTS = st.lists(st.sampled_from(["a", "b", "}", ""]), max_size=8).map("\n".join).map(str.encode)


@pytest.mark.parametrize(
    ("mine", "ancestor", "theirs"),
    [
        (b"a\nb\nx\ny\n", b"a\nb\nx\n", b"a\nb"),
        (b"a\nb\nc\n", b"a\nb\n", b"a\nb2"),
        (b"a\nc\n", b"a", b"b"),
    ],
)
def test_a_line_without_an_end_gets_nothing_behind_it(mine: bytes, ancestor: bytes, theirs: bytes):
    assert merge_adjoining(mine, ancestor, theirs) is None


def test_a_changed_line_and_those_added_right_below_it_are_merged():
    assert merge_adjoining(b"1\ntwo\nmine\n", b"1\ntwo\n", b"1\n2\n") == b"1\n2\nmine\n"


@given(TEXTS, TEXTS, TEXTS)
def test_every_line_of_a_merge_is_one_of_a_side(mine: bytes, ancestor: bytes, theirs: bytes):
    merged = merge_adjoining(mine, ancestor, theirs)
    if merged is not None:
        known = {line for text in (mine, ancestor, theirs) for line in text.split(b"\n")}
        assert set(merged.split(b"\n")) <= known | {b""}
    assert merge_adjoining(mine, ancestor, ancestor) == mine
    assert merge_adjoining(ancestor, ancestor, theirs) == theirs


def test_lines_that_repeat_too_often_are_not_compared():
    same = [b"\n", b"    }\n"] * 2_000
    assert len(same) ** 2 // 2 > MOST_PAIRS
    mine, theirs = (
        b"".join([first, *same[1:-1], last]) for first, last in ((b"x\n", b"y\n"), (b"p\n", b"q\n"))
    )
    changed = b"".join([b"z\n" if at % 11 == 5 else line for at, line in enumerate(same)])
    assert merge_adjoining(mine, b"".join(same), theirs + changed) is None
