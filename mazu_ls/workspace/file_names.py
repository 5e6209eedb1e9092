"""File names as text, and back: bytes that are no UTF-8, control characters and backslashes are escaped as `\\xNN`.

A name on Linux is bytes. Python represents invalid UTF-8 by lone surrogates, which neither JSON nor a model's provider
accepts; and a line feed in a name would break every list. The escape is lossless.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable

from mazu_ls.workspace.lazy_pattern import lazy_pattern

_UNSHOWABLE = lazy_pattern(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\\\ud800-\udfff]")
# Never `/` and `.`: an escape must not spell a path that could not be written without it.
_NOT_ASCII = lazy_pattern(r"[^\x00-\x7f]")
_ESCAPE = lazy_pattern(r"\\x([89a-f][0-9a-f]|0[1-9a-f]|1[0-9a-f]|7f|5c)")


def show_name(path: str) -> str:
    """Return a path as text that can be stored, sent and typed; `\\xNN` stands for a byte."""
    return _UNSHOWABLE.sub(lambda match: _escaped(match[0]), path) if _UNSHOWABLE.search(path) else path


def parse_name(shown: str) -> str:
    """Return the path for which `show_name` gave this text, as Python represents it."""
    if "\\x" not in shown:
        return shown
    data = _ESCAPE.sub(lambda match: _unescaped(int(match[1], 16)), shown)
    return os.fsdecode(data.encode("utf-8", "surrogateescape"))


def without_escapes(shown: str) -> str:
    """Return the text with a letter in place of each escape, for rules about the spelling of a path."""
    return _ESCAPE.sub("x", shown)


def fold_name(name: str) -> str:
    """Return a key that is equal for names that people cannot tell apart: composed and decomposed letters, kinds of
    spaces, dashes and quotes, case."""
    if name.isascii():  # a folder may hold thousands of names
        return name.lower()
    text = unicodedata.normalize("NFKC", name).casefold()
    text = "".join(
        " " if unicodedata.category(char) == "Zs" else char for char in text if not _invisible(char)
    )
    return unicodedata.normalize("NFKC", text.translate(_PUNCTUATION))


def typed_name(shown: str) -> str:
    """Return a shown path, with its ASCII spelling if it looks like another one: `café.py (typed cafe\\xcc\\x81.py)`."""
    usual = unicodedata.normalize("NFC", shown)
    if shown == usual and not any(
        unicodedata.category(char) in ("Zs", "Cf") and char != " " for char in shown
    ):
        return shown
    return f"{shown} (typed {_NOT_ASCII.sub(lambda match: _escaped(match[0]), shown)})"


def same_but_for_case(one: str, other: str) -> bool:
    """Return whether two names differ only in case."""
    return one != other and one.casefold() == other.casefold()


def same_letters(one: str, other: str) -> bool:
    """Return whether two names are canonically equivalent: the same letters, composed or decomposed."""
    return one == other or compose(one) == compose(other)


def compose(text: str) -> str:
    """Return the text with composed letters (NFC), as keyboards and models write them."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def similar_names(name: str, names: Iterable[str]) -> list[str]:
    """Return the names that people could take for `name`, in order; never the same one."""
    wanted = fold_name(name)
    return sorted(other for other in names if other != name and fold_name(other) == wanted)


_PUNCTUATION = {ord(char): "-" for char in "‐‑‒–—−"} | {ord(char): "'" for char in "‘’ʼ′"} | {ord(char): '"' for char in "“”″"}  # fmt: skip


def _invisible(char: str) -> bool:
    return unicodedata.category(char) in ("Cf", "Mn") and unicodedata.combining(char) == 0


def _escaped(char: str) -> str:
    try:
        data = char.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return "\ufffd"  # half a surrogate pair: no file name holds one
    return "".join(f"\\x{byte:02x}" for byte in data)


def _unescaped(byte: int) -> str:
    return chr(byte) if byte < 0x80 else chr(0xDC00 + byte)
