"""A text for parsers: UTF-8 with line feeds, and the mapping from bytes back to characters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from tree_sitter import Node

_LONE_CR = re.compile(rb"\r(?!\n)")


class SourceText(Struct, frozen=True):
    """UTF-8 in which a lone carriage return, a line end to editors, is a line feed; `ascii` saves the decoding."""

    data: bytes
    ascii: bool

    @classmethod
    def encode(cls, text: str | bytes) -> SourceText:
        """Encode a text; lone surrogates become invalid UTF-8, which parsers report as an error at that place."""
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        if b"\r" in data:
            data = _LONE_CR.sub(b"\n", data)
        return cls(data, data.isascii())

    def position(self, byte: int, point: tuple[int, int]) -> tuple[int, int]:
        """Return line and character of a parser's position."""
        row, column = point
        if self.ascii:
            return row, column
        before = self.data[byte - column : byte]
        try:
            return row, len(before.decode("utf-8", "surrogatepass"))
        except UnicodeDecodeError:  # it was bytes in another encoding
            return row, len(before.decode("utf-8", "replace"))

    def text_of(self, node: Node) -> str:
        """Return the text of a node."""
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def lines(self) -> list[str]:
        """Return the lines without their ends."""
        return [line.removesuffix("\r") for line in self.data.decode("utf-8", "replace").split("\n")]
