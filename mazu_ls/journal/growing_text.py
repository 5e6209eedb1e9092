"""The text of an answer while it streams."""

from __future__ import annotations


class GrowingText:
    """Text that comes in small pieces. They are joined in blocks: a piece of four characters would take sixty bytes."""

    __slots__ = ("_blocks", "_pieces")

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._pieces: list[str] = []

    def append(self, piece: str) -> None:
        """Add a piece."""
        self._pieces.append(piece)
        if len(self._pieces) == 1024:
            self._blocks.append("".join(self._pieces))
            self._pieces.clear()

    def __str__(self) -> str:
        if self._pieces or len(self._blocks) > 1:  # what is returned is kept instead of the parts
            self._blocks = ["".join([*self._blocks, *self._pieces])]
            self._pieces.clear()
        return self._blocks[0] if self._blocks else ""

    def __bool__(self) -> bool:
        return bool(self._blocks or self._pieces)
