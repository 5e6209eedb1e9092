"""Words that are values, and words around a number that show that it is one: days, months, parts of the day, frequencies, numbers,
units; in several languages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from mazu_ls.memory.search.language import words
from mazu_ls.workspace.lazy_pattern import lazy_pattern

# A number is a value after these words or before these units; anywhere else (issue 12, step 3) it names a thing.
VALUE_BEFORE = words(
    "port timeout limit version size count max min maximum minimum threshold budget price delay interval retries ttl width"
    " length depth rate level python node java rust go postgres postgresql mysql redis ruby php django react is are be was"
    " to at of than uses use after every within by about equals default defaults exactly least most = : v on"
    " ist sind beträgt bei es son est sont"
)
TIME = words(
    "ms s sec secs second seconds m min mins minute minutes h hour hours day days week weeks month months year years"
    " sekunde sekunden minuten stunde stunden tag tage tagen woche wochen monat monate monaten jahr jahre jahren"
    " segundo segundos minuto minutos hora horas día días semana semanas mes meses año años"
    " seconde secondes heure heures jour jours semaine semaines mois an ans"
)
SIZE = words("b byte bytes kb mb gb tb kib mib gib tib")
UNITS = (
    TIME
    | SIZE
    | words(
        "percent px pixels columns spaces characters chars lines times retries attempts workers threads replicas"
        " usd dollars eur entries items rows connections users people reviewers approvals instances pods shards partitions"
        " zeichen zeilen mal caracteres líneas veces caractères lignes fois"
    )
)

# One line per kind, values separated by `;`, the forms of a value by spaces.
_WEEKDAYS = """
monday mondays montag montags lunes lundi lundis lunedì segunda maandag pazartesi понедельник понедельника понедельникам;
tuesday tuesdays dienstag dienstags martes mardi mardis martedì terça dinsdag salı вторник вторника вторникам;
wednesday wednesdays mittwoch mittwochs miércoles miercoles mercredi mercredis mercoledì quarta woensdag çarşamba среда среду средам;
thursday thursdays donnerstag donnerstags jueves jeudi jeudis giovedì quinta donderdag perşembe четверг четверга четвергам;
friday fridays freitag freitags viernes vendredi vendredis venerdì sexta vrijdag cuma пятница пятницу пятницам;
saturday saturdays samstag samstags sonnabend sábado sábados sabado samedi samedis sabato zaterdag cumartesi суббота субботу субботам;
sunday sundays sonntag sonntags domingo domingos dimanche dimanches domenica zondag pazar воскресенье воскресеньям
"""
_MONTHS = """
january januar enero janvier gennaio janeiro januari ocak январь январе января;
february februar febrero février febbraio fevereiro februari şubat февраль феврале февраля;
march märz marzo mars março maart mart март марте марта; april abril avril aprile nisan апрель апреле апреля;
mai mayo maggio maio mei mayıs май мае мая; june juni junio juin giugno junho haziran июнь июне июня;
july juli julio juillet luglio julho temmuz июль июле июля; august agosto août augustus ağustos август августе августа;
september septiembre septembre settembre setembro eylül сентябрь сентябре сентября; october oktober octubre octobre ottobre outubro ekim октябрь октябре октября;
november noviembre novembre novembro kasım ноябрь ноябре ноября; december dezember diciembre décembre dicembre dezembro aralık декабрь декабре декабря
"""
_PARTS_OF_DAY = """
morning mornings morgens vormittags matin matins; afternoon afternoons nachmittags après-midi;
evening evenings abends soir soirs; night nights nightly nachts nuit nuits; noon mittags midi; midnight mitternacht minuit
"""
_FREQUENCIES = """
hourly stündlich; daily täglich diario diariamente quotidien dagelijks; weekly wöchentlich semanal semanalmente hebdomadaire wekelijks;
biweekly fortnightly zweiwöchentlich quincenal; monthly monatlich mensual mensualmente mensuel maandelijks;
quarterly vierteljährlich trimestral trimestriel; yearly annually jährlich anual anualmente annuel jaarlijks
"""


@cache
def _values() -> dict[str, tuple[int, int]]:
    return {
        word: (kind, value)
        for kind, text in enumerate((_WEEKDAYS, _MONTHS, _PARTS_OF_DAY, _FREQUENCIES))
        for value, forms in enumerate(text.split(";"))
        for word in forms.split()
    }


# Words that often mean something else ("one", "once", "elf", "neuf", "acht") are left out.
_NUMBERS = """
2 two zwei dos deux; 3 three drei tres trois; 4 four vier cuatro quatre; 5 five fünf cinco cinq; 6 six sechs seis; 7 seven sieben siete;
8 eight ocho; 9 nine neun nueve; 10 ten zehn diez dix; 11 eleven onze; 12 twelve zwölf doce douze; 15 fifteen fünfzehn quince quinze;
20 twenty zwanzig veinte vingt; 24 vierundzwanzig veinticuatro; 25 veinticinco; 30 thirty dreißig treinta trente;
40 forty vierzig cuarenta quarante; 45 cuarenta-y-cinco; 50 fifty fünfzig cincuenta cinquante; 60 sixty sechzig sesenta soixante;
90 ninety neunzig noventa; 100 hundred hundert cien cent; 1000 thousand tausend mil mille
"""


@cache
def _number_words() -> dict[str, str]:
    lines = (line.split() for line in _NUMBERS.split(";"))
    return {word: digits for digits, *forms in lines for word in forms}


def number_of_word(word: str) -> str | None:
    """Return the digits of a number that is written as a word (in lower case); None for any other word."""
    return _number_words().get(word)


def calendar_value(word: str) -> tuple[int, int] | None:
    """Return the kind and the value of a word (in lower case); None for any other word."""
    return _values().get(word)


_VALUE_SHAPED = lazy_pattern(r"^\d+(?:[.:]\d+)+%?$|^\d+%$")
_VERSION = words("v version versión versione versão")
_VERBS = words(
    "is are was were be has have gets needs will must may can uses takes ist sind wird hat es son est sont a"
)
_SAYS_WHICH = words(
    "current latest newest default required needed minimum used deployed pinned live running in use aktuell actual actuelle"
)
"""Words with which a version at the beginning is what the sentence tells: "version 3 is the current one"."""


def is_value(tokens: Sequence[str], number: str) -> bool:
    """Return whether a number in a text (in lower case, divided) is what it tells, not what it is about: "the port is 8080"
    as opposed to "step 3 is slow" or "v1 of the API is frozen"."""
    at = tokens.index(number)
    before = tokens[at - 1] if at else ""
    after = tokens[at + 1] if at + 1 < len(tokens) else ""
    if before in _VERSION and after not in ("", *UNITS) and _is_subject(tokens, at):
        return False
    return bool(_VALUE_SHAPED.match(number)) or before in VALUE_BEFORE or after in UNITS


def _is_subject(tokens: Sequence[str], at: int) -> bool:
    """Return whether a version stands before the verb of a sentence that is not about which version it is."""
    return (
        _VERBS.isdisjoint(tokens[:at])
        and not _VERBS.isdisjoint(tokens[at:])
        and _SAYS_WHICH.isdisjoint(tokens)
    )
