"""Proposals: edits that wait for the user, hunk by hunk, found again in a text that went on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mazu_ls.agent.proposals.hunks import (
    Hunk,
    HunkLocator,
    apply_hunks,
    locate_hunk,
    match_sequentially,
    split_into_hunks,
)
from mazu_ls.agent.proposals.proposal_store import MIGRATIONS
from mazu_ls.agent.proposals.proposals import Proposals
from mazu_ls.state.store import Store
from mazu_ls.workspace.text import split_lines
from tests.scenario import check

BEFORE = (
    "import os\n\n\ndef one():\n    return 1\n\n\ndef two():\n    return 2\n\n\ndef three():\n    return 3\n"
)
AFTER = BEFORE.replace("return 1", "return 10").replace("return 2", "return 20").replace("import os\n", "")


def fates(hunks: list[Hunk], text: str | None) -> list[str]:
    """What has become of each hunk."""
    search = None if text is None else HunkLocator(split_lines(text))
    others = sum(abs(len(hunk.new) - len(hunk.old)) for hunk in hunks)
    return [locate_hunk(hunk, search, others).fate for hunk in hunks]


def test_every_hunk_can_be_taken_alone():
    hunks = split_into_hunks(BEFORE, AFTER)
    assert [(hunk.line, hunk.old, hunk.new) for hunk in hunks] == [
        (0, ("import os\n",), ()),
        (4, ("    return 1\n",), ("    return 10\n",)),
        (8, ("    return 2\n",), ("    return 20\n",)),
    ]
    assert apply_hunks(BEFORE, hunks) == AFTER
    for n, hunk in enumerate(hunks):
        text = apply_hunks(BEFORE, [hunk])
        assert fates(hunks, text) == ["accepted" if m == n else "open" for m in range(3)]


def test_a_hunk_is_found_where_its_text_moved_to():
    (hunk,) = split_into_hunks("a\nb\nc\nd\n", "a\nb\nC\nd\n")
    there = "new\n" * 50 + "a\nb\nc\nd\n"
    found = locate_hunk(hunk, HunkLocator(split_lines(there)))
    assert (found.fate, found.line) == ("open", 52)
    assert fates([hunk], "a\nB!\nc\nD!\n") == ["open"]
    assert fates([hunk], "a\nb\nsomething else\nd\n") == ["stale"]


def test_what_the_user_typed_is_not_taken_for_an_acceptance_somewhere_else():
    text = "\n".join(f"{name}:\n  x = 1\n  y = 1\n" for name in "abcdef") + "\n"
    lines = split_lines(text)
    without = "".join(lines[:9] + lines[10:])
    (hunk,) = split_into_hunks(text, without)
    broken = text.replace("c:\n  x = 1\n  y = 1", "c:\n  x = 1\n  y = 99")
    assert fates([hunk], broken) in (["stale"], ["open"])
    assert fates([hunk], without) == ["accepted"]


def test_additions_at_either_end_and_a_last_line_without_an_end():
    for before, after in (
        ("a\nb\n", "a\nb\nc\n"),
        ("a\nb", "a\nb\nc"),
        ("a\nb\n", "z\na\nb\n"),
        ("", "a\n"),
        ("a\n", ""),
        ("a", "a\n"),
        ("a\r\nb\r\n", "a\r\nc\r\nb\r\n"),
    ):
        hunks = split_into_hunks(before, after)
        assert apply_hunks(before, hunks) == after
        assert set(fates(hunks, before)) == {"open"}, (before, after)
        assert set(fates(hunks, after)) == {"accepted"}, (before, after)


def test_line_ends_that_an_editor_unifies_do_not_make_a_proposal_stale():
    (hunk,) = split_into_hunks("a\r\nb\r\nc\r\n", "a\r\nB\r\nc\r\n")
    assert fates([hunk], "a\nb\nc\n") == ["open"]
    assert apply_hunks("a\nb\nc\n", [hunk]) == "a\nB\nc\n"
    assert fates([hunk], "a\nB\nc\n") == ["accepted"]


def test_files_that_come_and_go():
    (created,) = split_into_hunks(None, "x = 1\n")
    assert [fates([created], text) for text in (None, "", "x = 1\n", "other\n")] == [
        ["open"],
        ["open"],
        ["accepted"],
        ["stale"],
    ]
    (deleted,) = split_into_hunks("x = 1\n", None)
    assert [fates([deleted], text) for text in ("x = 1\n", None, "x = 2\n")] == [
        ["open"],
        ["accepted"],
        ["stale"],
    ]


texts = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "    x = 1\n", "}\n"]), max_size=12).map("".join)


@given(texts, texts)
def test_hunks_make_the_edit_and_are_open_before_it(before: str, after: str):
    hunks = split_into_hunks(before, after)
    assert apply_hunks(before, hunks) == after
    search = HunkLocator(split_lines(before))
    found = [locate_hunk(hunk, search) for hunk in hunks]
    assert [(one.fate, one.line) for one in found if one.fate == "open"] == [
        (one.fate, hunk.line) for one, hunk in zip(found, hunks, strict=True) if one.fate == "open"
    ]


def test_edits_far_apart_in_a_large_file_are_hunks_of_their_own():
    before = "".join(f"def f{n}():\n    return {n}\n\n" for n in range(3000))
    after = before.replace("return 5\n", "return -5\n").replace("return 2990\n", "return -2990\n    # so\n")
    after = after.replace("def f1500():\n    return 1500\n\n", "")
    hunks = split_into_hunks(before, after)
    assert [hunk.line for hunk in hunks] == [16, 4500, 8971]
    assert apply_hunks(before, hunks) == after
    swapped = before[len(before) // 2 :] + before[: len(before) // 2]
    assert apply_hunks(before, split_into_hunks(before, swapped)) == swapped


@given(texts, texts, st.data())
def test_whatever_part_is_accepted_is_known_and_the_rest_still_fits(
    before: str, after: str, data: st.DataObject
):
    hunks = split_into_hunks(before, after)
    part = [hunk for hunk in hunks if data.draw(st.booleans())]
    now = apply_hunks(before, part) or ""
    found = match_sequentially(hunks, split_lines(now)) if hunks else []
    assert found is not None
    left = [replace(hunk, line=at.line) for hunk, at in zip(hunks, found, strict=True) if at.fate == "open"]
    assert apply_hunks(now, left) == after


@asynccontextmanager
async def kept(path: Path) -> AsyncIterator[Proposals]:
    """The proposals in a database."""
    store = await Store.open(path / "memory.db", [MIGRATIONS])
    proposals = Proposals(store)
    await proposals.refresh()
    try:
        yield proposals
    finally:
        await proposals.flush()
        await store.close()


async def test_a_proposal_survives_a_restart_and_is_told_once(tmp_path: Path):
    async with kept(tmp_path) as proposals:
        await proposals.propose("app.py", BEFORE, AFTER, "s_1", "t_1")
    async with kept(tmp_path) as proposals:
        assert proposals.paths == ["app.py"]
        assert proposals.proposed_text("app.py", BEFORE) == (AFTER, 0)
        first, second, third = proposals.for_path("app.py")
        proposals.sync_document("app.py", split_lines(apply_hunks(BEFORE, [first.hunk]) or ""))
        await proposals.reject([second.id], "keep it")
    async with kept(tmp_path) as proposals:
        assert [one.id for one in proposals.for_path("app.py")] == [third.id]
        assert await proposals.pending_decisions("s_2") is None
        verdicts = await proposals.pending_decisions("s_1")
        assert verdicts is not None
        assert "- accepted hunk 1 of app.py" in verdicts.note
        assert "rejected hunk 2 of app.py: keep it\n  -    return 1\n  +    return 10" in verdicts.note
        await proposals.mark_reported(verdicts.ids)
        assert await proposals.pending_decisions("s_1") is None


async def test_a_second_process_sees_what_the_first_proposed_and_decided(tmp_path: Path):
    async with kept(tmp_path) as one, kept(tmp_path) as other:
        await one.propose("a.py", "x\n", "y\n", "s_1", "t_1")
        heard: list[str] = []
        other.subscribe(heard.append)
        await other.refresh()
        assert other.paths == heard == ["a.py"]
        await other.reject([other.for_path("a.py")[0].id])
        await one.refresh()
        assert one.paths == []


async def test_a_later_edit_of_the_same_file_keeps_the_hunks_that_stay(tmp_path: Path):
    async with kept(tmp_path) as proposals:
        first = await proposals.propose("app.py", BEFORE, AFTER, "s_1", "t_1")
        second = await proposals.propose(
            "app.py", BEFORE, AFTER.replace("return 3", "return 30"), "s_2", "t_2"
        )
        assert [one.id for one in second[:3]] == [one.id for one in first]
        assert [one.session_id for one in second] == ["s_1", "s_1", "s_1", "s_2"]
        await proposals.propose("app.py", BEFORE, BEFORE, "s_2", "t_2")
        assert proposals.paths == []


async def test_hunks_drift_along_with_the_text(tmp_path: Path):
    async with kept(tmp_path) as proposals:
        await proposals.propose("app.py", BEFORE, AFTER, "s_1", "t_1")
        text = BEFORE
        for n in range(40):
            text = f"# {n}\n" + text.replace(f"def two({'x' * n}):", f"def two({'x' * (n + 1)}):")
            assert {one.standing.fate for one in proposals.sync_document("app.py", split_lines(text))} == {
                "open"
            }
        assert proposals.for_path("app.py")[2].hunk.line == 48


PROPOSE = """-- settings --
        [edits]
        apply = "propose"
        [context]
        map_tokens = 0"""


def test_the_agent_goes_on_from_its_own_proposal_and_no_file_changes():
    world = check(
        f"""
        -- app.py --
        x = 1
        y = 1
        {PROPOSE}
        -- model calls edit_file --
        path: app.py
        old: x = 1
        new: x = 2
        -- model calls read_file --
        path: app.py
        -- model calls edit_file --
        path: app.py
        old: x = 2
        new: x = 3
        -- model calls write_file --
        path: new.py
        content: z = 1
        -- model calls read_file --
        path: new.py
        -- model says --
        Proposed.
        """,
        """
        tool: proposed, not applied: app.py.…
        tool: 1	x = 2
        tool: proposed, not applied: app.py.…
        tool: proposed, not applied: new.py.…
        tool: 1	z = 1
        assistant: Proposed.
        stop: end_turn
        -- app.py --
        x = 1
        y = 1
        """,
    )
    assert not (world.root / "new.py").exists()
    assert world.host.asked == []
    read = next(
        part["content"]
        for message in world.bodies[2]["messages"]
        for part in message["content"]
        if part["type"] == "tool_result" and "1\tx = 2" in str(part["content"])
    )
    assert "proposed and not accepted yet" in str(read)


def test_what_policy_denies_is_not_even_proposed():
    check(
        f"""
        -- app.py --
        x = 1
        {PROPOSE}
        [[permissions.rules]]
        tool = "edit_file"
        pattern = "*"
        verdict = "deny"
        -- model calls edit_file --
        path: app.py
        old: x = 1
        new: x = 2
        -- model says --
        I may not.
        """,
        """
        tool: error: not allowed: …
        assistant: I may not.
        stop: end_turn
        """,
    )
