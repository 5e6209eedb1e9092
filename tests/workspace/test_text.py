"""Bytes that nobody edited come back as they were."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.errors import MazuError
from mazu_ls.workspace import NotText, decode

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\r\n\t"), min_size=1)
ENCODINGS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
}


@given(TEXT, st.sampled_from(sorted(ENCODINGS)))
def test_marked_text_is_read_and_written_back(text: str, encoding: str) -> None:
    data = ENCODINGS[encoding] + text.encode(encoding)
    found = decode(data)
    assert found.encode(found.text) == data
    if "\0" not in text and encoding != "utf-16-le":  # a first NUL makes that mark one of UTF-32
        assert (found.text, found.encoding) == (text, encoding)


@given(st.binary(max_size=300))
def test_any_bytes_are_text_that_comes_back_or_no_text(data: bytes) -> None:
    try:
        found = decode(data)
    except NotText:
        return
    assert found.encode(found.text) == data


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        (b"caf\xe9 \x80 cr\xe8me", "cp1252", "café € crème"),
        (b"# -*- coding: koi8-r -*-\n\xf0\xd2\xc9", "koi8-r", "# -*- coding: koi8-r -*-\nПри"),
        (b"caf\xe9\x81 cr\xe8me", "iso8859-1", "caf\xe9\x81 cr\xe8me"),
        ("one\r\ntwo\n".encode("utf-16-le"), "utf-16-le", "one\r\ntwo\n"),
        ("𝒳 = 1".encode(), "utf-8", "𝒳 = 1"),
        (b"", "utf-8", ""),
    ],
)
def test_unmarked_text(data: bytes, encoding: str, text: str) -> None:
    found = decode(data)
    assert (found.encoding, found.text, found.encode(found.text)) == (encoding, text, data)


@pytest.mark.parametrize(
    "data", [b"\x7fELF\x02\0\0\0\xff", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff", bytes(range(256)), b"a\0b"]
)
def test_binary_is_said(data: bytes) -> None:
    with pytest.raises(NotText):
        decode(data)


def test_a_character_the_encoding_lacks_is_a_sentence() -> None:
    with pytest.raises(MazuError, match="cp1252, which has no"):
        decode(b"caf\xe9").encode("日本")


@pytest.mark.parametrize(("text", "newline"), [("a\r\nb\r\nc\n", "\r\n"), ("a\nb\r\n", "\n"), ("a", "\n")])
def test_the_line_end_of_most_lines(text: str, newline: str) -> None:
    assert decode(text.encode()).newline == newline
