"""Decodes and encodes text: encoding, byte order mark and line ends survive an edit."""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.errors import Kind, MazuError
from mazu_ls.workspace.encoding.guess import CANDIDATES, EncodingGuess, guess_encoding, same_letters
from mazu_ls.workspace.encoding.plausibility import utf8_plausibility
from mazu_ls.workspace.encoding.seven_bits import is_seven_bit
from mazu_ls.workspace.lazy_pattern import lazy_pattern

# The longer mark first: that of UTF-32-LE begins with that of UTF-16-LE.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = lazy_pattern(  # PEP 263 and Emacs, Vim, XML, HTML, CSS
    rb"""(?:coding[:=]\s*|(?:vim?|ex):.*?\b(?:fileencoding|fenc)=|<\?xml[^>]*encoding=["']|<meta[^>]*charset=["']?"""
    rb"""|@charset\s+["'])([-\w.:]+)""",
    re.IGNORECASE,
)
_SHIFTED = ("iso2022_jp", "iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_2004", "iso2022_kr")
_MODELINES = lazy_pattern(rb"(?:-\*-.*coding:|(?:vim?|ex):|\bcoding:)", re.IGNORECASE)
_ENOUGH = 12
"""Characters from which on bytes that happen to be valid UTF-16 are text."""
_SNIFFED = 8192  # bytes; git looks for NUL in as many
_STRAY = {code: code - 0xDC00 + 0xE400 for code in range(0xDC80, 0xDD00)}
_UNSTRAY = {shown: code for code, shown in _STRAY.items()}
STRAY = lazy_pattern("[\ue480-\ue4ff]")
"""An undecodable byte, as a character of the private use area that no known icon font uses."""
_SURROGATE = lazy_pattern("\ue4ed[\ue4a0-\ue4bf][\ue480-\ue4bf]")
"""A lone surrogate of UTF-16 that was encoded as if it were a character."""
REPLACEMENT = "\ufffd"
"""What editors show for such a byte."""


class NotText(Exception):
    """The bytes are no text in any known encoding."""


class DecodedText(Struct, frozen=True):
    """Text with its line ends as they are, and what is needed to encode it again: `encoding` (Python's name) and `bom`.

    `certain` is False if the encoding was guessed; `rivals` would then fit as well. In UTF-8 with `stray` bytes each of them is a
    character from U+E480 on, the byte in its last two digits.
    """

    text: str
    encoding: str = "utf-8"
    bom: bytes = b""
    certain: bool = True
    rivals: tuple[str, ...] = ()
    stray: bool = False

    def encode(self, text: str) -> bytes:
        """Return `text` as bytes of this file.

        Raises MazuError(unsupported) if the encoding has no such character, or if it was guessed and `text` has a new character that
        another encoding would encode differently.
        """
        if not self.certain:
            self._require_agreement(text)
        try:
            if self.stray:
                return self.bom + text.translate(_UNSTRAY).encode("utf-8", "surrogateescape")
            return self.bom + text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise MazuError(
                Kind.UNSUPPORTED,
                f"The file's encoding is {self.encoding}, which has no {text[error.start : error.end]!r}.",
                "Convert the file to UTF-8 first, or leave that character out.",
            ) from error

    def _require_agreement(self, text: str) -> None:
        new = {char for char in set(text) - set(self.text) if not char.isascii()}
        for char in sorted(new):
            written = {_encoded(char, encoding) for encoding in (self.encoding, *self.rivals)}
            if len(written) > 1:
                raise MazuError(
                    Kind.UNSUPPORTED,
                    f"The file does not say its encoding; it may be {self.encoding}, so {char!r} is not written into it.",
                    "Keep to ASCII, declare the encoding (charset in .editorconfig, or a modeline), or convert the file to UTF-8 first.",
                )

    @property
    def shown(self) -> str:
        """The text as an editor shows it, with U+FFFD in place of undecodable bytes."""
        if not self.stray:
            return self.text
        data = self.text.translate(_UNSTRAY).encode("utf-8", "surrogateescape")
        return data.decode("utf-8", "replace")

    @property
    def newline(self) -> str:
        """The line end of most lines; `\\n` for text of one line."""
        crlf = self.text.count("\r\n")
        return "\r\n" if crlf > self.text.count("\n") - crlf else "\n"


