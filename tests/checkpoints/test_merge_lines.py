"""Merges by lines: adjoining changes, without gluing lines together and in bounded time; and those in which one side's lines stay."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.checkpoints.restore.merging import merge_lines
from mazu_ls.checkpoints.restore.merging.merge_lines import (
    MOST_PAIRS,
    KeptLines,
    merge_adjoining,
    merge_keeping_mine,
)

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


def test_what_one_changed_between_two_changes_of_the_other_is_merged():
    mine, theirs = b"a\nb\nmine\nd\ne\n", b"1\nb\nc\nd\n5\n"
    assert merge_adjoining(mine, b"a\nb\nc\nd\ne\n", theirs) == b"1\nb\nmine\nd\n5\n"
    assert merge_adjoining(theirs, b"a\nb\nc\nd\ne\n", mine) == b"1\nb\nmine\nd\n5\n"


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


def lines(*some: str) -> bytes:
    return "".join(f"{one}\n" for one in some).encode()


BEFORE, BY_AGENT = (lines("a", *(f"{name} {at}" for at in range(5)), "z") for name in ("line", "LINE"))


@pytest.mark.parametrize(
    ("mine", "agents", "wanted", "whole_blocks"),
    [
        # each line of a block that became as many lines stands for itself
        (BY_AGENT.replace(b"LINE 2", b"mine"), BY_AGENT, BEFORE.replace(b"line 2", b"mine"), False),
        (BY_AGENT.replace(b"LINE 2\n", b""), BY_AGENT, BEFORE.replace(b"line 2\n", b""), False),
        (BY_AGENT.replace(b"LINE 2", b"LINE 2\nmine"), BY_AGENT, BEFORE.replace(b"line 2", b"line 2\nmine"), False),
        (BY_AGENT.replace(b"LINE 4\nz", b"mine"), BY_AGENT, BEFORE.replace(b"line 4\nz", b"mine"), False),
        # a block that became more or fewer lines stays if one of its lines was changed
        (lines("a", "L", "mine", "z"), lines("a", "L", "M", "z"), lines("a", "L", "mine", "z"), True),
        (lines("a", "L", "new", "M", "z"), lines("a", "L", "M", "z"), lines("a", "L", "new", "M", "z"), True),
        (lines("a", "x", "y", "z"), lines("a", "L", "M", "z"), lines("a", "x", "y", "z"), False),
        (lines("A", "L", "M", "z"), lines("a", "L", "M", "z"), BEFORE.replace(b"a\n", b"A\n"), False),
    ],
)  # fmt: skip
def test_only_the_lines_that_both_changed_stay(
    mine: bytes, agents: bytes, wanted: bytes, *, whole_blocks: bool
):
    assert merge_keeping_mine(mine, agents, BEFORE) == KeptLines(wanted, whole_blocks)


@given(TEXTS, TEXTS, TEXTS)
def test_no_line_of_mine_is_lost(mine: bytes, ancestor: bytes, theirs: bytes):
    assert merge_keeping_mine(mine, ancestor, ancestor) == KeptLines(mine, False)
    assert merge_keeping_mine(ancestor, ancestor, theirs) == KeptLines(theirs, False)
    merged = merge_keeping_mine(mine, ancestor, theirs)
    if merged is not None:
        added = Counter(mine.splitlines()) - Counter(ancestor.splitlines())
        assert added <= Counter(merged.text.splitlines())


def test_many_lines_that_both_changed_are_compared_with_their_neighbours_alone(
    monkeypatch: pytest.MonkeyPatch,
):
    compared = list[object]()
    collide = merge_lines._collide
    monkeypatch.setattr(merge_lines, "_collide", lambda *two: compared.append(two) or collide(*two))
    mine, agents, before = (
        lines(*(f"{name} {at}" for at in range(2_000))) for name in ("mine", "LINE", "line")
    )
    assert merge_keeping_mine(mine, agents, before) == KeptLines(mine, False)
    assert len(compared) <= 3 * 2_000
