"""Text as bytes: encoding, byte order mark and line ends survive an edit of something else."""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass

from mazu_ls.errors import Kind, MazuError

# The longer mark first: that of UTF-32-LE begins with that of UTF-16-LE.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(  # PEP 263, Vim and Emacs modelines, XML, HTML, CSS
    rb"""(?:coding[:=]\s*|fileencoding=|<\?xml[^>]*encoding=["']|<meta[^>]*charset=["']?|@charset\s+["'])([-\w.]+)""",
    re.IGNORECASE,
)
_SNIFFED = 8192  # bytes; git looks for NUL in as many


class NotText(Exception):
    """The bytes are no text in any encoding we know."""


@dataclass(frozen=True)
class DecodedText:
    """Text with its line ends as they are, and what is needed to write it back: `encoding` (Python's name) and `bom`."""

    text: str
    encoding: str = "utf-8"
    bom: bytes = b""

    def encode(self, text: str) -> bytes:
        """`text` as bytes of this file. Raises MazuError(unsupported) if the encoding has no such character."""
        try:
            return self.bom + text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise MazuError(
                Kind.UNSUPPORTED,
                f"The file is {self.encoding}, which has no {text[error.start : error.end]!a}.",
                "Convert the file to UTF-8 first, or leave that character out.",
            ) from error

    @property
    def newline(self) -> str:
        """The line end that most lines have; `\\n` for text of one line."""
        crlf = self.text.count("\r\n")
        return "\r\n" if crlf > self.text.count("\n") - crlf else "\n"


def decode(data: bytes) -> DecodedText:
    """The text in `data`, such that `decode(data).encode(text) == data`. Raises NotText for binary data."""
    for mark, encoding in _MARKS:
        if data.startswith(mark) and (found := _exactly(data[len(mark) :], encoding, mark)) is not None:
            return found
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _legacy(data)
    if "\0" in text[:_SNIFFED]:
        return _unmarked_utf16(data)
    return DecodedText(text)


def _legacy(data: bytes) -> DecodedText:
    """Eight-bit text: what the file declares, else Windows-1252, else Latin-1, which takes every byte."""
    if b"\0" in data[:_SNIFFED]:
        return _unmarked_utf16(data)
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x1b\b" for byte in data[:_SNIFFED])
    if controls * 50 > len(data[:_SNIFFED]):
        raise NotText
    declared = _DECLARED.search(data[:1024])
    candidates = ([declared[1].decode("ascii")] if declared else []) + ["cp1252", "latin-1"]
    for encoding in candidates:
        if (found := _exactly(data, encoding)) is not None:
            return found
    raise NotText


def _unmarked_utf16(data: bytes) -> DecodedText:
    """UTF-16 without a mark: mostly ASCII, so that every other byte of the start is NUL."""
    start = data[:_SNIFFED]
    for encoding, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[0::2])):
        if len(data) % 2 == 0 and zeros.count(0) * 10 > len(zeros) * 9:
            found = _exactly(data, encoding)
            if found is not None and "\0" not in found.text[:_SNIFFED]:
                return found
    raise NotText


def _exactly(data: bytes, encoding: str, mark: bytes = b"") -> DecodedText | None:
    """Decoded only if encoding it again gives the same bytes."""
    try:
        text = data.decode(encoding)
        if not isinstance(text, str) or text.encode(encoding) != data:
            return None
    except (UnicodeError, LookupError):
        return None
    return DecodedText(text, codecs.lookup(encoding).name, mark)


def split_lines(text: str, *, ends: bool = True) -> list[str]:
    """Lines, divided where LSP divides: at CRLF, LF and CR, nowhere else; with their line ends unless `ends` is False."""
    lines = list(io.StringIO(text, newline=""))
    return lines if ends else [line.rstrip("\r\n") for line in lines]
