"""Words around a number that show whether it is a value, and what its unit measures; in several languages."""

from __future__ import annotations

from mazu_ls.memory.search.language import words

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
