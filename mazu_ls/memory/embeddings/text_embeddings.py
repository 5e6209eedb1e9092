"""The vector of a text: a multilingual sentence encoder and static word vectors, concatenated.

The encoder understands sentences and relates languages; the static table knows the words of programmers. Together they
find more than either (benchmarks/recall_paraphrase.py).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from mazu_ls.memory.embeddings import sentence_encoder, static_embeddings
from mazu_ls.memory.embeddings.model_files import EmbeddingsUnavailable
from mazu_ls.workspace.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODEL_ID = "use-multilingual-3+wordllama-l2-supercat-256/1"
"""Identifies weights and pooling; vectors of another id are computed again."""
DIMENSIONS = sentence_encoder.DIMENSIONS + static_embeddings.DIMENSIONS
MAX_CHARACTERS = 4_000
QUERY_WORDS = 24
_STATIC_WEIGHT = 0.8
_CASE = lazy_pattern(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

log = logging.getLogger(__name__)


class TextEmbeddings:
    """One for the whole process, thread-safe. Loaded on first use: 0.1 s, 1 s the very first time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: tuple[sentence_encoder.SentenceEncoder, static_embeddings.StaticEmbeddings] | None = None

    def embed(self, texts: Sequence[str]) -> NDArray[Any]:
        """Return one row of length 1 for each text (all zeros for a text without words). Raises EmbeddingsUnavailable."""
        import numpy as np

        split = [_split_identifiers(text) for text in texts]
        with self._lock:
            encoder, table = self._load()
            static = _STATIC_WEIGHT * table.embed(split)
            joined = np.hstack((encoder.embed(split), static))
        joined[~static.any(axis=1)] = 0
        return joined / np.maximum(np.linalg.norm(joined, axis=1, keepdims=True), 1e-9)

    def embed_query(self, text: str) -> tuple[NDArray[Any], bool]:
        """Return the vector of a query, and whether one of its words is a real word, not merely cut into letters.

        Of a long query the beginning and the end count: the question is at one of them. Raises EmbeddingsUnavailable.
        """
        words = text.split()
        if len(words) > QUERY_WORDS:
            text = " ".join((*words[: QUERY_WORDS // 2], *words[-QUERY_WORDS // 2 :]))
        (vector,) = self.embed([text])
        with self._lock:
            return vector, self._load()[0].knows_words(_split_identifiers(text))

    def _load(self) -> tuple[sentence_encoder.SentenceEncoder, static_embeddings.StaticEmbeddings]:
        if self._parts is None:
            try:
                self._parts = sentence_encoder.SentenceEncoder(), static_embeddings.StaticEmbeddings()
            except EmbeddingsUnavailable:
                raise
            except Exception as error:  # whatever files with another layout cause
                raise EmbeddingsUnavailable(f"the weights cannot be used: {error}") from error
        return self._parts


@cache
def load_default() -> TextEmbeddings | str:
    """Return the embeddings of this installation, or why there are none; the same answer for the whole process."""
    embeddings = TextEmbeddings()
    try:
        embeddings.embed([])
        return embeddings
    except EmbeddingsUnavailable as error:
        log.info("recall by meaning is off: %s", error)
        return str(error)


def _split_identifiers(text: str) -> str:
    return _CASE.sub(" ", text[:MAX_CHARACTERS]).replace("_", " ")
