"""Vectors of memory entries: one int8 vector and its signs (one bit per dimension) for each entry.

A search compares signs first (Hamming distance over 96 bytes an entry, all in memory: 10 MB for 100,000 entries) and
then the int8 vectors of the nearest, which are read from the database. Vectors are computed in the background: triggers
record each entry whose text is new or changed in `memory_unembedded`, also when a rollback restores rows.

Processes with and without a second encoder may share a store. Then its rows have two lengths: whole ones, and those of
the built-in model alone, which every process reads and writes. `memory_vector_model` names the model of the second
part.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from typing import TYPE_CHECKING, Any, NamedTuple

from mazu_ls.memory.embeddings.text_embeddings import DIMENSIONS, MODEL_ID
from mazu_ls.memory.embeddings.vector_rows import row_dimensions
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw
    from numpy.typing import NDArray

NEAREST = 50
_SHORTLIST = 200
_SMALL_STORE = 1_000
"""Up to so many entries the whole shortlist is returned: there is time, and related words decide beside the vectors."""
_SAMPLE = 256
"""Number of entries whose mean vector represents the store; in a store of no more it is exact."""
_PRIOR_CLOSENESS, _PRIOR_ENTRIES = 0.06, 8
"""The cosine of two unrelated texts of developers, and the number of entries as which it counts: a store of three says
little about what is usual."""


class SampleMean(NamedTuple):
    """The mean vector of a sample of a store, and the sample's size; `whole` if it is the entire store."""

    vector: Any
    size: int
    whole: bool

    def closeness(self, query: NDArray[Any]) -> float:
        """Return the mean cosine of `query` with the entries of the sample."""
        return float(self.vector @ query) if self.size else 0.0

    def usual_closeness(self, mean: float, own: float) -> float:
        """Return the `mean` cosine of a query with the entries of the store, without the one whose cosine is `own`."""
        left = self.size - self.whole
        total = self.size * mean - self.whole * own if self.size else 0.0
        return (total + _PRIOR_ENTRIES * _PRIOR_CLOSENESS) / (max(left, 0) + _PRIOR_ENTRIES)


