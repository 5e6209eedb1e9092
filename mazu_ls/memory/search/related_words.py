"""Related words: what developers call by different names ("money", "cents", "Betrag"), from a list in four languages.

Two short texts may mean the same and share no word, and an encoder that is small enough to run everywhere does not know
all that is a matter of course among developers. The list names it.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from mazu_ls.memory.embeddings.model_files import unpacked
from mazu_ls.memory.search.language import stop_words
from mazu_ls.memory.search.tokens import STOP_WORDS, inflected_stem, query_alternatives, query_terms, terms
from mazu_ls.workspace.text import split_lines

_LIST = Path(__file__).with_name("related_words.txt")
_LANGUAGES = ("", "german", "spanish", "french")
_STEMS = "stems.txt"
_loading = threading.Lock()
_NOT_TELLING = STOP_WORDS | {""}

log = logging.getLogger(__name__)

Groups = frozenset[int]


class RelatedWords:
    """The groups of the list by the index terms of their words. Raises OSError, ValueError where it cannot be read."""

    def __init__(self) -> None:
        with unpacked("related-words-3", [_LIST], _write_stems) as folder:
            lines = split_lines((folder / _STEMS).read_text("utf-8"), ends=False)
        self.groups: dict[str, Groups] = {}
        self._terms: dict[int, list[str]] = {}
        for line in lines:
            term, *numbers = line.split(" ")
            self.groups[term] = frozenset(map(int, numbers))
            for number in self.groups[term]:
                self._terms.setdefault(number, []).append(term)

    def ask(self, text: str) -> RelatedQuestion:
        """Look up the words of a question."""
        named = {term: {term} for term in query_terms(text)}
        for stem, term in query_alternatives(text).items():
            named.setdefault(term, set()).add(stem)
        words = [
            (stems, frozenset().union(*(self.groups.get(stem, ()) for stem in stems)))
            for stems in named.values()
        ]
        wanted = {term for _, groups in words for number in groups for term in self._terms[number]}
        shared = {stem for stems in named.values() for stem in stems}  # the words themselves count elsewhere
        return RelatedQuestion(words, {term: self.groups[term] for term in wanted - shared})


class RelatedQuestion:
    """The stems and groups of each word of a question (none for a word that is not in the list), and the terms of these groups."""

    def __init__(self, words: list[tuple[set[str], Groups]], wanted: Mapping[str, Groups]) -> None:
        self._words, self._wanted = words, wanted
        self._scale = 2 * math.sqrt(max(len(words), 1))

    def kinship(self, own: Iterable[str]) -> float:
        """Return how many words of the question and of a text (its index terms) have a related word in the other: the
        mean of both, divided by the square root of the question's number of words. A word of the question that the text
        has itself counts elsewhere, and nothing is related to it."""
        shared = self._wanted.keys() & own
        if not shared:
            return 0.0
        terms_of_text = set(own)
        missing = [groups for stems, groups in self._words if stems.isdisjoint(terms_of_text)]
        asked = frozenset().union(*missing)
        found = [groups for term in shared if not asked.isdisjoint(groups := self._wanted[term])]
        there = frozenset().union(*found)
        return (sum(not there.isdisjoint(groups) for groups in missing) + len(found)) / self._scale


def load_related_words() -> RelatedWords | None:
    """Return the list; None, and a line in the log, if it cannot be read. Waits while another thread reads it."""
    with _loading:
        return _load()


@cache
def _load() -> RelatedWords | None:
    try:
        return RelatedWords()
    except (OSError, ValueError):
        log.warning("recall does without related words", exc_info=True)
        return None


def _write_stems(folder: Path) -> None:
    """Stem every word once: a stemmer needs 20 µs a word, and there are thousands."""
    found: dict[str, dict[int, None]] = {}
    lines = [line for line in split_lines(_LIST.read_text("utf-8"), ends=False) if line and line[0] != "#"]
    for number, line in enumerate(lines):
        for language, words in zip(_LANGUAGES, line.split("|"), strict=False):
            for word in words.split():
                if word in STOP_WORDS or word in stop_words(language):
                    continue
                for stem in {*terms(word), inflected_stem(word, language) if language else ""} - _NOT_TELLING:
                    found.setdefault(stem, {})[number] = None
    text = "".join(f"{' '.join((stem, *map(str, numbers)))}\n" for stem, numbers in found.items())
    (folder / _STEMS).write_text(text, "utf-8")
