"""How plausible decoded text is: frequent letters, one script per word, signs at their usual places.

The weights are ours, tuned for accuracy over short texts in 23 languages (tests/workspace/test_encodings.py).
"""

from __future__ import annotations

import unicodedata

from mazu_ls.workspace.encoding.letters import (
    ALPHABETS,
    APOSTROPHES,
    ARABIC,
    ARABIC_SIGNS,
    CYRILLIC,
    ENCLOSED,
    FIRST_LEVEL,
    GREEK,
    GREEK_ACCENTED,
    HANGUL,
    HANZI,
    HEBREW_FINAL,
    KANA_SMALL,
    KANA_USUAL,
    KANA_VOICED,
    KANJI,
    OPENING,
    RARE,
    RARER,
    SCRIPTS,
    THAI,
    THAI_ABOVE,
    THAI_LEADING,
    TYPOGRAPHIC,
)
from mazu_ls.workspace.lazy_pattern import lazy_pattern

_WORD = lazy_pattern(r"[^\W\d_]+")
_CONSONANTS = lazy_pattern("[бвгджзйклмнпрстфхцчшщґ]+")
_WITHIN_LATIN = lazy_pattern("[A-Za-z][\u05d0-\u05ea]")
MANY_CONSONANTS = 5
"""Consonants in a row; hardly any Cyrillic word has so many."""


def plausibility(text: str, encoding: str) -> float:
    """Return a score of at most 1, negative for noise, averaged over the non-ASCII characters."""
    if not (found := [index for index, char in enumerate(text) if not char.isascii()]):
        return 0.0
    alphabets = ALPHABETS.get(encoding)
    if alphabets is None:
        kana = any("\u3040" <= char <= "\u30ff" for char in text)
        total = sum(_character(text, index, encoding, kana) for index in found)
        return (total - _rough(text, encoding)) / len(found)
    letters = [text[index].lower() for index in found]
    own, weight, alphabet = max(
        (sum(char in alphabet for char in letters), 0.65 if alphabet in RARE else 0.8, alphabet)
        for alphabet in alphabets
    )
    others = {char for one in alphabets for char in one}
    foreign = sum(char in others for char in letters) - own
    fixed = sum(_latin(text, index, alphabet) for index in found)
    return (fixed + weight * own + 0.6 * foreign) / len(found) - RARER.get(encoding, 0.05)


def _rough(text: str, encoding: str) -> float:
    """Return the deduction for impossible words: Cyrillic with many consonants in a row, longer Greek without an accent,
    Hebrew of DOS within Latin words."""
    script = SCRIPTS.get(encoding)
    if encoding == "cp862" and _WITHIN_LATIN.search(text):  # as à, å, ä and ö of cp850 are
        return 0.3 * sum(not char.isascii() for char in text)
    if script not in ("CYRILLIC", "GREEK"):
        return 0.0
    rough = 0.0
    for word in _WORD.findall(text):
        if word.isascii():
            continue
        if script == "GREEK":
            bare = len(word) > 3 and not word.isupper() and not GREEK_ACCENTED.intersection(word)
            rough += 0.35 * len(word) * bare
        else:
            run = max(map(len, _CONSONANTS.findall(word.lower())), default=0)
            rough += len(word) * (0.5 if run >= MANY_CONSONANTS else 0.15 * (run == MANY_CONSONANTS - 1))
    return rough


def _character(text: str, index: int, encoding: str, kana: bool) -> float:
    char = text[index]
    category = unicodedata.category(char)
    if category in ("Cc", "Cn", "Co", "Cs"):
        return -2.0
    before, behind = text[max(0, index - 1) : index], text[index + 1 : index + 2]
    if char in TYPOGRAPHIC:
        return _sign(char, before, behind)
    if encoding in FIRST_LEVEL:
        return _east_asian(char, before, behind, encoding, kana)
    script = SCRIPTS.get(encoding, "")
    if char not in ARABIC_SIGNS:
        if category[0] != "L" and category != "Mn":
            return -0.5
        if script not in unicodedata.name(char, "") or _is_latin(before) or _is_latin(behind):
            return -0.7
    if char.isupper() and before.islower():
        return -0.7
    match script:
        case "CYRILLIC":
            usual = CYRILLIC.get(char.lower(), 0.2)
            return usual - 0.15 * char.isupper() - 0.2 * (encoding in ("iso8859_5", "cp866", "cp1125"))
        case "GREEK":
            if char == "ς" and behind.isalpha():
                return -0.5
            return (
                GREEK.get(char.lower(), 0.5)
                - 0.1 * char.isupper()
                - 0.05 * (encoding == "iso8859_7")
                - 0.2 * (encoding == "cp737")
            )
        case "THAI":
            return _thai(char, before, behind)
        case "ARABIC":
            return ARABIC.get(char, 0.3) - 0.05 * (encoding == "iso8859_6")
    if category == "Mn":  # vowel points, which few people write
        return 0.5 if before.isalpha() else -0.7
    if encoding == "cp862" and not before.isalpha() and not behind.isalpha():
        return 0.4  # no word of Hebrew has one letter; `à` in cp850 is one
    return -0.5 if char in HEBREW_FINAL and behind.isalpha() else 0.95


def _is_latin(char: str) -> bool:
    return char.isalpha() and char < "\u0250"


