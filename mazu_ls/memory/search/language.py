"""Detects the language of a short text by its function words and letters; it selects stemmer and stop words.

Function words are the most frequent words of every language, so that even a sentence of five words holds one or two.
Without evidence the answer is "" and English stems apply.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from mazu_ls.workspace.lazy_pattern import lazy_pattern

_WORD = lazy_pattern(r"[^\W\d_]+")


def words(text: str) -> frozenset[str]:
    """Return the words of a list written as one text."""
    return frozenset(text.split())


ENGLISH = words(
    """a about am an and any are as at be because been being but by can cannot could did do does doing for from had has
    have having he her hers him his how i if in into is it its itself just let me might must my no nor not of on or our
    ours she should so such than that the their theirs them then there these they this those to us was we were what when
    where whether which while who whom whose why will with would you your yours s t d ll m re ve don didn doesn isn wasn
    aren couldn shouldn wouldn won"""
)
RUSSIAN = words(
    """и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее мне было вот от меня еще
    нет о из ему теперь когда даже ну ли если уже или ни быть был него до вас опять уж вам ведь там потом себя ничего ей
    может они тут где есть надо ней для мы тебя их чем была сам чтоб без будто чего раз тоже себе под будет ж тогда кто
    этот какой какая какие каком куда почему сколько можно нельзя нужно наш наши это через при"""
)
_LISTS = {
    "german": words(
        """aber alle als also am an auch auf aus bei beim bin bis da damit dann darf das dass dein dem den der des die dies
        diese dieser dieses doch dort du durch ein eine einem einen einer eines er es etwas gelten gilt für gegen gibt haben hat hier
        ich ihr im immer in ins ist ja jede jeden jeder jedes jetzt kann kein keine keinen können liegt man mehr mein mich
        mit muss müssen nach nicht nichts noch nie niemals nur ob oder ohne sein seit sich sie sind soll sollen statt über
        um und uns unser unsere unter vom von vor wann war warum was welche welchen welcher welches wenn wer werden wie
        wieder wir wird wo wofür woher wohin womit wurde würde zu zum zur zwischen"""
    ),
    "french": words(
        """à afin ai alors après au aucun aussi aux avant avec avoir c ce cela ces cet cette chaque chez combien comme
        comment d dans de depuis des doit doivent donc du elle elles en entre est et être faut il ils j je jamais jour l
        la le les leur leurs lors lui ma mais me même mes mon n ne nos notre nous on ont ou où par pas pendant peut peuvent
        plus pour pourquoi puis qu quand que quel quelle quelles quels qui quoi s sa sans se sera ses si son sont sous sur
        t ta te tes toujours tous tout toute toutes tu un une utilise utilisons vos votre vous y"""
    ),
    "spanish": words(
        """a al algo ante antes aquí así aunque cada como cómo con cual cuál cuáles cualquier cuando cuándo cuánta cuánto
        cuántos cuántas de debe deben del desde donde dónde dos el él ella ellos en entre era es esa ese eso esta está
        están estas este esto fue ha hace hacia han hasta hay la las le les lo los más me mi mis muy nada ni no nos
        nosotros nuestra nuestro nunca o os otra otro para pero por porque puede puedo pueden qué que quién se sea ser si
        sí siempre sin sobre solo son su sus también tan tiene tienen toda todas todo todos tras tu un una uno unos usamos usar usted lugar
        y ya"""
    ),
    "portuguese": words(
        """a ao aos apenas as até cada com como da das de deve devem do dos e é ela ele em entre essa esse esta está este
        eu foi há isso já mais mas me mesmo na nas não nem no nos nós nossa nosso nunca num numa o onde os ou para pela
        pelo pode podem podemos por porque quais qual quando quanto que quem se sem sempre ser seu só sobre são sua
        também tem têm toda todos tudo um uma você"""
    ),
    "italian": words(
        """a ad agli ai al alla alle anche ancora che chi ci come con cosa cui da dal dalla dei del della delle deve devono
        di dove e è essere fra gli ha hanno i il in io la le lo loro ma mai mi ne nei nel nella no noi non nostra nostro o
        ogni per perché più può possiamo possono qual quale quali quando quanto quello questa questo se sempre senza si
        siamo solo sono sua sugli sul sulla suo tra tutti un una uno usiamo viene vengono"""
    ),
    "dutch": words(
        """aan al alle alleen als altijd ben bij dan dat de deze die dit doen door dus een en er geen gebruiken had heb
        hebben heeft het hier hij hoe hun ik in is je kan kunnen maar mag me meer met mij moet moeten na naar niet niets
        nog nooit nu of om ons onze ook op over te tegen toch tot u uit van veel voor waar waarom wanneer was wat we wel
        welk welke werd wie wij worden wordt zal ze zich zij zijn zo zonder"""
    ),
    "turkish": words(
        """ama ancak artık asla az bana bazı ben bir biz bize bizim bu bunlar bunu çok çünkü da daha de değil diye en fakat
        gibi göre hangi hangisi hem hep her hiç için ile ise kadar kaç kez ki kim kimin mı mi mu mü nasıl ne neden nerede
        nereye niçin o olarak olan olmalı olur olmaz sadece sen siz sonra şey şu tüm var ve veya ya yalnızca yok zaman"""
    ),
    "russian": RUSSIAN,
}
"""Function words by the name of their Snowball stemmer."""
_OF_ENGLISH = ENGLISH | words(
    """after before every get live no only over per under use used uses was we all do does done more most never always
    also new one out up down off run runs need needs must may go goes set sets see via yes add adds old end"""
)
"""Words of English text; those that are in another list too ("in", "was", "no") say nothing."""
_LANGUAGES_OF = {
    word: tuple(name for name, known in _LISTS.items() if word in known)
    for word in frozenset().union(*_LISTS.values())
}
"""The languages of each function word: a recall detects the language of a hundred titles."""
_ONLY_ENGLISH = _OF_ENGLISH - _LANGUAGES_OF.keys()
_ORDER = {name: at for at, name in enumerate(_LISTS)}
# Letters and endings that few other languages have; each counts as a function word.
_LETTERS = {
    "german": lazy_pattern("[äß]|[öü]"),
    "french": lazy_pattern("[çêèœùë]"),
    "spanish": lazy_pattern("[ñ¿¡]"),
    "portuguese": lazy_pattern("[ãõ]"),
    "turkish": lazy_pattern(r"[ğışİ]|\w{2}(?:[iıuü]yor\w*|[ae]l[ae]r\w*|l[ae]r[ıi]\w*|l[ae]r)\b"),
    "russian": lazy_pattern("[\u0400-\u04ff]"),
}

_ASCII_ENDINGS = (("turkish", _LETTERS["turkish"]),)


@lru_cache(4096)
def detect_language(text: str) -> str:
    """Return the Snowball name of the language of `text`; "" for English and if unknown."""
    beginning = text[:2_000]
    plain = beginning.isascii()
    if not plain:
        beginning = unicodedata.normalize("NFC", beginning)
    english = 0
    votes: dict[str, float] = {}
    for word in _WORD.findall(beginning):
        folded = word if word.islower() else word.casefold()
        if (lists := _LANGUAGES_OF.get(folded)) is None:
            english += folded in _ONLY_ENGLISH and (len(word) > 1 or word.islower())
        elif folded not in _OF_ENGLISH and (len(word) > 1 or word.islower()):
            for name in lists:
                votes[name] = votes.get(name, 0.0) + 1 / len(lists)
    for name, special in _ASCII_ENDINGS if plain else _LETTERS.items():
        if found := len(special.findall(beginning)):
            votes[name] = votes.get(name, 0.0) + min(3, found)
    if not votes:
        return ""
    best = max(votes, key=lambda name: (votes[name], -_ORDER[name]))
    return best if votes[best] >= english else ""


@lru_cache(4096)
def is_english(text: str) -> bool:
    """Whether function words tell that `text` is English, so that `detect_language` says "" not merely for want of evidence."""
    words_of_text = (word.casefold() for word in _WORD.findall(text[:2_000]))
    return not detect_language(text) and any(word in ENGLISH and len(word) > 1 for word in words_of_text)


def stop_words(language: str) -> frozenset[str]:
    """Return the function words of a detected language; none for ""."""
    return _LISTS.get(language, frozenset())
