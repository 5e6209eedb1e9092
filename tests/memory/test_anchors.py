"""Anchors follow their code, doubt the memory when it changes, and trust it again when it comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.errors import InvalidArguments, MazuError
from mazu_ls.memory.anchors.anchor_evidence import AnchoredText, follow_anchor, make_anchor
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.models import AnchorRequest, MemoryAnchor, TextRange

CODE = """import time


def wait(seconds):
    # Longer than the server's own limit.
    time.sleep(seconds + 1)


def stop():
    raise SystemExit
"""
WAIT = TextRange(3, 0, 5, 28)


async def remembered(memories: Memories, **place) -> str:
    made = await memories.remember(
        "wait() must outlast the server", anchors=[AnchorRequest("app.py", text=CODE, **place)]
    )
    return made.memory.id


async def state(memories: Memories, id: str) -> tuple[str, str, int]:
    memory = await memories.get(id)
    (anchor,) = memory.anchors
    assert anchor.range
    return memory.state, anchor.state, anchor.range.start_line


async def test_lines_above_move_it(memories: Memories):
    id = await remembered(memories, range=WAIT)
    change = await memories.anchors.document_changed("app.py", "# licence\n# more\n" + CODE)
    assert (change.moved, change.doubted) == (1, ())
    assert (await memories.get(id)).anchors[0].symbol == "wait"
    assert await state(memories, id) == ("current", "moved", 5)


async def test_changed_evidence_puts_it_in_doubt_and_undoing_brings_it_back(memories: Memories):
    id = await remembered(memories, range=WAIT)
    change = await memories.anchors.document_changed("app.py", CODE.replace("+ 1", "- 1"))
    assert change.doubted == (id,)
    assert await state(memories, id) == ("check", "stale", 3)
    assert [m.state for m in await memories.recall("outlast server")] == ["check"]
    change = await memories.anchors.document_changed("app.py", CODE)
    assert change.restored == (id,)
    assert await state(memories, id) == ("current", "fresh", 3)


async def test_a_symbol_is_enough_and_is_followed_when_its_body_changes(memories: Memories):
    id = await remembered(memories, symbol="wait")
    assert await state(memories, id) == ("current", "fresh", 3)
    moved = CODE.replace("def wait", "X = 1\n\n\ndef wait").replace("+ 1", "+ 2")
    await memories.anchors.document_changed("app.py", moved)
    assert await state(memories, id) == ("check", "stale", 6)


async def test_indentation_is_no_change(memories: Memories):
    id = await remembered(memories, range=WAIT)
    inside = "class Server:\n" + "".join(f"    {line}\n" for line in CODE.splitlines())
    change = await memories.anchors.document_changed("app.py", inside)
    assert change.doubted == ()
    assert await state(memories, id) == ("current", "moved", 4)


async def test_unrelated_edits_write_nothing(memories: Memories):
    await remembered(memories, range=WAIT)
    assert not await memories.anchors.document_changed("app.py", CODE + "\n# the end\n")
    assert not await memories.anchors.document_changed("other.py", "")


async def test_a_deleted_file_is_doubt_and_a_renamed_one_is_not(memories: Memories):
    id = await remembered(memories, range=WAIT)
    await memories.anchors.renamed("app.py", "src/main.py")
    assert [a.path for a in (await memories.get(id)).anchors] == ["src/main.py"]
    await memories.anchors.renamed("src", "lib")
    assert await memories.anchors.paths() == ["lib/main.py"]
    assert (await memories.anchors.document_changed("lib/main.py", None)).doubted == (id,)
    assert (await memories.anchors.document_changed("lib/main.py", CODE)).restored == (id,)


async def test_still_true_takes_the_evidence_anew(memories: Memories):
    id = await remembered(memories, range=WAIT)
    changed = CODE.replace("+ 1", "+ 9")
    await memories.anchors.document_changed("app.py", changed)
    confirmed = await memories.anchors.confirm(id, {"app.py": changed})
    assert (confirmed.state, confirmed.anchors[0].state) == ("current", "fresh")
    assert not await memories.anchors.document_changed("app.py", changed)


async def test_at_tells_what_a_hover_shows(memories: Memories):
    id = await remembered(memories, range=WAIT)
    assert [a.memory.id for a in await memories.anchors.at("app.py", 4)] == [id]
    assert await memories.anchors.at("app.py", 8) == []
    assert len(await memories.anchors.at("app.py")) == 1
    await memories.archive(id)
    assert await memories.anchors.at("app.py") == []


async def test_attach_adds_a_place_and_bad_ones_are_refused(memories: Memories):
    id = (await memories.remember("Stops hard")).memory.id
    memory = await memories.anchors.attach(id, AnchorRequest("app.py", symbol="stop", text=CODE))
    assert memory.anchors[0].range == TextRange(8, 0, 9, 20)
    with pytest.raises(InvalidArguments):
        await memories.anchors.attach(id, AnchorRequest("../app.py"))
    with pytest.raises(MazuError):
        await memories.anchors.attach("m_000077", AnchorRequest("app.py"))
    common = (await memories.remember("Likes tests", category="user_preference")).memory.id
    with pytest.raises(MazuError, match="project"):
        await memories.anchors.attach(common, AnchorRequest("app.py"))


async def test_a_doubtful_memory_that_was_forgotten_twice_over_stays_in_doubt(memories: Memories):
    """The replaced memory comes back as what it is: its code has changed meanwhile."""
    id = await remembered(memories, range=WAIT)
    newer = (await memories.remember("wait() follows the server", supersedes=id)).memory.id
    await memories.anchors.document_changed("app.py", "gone")
    await memories.forget(newer)
    assert (await memories.get(id)).state == "check"


lines_of_code = st.lists(
    st.sampled_from(["a = 1", "b = 2", "c()", "", "    return x", "def f():", "}"]), min_size=1, max_size=30
)


@given(before=lines_of_code, inserted=lines_of_code, data=st.data())
def test_lines_put_in_above_or_below_never_cast_doubt(before, inserted, data):
    first = data.draw(st.integers(0, len(before) - 1))
    last = data.draw(st.integers(first, len(before) - 1))
    (anchor,) = make_anchor(
        [AnchorRequest("f", TextRange(first, 0, last, len(before[last]) or 1), text="\n".join(before) + "\n")]
    )
    at = data.draw(
        st.sampled_from([place for place in range(len(before) + 1) if place <= first or place > last])
    )
    after = follow_anchor(anchor, AnchoredText("f", "\n".join(before[:at] + inserted + before[at:])))
    assert after.state != "stale"
    assert after.range
    text = (before[:at] + inserted + before[at:])[
        after.range.start_line : after.range.start_line + last - first + 1
    ]
    assert [line.strip() for line in text] == [line.strip() for line in before[first : last + 1]]


@given(
    text=st.text(max_size=200),
    start=st.integers(-3, 50),
    end=st.integers(-3, 50),
    symbol=st.text(max_size=10),
)
def test_any_place_in_any_text_can_be_anchored(text, start, end, symbol):
    try:
        (anchor,) = make_anchor([AnchorRequest("f", TextRange(start, 0, end, 0), symbol, text)])
    except InvalidArguments:
        return
    assert isinstance(follow_anchor(anchor, AnchoredText("f", text)), MemoryAnchor)
    assert isinstance(follow_anchor(anchor, AnchoredText("f", "")), MemoryAnchor)


async def test_a_memory_about_a_whole_file_is_in_doubt_when_much_of_it_changed(memories: Memories):
    text = "".join(f"line {n}\n" for n in range(40))
    made = (await memories.remember("Prices live here", anchors=[AnchorRequest("a.py", text=text)])).memory

    async def state(changed: str | None) -> str:
        await memories.anchors.document_changed("a.py", changed)
        return (await memories.get(made.id)).state

    assert await state(text.replace("line 7\n", "line seven\n")) == "current"
    assert await state("".join(f"row {n}\n" if n % 2 else f"line {n}\n" for n in range(40))) == "check"
    assert await state(text) == "current"
    assert await state(None) == "check"
    assert await state(text) == "current"
