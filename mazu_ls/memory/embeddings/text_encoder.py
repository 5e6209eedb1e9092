"""A second encoder beside the built-in one: a model that the user names, in a process or at an endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORD_BITS = 64
"""Dimensions are filled up to a multiple of this, since signs are compared by words of 64 bits."""


class TextEncoder(Protocol):
    """Makes vectors of texts. `name` names model and place: vectors of another name are made again."""

    @property
    def name(self) -> str:
        """Part of the id under which the vectors are kept."""
        ...

    async def encode(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector for each text, all of the same length. Raises MazuError where it cannot be asked or answers nonsense."""
        ...

    def share(self, language: str) -> float:
        """What part of closeness it decides for a question in `language` ("" for English or unknown); the built-in the rest."""
        ...

    async def close(self) -> None:
        """End what it runs."""
        ...


def padded_size(dimensions: int) -> int:
    """Dimensions that a vector of so many takes where it is kept."""
    return -(-dimensions // _WORD_BITS) * _WORD_BITS


def join_documents(builtin: NDArray[Any], second: Sequence[Sequence[float]], size: int) -> NDArray[Any]:
    """Rows of length 1, in which both vectors have the same weight."""
    import numpy as np

    return np.hstack((builtin, _units(second, size))) / np.float32(np.sqrt(2))


def join_query(
    builtin: NDArray[Any], second: Sequence[float] | None, size: int, share: float
) -> NDArray[Any]:
    """What a query's product with a joined row makes the weighted mean of both cosines; the built-in one alone where the second
    could not be asked."""
    import numpy as np

    other = np.zeros((1, size), dtype=np.float32) if second is None else share * _units([second], size)
    own = builtin if second is None else (1 - share) * builtin
    return np.float32(np.sqrt(2)) * np.hstack((own, other[0]))


def _units(vectors: Sequence[Sequence[float]], size: int) -> NDArray[Any]:
    import numpy as np

    rows = np.asarray(vectors, dtype=np.float32)
    rows = np.pad(rows, ((0, 0), (0, size - rows.shape[1])))
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
