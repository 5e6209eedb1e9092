"""Vectors of memory entries: one int8 vector and its signs (one bit a dimension) for each entry, beside the rows.

A search compares signs first (Hamming distance over 96 bytes an entry, all in memory: 10 MB for 100,000 entries) and the
int8 vectors of the nearest afterwards, which are read from the database. Vectors are made in the background: triggers
note each entry whose text is new or changed in `memory_unembedded`, also when a rollback brings rows back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mazu_ls.memory.embeddings.text_embeddings import MODEL_ID
from mazu_ls.store import select

if TYPE_CHECKING:
    import apsw
    from numpy.typing import NDArray

TABLES = """
CREATE TABLE memory_vector (
    n INTEGER PRIMARY KEY REFERENCES memory (n) ON DELETE CASCADE,
    stamp INTEGER NOT NULL,
    signs BLOB NOT NULL,
    vector BLOB NOT NULL
);
CREATE INDEX memory_vector_stamp ON memory_vector (stamp);
CREATE TABLE memory_vector_model (id TEXT NOT NULL, epoch INTEGER NOT NULL, last_stamp INTEGER NOT NULL);
INSERT INTO memory_vector_model VALUES ('', 0, 0);
CREATE TABLE memory_unembedded (n INTEGER PRIMARY KEY);
INSERT INTO memory_unembedded SELECT n FROM memory;
CREATE TRIGGER memory_unembedded_in AFTER INSERT ON memory BEGIN
    INSERT OR IGNORE INTO memory_unembedded VALUES (new.n);
END;
CREATE TRIGGER memory_unembedded_changed AFTER UPDATE OF title, body, tags, key ON memory
WHEN old.title <> new.title OR old.body <> new.body OR old.tags <> new.tags OR old.key IS NOT new.key BEGIN
    INSERT OR IGNORE INTO memory_unembedded VALUES (new.n);
END;
CREATE TRIGGER memory_unembedded_out AFTER DELETE ON memory BEGIN
    DELETE FROM memory_unembedded WHERE n = old.n;
END;
"""
NEAREST = 50
_SHORTLIST = 200
_SCALE = 127.0
_SAMPLE = 256
"""Entries whose mean vector stands for the store's: in a store of no more it is exact."""
_PRIOR_CLOSENESS, _PRIOR_ENTRIES = 0.06, 8
"""The cosine of two texts of developers that have nothing to do with each other, and for how many entries it counts: a store of
three says little about what is usual."""


class SampleMean(NamedTuple):
    """The mean vector of a sample of a store, and how many vectors it is of; `whole` where they are all there are."""

    vector: Any
    size: int
    whole: bool

    def usual_closeness(self, query: NDArray[Any], own: float) -> float:
        """How close the entries of the store are to `query` on average, but for the one whose cosine is `own`."""
        left = self.size - self.whole
        total = self.size * float(self.vector @ query) - self.whole * own if self.size else 0.0
        return (total + _PRIOR_ENTRIES * _PRIOR_CLOSENESS) / (max(left, 0) + _PRIOR_ENTRIES)