class VectorIndex:
    """The signs of one store's vectors, read once and then updated with newer rows.

    Used on the store's reading connection only. A deleted entry stays in memory until the index is read again; the
    caller drops it when loading entries. `model_id` is that of the process, not always that of the rows.
    """

    def __init__(self) -> None:
        self.model_id = MODEL_ID
        self._kept = ""
        self._epoch = -1
        self._stamp = 0
        self._mean = SampleMean(0.0, 0, True)
        self._mean_of = 0
        self._groups: dict[int, tuple[Any, Any]] = {}
        """Numbers and signs of the entries, by the dimensions of their rows: 64 signs a word, one row per word; column
        `i` belongs to entry `numbers[i]`."""

    def search(
        self, db: apsw.Connection, query: NDArray[Any], limit: int = NEAREST, also: Sequence[int] = ()
    ) -> tuple[list[int], dict[int, float]]:
        """Return the numbers of the entries nearest to `query` (length 1), the nearest first, and the cosine of each of them and of
        those of `also` that have a vector."""
        self._refresh(db)
        nearest = {
            int(n)
            for dimensions, (numbers, signs) in self._groups.items()
            for n in numbers[_nearest_columns(signs, self.fit(query, dimensions))]
        }
        found = self.closeness(db, list(nearest.union(also)), query)
        entries = sum(len(numbers) for numbers, _ in self._groups.values())
        most = max(limit, _SHORTLIST) if entries <= _SMALL_STORE else limit
        first = nlargest(most, nearest & found.keys(), key=found.__getitem__)
        return first, found

    def closeness(self, db: apsw.Connection, numbers: Sequence[int], query: NDArray[Any]) -> dict[int, float]:
        """Return the cosine of `query` (length 1) with the vectors of these entries; entries without a fitting vector
        are left out."""
        found: dict[int, float] = {}
        for dimensions in row_dimensions(self._kept) if numbers else ():
            some, units = _unit_vectors(db, numbers, dimensions)
            if some:
                found.update(zip(some, (units @ self.fit(query, dimensions)).tolist(), strict=True))
        return found

    def mean(self, db: apsw.Connection) -> SampleMean:
        """Return the mean vector of the entries, or of a sample; computed again when their number changed by an eighth.

        If rows have two lengths, of the more frequent one.
        """
        dimensions, numbers = max(
            ((size, group[0]) for size, group in self._groups.items()),
            key=lambda pair: len(pair[1]),
            default=(0, ()),
        )
        entries = len(numbers)
        if entries and 8 * abs(entries - self._mean_of) > self._mean_of:
            step = -(-entries // _SAMPLE)
            found, units = _unit_vectors(db, list(map(int, numbers[::step])), dimensions)
            self._mean = SampleMean(units.mean(axis=0), len(found), step == 1) if found else self._mean
            self._mean_of = entries
        return self._mean

    def fit(self, query: NDArray[Any], dimensions: int) -> NDArray[Any]:
        """Return the part of `query` that is compared with rows of so many dimensions: the built-in part alone if the
        rest does not fit."""
        import numpy as np

        if len(query) == dimensions and (dimensions == DIMENSIONS or self._kept == self.model_id):
            return query
        own = query[:DIMENSIONS] / max(float(np.linalg.norm(query[:DIMENSIONS])), 1e-9)
        if dimensions == DIMENSIONS:
            return own
        # Both parts of a whole row have the same weight (text_encoder.join_documents).
        return np.float32(np.sqrt(2)) * np.pad(own, (0, dimensions - DIMENSIONS))

    def _refresh(self, db: apsw.Connection) -> None:
        import numpy as np

        ((model, epoch),) = select(db, "SELECT id, epoch FROM memory_vector_model")
        if (model, epoch) != (self._kept, self._epoch):
            self._kept, self._epoch, self._stamp, self._groups = model, epoch, 0, {}
            self._mean, self._mean_of = SampleMean(0.0, 0, True), 0
        sizes = row_dimensions(model)
        rows = (
            select(
                db, "SELECT n, stamp, signs FROM memory_vector WHERE stamp > ? ORDER BY stamp", (self._stamp,)
            )
            if sizes
            else []
        )
        if not rows:
            return
        self._stamp = rows[-1][1]
        changed = np.array([n for n, _, _ in rows], dtype=np.int64)
        for dimensions in sizes:
            some = [(n, bits) for n, _, bits in rows if 8 * len(bits) == dimensions]
            numbers = np.array([n for n, _ in some], dtype=np.int64)
            signs = np.frombuffer(b"".join(bits for _, bits in some), dtype=np.uint64)
            signs = signs.reshape(len(some), dimensions // 64).T
            if dimensions in self._groups:
                old, old_signs = self._groups[dimensions]
                kept = ~np.isin(old, changed)
                numbers = np.concatenate((old[kept], numbers))
                signs = np.concatenate((old_signs[:, kept], signs), axis=1)
            self._groups[dimensions] = numbers, np.ascontiguousarray(signs)


def _nearest_columns(columns: NDArray[Any], query: NDArray[Any]) -> NDArray[Any]:
    """Return the columns with the most signs in common with `query`."""
    import numpy as np

    signs = np.packbits(query > 0).view(np.uint64)
    distance = np.zeros(columns.shape[1], dtype=np.uint16)
    for column, word in zip(columns, signs, strict=True):  # four times as fast as a sum over a short axis
        distance += np.bitwise_count(column ^ word)
    if len(distance) > _SHORTLIST:
        return np.argpartition(distance, _SHORTLIST)[:_SHORTLIST]
    return np.arange(len(distance))


def _unit_vectors(
    db: apsw.Connection, numbers: Sequence[int], dimensions: int
) -> tuple[list[int], NDArray[Any]]:
    """Return which of these entries have a vector of so many dimensions, and their vectors as rows of length 1."""
    import numpy as np

    marks = ", ".join("?" * len(numbers))
    rows = select(db, f"SELECT n, vector FROM memory_vector WHERE n IN ({marks})", numbers)
    rows = [(n, vector) for n, vector in rows if len(vector) == dimensions]
    if not rows:
        return [], np.zeros((0, dimensions), dtype=np.float32)
    vectors = np.frombuffer(b"".join(vector for _, vector in rows), dtype=np.int8).reshape(len(rows), -1)
    floats = vectors.astype(np.float32)
    floats /= np.maximum(np.sqrt(np.einsum("ij,ij->i", floats, floats)), 1)[:, None]
    return [n for n, _ in rows], floats
