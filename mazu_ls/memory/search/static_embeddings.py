"""Static embeddings: a text as the mean of the vectors of its word pieces, computed locally, without a network.

The table is `l2_supercat_256`, 32,000 word pieces of 256 numbers, from the wheel of the package `wordllama` (MIT licence,
github.com/dleemiller/WordLlama, distilled from the token embeddings of large language models). Only its two data files
are used, not its code: the table is memory-mapped, so that only the rows of the words that occur are read.
"""

from __future__ import annotations

import json
import logging
import re
import struct
import threading
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.memory.search.tokens import STOP_WORDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODEL_ID = "wordllama-l2-supercat-256/1"
"""Names weights and pooling; vectors made under another name are made again."""
DIMENSIONS = 256
MAX_CHARACTERS = 4_000
PACKAGE = "wordllama"
_WEIGHTS = "wordllama/weights/l2_supercat_256.safetensors"
_TOKENIZER = "wordllama/tokenizers/l2_supercat_tokenizer_config.json"
_TENSOR = "embedding.weight"
_WORD = re.compile(r"\w[\w'’-]*")
_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

log = logging.getLogger(__name__)


class EmbeddingsUnavailable(Exception):
    """The weights or the tokenizer cannot be used; the message says why."""


class StaticEmbeddings:
    """Loaded on first use (0.1 s); one for the whole process, safe to use from several threads."""

    def __init__(self, weights: Path, tokenizer: Path) -> None:
        self._weights = weights
        self._tokenizer_file = tokenizer
        self._lock = threading.Lock()
        self._table: Any = None
        self._tokenizer: Any = None

    @classmethod
    def find(cls) -> StaticEmbeddings:
        """Locate the data files without importing their package. Raises EmbeddingsUnavailable."""
        try:
            package = distribution(PACKAGE)
        except PackageNotFoundError:
            raise EmbeddingsUnavailable(f"the package {PACKAGE} is not installed") from None
        files = [Path(str(package.locate_file(name))) for name in (_WEIGHTS, _TOKENIZER)]
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise EmbeddingsUnavailable(f"{', '.join(missing)} of the package {PACKAGE} is missing")
        return cls(*files)

    def embed(self, texts: Sequence[str]) -> NDArray[Any]:
        """One row for each text, length 1 (all zeros for a text without words). Raises EmbeddingsUnavailable."""
        import numpy as np

        self._load()
        pieces = self._tokenizer.encode_batch([_normalize(text) for text in texts], add_special_tokens=False)
        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, encoding in zip(rows, pieces, strict=True):
            if encoding.ids:
                mean = self._table[encoding.ids].astype(np.float32).mean(axis=0)
                length = float(np.linalg.norm(mean))
                if length:
                    row[:] = mean / length
        return rows

    def _load(self) -> None:
        with self._lock:
            if self._table is None:
                try:
                    from tokenizers import Tokenizer

                    self._tokenizer = Tokenizer.from_file(str(self._tokenizer_file))
                    self._table = _map_table(self._weights)
                except Exception as error:  # of whatever kind the tokenizer's library raises
                    raise EmbeddingsUnavailable(f"{self._weights.name} cannot be used: {error}") from error


@cache
def load_default() -> StaticEmbeddings | str:
    """The embeddings of this installation, or why there are none; the same answer for the whole process."""
    try:
        return StaticEmbeddings.find()
    except EmbeddingsUnavailable as error:
        log.info("recall by meaning is off: %s", error)
        return str(error)


def _normalize(text: str) -> str:
    """Lower-case words without stop words, identifiers split into their parts; the whole text where nothing else is left."""
    split = _CASE.sub(" ", text[:MAX_CHARACTERS]).replace("_", " ").lower()
    kept = [word for word in _WORD.findall(split) if word not in STOP_WORDS]
    return " ".join(kept) or split


def _map_table(path: Path) -> Any:
    """The tensor of a safetensors file, memory-mapped (huggingface.co/docs/safetensors: 8 bytes length, JSON header, data)."""
    import numpy as np

    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        if size > 1 << 20:
            raise ValueError("its header is too long")
        tensor = json.loads(file.read(size))[_TENSOR]
    if tensor["dtype"] != "F16" or tensor["shape"][1] != DIMENSIONS:
        raise ValueError(f"it holds {tensor['dtype']} of shape {tensor['shape']}")
    start, _ = tensor["data_offsets"]
    return np.memmap(path, dtype=np.float16, mode="r", offset=8 + size + start, shape=tuple(tensor["shape"]))
