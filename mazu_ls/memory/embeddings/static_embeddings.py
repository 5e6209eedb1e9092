"""Static embeddings: a text as the mean of the vectors of its word pieces, computed locally, without a network.

The table is `l2_supercat_256`, 32,000 word pieces of 256 numbers, from the wheel of the package `wordllama` (MIT licence,
github.com/dleemiller/WordLlama, distilled from the token embeddings of large language models). Only its two data files
are used, not its code: of the table only the rows of the words that occur are read.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mazu_ls.memory.embeddings.model_files import locate_files, unpacked
from mazu_ls.memory.embeddings.word_pieces import PieceTokenizer, PieceVocabulary, split_by_merges
from mazu_ls.memory.search.tokens import STOP_WORDS
from mazu_ls.workspace.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIMENSIONS = 256
_PACKAGE = "wordllama"
_WEIGHTS = "wordllama/weights/l2_supercat_256.safetensors"
_TOKENIZER = "wordllama/tokenizers/l2_supercat_tokenizer_config.json"
_TENSOR = "embedding.weight"
_ROW_BYTES = 2 * DIMENSIONS
_WORD = lazy_pattern(r"\w[\w'’-]*")


class StaticEmbeddings:
    """Not thread-safe. The constructor raises EmbeddingsUnavailable, OSError, ValueError."""

    def __init__(self) -> None:
        weights, tokenizer = locate_files(_PACKAGE, _WEIGHTS, _TOKENIZER)
        with unpacked("word-pieces-1", [tokenizer], lambda folder: _unpack(tokenizer, folder)) as folder:
            self._tokenizer = PieceTokenizer(PieceVocabulary(folder), split_by_merges)
        self._table, self._start = _open_table(weights)

    def embed(self, texts: Sequence[str]) -> NDArray[Any]:
        """Return one row for each text, length 1 (all zeros for a text without words)."""
        import numpy as np

        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            if ids := self._tokenizer.encode(_without_stop_words(text)):
                raw = b"".join(self._read_row(id) for id in ids)
                mean = (
                    np.frombuffer(raw, dtype="<f2")
                    .reshape(len(ids), DIMENSIONS)
                    .mean(axis=0, dtype=np.float32)
                )
                if length := float(np.linalg.norm(mean)):
                    row[:] = mean / length
        return rows

    def _read_row(self, id: int) -> bytes:
        self._table.seek(self._start + id * _ROW_BYTES)
        return self._table.read(_ROW_BYTES)


def _without_stop_words(text: str) -> str:
    """Return the words in lower case without stop words; the whole text if nothing else is left."""
    kept = [word for word in _WORD.findall(text.lower()) if word not in STOP_WORDS]
    return " ".join(kept) or text.lower()


def _unpack(tokenizer: Path, folder: Path) -> None:
    vocabulary = json.loads(tokenizer.read_text("utf-8"))["model"]["vocab"]
    PieceVocabulary.save(folder, ((piece.encode(), id, 0.0) for piece, id in vocabulary.items()))


def _open_table(path: Path) -> tuple[BinaryIO, int]:
    """Open the file; return it and the offset of its tensor (huggingface.co/docs/safetensors: 8 bytes length, JSON
    header, data)."""
    file = path.open("rb", buffering=0)
    (size,) = struct.unpack("<Q", file.read(8))
    if size > 1 << 20:
        raise ValueError(f"the header of {path.name} is too long")
    tensor = json.loads(file.read(size))[_TENSOR]
    if tensor["dtype"] != "F16" or tensor["shape"][1] != DIMENSIONS:
        raise ValueError(f"{path.name} holds {tensor['dtype']} of shape {tensor['shape']}")
    return file, 8 + size + tensor["data_offsets"][0]
