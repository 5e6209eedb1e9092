"""Clusters of memories about the same subject: pairs by shared words, groups of such pairs, a page drafted from a
group."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from math import log

from mazu_ls.memory.models import MemoryEntry, identifier
from mazu_ls.memory.search import index
from mazu_ls.memory.search.tokens import STOP_WORDS, terms
from mazu_ls.memory.store.entries import EntryTable

BATCH = 100
CLUSTER_MOST = 12
ALIKE = 0.22
_LIKE = 12
_RAREST = 5
_LIVE = index.RecallFilter(kinds=frozenset({"memory"}))


class CandidateScan:
    """Finds pairs of similar memories in steps, so that other readers need not wait for all."""

    def __init__(self, entries: Iterable[MemoryEntry]) -> None:
        self.entries = {e.n: e for e in entries if e.n is not None}
        self.words = {
            n: frozenset(w for w in terms(f"{e.title} {e.body[:1000]}") if w not in STOP_WORDS)
            for n, e in self.entries.items()
        }
        self.weight = _weights(self.words.values())
        self.pairs: dict[tuple[int, int], float] = {}
        self._left = list(self.words)

    def scan_next(self, rows: EntryTable) -> bool:
        """Compare the next hundred entries; return whether any are left."""
        now, self._left = self._left[:BATCH], self._left[BATCH:]
        for n in now:
            rare = sorted(self.words[n], key=lambda w: (-self.weight[w], w))[:_RAREST]
            for other in index.candidates(rows.db, rare, _LIVE, _LIKE):
                pair = (min(n, other), max(n, other))
                if other != n and other in self.words and pair not in self.pairs:
                    self.pairs[pair] = self._alike(*pair)
        return bool(self._left)

    def _alike(self, one: int, other: int) -> float:
        """Return the share of words that both have, rare ones counting more."""
        both = sum(self.weight[w] for w in self.words[one] & self.words[other])
        either = sum(self.weight[w] for w in self.words[one] | self.words[other])
        return both / either if either else 0.0


def _weights(texts: Iterable[frozenset[str]]) -> dict[str, float]:
    every = list(texts)
    count = Counter(word for words in every for word in words)
    return {word: log(1 + len(every) / times) for word, times in count.items()}


def clusters(entries: dict[int, MemoryEntry], pairs: dict[tuple[int, int], float]) -> list[list[int]]:
    """Return groups of similar entries, strongest pairs first, none larger than a page can hold."""
    group: dict[int, list[int]] = {n: [n] for n in entries}
    for (a, b), alike in sorted(pairs.items(), key=lambda item: (-item[1], item[0])):
        if alike < ALIKE or a not in group or b not in group or group[a] is group[b]:
            continue
        if len(group[a]) + len(group[b]) <= CLUSTER_MOST:
            joined = group[a] + group[b]
            for n in joined:
                group[n] = joined
    distinct = {id(members): sorted(members) for members in group.values()}
    return sorted(members for members in distinct.values() if len(members) > 1)


def cluster_topic(entries: Sequence[MemoryEntry]) -> str:
    """Return the two most frequent words of the titles, as written there."""
    spelt: dict[str, Counter[str]] = defaultdict(Counter)
    for e in entries:
        for word in set(e.title.split()):
            plain = word.strip(".,;:!?()[]\"'`*#").casefold()
            if plain.isalnum() and plain not in STOP_WORDS and len(plain) > 2 and not plain.isdigit():
                for term in terms(plain)[:1]:
                    spelt[term][plain] += 1
    best = sorted(spelt.values(), key=lambda forms: (-forms.total(), forms.most_common(1)[0][0]))[:2]
    return " ".join(forms.most_common(1)[0][0] for forms in best) or f"topic {entries[0].n}"


def draft_page(scope: str, subject: str, entries: Sequence[MemoryEntry]) -> str:
    """Return the page that a group of memories would make, with the id of each."""
    lines = [f"# {subject.capitalize()}", "", "Drafted from memories; edit it and move it out of drafts."]
    by_category: dict[str, list[MemoryEntry]] = defaultdict(list)
    for e in entries:
        by_category[e.category].append(e)
    for category, some in sorted(by_category.items()):
        lines += ["", f"## {category.replace('_', ' ').capitalize()}", ""]
        for e in some:
            body = f": {' '.join(e.body.split())}" if e.body else ""
            lines.append(f"- {e.title}{body} ({identifier(scope, e.n or 0)})")
    return "\n".join(lines)
