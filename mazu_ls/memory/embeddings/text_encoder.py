"""A second encoder in addition to the built-in one: a model that the user names, in a process or at an endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mazu_ls.memory.embeddings.encoder_folder import EncoderPrompts

_WORD_BITS = 64
"""Dimensions are padded to a multiple of this, since signs are compared in 64-bit words."""


class TextEncoder(Protocol):
    """Computes vectors of texts. `name` identifies model and place: vectors of another name are computed again."""

    @property
    def name(self) -> str:
        """Part of the id under which the vectors are stored."""
        ...

    @property
    def prompts(self) -> EncoderPrompts | None:
        """What stands before questions and statements; None if only its name can tell."""
        ...

    async def encode(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return one vector for each text, all of the same length. Raises MazuError if it cannot be asked or its answer
        is invalid."""
        ...

    def share(self, language: str) -> float:
        """Return the encoder's share of closeness for a query in `language` ("" for English or unknown); the built-in
        one has the rest."""
        ...

    async def close(self) -> None:
        """Release its resources."""
        ...


def padded_size(dimensions: int) -> int:
    """Return the padded number of dimensions as stored."""
    return -(-dimensions // _WORD_BITS) * _WORD_BITS


def join_documents(builtin: NDArray[Any], second: NDArray[Any], size: int) -> NDArray[Any]:
    """Concatenate rows of length 1 so that both vectors have the same weight."""
    import numpy as np

    return np.hstack((builtin, _units(second, size))) / np.float32(np.sqrt(2))


def join_query(builtin: NDArray[Any], second: NDArray[Any] | None, size: int, share: float) -> NDArray[Any]:
    """Build the query vector whose product with a joined row is the weighted mean of both cosines; of the built-in one
    alone if the second encoder gave none."""
    import numpy as np

    other = np.zeros((1, size), dtype=np.float32) if second is None else share * _units(second[None], size)
    own = builtin if second is None else (1 - share) * builtin
    return np.float32(np.sqrt(2)) * np.hstack((own, other[0]))


def _units(rows: NDArray[Any], size: int) -> NDArray[Any]:
    import numpy as np

    rows = np.pad(rows, ((0, 0), (0, size - rows.shape[1])))
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