def _sign(char: str, before: str, behind: str) -> float:
    """Score a quotation mark, a dash, a currency sign: good at a usual place, bad within a word."""
    if char == "·":
        return 0.5 if before == behind == "l" else -0.5
    if char in APOSTROPHES:
        return 0.5
    if before.isalpha() and (behind.isalpha() or char in OPENING):
        return -0.5 if char not in "“«" else 0.0
    if char in "¿¡":
        return 0.9 if behind.isalpha() else -0.3
    return 0.8 if char == "€" else 0.5


def _latin(text: str, index: int, alphabet: str) -> float:
    """Return the part of a Latin character's score that does not depend on the language."""
    char = text[index]
    category = unicodedata.category(char)
    if category in ("Cc", "Cn", "Co", "Cs"):
        return -1.2
    before, behind = text[max(0, index - 1) : index], text[index + 1 : index + 2]
    if char in "¿¡":  # the alphabet adds the rest
        return _sign(char, before, behind) - 0.8
    if char in TYPOGRAPHIC:
        return _sign(char, before, behind)
    if category[0] != "L":
        return -0.5
    if char in "ªºƒˆ":
        return -0.5
    score = 0.1 - 0.1 * char.isupper()
    for near in (before, behind):
        if near.isalpha() and not near.isascii():
            score -= 0.12 if near.lower() in alphabet else 0.25
    if char.isupper() and before.islower():
        score -= 0.9
    return score


def _thai(char: str, before: str, behind: str) -> float:
    if char in THAI_ABOVE and not "ก" <= before <= "ฮ" and before not in THAI_ABOVE:
        return -0.7
    if char in THAI_LEADING and not "ก" <= behind <= "ฮ":
        return -0.7
    return THAI.get(char, 0.6)


def _east_asian(char: str, before: str, behind: str, encoding: str, kana: bool) -> float:
    """Score an East Asian character. `kana`: whether the text has any, as Japanese has."""
    code, glued = ord(char), _is_latin(before) + _is_latin(behind)
    japanese = encoding in ("cp932", "euc_jp", "euc_jis_2004")
    if 0x3040 <= code <= 0x30FF:
        return 1.0 if japanese else 0.0
    if 0xFF61 <= code <= 0xFF9F:
        return _half_width(char, before) - 0.6 * glued
    if 0x3000 <= code <= 0x303F or 0xFF01 <= code <= 0xFF5E or char in ENCLOSED:  # full-width forms, too
        return 0.5
    if 0xAC00 <= code <= 0xD7A3:  # Hangul: those of KS X 1001 are the frequent ones
        frequent = encoding == "cp949" and len(char.encode("euc_kr")) == 2
        return -0.7 if not frequent else 1.0 if char in HANGUL else 0.5
    if 0x4E00 <= code <= 0x9FFF:
        if char in (KANJI if japanese else HANZI) and encoding != "cp949":
            return 1.0 - 0.1 * glued
        charset, first, last = FIRST_LEVEL[encoding]
        usual = 0.8 if kana or not japanese else 0.6
        return usual - 0.3 * glued if first <= _lead(char, charset) <= last else -0.5
    return -0.6


def _half_width(char: str, before: str) -> float:
    if char in "ﾞﾟ":
        return 0.9 if before in KANA_VOICED and (char == "ﾞ" or "ﾊ" <= before <= "ﾎ") else -0.7
    if char in KANA_SMALL and not "ｦ" <= before <= "ﾟ":
        return -0.5
    if char < "ｦ":  # punctuation
        return 0.4
    return 0.8 if char in KANA_USUAL else 0.4


def _lead(char: str, charset: str) -> int:
    try:
        return char.encode(charset)[0] if charset else 0
    except UnicodeEncodeError:
        return 0


def utf8_plausibility(text: str, stray: int) -> float:
    """Score UTF-8 with `stray` undecodable bytes: 1 if they are few and the letters are of one script, below 0 for chance.

    Two bytes of another encoding often look like UTF-8; then the letters are of rare scripts, and of several.
    """
    letters = [char for char in text if not char.isascii() and not "\ue480" <= char <= "\ue4ff"]
    usual = [_script(char) for char in letters]
    scripts = {script for script in usual if script not in ("", "LATIN")}
    good = 0.0
    for char, script in zip(letters, usual, strict=True):
        if ord(char) > 0x7FF:  # three matching bytes are hardly chance
            good += 2.0
        elif not script or len(scripts) > 1 or (script not in _COMMON and usual.count(script) < 4):
            good -= 1.0
        else:
            good += 1.0
    return (good - stray) / max(1, len(letters) + stray)


_COMMON = ("LATIN", "CYRILLIC", "GREEK")


def _script(char: str) -> str:
    """Return the script of a letter, LATIN for signs; empty for scripts rarely seen in files."""
    if char < "\u0180" or char in "ȘșȚțəƏ" or "\u0300" <= char <= "\u0328" or ord(char) > 0x7FF:
        return "LATIN" if unicodedata.category(char) != "Cc" else ""
    name = unicodedata.name(char, "").partition(" ")[0]
    if name == "CYRILLIC" and not ("\u0400" <= char <= "\u045f" or char in "Ґґ"):
        return ""
    if name == "GREEK" and not "\u0384" <= char <= "\u03ce":
        return ""
    return name if name not in ("LATIN", "MODIFIER", "NKO", "SYRIAC", "THAANA") else ""
