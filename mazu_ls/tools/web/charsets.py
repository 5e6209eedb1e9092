"""Which encodings a page may name."""

from __future__ import annotations

import codecs
from typing import TypeGuard

CHARSETS = frozenset(
    [
        "ascii",
        "utf-8",
        "utf-16",
        "utf-16-be",
        "utf-16-le",
        "iso8859-1",
        "iso8859-2",
        "iso8859-3",
        "iso8859-4",
        "iso8859-5",
        "iso8859-6",
        "iso8859-7",
        "iso8859-8",
        "iso8859-9",
        "iso8859-10",
        "iso8859-13",
        "iso8859-14",
        "iso8859-15",
        "iso8859-16",
        "koi8-r",
        "koi8-u",
        "mac-roman",
        "mac-cyrillic",
        "cp866",
        "cp874",
        "tis-620",
        "cp1250",
        "cp1251",
        "cp1252",
        "cp1253",
        "cp1254",
        "cp1255",
        "cp1256",
        "cp1257",
        "cp1258",
        "gb2312",
        "gbk",
        "gb18030",
        "big5",
        "big5hkscs",
        "euc_jp",
        "iso2022_jp",
        "shift_jis",
        "cp932",
        "euc_kr",
        "cp949",
    ]
)
"""The encodings of https://encoding.spec.whatwg.org/#names-and-labels, by Python's names.

Python knows others that are no encodings of text, or take quadratic time (punycode: 6 s for 320 KB), and a server may name any.
"""


def is_of_the_web(charset: str | None) -> TypeGuard[str]:
    """Return whether browsers know an encoding of this name."""
    try:
        return charset is not None and codecs.lookup(charset).name in CHARSETS
    except (LookupError, ValueError):
        return False
