"""File names as text lead back to the same bytes, and to nothing that could not be written without an escape."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.workspace.file_names import fold_name, parse_name, show_name, similar_names

NAMES = st.lists(st.binary(min_size=1, max_size=6), max_size=6).map(
    lambda parts: b"".join(parts).replace(b"\0", b"").replace(b"/", b"")
)


@given(NAMES)
def test_any_name_can_be_stored_and_comes_back(data: bytes) -> None:
    name = os.fsdecode(data)
    shown = show_name(name)
    shown.encode()
    assert "\n" not in shown
    assert os.fsencode(parse_name(shown)) == data


@pytest.mark.parametrize("text", ["\\x2e\\x2e", "\\x2f", "\\x00", "\\x41", "\\xZZ", "a\\b"])
def test_no_escape_spells_what_is_no_byte_of_a_name(text: str) -> None:
    assert parse_name(text) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cafe\u0301.py", "café.py"), ("a\u00a0b", "a b"), ("5\u202fPM", "5 PM"), ("README.md", "readme.md"), ("a\u2013b", "a-b"),
        ("it\u2019s", "it's"), ("ﬁle", "file"), ("a\u200bb", "ab"),
    ],
)  # fmt: skip
def test_names_that_look_the_same(one: str, other: str) -> None:
    assert (similar_names(one, [other, "x"]), similar_names(other, [one, other])) == ([other], [one])


def test_names_that_differ_are_not_taken_for_each_other() -> None:
    assert similar_names("resume.md", ["résumé.md", "resume.txt", "resume.md"]) == []


@given(st.text(st.characters(max_codepoint=127)))
def test_names_of_ascii_alone_are_folded_as_any_other(name: str) -> None:
    assert fold_name(name) == fold_name(f"{name}\u200b")  # which nobody sees
