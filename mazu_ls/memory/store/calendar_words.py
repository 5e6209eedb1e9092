"""Words for one value out of a few: days of the week, months, parts of the day, frequencies; in nine languages."""

from __future__ import annotations

from functools import cache

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


def calendar_value(word: str) -> tuple[int, int] | None:
    """Return the kind and the value of a word (in lower case); None for any other word."""
    return _values().get(word)
