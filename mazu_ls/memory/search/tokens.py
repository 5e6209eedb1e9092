"""Text into index terms: words, parts of identifiers, stems by script, pairs of Chinese and Japanese characters."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from mazu_ls.memory.search.language import ENGLISH, RUSSIAN, detect_language, stop_words, words
from mazu_ls.memory.search.stemmers import load_stemmer
from mazu_ls.workspace.lazy_pattern import lazy_pattern

MAX_TERM = 64
# South and South-East Asian scripts are listed as blocks, because `re` does not count their vowel signs as letters.
_LETTER = r"(?:[^\W_]|[\u0900-\u0dff\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff])"
_WORD = lazy_pattern(rf"{_LETTER}+(?:_+{_LETTER}+)*")
# camelCase, acronyms before a word (HTTPServer), digits apart (utf 8).
_PART = lazy_pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ACCENT = lazy_pattern(r"[\u0300-\u036f]")
_CJK = lazy_pattern(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd]+")
_CYRILLIC = lazy_pattern(r"[\u0400-\u04ff]")
_STEM_MEMO_LIMIT = 50_000
_stemming = threading.Lock()
"""A stemmer holds the word that it works on, and the stores of a recall are searched in threads of their own."""
_QUERY_WORD = lazy_pattern(r"[\s'’]+")
INFLECTED = ("german", "french", "spanish", "turkish")
"""Languages whose stems are tried if a query has too few words for detection."""
_FEW = 3


STOP_WORDS = ENGLISH | RUSSIAN
"""Dropped from queries of every language; the index holds every word."""

LANGUAGES = words("python javascript typescript java golang rust ruby php perl kotlin swift scala matlab")
"""Words that mostly name the language of a question, not its subject: weighed less next to other words."""

# One spelling for abbreviations in identifiers and their long form in prose, so that "remove directory" finds `rm_dir`.
_SHORT = dict(
    pair.split("/")
    for pair in words(
        """str/string dir/directory dirs/directory dict/dictionary dicts/dictionary int/integer num/number nums/number
        char/character chars/character config/configuration cfg/configuration conf/configuration func/function fn/function
        param/parameter params/parameter arg/argument args/argument env/environment msg/message msgs/message db/database
        auth/authentication repo/repository repos/repository img/image len/length max/maximum min/minimum tmp/temporary
        temp/temporary del/delete rm/remove doc/documentation docs/documentation info/information obj/object
        prev/previous addr/address conn/connection ctx/context err/error errs/error exec/execute init/initialize
        lib/library libs/library pkg/package pkgs/package proc/process ptr/pointer ref/reference refs/reference
        req/request resp/response src/source dst/destination dest/destination val/value vals/value var/variable
        vars/variable vec/vector async/asynchronous app/application apps/application dev/development prod/production
        perf/performance admin/administrator id/identifier ident/identifier ids/identifier bool/boolean attr/attribute
        attrs/attribute elem/element iter/iterate calc/calculate cmd/command cmds/command col/column cols/column
        coord/coordinate coords/coordinate cur/current curr/current desc/description diff/difference fmt/format
        idx/index mgr/manager pos/position ret/return sep/separator seq/sequence stmt/statement sync/synchronize
        sys/system util/utility utils/utility ver/version avg/average std/standard regexp/regex eval/evaluate
        concat/concatenate alloc/allocate buf/buffer cert/certificate certs/certificate hdr/header pwd/password
        passwd/password sock/socket srv/server svc/service stat/status impl/implementation dep/dependency
        deps/dependency lang/language loc/location orig/original pred/predict prob/probability rand/random
        rect/rectangle tbl/table txt/text usr/user k8s/kubernetes js/javascript postgresql/postgres"""
    )
)

_stems: dict[tuple[str, str], str] = {}


def terms(text: str, language: str = "") -> list[str]:
    """Return the index terms of `text`, in order: for each word its stemmed parts, and the joined whole if it has
    several.

    In a text of another `language` than English (as `detect_language` names it) each word's stem in that language
    follows, if it differs: texts of every language contain programmers' words, so that one stem is not enough.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    found: list[str] = []
    for word in _WORD.findall(text):
        found.extend(own := list(_of_word(word)))
        if language and len(own) == 1 and (stem := inflected_stem(word, language)) not in ("", own[0]):
            found.append(stem)
    return found