UNKNOWN = ("",)
"""The rivals of a guess from too little text: no new non-ASCII character is written."""


def decode(data: bytes, charset: Callable[[], str | None] = lambda: None) -> DecodedText:
    """Return the text in `data`, such that `decode(data).encode(text) == data`. Raises NotText for binary data.

    `charset` returns the encoding that the project declares for the file; it is called if the file itself declares none.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark) and (found := _exactly(data[len(mark) :], encoding, mark)) is not None:
            return found
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _legacy(data, charset)
    if "\0" in text[:_SNIFFED]:
        return _unmarked_utf16(data)
    if b"\x1b$" in data and data.isascii():
        for name in _SHIFTED:  # its escape sequences identify it
            if (found := _exactly(data, name)) is not None and not found.text.isascii():
                return found
    if data.isascii() and is_seven_bit(data):
        return DecodedText(text, certain=False, rivals=UNKNOWN)
    if data.isascii() and (name := declared_encoding(data) or charset()) and (found := _exactly(data, name)):
        # Only a name for what is written later: a declaration does not turn plain text into something else.
        return found if found.text == text or found.encoding.startswith("iso2022") else DecodedText(text)
    return DecodedText(text)


def decode_like(data: bytes, shown: str, charset: Callable[[], str | None] = lambda: None) -> DecodedText:
    """Like `decode`, for a file of which an editor shows, or showed, the text `shown`: the editor knows its encoding.

    If no encoding gives that text, the one that shares most of its non-ASCII characters is taken.
    """
    found = decode(data, charset)
    if data.isascii() or _unified(found.shown) == _unified(shown):
        return replace(found, certain=True) if not found.certain else found
    others = _candidates(data, found.bom)
    for other in others:
        if _unified(other.text) == _unified(shown):
            return other
    wanted = {char for char in shown if not char.isascii()}
    best = max((found, *others), key=lambda one: len(wanted & set(one.text)))
    return (
        best
        if wanted & set(best.text) and len(wanted & set(best.text)) > len(wanted & set(found.text))
        else found
    )


def require_encodable(data: bytes, shown: str, new: str) -> None:
    """Raise MazuError(unsupported) if a file that an editor shows as `shown` has no certain encoding for the characters `new`.

    All encodings of the same letters in which the editor may have read it must encode them alike; a file of ASCII alone counts as
    UTF-8.
    """
    found = decode_like(data, shown)
    if data.isascii() or found.encoding.startswith("utf"):
        return
    alike = same_letters(found.encoding)
    wanted = {char for char in shown if not char.isascii()}
    shared = len(wanted & set(found.text))  # unsaved text is not in the file
    fitting = [one for one in _candidates(data, found.bom) if len(wanted & set(one.text)) == shared]
    rivals = tuple(one.encoding for one in fitting if one.encoding in alike)
    replace(found, certain=not rivals, rivals=rivals).encode(found.text + new)


def _candidates(data: bytes, bom: bytes) -> list[DecodedText]:
    found = (_exactly(data[len(bom) :], name, bom) for name in CANDIDATES)
    return [one for one in found if one is not None]


def declared_encoding(data: bytes) -> str | None:
    """Return the encoding that a file declares in its first or last lines, by Python's name; None for none that is known."""
    head = data[:1024]
    lines = [head, *(line for line in data[-1024:].split(b"\n")[-6:] if _MODELINES.search(line))]
    for line in lines:
        if match := _DECLARED.search(line):
            return known_encoding(match[1].decode("ascii", "replace"))
    return None


def known_encoding(name: str) -> str | None:
    """Return Python's name of an encoding (Emacs appends the line ends to it); None if it is unknown, or no text encoding."""
    name = re.sub(r"-(?:unix|dos|mac)\Z", "", name.strip().lower())
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    return found.name if found._is_text_encoding else None


