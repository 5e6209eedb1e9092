"""The server's copy of a document is the editor's text, whatever is typed, in every position encoding."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.server.documents.documents import OpenDocument, OpenDocuments, split_lines
from mazu_ls.server.documents.text_edits import text_edits
from mazu_ls.server.rpc.lsp_types import ContentChange, DocumentItem, LspPosition, LspRange
from mazu_ls.server.rpc.positions import ENCODINGS, Encoding, choose, to_index, to_units

TEXT = st.text(alphabet="ab \té€𝒳👩\r\n\u2028\x0b\x85", max_size=40)
ENCODING = st.sampled_from(ENCODINGS)


def document(text: str, encoding: Encoding = "utf-16") -> OpenDocument:
    return OpenDocument(DocumentItem("file:///a.py", 1, text), encoding)


def units(text: str, encoding: Encoding) -> int:
    """Code units by the book."""
    sizes = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
    codec, size = sizes[encoding]
    return len(text.encode(codec)) // size


def position(text: str, offset: int, encoding: Encoding) -> LspPosition:
    """The position of a character offset, counted naively. Between CR and LF there is none: the CR's is taken."""
    if text[:offset].endswith("\r") and text[offset : offset + 1] == "\n":
        offset -= 1
    before = re.split(r"\r\n|\r|\n", text[:offset])
    return LspPosition(len(before) - 1, units(before[-1], encoding))


@given(TEXT)
def test_lines_are_cut_where_lsp_cuts_and_nowhere_else(text: str):
    assert "".join(split_lines(text)) == text
    expected = len(re.findall(r"\r\n|\r|\n", text)) + (not text.endswith(("\r", "\n")) and text != "")
    assert len(split_lines(text)) == expected


@given(TEXT, ENCODING, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), TEXT), max_size=8))
def test_any_typing_leaves_both_sides_with_the_same_text(
    text: str, encoding: Encoding, typing: list[tuple[int, int, str]]
):
    ours = document(text, encoding)
    for first, second, new in typing:
        start, end = sorted((min(first, len(text)), min(second, len(text))))
        # An editor never sends a place between CR and LF.
        start -= text[:start].endswith("\r") and text[start : start + 1] == "\n"
        end -= text[:end].endswith("\r") and text[end : end + 1] == "\n"
        ours.apply(
            ContentChange(new, LspRange(position(text, start, encoding), position(text, end, encoding)))
        )
        text = text[:start] + new + text[end:]
        assert ours.text == text
        assert ours.lines == split_lines(text)


@given(TEXT, TEXT, ENCODING)
def test_edits_from_one_text_to_another_arrive_exactly(before: str, after: str, encoding: Encoding):
    edits = text_edits(document(before, encoding), after)
    editor = document(before, encoding)
    for edit in sorted(edits, key=lambda edit: edit.range.start, reverse=True):
        editor.apply(ContentChange(edit.new_text, edit.range))
    assert editor.text == after


@given(TEXT, ENCODING)
def test_positions_and_offsets_are_inverse(text: str, encoding: Encoding):
    ours = document(text, encoding)
    for offset in range(len(text) + 1):
        if not (text[:offset].endswith("\r") and text[offset : offset + 1] == "\n"):
            assert ours.position_at(offset) == position(text, offset, encoding)
            assert ours.offset(ours.position_at(offset)) == offset


@given(st.text(alphabet="aé€𝒳👩", max_size=20), ENCODING)
def test_units_and_indices_are_inverse(line: str, encoding: Encoding):
    for index in range(len(line) + 1):
        assert to_index(line, to_units(line, index, encoding), encoding) == index


@pytest.mark.parametrize(("encoding", "inside"), [("utf-8", 2), ("utf-16", 1)])
def test_a_place_inside_a_character_means_its_start(encoding: Encoding, inside: int):
    assert to_index("👩x", inside, encoding) == 0
    assert to_index("👩x", 99, encoding) == 2


def test_a_lone_surrogate_is_one_unit_and_survives():
    ours = document("a\ud83db", "utf-16")
    ours.apply(ContentChange("!", LspRange(LspPosition(0, 2), LspPosition(0, 2))))
    assert ours.text == "a\ud83d!b"


def test_a_place_beyond_the_end_is_the_end():
    ours = document("one\ntwo")
    ours.apply(ContentChange("!", LspRange(LspPosition(99, 5), LspPosition(120, 0))))
    assert ours.text == "one\ntwo!"
    ours.apply(ContentChange("?", LspRange(LspPosition(0, 99), LspPosition(0, 99))))
    assert ours.text == "one?\ntwo!"


def test_only_changed_lines_are_sent():
    before = "".join(f"line {n}\n" for n in range(1000))
    after = before.replace("line 3\n", "line three\n").replace("line 900\n", "")
    edits = text_edits(document(before), after)
    assert len(edits) == 2
    assert sum(len(edit.new_text) for edit in edits) < 20


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\rb\n", "a\r\nb\n"),
        ("a\r\nb\n", "a\rb\n"),
        ("a\nb\n", "a\r\nb\n"),
        ("a\r\nb\n", "a\nb\n"),
        ("a\r\n\nb\n", "a\r\n\r\nb\n"),
    ],
)
def test_no_edit_begins_or_ends_between_the_two_characters_of_a_line_end(before: str, after: str):
    ours = document(before)
    for edit in text_edits(ours, after):
        start, end = ours.offset(edit.range.start), ours.offset(edit.range.end)
        assert not (before[:start].endswith("\r") and (before[start:] + edit.new_text).startswith("\n"))
        assert not (before[:start].endswith("\r") and edit.new_text.startswith("\n"))
        assert not ((edit.new_text or before[:start]).endswith("\r") and before[end:].startswith("\n"))


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (None, "utf-16"),
        ([], "utf-16"),
        (["utf-7"], "utf-16"),
        (["utf-32", "utf-8"], "utf-32"),
        (["x", "utf-8"], "utf-8"),
    ],
)
def test_the_client_s_first_known_encoding_is_taken(offered: object, chosen: str):
    assert choose(offered) == chosen


@pytest.mark.parametrize(
    ("opened", "asked"),
    [
        ("file:///c%3A/Work/a.py", "file:///C:/Work/a.py"),
        ("file:///home/u/a%20b.py", "file:///home/u/a b.py"),
        ("file:///home/u/%C3%A9.py", "file:///home/u/é.py"),
        ("file:///home/u/./x/../a.py", "file:///home/u/a.py"),
        ("file://wsl%24/Ubuntu/home/a.py", "file://wsl$/Ubuntu/home/a.py"),
        ("file://localhost/a.py", "file:///a.py"),
        ("untitled:Untitled-1", "untitled:Untitled-1"),
    ],
)
def test_one_document_under_any_spelling_of_its_uri(opened: str, asked: str):
    documents = OpenDocuments()
    documents.open(DocumentItem(opened, 1, "x"))
    found = documents.get(asked)
    assert found is not None
    assert found.uri == opened
    assert documents.get("file:///other.py") is None


def test_a_key_stroke_in_a_large_file_costs_little():
    """A guard against a cost that grows with the file; the figure is in benchmarks/while_busy.py."""
    small, large = (document("some line of code\n" * lines) for lines in (100, 200_000))

    def cost(ours: OpenDocument) -> float:
        begin = time.process_time()
        for column in range(200):
            ours.apply(ContentChange("x", LspRange(LspPosition(50, column), LspPosition(50, column))))
        return time.process_time() - begin

    assert cost(large) < 50 * cost(small) + 0.05
