"""What two texts say, word by word: whether they are equal, and whether what one rules out the other asks for.

Words in another order are another statement ("use uv, not pip"), so order is never given up here.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Literal, NamedTuple

from mazu_ls.memory.search.tokens import STOP_WORDS, terms, words
from mazu_ls.memory.store.value_words import number_of_word
from mazu_ls.workspace.lazy_pattern import lazy_pattern

Agreement = Literal["against", "unlike", "reworded"]

NEGATION = words(
    """not no never none without cannot dont doesnt isnt wont shouldnt mustnt disable disabled off false avoid forbid
    forbidden deny nicht kein keine keinen nie niemals ohne pas jamais sans aucun nunca jamás sin ningún не нет никогда без
    değil asla olmadan"""
)
# Words with little meaning: two sentences that differ in them only are about the same.
WEAK = STOP_WORDS | words(
    "use uses used using run runs running should must need needs always please make sure project code repo repository"
    " codebase every whenever prefer"
)
# What follows one of these, up to the next comma or preposition, is ruled out.
_REFUSING = (NEGATION - words("off false disabled forbidden")) | words(
    "≠ nor statt anstatt anstelle nada invece non niet não nem nessun keiner keines weder noch tampoco ni"
)
# What follows one of these has another role than what stands before it.
_ORDERING = words(
    "before after than until towards sondern sino als vor nach bevor nachdem bis antes después despues avant après apres"
    " prima dopo до после вместо mais"
)
_PREFERRING = words("prefer prefers preferred favor favour choose chose pick value values")
# Several words that stand for one: what follows is ruled out.
_REFUSING_WORDS = lazy_pattern(
    r"\b(?:instead of|rather than|in place of|as opposed to|an ?stelle von|anstelle von|en vez de|en lugar de|au lieu d[e']|plut[oô]t qu[e']"
    r"|invece di|in plaats van|em vez de|вместо|no longer|ya no|nicht mehr)"
)
_CONTRACTED = lazy_pattern(r"(?:(?<=ca)n|(?<=\w)n)['’]t\b|\bcannot\b")
_CLAUSE_END = "|"
_BREAK = lazy_pattern(r"[,;:.!?()]+(?=\s|$)|\s[-–—]+\s|[—\n(]|\b(?:but|aber|pero|mais|but)\b")
_SAID = lazy_pattern(r"[^\W_]+(?:['’][^\W_]+)*|[≠|]")
_SCOPE = words(
    "in on for at to with from by within inside im am für bei mit en para pour dans sur avec zu auf"
)
# Marks that end a sentence, quote or group; every other mark is part of what is said ("C++", "--force", "-1").
_MARKS = lazy_pattern(
    r"[.,;:!?…]+(?=\s|$)|[\"'`“”„«»‘’()\[\]{}¿¡]|(?<!\S)[-–—*•]+(?=\s)|\*\*|(?<=[^\W\d_])-(?=[^\W\d_])"
)
_UNSAID = words("the a an please")
_LETTER = lazy_pattern(r"(?<=\w )A\b")
_FILLING = words(
    "is are am be being use uses used using run runs running do does make sure we our it there then so"
)
_ENDINGS = words("s es") | {""}
_LEAST_SLIP = 7
# A path, file name or address; snake_case, camelCase or a word with a digit; a single capital letter, but not "A"
# before a word.
_NAME = lazy_pattern(
    r"(?<![\w-])-*+\w[\w-]*+(?:[./:]+\w[\w-]*+)+|\b\w+_\w+|\b[a-zA-Z]+[a-z][A-Z]\w*|\b[a-zA-Z]+\d\w*|\b[B-HJ-Z]\b|(?<=\w )A\b"
)
_VERSION = lazy_pattern(r"v?\d[\d.:]*\w{0,2}|\d[\w.:]*")


def equal_words(new: str, old: str) -> bool:
    """Return whether two texts say the same words in the same order; case, punctuation, articles, a plural or third person,
    and two swapped neighbouring letters of a long word do not count."""
    ours, theirs = _sequence(new), _sequence(old)
    if sorted(_LETTER.findall(new)) != sorted(_LETTER.findall(old)):  # "plan A" is not "plan"
        return False
    return len(ours) == len(theirs) and all(map(_equal_word, ours, theirs))


def equal_content(new: str, old: str) -> bool:
    """Return whether two texts are equal, words such as "is" and "we" apart."""
    ours, theirs = ([word for word in _sequence(text) if word not in _FILLING] for text in (new, old))
    return len(ours) == len(theirs) and bool(ours) and all(map(_equal_word, ours, theirs))


def words_of(text: str) -> str:
    """Return a text with "don't" and "cannot" written as two words."""
    return _CONTRACTED.sub(" not", text.replace("won't", "will not").replace("can't", "can not"))


def names_in(text: str) -> set[str]:
    """Return the names in a text: a path, a file, an identifier, a single letter ("service B"). Another name is another
    subject."""
    found = {name.strip(".-/").casefold() for name in _NAME.findall(text)}
    return {name for name in found if name and not _VERSION.fullmatch(name)}


def is_misspelt(word: str, others: set[str]) -> bool:
    """Return whether one of the other words is nearly this long word."""
    from rapidfuzz import fuzz

    return len(word) > 4 and any(len(o) > 4 and word[0] == o[0] and fuzz.ratio(word, o) >= 84 for o in others)


def agreement(new: str, old: str) -> Agreement | None:
    """Return how two texts that contrast something stand to each other; None where their words do not tell.

    `against`: about the same things, and one asks for what the other rules out, or puts first what the other puts last.
    `unlike`: the same words in another order, or one rules out part of what the other asks for: nobody can tell.
    `reworded`: both rule out, and nothing that the other asks for.
    """
    ours, theirs = _stated(new), _stated(old)
    both = ours.refused and theirs.refused
    conflict = (ours.asked & theirs.refused) | (theirs.asked & ours.refused)
    if both and conflict:
        return "against" if ours.topic == theirs.topic else "unlike"
    if ours.order != theirs.order and Counter(ours.order) == Counter(theirs.order):
        swapped = ours.marked - theirs.marked and theirs.marked - ours.marked
        return "against" if swapped and not both else "unlike"
    return "reworded" if both else None


class _Statement(NamedTuple):
    """The stems of a text: in order, what it is about, what it asks for and rules out, and what follows a contrasting word."""

    order: tuple[str, ...]
    topic: frozenset[str]
    asked: frozenset[str]
    refused: frozenset[str]
    marked: frozenset[str]


def _stated(text: str) -> _Statement:
    plain = _BREAK.sub(f" {_CLAUSE_END} ", _REFUSING_WORDS.sub(" ≠ ", words_of(text.casefold())))
    found = [number_of_word(word) or word for word in _SAID.findall(plain.replace("’", "").replace("'", ""))]
    prefers = not _PREFERRING.isdisjoint(found)
    order: list[str] = []
    asked: set[str] = set()
    refused: set[str] = set()
    marked: set[str] = set()
    mark, begun, scoped = "", False, False
    for word in found:
        refusing = word in _REFUSING or (word == "over" and prefers)
        if word == _CLAUSE_END:
            mark, scoped = "", False
        elif refusing or word in _ORDERING:
            mark, begun, scoped = ("refused" if refusing else "ordered"), False, False
            order.append("≠" if refusing else word)
        elif word in _SCOPE:
            order.append(word)
            if begun:  # "never use tabs in Python" rules out no Python; "not on main" does rule out main
                mark, scoped = "", scoped or bool(mark)
        elif word not in WEAK:
            stems = terms(word)
            order.extend(stems)
            begun = True
            if mark:
                marked.update(stems)
            if mark == "refused":
                refused.update(stems)
            elif not scoped:
                asked.update(stems)
    topic = frozenset(order) - {"≠"} - _ORDERING - _SCOPE
    return _Statement(tuple(order), topic, frozenset(asked), frozenset(refused), frozenset(marked))


def _sequence(text: str) -> list[str]:
    plain = _MARKS.sub(" ", words_of(unicodedata.normalize("NFKC", text).casefold().replace("’", "'")))
    return [number_of_word(word) or word for word in plain.split() if word not in _UNSAID]


def _equal_word(one: str, other: str) -> bool:
    if one == other:
        return True
    if not (one.isalpha() and other.isalpha()):
        return False
    short, long = sorted((one, other), key=len)
    if len(short) > 2 and long.startswith(short) and long[len(short) :] in _ENDINGS:
        return terms(short) == terms(long)
    return _swapped_letters(one, other)


def _swapped_letters(one: str, other: str) -> bool:
    """Return whether two long words differ in two swapped neighbours only: a slip of the fingers."""
    if len(one) != len(other) or len(one) < _LEAST_SLIP:
        return False
    at = [i for i, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
    return len(at) == 2 and at[1] == at[0] + 1 and one[at[0]] == other[at[1]] and one[at[1]] == other[at[0]]