def query_terms(text: str, language: str | None = None) -> list[str]:
    """Return the distinct terms of a query without stop words; if nothing else is left, the stop words themselves.

    `language` is detected if it is not given.
    """
    ignored = STOP_WORDS | stop_words(detect_language(text) if language is None else language)
    kept = dict.fromkeys(terms(" ".join(w for w in _QUERY_WORD.split(text) if _bare(w) not in ignored)))
    return list(kept) or list(dict.fromkeys(terms(text)))


@lru_cache(64)  # one recall asks three times
def query_alternatives(text: str) -> Mapping[str, str]:
    """Return stems of the query's words in its language, each with the term that it stands in for.

    If the language of a short query is unknown, those of several languages.
    """
    language = detect_language(text)
    split = [bare for word in _QUERY_WORD.split(text) if (bare := _bare(word))]
    languages = [language] if language else INFLECTED if len(split) <= _FEW and text else []
    ignored = STOP_WORDS | stop_words(language)
    found: dict[str, str] = {}
    for word in split:
        own = [] if word in ignored else terms(word)
        for name in languages if len(own) == 1 else ():
            if (stem := inflected_stem(word, name)) not in ("", own[0]):
                found.setdefault(stem, own[0])
    return found


def inflected_stem(word: str, language: str) -> str:
    """Return the stem of one word in a language, without accents; "" if it is no word of letters."""
    word = word.casefold()
    if not word.isalpha() or len(word) > MAX_TERM or _CJK.search(word):
        return ""
    stem = _stem(word, language)
    plain = _ACCENT.sub("", unicodedata.normalize("NFKD", stem)).replace("ı", "i")
    return plain if plain.isascii() else stem


def _bare(word: str) -> str:
    return word.strip('.,;:!?()[]"*¿¡«»„“”').lower()


def _of_word(word: str) -> Iterable[str]:
    if word.isascii() and ((word.isalpha() and word.islower()) or word.isdigit()):
        return (_stem(word[:MAX_TERM]),)
    if not word.isascii():
        if _CJK.search(word):
            return _with_ideographs(word)
        plain = _ACCENT.sub("", unicodedata.normalize("NFKD", word))
        word = plain if plain.isascii() else word
    parts = _PART.findall(word) if word.isascii() else [part for part in word.split("_") if part]
    folded = [part.casefold()[:MAX_TERM] for part in parts]
    stems = [_stem(part) for part in folded]
    if len(parts) > 1:
        stems.append(_stem("".join(folded)[:MAX_TERM]))
    return stems


def _with_ideographs(word: str) -> Iterable[str]:
    """Yield single characters and adjacent pairs, since these scripts write no spaces; other words as they are."""
    position = 0
    for run in _CJK.finditer(word):
        if run.start() > position:
            yield from terms(word[position : run.start()])
        characters = run.group()
        yield from characters
        yield from (characters[i : i + 2] for i in range(len(characters) - 1))
        position = run.end()
    if position < len(word):
        yield from terms(word[position:])


def _stem(word: str, language: str = "") -> str:
    known = _stems.get((word, language))
    if known is None:
        if len(_stems) >= _STEM_MEMO_LIMIT:
            _stems.clear()
        whole = word if language else _SHORT.get(word, word)
        with _stemming:
            known = _stemmer(whole, language).stemWord(whole) if whole[-1].isalpha() else whole
        _stems[word, language] = known
    return known


def _stemmer(word: str, language: str) -> Any:
    language = language or ("russian" if _CYRILLIC.search(word) else "english")
    return load_stemmer(language)
