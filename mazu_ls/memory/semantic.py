"""Recall by meaning, optional and local: word vectors from a file of the user's, blended into the ranking of candidates."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.memory.tokens import STOP_WORDS, terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARE = 0.2
"""How much of a relevance is closeness of meaning; the rest is words."""
MAX_WORDS = 100_000
FILE = "vectors.txt"

log = logging.getLogger(__name__)


class Vectors:
    """Word vectors in the text format of word2vec and GloVe: a word and its numbers on each line, common words first.

    Read once, when first asked; only the first 100,000 words count. One vector for each stem: that of its first word.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self._rows: dict[str, int] | None = None
        self._matrix: Any = None
        self._lock = threading.Lock()

    def closeness(self, query: Mapping[str, float], documents: Sequence[str]) -> list[float]:
        """Cosine of the query with each document (its stored terms), 0 to 1; all 0 where there are no vectors."""
        self._load()
        asked = self._mean(query)
        if asked is None:
            return [0.0] * len(documents)
        found = []
        for stored in documents:
            words = dict.fromkeys((w for w in stored.split() if w not in STOP_WORDS), 1.0)
            mean = self._mean(words)
            found.append(0.0 if mean is None else max(0.0, float(asked @ mean)))
        return found

    def _mean(self, weights: Mapping[str, float]) -> NDArray[Any] | None:
        import numpy as np

        rows = self._rows or {}
        known = [(rows[term], weight) for term, weight in weights.items() if term in rows]
        if not known:
            return None
        summed = (
            np.array([weight for _, weight in known], dtype=np.float32)
            @ self._matrix[[row for row, _ in known]]
        )
        length = float(np.linalg.norm(summed))
        return summed / length if length else None

    def _load(self) -> None:
        with self._lock:
            if self._rows is None:
                try:
                    self._rows, self._matrix = _read(self.path)
                except (OSError, ValueError) as error:
                    self._rows = {}
                    self.problem = f"memory.semantic is on, but {self.path} cannot be used: {error}"
                    log.warning("%s", self.problem)


def _read(path: Path) -> tuple[dict[str, int], Any]:
    import numpy as np

    rows: dict[str, int] = {}
    vectors = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for at, line in enumerate(file):
            if at > MAX_WORDS:
                break
            word, *numbers = line.rstrip().split(" ")
            if at == 0 and len(numbers) == 1:
                continue
            stems = terms(word)
            if len(stems) == 1 and stems[0] not in rows:
                rows[stems[0]] = len(vectors)
                vectors.append(np.array(numbers, dtype=np.float32))
    if not vectors:
        raise ValueError("it holds no words")
    if len({len(vector) for vector in vectors}) > 1:
        raise ValueError("its lines differ in length")
    matrix = np.vstack(vectors)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return rows, matrix / np.where(norms == 0, 1, norms)
