"""Deduplication: compares a new text with an old one: the same, the same with a changed value, or another subject."""

from __future__ import annotations

import re
from typing import Literal

from mazu_ls.memory.models import MemoryEntry
from mazu_ls.memory.search.tokens import terms, words
from mazu_ls.memory.store.value_words import SIZE, TIME, calendar_value, is_value, number_of_word
from mazu_ls.memory.store.wording import (
    NEGATION,
    WEAK,
    agreement,
    equal_content,
    equal_words,
    is_misspelt,
    names_in,
    words_of,
)
from mazu_ls.workspace.lazy_pattern import lazy_pattern

Verdict = Literal["same", "changed", "different"]

SAME_TITLE_SHORT_BODY = 25
LONG = 8_000
"""Characters from which a text is compared by its title and beginning only."""
RULES = frozenset({"decision", "convention", "user_preference", "fact"})
"""Categories that say what holds; a mistake or the outcome of a task says what happened, and contradicts no rule."""
_OPPOSITES = frozenset(
    frozenset(pair.split("/"))
    for pair in words(
        "always/never enable/disable enabled/disabled on/off true/false allow/deny allowed/denied allow/forbid use/avoid"
        " tabs/spaces tab/space required/optional before/after immer/nie toujours/jamais siempre/nunca всегда/никогда"
    )
)
_TURNING = NEGATION | frozenset(word for pair in _OPPOSITES for word in pair)
_TOKEN = lazy_pattern(r"\d+(?:[.:]\d+)*%?|[^\W\d_]+(?:['’][^\W\d_]+)?|[=:]", re.UNICODE)
_NUMBER = lazy_pattern(r"^\d")


def compare_memories(new: MemoryEntry, old: MemoryEntry) -> Verdict | Literal["alike"]:
    """Return `compare_texts` as the categories of both allow; `alike`: keep both, only a person can tell whether the new one replaces
    the old one.

    Across categories only a contradiction replaces: a title that is a subject may have a decision and a convention.
    """
    across = new.category != old.category
    verdict = compare_texts(new.title, new.body, old.title, old.body, across=across)
    if verdict == "different":
        near = (across and _plain(new.title) == _plain(old.title)) or _differ_in_one_thing(
            f"{new.title}\n{new.body[:2000]}", f"{old.title}\n{old.body}"
        )
        return "alike" if near else "different"
    return "alike" if across and not RULES.issuperset((new.category, old.category)) else verdict


def compare_texts(
    new_title: str, new_body: str, old_title: str, old_body: str, *, across: bool = False
) -> Verdict:
    """Return `same`: the new text adds nothing. `changed`: same subject, another value. `different`: keep both.

    Numbers, negations and opposites are never taken for typos: "port 9090" is no spelling of "port 8080". `across`
    categories only a contradiction is a change: not another text below the same title, nor a negation that says more.
    """
    same_title = not across and _plain(new_title) == _plain(old_title)
    if max(len(new_body), len(old_body)) > LONG:
        return _same_subject(new_body, old_body) if same_title else "different"
    new, old = f"{new_title}\n{new_body}", f"{old_title}\n{old_body}"
    if equal_words(new, old) or (not new_body.strip() and equal_words(new_title, old_title)):
        return "same"
    new_words, old_words = _split(new), _split(old)
    new_names, old_names = names_in(new), names_in(old)
    if new_names - old_names and old_names - new_names:
        return "different"
    if _numbers(new_words) == _numbers(old_words) and (moved := _exchanged(new_words, old_words)):
        return moved
    if same_title:
        return _same_subject(new_body, old_body)
    if _replaced_value(new_words, old_words) or _replaced_time(new_words, old_words):
        return "changed"
    if agreed := agreement(new, old):
        return "changed" if agreed == "against" else "different"
    if _turned(new_words, old_words) and (
        _only_turned(new_words, old_words)
        or (not across and _close(new, old) and _same_topic(new_words, old_words))
    ):
        return "changed"
    return "different"


def says_no_more(title: str, body: str, other_title: str, other_body: str) -> bool:
    """Return whether a memory could be archived beside another: every statement of it is in that one, words without meaning apart."""
    if compare_texts(title, body, other_title, other_body) == "same":
        return True
    return equal_content(f"{title}\n{body}", f"{other_title}\n{other_body}")


def _differ_in_one_thing(new: str, old: str) -> bool:
    """Return whether two texts say the same of one or two other words, the same words in another order, or one of them little more
    than the other: a changed fact, or another subject of the same kind.

    Only a person can tell "is called hermes" from "the search service".
    """
    new_content, old_content = _content(new), _content(old)
    only_new, only_old = new_content - old_content, old_content - new_content
    shared = len(new_content & old_content)
    if not only_new or not only_old:
        return shared > 0 and shared * (2 if shared == 1 else 3) >= max(len(new_content), len(old_content))
    return len(only_new) <= 2 and len(only_old) <= 2 and shared >= min(len(only_new), len(only_old))


def _same_subject(new: str, old: str) -> Verdict:
    from rapidfuzz import fuzz

    if (
        max(len(new.split()), len(old.split())) <= SAME_TITLE_SHORT_BODY
        or fuzz.token_sort_ratio(new[:LONG], old[:LONG]) >= 50
    ):
        return "changed"
    return "different"


