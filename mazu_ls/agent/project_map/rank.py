"""Which definitions matter: PageRank over "file uses a name that file defines", personalised to the files in focus.

Only the map's own process imports this, and numpy with it. Source: Page, Brin, Motwani, Winograd: The PageRank Citation
Ranking (1999), personalised as in its section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mazu_ls.agent.project_map.ipc import FileFacts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

DAMPING = 0.85
ROUNDS = 16
FOCUS = 0.5
"""The share of the teleport probability that goes to the files in focus, if any."""
MAX_DEFINERS = 24
"""A name that more definitions share says nothing about which one is used."""
OWN = 0.02
"""The share of a file's rank that its definitions get without any use, so that unused ones are last but present."""
_BITS = 24


class ReferenceGraph:
    """References between files, resolved to definitions. Files are numbered in the given order, definitions across all
    of them."""

    def __init__(self, files: Sequence[FileFacts]) -> None:
        self.files = files
        sizes = np.array([len(f.weights) for f in files], np.int64)
        self.file_of = np.repeat(np.arange(len(files)), sizes)
        self.starts = np.concatenate([[0], np.cumsum(sizes)])
        self.weights = _joined([f.weights for f in files], np.uint8).astype(np.float64) / 100
        self._users, self._uses, self._strength = self._edges()
        out = np.bincount(self._users, self._strength, len(files))
        self._share = self._strength / out[self._users]
        self._dangling = out == 0

    def rank(self, focus: Sequence[int] = ()) -> Floats:
        """Return a score for every definition: the share of rank that reaches it through its name."""
        count = len(self.files)
        if not count or not len(self.file_of):
            return np.zeros(len(self.file_of))
        start = np.full(count, 1 / count)
        if focus:
            start *= 1 - FOCUS
            start[list(focus)] += FOCUS / len(focus)
        target = self.file_of[self._uses]
        rank = start
        for _ in range(ROUNDS):
            flow = np.bincount(target, rank[self._users] * self._share, count)
            rank = (1 - DAMPING) * start + DAMPING * (flow + rank[self._dangling].sum() * start)
        score = np.bincount(self._uses, rank[self._users] * self._share, len(self.file_of))
        sizes = np.maximum(np.diff(self.starts), 1)
        return score + OWN * (rank / sizes)[self.file_of] * self.weights

    def _edges(self) -> tuple[Ints, Ints, Floats]:
        """Return the edges as arrays: using file, used definition, strength."""
        names = _joined([f.names for f in self.files], np.uint32)
        telling = np.flatnonzero(self.weights > 0)
        telling = telling[np.argsort(names[telling], kind="stable")]
        known, first, definers = np.unique(names[telling], return_index=True, return_counts=True)
        users, name, strength = self._references(known)
        often = definers[name] <= MAX_DEFINERS
        users, name, strength = users[often], name[often], strength[often]

        each = definers[name]
        reference = np.repeat(np.arange(len(name)), each)
        nth = np.arange(len(reference)) - np.repeat(np.cumsum(each) - each, each)
        used = telling[first[name][reference] + nth]
        # A file that defines the name itself uses its own definition.
        own = np.zeros(len(name), bool)
        own[reference[self.file_of[used] == users[reference]]] = True
        kept = ~own[reference]
        reference, used = reference[kept], used[kept]
        return users[reference], used, strength[reference] / each[reference] * self.weights[used]

    def _references(self, known: NDArray[np.uint32]) -> tuple[Ints, Ints, Floats]:
        """Return file, index in `known` and strength of every reference to a name that is defined somewhere."""
        used = _joined([f.references for f in self.files], np.uint32)
        strengths = _joined([f.strengths for f in self.files], np.uint8)
        users = np.repeat(np.arange(len(self.files)), [len(f.strengths) for f in self.files])
        if not len(known):
            return users[:0], users[:0], np.zeros(0)
        # Most names are defined nowhere; a table of the low bits rejects them faster than a search.
        maybe = np.zeros(1 << _BITS, bool)
        maybe[known & ((1 << _BITS) - 1)] = True
        likely = np.flatnonzero(maybe[used & ((1 << _BITS) - 1)])
        used, users, strengths = used[likely], users[likely], strengths[likely]
        at = np.minimum(np.searchsorted(known, used), len(known) - 1)
        found = np.flatnonzero(known[at] == used)
        return users[found], at[found], strengths[found] / 10


def _joined(parts: Sequence[bytes], kind: type[np.generic]) -> NDArray:
    return np.frombuffer(b"".join(parts), kind)
