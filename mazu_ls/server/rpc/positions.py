"""LSP positions: a 0-based line, and a count of code units in the negotiated encoding (LSP 3.17, "Position")."""

from __future__ import annotations

from typing import Literal

Encoding = Literal["utf-8", "utf-16", "utf-32"]
ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")


def choose(offered: object) -> Encoding:
    """Return the first encoding that the client prefers and we know; utf-16, the default of LSP, if none is offered."""
    if isinstance(offered, list):
        for name in offered:
            if name in ENCODINGS:
                return name
    return "utf-16"


def to_index(line: str, units: int, encoding: Encoding) -> int:
    """Return the index into `line` of a position `units` code units in; one inside a character means its start.

    Beyond the end means the end.
    """
    if encoding == "utf-32" or line.isascii():
        return min(units, len(line))
    if encoding == "utf-8":
        data = line.encode("utf-8", "surrogatepass")
        cut = min(units, len(data))
        while 0 < cut < len(data) and data[cut] & 0xC0 == 0x80:
            cut -= 1
        return len(data[:cut].decode("utf-8", "surrogatepass"))
    data = line.encode("utf-16-le", "surrogatepass")
    cut = min(units * 2, len(data))
    if 0 < cut < len(data) and data[cut + 1] & 0xFC == 0xDC and data[cut - 1] & 0xFC == 0xD8:
        cut -= 2
    return len(data[:cut].decode("utf-16-le", "surrogatepass"))


def to_units(line: str, index: int, encoding: Encoding) -> int:
    """Return the code units before `index` in `line`."""
    before = line[:index]
    if encoding == "utf-32" or before.isascii():
        return len(before)
    if encoding == "utf-8":
        return len(before.encode("utf-8", "surrogatepass"))
    return len(before.encode("utf-16-le", "surrogatepass")) // 2
