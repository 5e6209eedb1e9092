"""The embedding of a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from numpy.typing import NDArray


class QueryEmbedding(Struct, frozen=True):
    """The vector of a query, length 1; `known` is False if the encoder knows none of its words.

    Such a vector shows which entries are nearest, but closeness to it is no match. `second`: a second encoder has a part in it.
    """

    vector: NDArray[Any]
    known: bool = True
    second: bool = False