def _split(text: str) -> list[str]:
    found = (word.casefold().replace("’", "").replace("'", "") for word in _TOKEN.findall(words_of(text)))
    return [number_of_word(word) or word for word in found]


def _in_order(tokens: list[str]) -> list[str]:
    return [word for word in tokens if _NUMBER.match(word)]


def _numbers(tokens: list[str]) -> list[str]:
    return sorted(_in_order(tokens))


def _turned(new: list[str], old: list[str]) -> bool:
    """Return whether one says the opposite of the other."""
    only_new, only_old = set(new) - set(old), set(old) - set(new)
    if len(only_new & NEGATION) + len(only_old & NEGATION) > 0 and (only_new & NEGATION) != (
        only_old & NEGATION
    ):
        return True
    return any(frozenset((a, b)) in _OPPOSITES for a in only_new for b in only_old)


def _only_turned(new: list[str], old: list[str]) -> bool:
    """Return whether they differ only in the words that reverse the meaning; of "never use tabs" little else is left."""
    only = set(new) ^ set(old)
    left = [_content(" ".join(w for w in some if not (w in only and w in _TURNING))) for some in (new, old)]
    return bool(left[0]) and left[0] == left[1]


def _same_topic(new: list[str], old: list[str]) -> bool:
    """Return whether both are about the same, apart from the words that reverse the meaning: "off in production" says
    nothing about "on in staging". One of them may say more than the other."""
    left = [
        _content(" ".join(word for word in some if word not in _TURNING and not _NUMBER.match(word)))
        for some in (new, old)
    ]
    only_new, only_old = left[0] - left[1], left[1] - left[0]
    only_new = {word for word in only_new if not is_misspelt(word, only_old)}
    return not only_new or not only_old


def _content(text: str) -> set[str]:
    return set(terms(" ".join(w for w in _split(text) if w not in WEAK or w in NEGATION)))


def _close(new: str, old: str) -> bool:
    from rapidfuzz import fuzz

    return fuzz.token_sort_ratio(new, old) >= 65


def _replaced_value(new: list[str], old: list[str]) -> bool:
    """Return whether both have the same words around up to three numbers that are values, perhaps in another unit of time or size."""
    new_frame, new_amounts = _amounts(new)
    old_frame, old_amounts = _amounts(old)
    if not new_frame or set(terms(" ".join(new_frame))) != set(terms(" ".join(old_frame))):
        return False
    if sorted(kind for _, _, kind in new_amounts) != sorted(kind for _, _, kind in old_amounts):
        return False
    changed = {number for number, _, _ in set(new_amounts) ^ set(old_amounts)}
    return 0 < len(changed) <= 6 and _are_values(changed, new, old)


def _amounts(tokens: list[str]) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Return the significant words, and the numbers: each with its unit and what that measures, "" for other words."""
    frame: list[str] = []
    amounts: list[tuple[str, str, str]] = []
    for at, word in enumerate(tokens):
        if _NUMBER.match(word):
            after = tokens[at + 1] if at + 1 < len(tokens) else ""
            kind = "time" if after in TIME else "size" if after in SIZE else ""
            amounts.append((word, " ".join(terms(after)) if kind else "", kind))
        elif word not in WEAK and not (at and amounts and amounts[-1][2] and _NUMBER.match(tokens[at - 1])):
            frame.append(word)
    return frame, amounts


def _exchanged(new: list[str], old: list[str]) -> Verdict | None:
    """Return the verdict on two texts that differ only in which number stands where ("10 for free and 20 for paid users"); None if
    the words around them differ too."""
    frames = [[word for word in some if not _NUMBER.match(word)] for some in (new, old)]
    moved = {
        n for pair in zip(_in_order(new), _in_order(old), strict=True) if pair[0] != pair[1] for n in pair
    }
    if frames[0] != frames[1] or not moved:
        return None
    return "changed" if any(is_value(new, number) for number in moved) else "different"


def _calendar(tokens: list[str]) -> set[tuple[int, int]]:
    return {value for word in tokens if (value := calendar_value(word)) is not None}


def _replaced_time(new: list[str], old: list[str]) -> bool:
    """Return whether both have the same words around other days, months, parts of the day or frequencies, of one kind;
    two prohibitions are both valid."""
    if NEGATION.intersection(new + old):
        return False
    changed = _calendar(new) ^ _calendar(old)
    if len({kind for kind, _ in changed}) != 1 or not _calendar(new) or not _calendar(old):
        return False
    numbers = set(_numbers(new)) ^ set(_numbers(old))
    if len(_numbers(new)) != len(_numbers(old)) or not _are_values(numbers, new, old):
        return False
    frames = [
        _content(" ".join(word for word in some if calendar_value(word) is None and word not in numbers))
        for some in (new, old)
    ]
    return bool(frames[0]) and frames[0] == frames[1]


def _are_values(numbers: set[str], *texts: list[str]) -> bool:
    return all(is_value(tokens, number) for tokens in texts for number in numbers.intersection(tokens))


def _plain(text: str) -> str:
    return " ".join(_split(text))