def _legacy(data: bytes, charset: Callable[[], str | None]) -> DecodedText:
    """Decode text that is no UTF-8: as it declares, with stray bytes if it is mostly UTF-8, else as is most plausible."""
    if b"\0" in data[:_SNIFFED]:
        return _unmarked_utf16(data)
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x1b\b" for byte in data[:_SNIFFED])
    if controls * 50 > len(data[:_SNIFFED]):
        raise NotText
    declared = declared_encoding(data) or charset()
    if declared:
        found = _with_stray(data) if declared == "utf-8" else _exactly(data, declared)
        if found is not None:
            return found
    guess = guess_encoding(data)
    if (found := _with_stray(data)) is not None and _is_utf8(found.text, guess):
        text = _SURROGATE.sub(REPLACEMENT, found.text)
        strays = len(STRAY.findall(text))
        letters = sum(not char.isascii() for char in text) - strays
        doubtful = strays >= max(2, letters) and guess is not None and guess.score > 0.6
        return replace(found, certain=False, rivals=UNKNOWN) if doubtful else found
    if guess is not None and (found := _exactly(data, guess.encoding)) is not None:
        return replace(found, certain=False, rivals=guess.rivals if guess.sure else UNKNOWN)
    if (found := _exactly(data, "latin-1")) is None:
        raise NotText
    return replace(found, certain=False, rivals=UNKNOWN)


def _with_stray(data: bytes) -> DecodedText | None:
    """Decode UTF-8 with undecodable bytes; None if a character of the text could be taken for one of them."""
    text = data.decode("utf-8", "surrogateescape")
    if STRAY.search(text):
        return None
    return DecodedText(text.translate(_STRAY), stray=True)


def _is_utf8(text: str, guess: EncodingGuess | None) -> bool:
    """Return whether text with stray bytes is UTF-8 all the same, and not the guessed encoding in which some pairs look like it."""
    text = _SURROGATE.sub(REPLACEMENT, text)
    score = utf8_plausibility(text, len(STRAY.findall(text)))
    return score >= (0.15 if guess is not None and guess.sure and guess.score > 0.6 else 0.0)


def _unmarked_utf16(data: bytes) -> DecodedText:
    """Decode UTF-16 without a mark: only characters that text has, its spaces and line ends among them."""
    for encoding in ("utf-16-le", "utf-16-be") if len(data) % 2 == 0 else ():
        found = _exactly(data, encoding)
        if found is not None and _is_text(found.text[:_SNIFFED]):
            return found
    raise NotText


def _is_text(text: str) -> bool:
    ascii_share = sum(char.isascii() for char in text) / max(1, len(text))
    if "\0" in text or not ascii_share:
        return False
    if ascii_share > 0.9:
        controls = sum(char < " " and char not in "\t\n\r\f\x1b\b" for char in text)
        return controls * 50 <= len(text)
    strange = any(
        unicodedata.category(char) in ("Cc", "Cn", "Co") and char not in "\t\n\r\f" for char in text
    )
    if strange:
        return False
    return ascii_share > 0.75 or (len(text) >= _ENOUGH and "\n" in text) or _is_short_text(text)


def _is_short_text(text: str) -> bool:
    """Return whether every character is ASCII that people type, or a letter of an East Asian script: "# \u6771\u4eac"."""
    plain = [char for char in text if char.isascii()]
    others = [char for char in text if not char.isascii()]
    east = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "FULLWIDTH", "IDEOGRAPHIC", "KATAKANA-HIRAGANA")
    typed = all(char.isprintable() or char in "\t\n\r" for char in plain)
    return len(plain) >= 2 and typed and all(unicodedata.name(char, "").startswith(east) for char in others)


def _exactly(data: bytes, encoding: str, mark: bytes = b"") -> DecodedText | None:
    """Decode only if encoding the result gives the same bytes."""
    try:
        text = data.decode(encoding)
        if not isinstance(text, str) or text.encode(encoding) != data:
            return None
    except (UnicodeError, LookupError):
        return None
    return DecodedText(text, codecs.lookup(encoding).name, mark)


def _encoded(char: str, encoding: str) -> bytes | None:
    try:
        return char.encode(encoding)
    except (UnicodeError, LookupError):
        return None


def _unified(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def split_lines(text: str, *, ends: bool = True) -> list[str]:
    """Return the lines, divided where LSP divides: at CRLF, LF and CR, nowhere else; with line ends unless `ends` is False."""
    lines = list(io.StringIO(text, newline=""))
    return lines if ends else [line.rstrip("\r\n") for line in lines]
