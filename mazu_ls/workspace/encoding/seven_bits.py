"""Recognises HZ and UTF-7: text of other scripts in ASCII bytes, which a character written as UTF-8 would make unreadable."""

from __future__ import annotations

import re

from mazu_ls.workspace.encoding.letters import CYRILLIC, GREEK, HANGUL, HANZI, KANJI
from mazu_ls.workspace.lazy_pattern import lazy_pattern

SAMPLED = 1 << 16
"""Bytes at the start of a file that are looked at."""
_HZ = lazy_pattern(rb"~\{((?:[\x21-\x23\x30-\x77][\x21-\x7e])+)~\}")
"""Ideographs, whose first bytes are from 0x30 on, and punctuation."""
_UTF7 = lazy_pattern(rb"(?<![A-Za-z0-9+/])\+([A-Za-z0-9+/]{6,4000})(-?)(?![A-Za-z0-9+/])")
_COMMON = frozenset(HANZI | KANJI | HANGUL | CYRILLIC.keys() | GREEK.keys())
_EAST = (("\u3000", "\u30ff"), ("\u4e00", "\u9fff"), ("\uac00", "\ud7a3"), ("\uff01", "\uff5e"))
MOST_RUNS = 200


def is_seven_bit(data: bytes) -> bool:
    """Return whether a file of ASCII bytes holds characters of other scripts, as HZ (RFC 1843) or UTF-7 (RFC 2152) write them."""
    head = data[:SAMPLED]
    if b"~{" in head:
        runs = [match[1] for match in _HZ.finditer(head)][:MOST_RUNS]
        texts = [bytes(byte | 0x80 for byte in run).decode("gb2312", "replace") for run in runs]
        if sum(map(len, texts)) >= 2 and not any("\ufffd" in text for text in texts):
            return True
    return b"+" in head and any(map(_is_utf7, list(_UTF7.finditer(head))[:MOST_RUNS]))


def _is_utf7(match: re.Match[bytes]) -> bool:
    """Return whether a run of base64 is characters that people write: as nothing but ideographs, or letters that are common."""
    try:
        text = (b"+" + match[1] + b"-").decode("utf-7")
    except UnicodeDecodeError:
        return False
    if len(text) < 2 or text.encode("utf-7") != b"+" + match[1] + b"-":
        return False
    if all(any(first <= char <= last for first, last in _EAST) for char in text):
        return bool(match[2]) or len(text) >= 4
    return all(map(_is_common, text))


def _is_common(char: str) -> bool:
    low = char.lower()
    between = (("\u00df", "\u017f"), ("\u05d0", "\u05ea"), ("\u0621", "\u064a"), ("\u0e01", "\u0e4e"))
    return low in _COMMON or any(first <= low <= last for first, last in between)
