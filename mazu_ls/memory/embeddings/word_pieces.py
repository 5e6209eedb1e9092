"""Splits words into the pieces of a vocabulary: unigram language model and byte-pair encoding.

The usual libraries hold a vocabulary in 20 to 60 MB; here a piece is found by its hash, in 16 bytes.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

WORD_START = "\u2581"
"""Represents the space before a word, as in SentencePiece."""
UNKNOWN = 0
_LONGEST_PIECE = 16
_LONGEST_WORD = 64
"""Maximum characters of a word; a longer run, as in scripts without spaces, is cut into stretches of this length."""
_REMEMBERED_WORDS = 4096
_UNKNOWN_SCORE = -29.0
"""Score of an unknown character: 10 below the rarest piece of the unigram vocabulary, as in SentencePiece."""
_FILES = ("hashes", "ids", "scores")


class PieceVocabulary:
    """The known pieces with their ids and log probabilities (zero if the model has none)."""

    def __init__(self, folder: Path) -> None:
        import numpy as np

        self._hashes, self._ids, self._scores = (
            np.load(folder / f"{name}.npy", allow_pickle=False) for name in _FILES
        )

    @staticmethod
    def save(folder: Path, pieces: Iterable[tuple[bytes, int, float]]) -> None:
        """Write piece, id and score of a vocabulary for the constructor."""
        import numpy as np

        found = sorted((_hash(piece), id, score) for piece, id, score in pieces)
        columns: list[Any] = [list(column) for column in zip(*found, strict=True)]
        for name, column, kind in zip(_FILES, columns, ("uint64", "int32", "float32"), strict=True):
            np.save(folder / f"{name}.npy", np.array(column, dtype=kind))

    def find(self, candidates: Iterable[str]) -> dict[str, tuple[int, float]]:
        """Return id and score of those candidates that are pieces."""
        import numpy as np

        texts = list(candidates)
        asked = np.array([_hash(text.encode("utf-8", "replace")) for text in texts], dtype=np.uint64)
        at = np.searchsorted(self._hashes, asked)
        at[at == len(self._hashes)] = 0
        found = np.flatnonzero(self._hashes[at] == asked)
        return {texts[n]: (int(self._ids[at[n]]), float(self._scores[at[n]])) for n in found}


class PieceTokenizer:
    """Text into ids of pieces. Not thread-safe."""

    def __init__(
        self, vocabulary: PieceVocabulary, split: Callable[[str, PieceVocabulary], tuple[int, ...]]
    ) -> None:
        self._pieces_of = lru_cache(_REMEMBERED_WORDS)(lambda word: split(word, vocabulary))

    def encode(self, text: str) -> list[int]:
        """Return the ids of the pieces of all words."""
        found: list[int] = []
        for word in unicodedata.normalize("NFKC", text).split():
            marked = WORD_START + word
            for start in range(0, len(marked), _LONGEST_WORD):
                found += self._pieces_of(marked[start : start + _LONGEST_WORD])
        return found


def split_by_probability(word: str, vocabulary: PieceVocabulary) -> tuple[int, ...]:
    """Return the split of a word with the greatest sum of log probabilities (Kudo 2018, section 3); UNKNOWN for a
    character that no piece holds."""
    ends = range(1, len(word) + 1)
    known = vocabulary.find({word[a:b] for b in ends for a in range(max(0, b - _LONGEST_PIECE), b)})
    best = [0.0, *[float("-inf")] * len(word)]
    came_from = [0] * (len(word) + 1)
    for end in ends:
        for start in range(max(0, end - _LONGEST_PIECE), end):
            piece = known.get(word[start:end])
            if piece is None and end - start > 1:
                continue
            score = best[start] + (piece[1] if piece else _UNKNOWN_SCORE)
            if score > best[end]:
                best[end], came_from[end] = score, start
    cuts = [len(word)]
    while cuts[-1]:
        cuts.append(came_from[cuts[-1]])
    pieces = (known.get(word[a:b]) for a, b in pairwise(reversed(cuts)))
    return tuple(piece[0] if piece else UNKNOWN for piece in pieces)


def split_by_merges(word: str, vocabulary: PieceVocabulary) -> tuple[int, ...]:
    """Merge the two neighbours whose piece was learned first (has the least id) until no two make a piece (Sennrich et
    al. 2016); a character that is no piece becomes its bytes."""
    parts = list(word)
    known = vocabulary.find({*parts, *(a + b for a, b in pairwise(parts))})
    while True:
        joined = [(known[a + b][0], at) for at, (a, b) in enumerate(pairwise(parts)) if a + b in known]
        if not joined:
            break
        _, at = min(joined)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
        beside = {a + b for a, b in pairwise(parts[max(0, at - 1) : at + 2])}
        known |= vocabulary.find(beside - known.keys()) if beside - known.keys() else {}
    raw = {
        f"<0x{byte:02X}>" for part in parts if part not in known for byte in part.encode("utf-8", "replace")
    }
    known |= vocabulary.find(raw) if raw else {}
    names = (
        [part] if part in known else [f"<0x{b:02X}>" for b in part.encode("utf-8", "replace")]
        for part in parts
    )
    return tuple(known[name][0] if name in known else UNKNOWN for some in names for name in some)


def _hash(piece: bytes) -> int:
    """Hash to 64 bits: no two pieces of a vocabulary collide, and other texts practically never match one."""
    return int.from_bytes(hashlib.blake2b(piece, digest_size=8).digest(), "little")
