"""Proposals to the line: which hunk is where, whose it is, what is heard and written of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mazu_ls.agent.proposals.hunks import (
    CONTEXT,
    WALKED,
    Hunk,
    HunkLocator,
    HunkStatus,
    apply_hunks,
    locate_hunk,
    match_sequentially,
    rebase_hunks,
    split_into_hunks,
)
from mazu_ls.agent.proposals.proposal_undo import AcceptHistory
from mazu_ls.workspace.text import split_lines
from tests.agent.test_proposals import AFTER, BEFORE, PROPOSE, kept
from tests.scenario import check


def lines(count: int) -> list[str]:
    return [f"line {n}\n" for n in range(count)]


def one(before: str, after: str) -> Hunk:
    (hunk,) = split_into_hunks(before, after)
    return hunk


def found(hunk: Hunk, text: str, others: int = 0) -> tuple[str, int]:
    status = locate_hunk(hunk, HunkLocator(split_lines(text)), others)
    return status.fate, status.line


def test_context_is_three_lines_and_never_beyond_the_next_hunk() -> None:
    old = lines(20)
    new = [*old[:5], "five\n", *old[6:8], "eight\n", *old[9:]]
    first, second = split_into_hunks("".join(old), "".join(new))
    assert (first.line, first.above, first.below) == (5, tuple(old[2:5]), tuple(old[6:8]))
    assert (second.line, second.above, second.below) == (8, tuple(old[6:8]), tuple(old[9:12]))
    assert (first.size, first.base == second.base, first.diff) == (20, True, "-line 5\n+five")
    top = one("a\nb\n", "A\nb\n")
    assert (top.line, top.above, top.below) == (0, (), ("b\n",))


@pytest.mark.parametrize(
    ("text", "fate"),
    [
        ("a\nb\nc\nd\ne\n", ("open", 2)), ("a\nb\nC\nd\ne\n", ("accepted", 2)), ("x\na\nb\nc\nd\ne\n", ("open", 3)),
        ("x\na\nb\nC\nd\ne\n", ("accepted", 3)), ("a\nb\nX\nd\ne\n", ("stale", 2)), ("", ("stale", 0)), ("c\n", ("open", 0)),
        ("c\nc\n", ("stale", 1)), ("c\nd\nq\nq\nb\nc\nd\n", ("open", 5)), ("b\nq\nc\nd\n", ("open", 2)), ("a\r\nb\r\nc\r\nd\r\ne\r\n", ("open", 2)),
        ("C\n", ("accepted", 0)), ("q\n" * 9 + "C\n", ("stale", 2)),
    ],
)  # fmt: skip
def test_a_hunk_is_found_by_its_lines_and_what_is_around_them(text: str, fate: tuple[str, int]) -> None:
    assert found(one("a\nb\nc\nd\ne\n", "a\nb\nC\nd\ne\n"), text) == fate


def test_what_is_empty_and_what_only_adds_or_removes_lines() -> None:
    added = one("a\nb\n", "a\nnew\nb\n")
    assert found(added, "a\nb\n") == ("open", 1) and found(added, "a\nnew\nb\n") == ("accepted", 1)
    assert found(added, "a\nq\nb\n")[0] != "accepted" and found(added, "new\n") == ("accepted", 0)
    removed = one("a\nb\nc\n", "a\nc\n")
    assert found(removed, "a\nc\n") == ("accepted", 1) and found(removed, "a\nb\nc\n") == ("open", 1)
    blank = one("a\n\nb\n", "a\n\n\nb\n")
    assert found(blank, "\n\n")[0] == "stale", "empty lines alone are no evidence"
    start = one("", "x\n")
    assert found(start, "") == ("open", 0) and found(start, "x\n") == ("accepted", 0)
    end = one("a\nb", "a\nb\n")
    assert found(end, "a\nb") == ("open", 1) and found(end, "a\nb\n") == ("accepted", 1)


def test_an_accepted_hunk_is_looked_for_near_its_place_alone() -> None:
    hunk = one("".join(lines(40)), "".join([*lines(20), "twenty\n", *lines(40)[21:]]))
    text = ["x\n"] * 40
    text[23:24] = ["line 19\n", "twenty\n", "line 21\n"]
    assert found(hunk, "".join(text)) == ("stale", 20)
    assert found(hunk, "".join(text), others=2) == ("accepted", 24)


def test_files_are_created_and_deleted_whole() -> None:
    create, delete = split_into_hunks(None, "a\nb\n")[0], split_into_hunks("a\n", None)[0]
    edit = one("a\n", "b\n")
    assert split_into_hunks(None, None) == [] and split_into_hunks("a\n", "a\n") == []
    assert [locate_hunk(hunk, None).fate for hunk in (create, delete, edit)] == ["open", "accepted", "stale"]
    assert (
        found(create, "") == ("open", 0)
        and found(create, "a\r\nb") == ("accepted", 0)
        and found(create, "x") == ("stale", 0)
    )
    assert found(delete, "a\n") == ("open", 0) and found(delete, "a") == ("stale", 0)
    assert (
        apply_hunks(None, [create]) == "a\nb\n"
        and apply_hunks("a\n", [delete]) is None
        and apply_hunks(None, [edit]) is None
    )
    assert apply_hunks("a\n", []) == "a\n"


def test_line_ends_follow_a_file_whose_ends_the_editor_unified() -> None:
    hunk = one("a\r\nb\r\n", "a\r\nx\r\ny\r\n")
    assert apply_hunks("a\nb\n", [hunk]) == "a\nx\ny\n"
    assert apply_hunks("a\r\nb\r\n", [hunk]) == "a\r\nx\r\ny\r\n"
    assert apply_hunks("a\rb\n", [one("b\r\n", "x\r\n")]) == "x\r\nb\n"


def test_equal_lines_are_told_apart_in_order() -> None:
    hunks = split_into_hunks("x\n" * 9, "y\n" + "x\n" * 3 + "y\n" + "x\n" * 3 + "y\n")
    for taken in range(2 ** len(hunks)):
        part = [hunk for n, hunk in enumerate(hunks) if taken >> n & 1]
        states = match_sequentially(hunks, split_lines(apply_hunks("x\n" * 9, part) or ""))
        assert states is not None
        assert [at.fate == "accepted" for at in states] == [bool(taken >> n & 1) for n in range(len(hunks))]
    assert match_sequentially(hunks, ["x\n"] * 10) is None, "somebody typed"
    assert match_sequentially([], []) is None
    many = split_into_hunks("a\nb\n" * (WALKED + 1), "A\nb\n" * (WALKED + 1))
    assert len(many) == WALKED + 1 and match_sequentially(many, split_lines("a\nb\n" * (WALKED + 1))) is None
    assert match_sequentially(many[:WALKED], split_lines("a\nb\n" * (WALKED + 1))) is not None
    ends = split_into_hunks("a\r\nb\r\nc\r\n", "a\nb\r\nC\r\n")
    assert match_sequentially(ends, split_lines("a\r\nb\r\nc\r\n")) is None, "ends alone match in both states"


def test_a_hunk_that_moved_takes_its_context_from_where_it_is() -> None:
    old = lines(12)
    hunk = one("".join(old), "".join([*old[:6], "six\n", *old[7:]]))
    moved = rebase_hunks(hunk, 7, ["new\n", *old], (0, 13))
    assert (moved.line, moved.old, moved.above, moved.below) == (
        7,
        (old[6],),
        tuple(old[3:6]),
        tuple(old[7:10]),
    )
    assert (moved.size, moved.base, moved.new) == (13, hunk.base, ("six\n",)) and len(moved.above) == CONTEXT
    between = rebase_hunks(hunk, 7, ["new\n", *old], (6, 9))
    assert (between.above, between.below) == ((old[5],), (old[7],))


async def test_neighbours_keep_their_context_apart_while_the_text_moves(tmp_path: Path) -> None:
    old = lines(12)
    after = [*old[:4], "four\n", old[5], "six\n", *old[7:]]
    async with kept(tmp_path) as proposals:
        await proposals.propose("a", "".join(old), "".join(after), "s", "t")
        proposals.sync_document("a", ["new\n", *old])
        first, second = proposals.for_path("a")
        assert (first.hunk.line, first.hunk.above, first.hunk.below) == (5, tuple(old[1:4]), (old[5],))
        assert (second.hunk.line, second.hunk.above, second.hunk.below) == (7, (old[5],), tuple(old[7:10]))


async def test_what_was_observed_is_written_at_the_next_flush(tmp_path: Path) -> None:
    async with kept(tmp_path) as proposals:
        heard: list[str] = []
        proposals.subscribe(heard.append)
        assert not proposals.is_tracked and proposals.has_unwritten_decisions is False
        await proposals.propose("app.py", BEFORE, AFTER, "s_1", "t_1")
        assert proposals.is_tracked and heard == ["app.py"] and proposals.has_proposed("s_1")
        assert not proposals.has_proposed("s_2")
        first = proposals.for_path("app.py")[0]
        accepted = split_lines(apply_hunks(BEFORE, [first.hunk]) or "")
        left = proposals.sync_document("app.py", accepted)
        assert [at.proposed.id for at in left] == [hunk.id for hunk in proposals.for_path("app.py")] and len(
            left
        ) == 2
        assert proposals.has_unwritten_decisions is True and heard == ["app.py"] * 2
        proposals.sync_document("app.py", accepted)
        assert heard == ["app.py"] * 2, "nothing happened"
        proposals.sync_document("app.py", split_lines(BEFORE))
        assert len(proposals.for_path("app.py")) == 3 and heard == ["app.py"] * 3
        assert proposals.has_unwritten_decisions is True, "that it is open again"
        await proposals.flush()
        assert proposals.has_unwritten_decisions is False
        assert await proposals.pending_decisions("s_1") is None
    async with kept(tmp_path) as proposals:
        assert proposals.for_path("app.py")[0].id == first.id


async def test_what_a_later_proposal_replaced_is_gone_for_good(tmp_path: Path) -> None:
    async with kept(tmp_path) as proposals:
        await proposals.propose("app.py", BEFORE, AFTER, "s_1", "t_1")
        (new,) = await proposals.propose(
            "app.py", BEFORE, BEFORE.replace("return 3", "return 30"), "s_1", "t_1"
        )
        assert new.number == new.of == 1
    async with kept(tmp_path) as proposals:
        assert [hunk.id for hunk in proposals.for_path("app.py")] == [new.id]


async def test_stale_hunks_are_searched_again_when_the_user_stops_typing(tmp_path: Path) -> None:
    async with kept(tmp_path) as proposals:
        await proposals.propose("a", "a\nb\nc\n", "a\nB\nc\n", "s", "t")

        def fate(text: str, typing: bool) -> str:
            return proposals.sync_document("a", split_lines(text), typing=typing)[0].standing.fate

        assert fate("a\nb!\nc\n", True) == "stale"
        assert fate("a\nb\nc\n", True) == "stale"
        assert fate("a\nb\nc\n", False) == "open" and fate("x\na\nb\nc\n", True) == "open"
        assert proposals.proposed_text("a", "q\n") == ("q\n", 1)
        assert proposals.proposed_text("a", None) == (None, 1)


async def test_rejections_turns_and_renames_touch_their_own_hunks_alone(tmp_path: Path) -> None:
    async with kept(tmp_path) as proposals:
        heard: list[str] = []
        await proposals.propose("src/a", "a\n", "A\n", "s_1", "t_1")
        await proposals.propose("src/b", "b\n", "B\n", "s_1", "t_2")
        await proposals.propose("srcs/c", "c\n" + "x\n" * 30, "C\n" * 30, "s_2", "t_1")
        proposals.subscribe(heard.append)
        await proposals.renamed("src", "lib")
        assert proposals.paths == ["lib/a", "lib/b", "srcs/c"] and set(heard) == {
            "src/a",
            "src/b",
            "lib/a",
            "lib/b",
        }
        heard.clear()
        await proposals.renamed("nowhere", "else")
        await proposals.keep_turns("s_1", ["t_1", "t_2"])
        assert heard == [] and await proposals.pending_rejections("s_2") is False
        await proposals.keep_turns("s_1", ["t_1"])
        assert proposals.paths == ["lib/a", "srcs/c"] and heard == ["lib/b"]
        assert await proposals.pending_decisions("s_1") is None
        await proposals.propose("lib/b", "b\n", "other\n", "s_2", "t_9")
        await proposals.keep_turns("s_1", ["t_1", "t_2"])
        assert [one.session_id for one in proposals.for_path("lib/b")] == ["s_2"]
        await proposals.keep_turns("s_2", ["t_1"])
        await proposals.keep_turns("s_1", ["t_1", "t_2"])
        assert [one.hunk.new for one in proposals.for_path("lib/b")] == [("B\n",)] and heard[1:] == [
            "lib/b"
        ] * 3
        await proposals.keep_turns("s_1", ["t_1"])
        heard[1:] = []
        ids = [hunk.id for hunk in proposals.for_path("srcs/c")]
        assert [hunk.id for hunk in await proposals.reject([*ids, "h_none"])] == ids and heard[1:] == [
            "srcs/c"
        ]
        assert (
            await proposals.pending_rejections("s_2") is True
            and await proposals.pending_rejections("s_1") is False
        )
        told = await proposals.pending_decisions("s_2")
        assert (
            told is not None
            and "... 49 more lines" in told.note
            and told.note.startswith("<proposals>\n")
            and "- the user rejected" in told.note
        )
    async with kept(tmp_path) as proposals:
        assert proposals.paths == ["lib/a"]


async def test_a_rejected_change_of_twelve_lines_is_told_whole(tmp_path: Path) -> None:
    async with kept(tmp_path) as proposals:
        (mine,) = await proposals.propose("a", "x\n" * 6, "y\n" * 6, "s", "t")
        await proposals.reject([mine.id])
        told = await proposals.pending_decisions("s")
        assert told is not None and told.note.count("  +y") == 6 and "more lines" not in told.note


async def test_a_file_that_a_rename_replaced_leaves_no_proposal(tmp_path: Path) -> None:
    async with kept(tmp_path) as proposals:
        (mine,) = await proposals.propose("a", "a\n", "A\n", "s", "t")
        await proposals.propose("b", "b\n", "B\n", "s", "t")
        await proposals.renamed("a", "b")
        assert [hunk.id for hunk in proposals.for_path("b")] == [mine.id]
    async with kept(tmp_path) as proposals:
        assert proposals.paths == ["b"] and [hunk.id for hunk in proposals.for_path("b")] == [mine.id]


def test_acceptances_that_the_editor_undid_come_back_newest_first() -> None:
    history = AcceptHistory()
    assert not history and history.take_undone("a", ["x\n"]) == ()
    from mazu_ls.agent.proposals.proposals import LocatedHunk, ProposedHunk

    def accepted(id: str, before: str, after: str) -> LocatedHunk:
        hunk = one(before, after)
        return LocatedHunk(
            ProposedHunk(id, "a", 1, 1, "s", "t", "now", hunk), HunkStatus("accepted", hunk.line)
        )

    assert history.add("a", ["B\n", "c\n"], [accepted("1", "b\nc\n", "B\nc\n")]) == ["b\n", "c\n"]
    assert history.add("a", ["B\n", "C\n"], [accepted("2", "B\nc\n", "B\nC\n")]) == ["B\n", "c\n"]
    assert history
    assert history.take_undone("a", ["q\n"]) == () and history.take_undone("b", ["b\n", "c\n"]) == ()
    assert [hunk.id for hunk in history.take_undone("a", ["B\n", "c\n"])] == ["2"]
    assert [hunk.id for hunk in history.take_undone("a", ["b\n", "c\n"])] == ["1"]
    assert not history


def test_a_file_without_a_proposal_is_read_as_it_is() -> None:
    world = check(
        f"""
        -- app.py --
        x = 1
        -- other.py --
        y = 1
        {PROPOSE}
        -- model calls edit_file --
        path: app.py
        old: x = 1
        new: x = 2
        -- model calls read_file --
        path: other.py
        -- model calls read_file --
        path: missing.py
        -- model says --
        Proposed.
        """,
        """
        tool: proposed, not applied: app.py.…
        tool: 1	y = 1
        tool: error: there is no file missing.py…
        assistant: Proposed.
        stop: end_turn
        """,
    )
    assert "proposed and not accepted yet" not in str(world.bodies[-1]["messages"])