class VectorIndex:
    """The signs of one store's vectors, read once and then brought up to date by what was written since.

    Used on the store's reading connection only. An entry that is gone stays in memory until the index is read again;
    whoever loads the entries leaves it out.
    """

    def __init__(self) -> None:
        self.model_id = MODEL_ID
        self._epoch = -1
        self._stamp = 0
        self._mean = SampleMean(0.0, 0, True)
        self._mean_of = 0
        self._numbers: Any = None
        self._signs: Any = None
        """64 signs a word, one row for each word: column `i` belongs to entry `numbers[i]`."""

    def search(self, db: apsw.Connection, query: NDArray[Any], limit: int = NEAREST) -> dict[int, float]:
        """Cosine by number of the entries nearest to `query` (length 1), the nearest first."""
        import numpy as np

        self._refresh(db)
        if self._numbers is None or not len(self._numbers):
            return {}
        signs = np.packbits(query > 0).view(np.uint64)
        distance = np.zeros(len(self._numbers), dtype=np.uint16)
        for column, word in zip(
            self._signs, signs, strict=True
        ):  # four times as fast as a sum over a short axis
            distance += np.bitwise_count(column ^ word)
        if len(distance) > _SHORTLIST:
            nearest = np.argpartition(distance, _SHORTLIST)[:_SHORTLIST]
        else:
            nearest = np.arange(len(distance))
        found = closeness(db, [int(n) for n in self._numbers[nearest]], query)
        return dict(sorted(found.items(), key=lambda pair: -pair[1])[:limit])

    def mean(self, db: apsw.Connection) -> SampleMean:
        """The mean vector of the entries, or of a sample of them; made again when an eighth more or fewer are there."""
        entries = 0 if self._numbers is None else len(self._numbers)
        if entries and 8 * abs(entries - self._mean_of) > self._mean_of:
            step = -(-entries // _SAMPLE)
            found, units = _unit_vectors(db, self._every(step))
            self._mean = SampleMean(units.mean(axis=0), len(found), step == 1) if found else self._mean
            self._mean_of = entries
        return self._mean

    def _every(self, step: int) -> list[int]:
        return [] if self._numbers is None else list(map(int, self._numbers[::step]))

    def _refresh(self, db: apsw.Connection) -> None:
        import numpy as np

        ((model, epoch),) = select(db, "SELECT id, epoch FROM memory_vector_model")
        if epoch != self._epoch:
            self._epoch, self._stamp, self._numbers, self._mean_of = epoch, 0, None, 0
        if model != self.model_id:
            return
        rows = select(
            db, "SELECT n, stamp, signs FROM memory_vector WHERE stamp > ? ORDER BY stamp", (self._stamp,)
        )
        if not rows:
            return
        self._stamp = rows[-1][1]
        numbers = np.array([n for n, _, _ in rows], dtype=np.int64)
        signs = np.frombuffer(b"".join(bits for _, _, bits in rows), dtype=np.uint64).reshape(len(rows), -1).T
        if self._numbers is not None:
            kept = ~np.isin(self._numbers, numbers)
            numbers = np.concatenate((self._numbers[kept], numbers))
            signs = np.concatenate((self._signs[:, kept], signs), axis=1)
        self._numbers, self._signs = numbers, np.ascontiguousarray(signs)


def closeness(db: apsw.Connection, numbers: Sequence[int], query: NDArray[Any]) -> dict[int, float]:
    """The cosine of `query` (length 1) with the vectors of these entries; entries without a vector are left out."""
    numbers, units = _unit_vectors(db, numbers, len(query))
    return dict(zip(numbers, (units @ query).tolist(), strict=True)) if numbers else {}


def _unit_vectors(
    db: apsw.Connection, numbers: Sequence[int], dimensions: int | None = None
) -> tuple[list[int], NDArray[Any]]:
    """Which of these entries have a vector (of so many dimensions), and their vectors as rows of length 1."""
    import numpy as np

    marks = ", ".join("?" * len(numbers))
    rows = select(db, f"SELECT n, vector FROM memory_vector WHERE n IN ({marks})", numbers)
    if rows and dimensions is None:
        dimensions = len(rows[0][1])
    rows = [(n, vector) for n, vector in rows if len(vector) == dimensions]
    if not rows:
        return [], np.zeros((0, dimensions or 0), dtype=np.float32)
    vectors = np.frombuffer(b"".join(vector for _, vector in rows), dtype=np.int8).reshape(len(rows), -1)
    floats = vectors.astype(np.float32)
    floats /= np.maximum(np.sqrt(np.einsum("ij,ij->i", floats, floats)), 1)[:, None]
    return [n for n, _ in rows], floats


def require_model(db: apsw.Connection, model_id: str = MODEL_ID) -> None:
    """Begin again where the vectors are those of another model. Needs a transaction."""
    if select(db, "SELECT 1 FROM memory_vector_model WHERE id = ?", (model_id,)):
        return
    db.execute("DELETE FROM memory_vector")
    db.execute("UPDATE memory_vector_model SET id = ?, epoch = epoch + 1", (model_id,))
    db.execute("INSERT OR IGNORE INTO memory_unembedded SELECT n FROM memory")


def pending(db: apsw.Connection, limit: int) -> list[tuple[int, str]]:
    """Numbers and texts of entries without a vector of their present text, the newest first."""
    rows = select(db, "SELECT n FROM memory_unembedded ORDER BY n DESC LIMIT ?", (limit,))
    return list(_texts(db, [n for (n,) in rows]).items())


def store_vectors(db: apsw.Connection, made: Sequence[tuple[int, str]], vectors: NDArray[Any]) -> None:
    """Keep the vectors of entries whose text is still the one they were made from. Needs a transaction."""
    import numpy as np

    current = _texts(db, [n for n, _ in made])
    ((last,),) = select(db, "SELECT last_stamp FROM memory_vector_model")
    for (n, text), vector in zip(made, vectors, strict=True):
        if current.get(n) != text:
            continue
        last += 1
        quantized = np.rint(vector * _scale(vector)).astype(np.int8)
        db.execute(
            "INSERT INTO memory_vector VALUES (?1, ?2, ?3, ?4)"
            " ON CONFLICT (n) DO UPDATE SET stamp = ?2, signs = ?3, vector = ?4",
            (n, last, np.packbits(vector > 0).tobytes(), quantized.tobytes()),
        )
        db.execute("DELETE FROM memory_unembedded WHERE n = ?", (n,))
    db.execute("UPDATE memory_vector_model SET last_stamp = ?", (last,))


def _texts(db: apsw.Connection, numbers: Sequence[int]) -> dict[int, str]:
    """What is embedded of each entry: the key of a page or trait, title, text, tags."""
    marks = ", ".join("?" * len(numbers))
    rows = select(db, f"SELECT n, kind, key, title, body, tags FROM memory WHERE n IN ({marks})", numbers)
    found = {}
    for n, kind, key, title, body, tags in rows:
        name = key.replace("/", " ") if kind in ("page", "trait") and key else ""
        found[n] = " ".join(part for part in (name, title, body, *json.loads(tags)) if part)
    return found


def _scale(vector: NDArray[Any]) -> float:
    """What makes the largest number of the vector 127; only directions are compared, so it need not be kept."""
    largest = float(abs(vector).max())
    return _SCALE / largest if largest else 1.0
