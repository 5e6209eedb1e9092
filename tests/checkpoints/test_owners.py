"""Whose a change is, and what a selection names: the words of a rollback's decision, without a store."""

from pathlib import PurePath

import pytest

from mazu_ls.checkpoints.attribution.owners import (
    BENEATH,
    MOVED,
    PERHAPS,
    AttributedChanges,
    Change,
    changes_by,
)
from mazu_ls.checkpoints.attribution.recorded_writes import AUTOMATIC, IMPORTED, ROLLBACK, USER, rollback_of
from mazu_ls.checkpoints.models import is_selected, readable_size
from mazu_ls.checkpoints.restore_selection import RestoreSelection

MINE, OTHER = "s_mine", "s_other"


@pytest.mark.parametrize(
    ("sessions", "user", "anybody", "mine"),
    [
        ({MINE}, False, "agent", "agent"), ({OTHER}, False, "agent", "user"), ({MINE, OTHER}, False, "agent", "both"),
        ({MINE}, True, "both", "both"), ({OTHER}, True, "both", "user"), (set(), True, "user", "user"), (set(), False, "user", "user"),
        ({AUTOMATIC}, False, "agent", "agent"), ({AUTOMATIC}, True, "user", "user"), ({AUTOMATIC, MINE}, False, "agent", "agent"),
        ({IMPORTED}, False, "agent", "agent"), ({IMPORTED}, True, "both", "both"), ({IMPORTED, MINE}, False, "agent", "agent"),
        ({rollback_of(MINE)}, False, "agent", "user"), ({rollback_of(MINE), MINE}, False, "agent", "agent"),
        ({rollback_of(OTHER), MINE}, False, "agent", "both"), ({ROLLBACK, MINE}, False, "agent", "both"),
    ],
)  # fmt: skip
def test_the_owner_of_a_change_for_everybody_and_for_one_session(
    sessions: set[str], user: bool, anybody: str, mine: str
) -> None:
    change = Change(set(sessions), user)
    assert (change.owner(), change.owner(MINE)) == (anybody, mine)
    assert (change.file_owner(), change.file_owner(MINE)) == (anybody, mine)
    change.beneath = True
    assert (change.file_owner(), change.file_owner(MINE)) == ("user", "user")


@pytest.mark.parametrize("stored", range(16))
def test_what_the_table_holds_of_the_users_part_comes_back(stored: int) -> None:
    if stored & 3 == 3:
        return  # no row has it
    change = Change()
    change.add(["s_1", "", "s_2"], stored)
    assert change.sessions == {"s_1", "s_2"} and change.stored_user == stored
    assert (change.uncertain, change.beneath, change.moved) == (
        stored & 3 == PERHAPS,
        bool(stored & BENEATH),
        bool(stored & MOVED),
    )
    assert change.user is bool(stored & 3)
    change.add([], 0)
    assert change.stored_user == stored
    change.add([], 1)
    assert change.user and change.uncertain is (stored & 3 == PERHAPS)


def test_a_rollbacks_writes_are_told_from_what_came_after() -> None:
    undo = rollback_of(MINE)
    assert (rollback_of(None), undo) == (ROLLBACK, f"{ROLLBACK}:{MINE}")
    assert (
        Change({undo, ROLLBACK}).is_rollback
        and not Change({undo, MINE}).is_rollback
        and not Change().is_rollback
    )
    assert not Change({undo}, user=True).is_rollback and not Change({undo}, beneath=True).is_rollback
    first, later = Change({undo, MINE}, user=True, moved=True).split()
    assert first == Change({undo}) and later == Change({MINE}, user=True, moved=True)
    assert Change({IMPORTED}).is_missing and not Change({IMPORTED}, user=True).is_missing
    assert not Change({IMPORTED, MINE}).is_missing
    assert changes_by({b"a": {USER, MINE}, b"b": {MINE}}) == {
        b"a": Change({MINE}, user=True),
        b"b": Change({MINE}),
    }


def test_a_place_without_a_record_is_the_users_or_anybodys() -> None:
    changes = AttributedChanges()
    changes.add(b"a", [MINE], user=0)
    changes.add(b"b", [MINE], user=PERHAPS)
    changes.add(b"c", [], user=BENEATH)
    changes.add(b"d", [rollback_of(MINE)], user=MOVED)
    changes.add(b"e", [IMPORTED], user=0)
    changes.add(b"f", [], user=1)
    assert list(changes) == [b"a", b"b", b"c", b"d", b"e", b"f"] and b"a" in changes and b"z" not in changes
    assert [place for place in b"abcdefz" if changes.only_agents(bytes([place]))] == list(b"ade")
    assert [place for place in b"abcdefz" if changes.uncertain(bytes([place]))] == list(b"b")
    assert [place for place in b"abcdefz" if changes.beneath(bytes([place]))] == list(b"c")
    assert [place for place in b"abcdefz" if changes.moved(bytes([place]))] == list(b"d")
    assert [place for place in b"abcdefz" if changes.rolled_back(bytes([place]))] == list(b"d")
    assert [place for place in b"abcdefz" if changes.was_missing(bytes([place]))] == list(b"e")
    assert (changes.owner(b"a"), changes.owner(b"b"), changes.owner(b"z")) == ("agent", "both", "user")
    changes.unknown = True
    assert changes.owner(b"z") == "both" and changes.owner(b"a") == "agent"
    assert changes.uncertain(b"z") and changes.uncertain(b"a")


def test_a_selection_names_sections_files_and_memories() -> None:
    everything = RestoreSelection()
    assert (
        everything.whole and everything.has("code") and everything.has("memory") and everything.names("a/b")
    )
    assert RestoreSelection(only=("conversation", "memory", "skills", "code")).whole
    assert not RestoreSelection(only=("conversation", "memory", "skills")).whole
    code = RestoreSelection(only=("code",))
    assert not code.whole and code.has("code") and not code.has("memory")
    files = RestoreSelection(paths=("src", "a.py"))
    assert not files.whole and files.has("code") and not files.has("memory")
    assert RestoreSelection(only=("memory",), paths=("src",)).has("memory")
    assert [name for name in ("src", "src/x", "srcs", "a.py", "b/a.py") if files.names(name)] == [
        "src",
        "src/x",
        "a.py",
    ]
    assert not RestoreSelection(session=MINE).whole and not RestoreSelection(memories=("m",)).whole
    one = RestoreSelection(memories=("m_1", "notes/m_2"))
    assert [name for name in ("m_1", "x/m_1", "notes/m_2", "m_2", "m_3") if one.names_memory(name)] == [
        "m_1",
        "x/m_1",
        "notes/m_2",
    ]
    assert everything.names_memory("m_3")
    assert (
        is_selected("a/b", ("a/",)) and not is_selected("ab", ("a",)) and is_selected(str(PurePath("a")), ())
    )


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1, "1 bytes"), (1023, "1023 bytes"), (1024, "1 KiB"), (1536, "1.5 KiB"), (2**20, "1 MiB"), (2**30 * 3, "3 GiB"), (2**42, "4096 GiB")],
)  # fmt: skip
def test_sizes_are_for_people(count: int, text: str) -> None:
    assert readable_size(count) == text
