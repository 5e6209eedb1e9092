"""Finds text in other agents' files that looks like a decision, a convention or a preference: proposals, never memories
by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from mazu_ls.memory.agents.agent_passage import AgentPassage
from mazu_ls.redact import redact
from mazu_ls.workspace.lazy_pattern import lazy_pattern

MIN_TITLE, MAX_TITLE = 12, 300
_BULLET = lazy_pattern(r"\s*(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?(.+)")
_REFERENCE = lazy_pattern(r"\[[^\]\n]{1,200}\]\([^)\s]{1,300}\.mdx?\)")
"""A point that begins with a link to another note: a line of an index."""
_HEADING = lazy_pattern(r"(#{1,6})\s+(.+)")
_MARKUP = lazy_pattern(r"\*\*|__|`")
_SENTENCE = lazy_pattern(r"(?<=[.!?])\s+(?=[A-ZÄÖÜÁÉÍÓÚ¿¡])|\n+")
_RULE = lazy_pattern(
    r"\b(always|never|from now on|must(?: not)?|do(?:n't| not) (?:ever |use|edit|touch|commit|write|add|call)|we (?:use|never|always|decided|agreed|prefer)"
    r"|let's use|stop (?:using|doing|adding)|remember (?:that|to)|make sure (?:to|that)|instead of|prefer|our convention"
    r"|immer|niemals|nie wieder|ab jetzt|wir (?:verwenden|benutzen|haben entschieden)|statt"
    r"|siempre|nunca|a partir de ahora|usamos|hemos decidido|en lugar de)\b",
    re.IGNORECASE,
)
_DECISION = lazy_pattern(
    r"\b(decided|decision|agreed|chose|switched to|entschieden|entscheidung|decidido)\b", re.IGNORECASE
)
_STATED = lazy_pattern(r"\s*(?:decided|decision)\s*:\s*(.+)", re.IGNORECASE)
_MISTAKE = lazy_pattern(r"\b(mistake|pitfall|gotcha|breaks? when|caution|beware)\b", re.IGNORECASE)
_PREFERENCE = lazy_pattern(
    r"\s*(?:i am|i'm|i (?:like|prefer|hate|want|need)|my (?:name|pronouns)|call me|(?:answer|talk to|explain|write to) me"
    r"|ich (?:bin|mag|will|möchte)|nenn(?:e)? mich|antworte mir|soy|prefiero|ll[aá]mame|resp[oó]ndeme)\b",
    re.IGNORECASE,
)
_ORDER = lazy_pattern(
    r"\s*(?:please |bitte |por favor )?(?:use|keep|avoid|run|put|write|add|call|name|ask|answer|explain|prefer|ignore|leave"
    r"|don't|do not|verwende|benutze|schreib(?:e)?|usa|evita)\s",
    re.IGNORECASE,
)
_LONGEST_MESSAGE = 2_000
"""Characters from which a user's message counts as pasted text, whose sentences are not the user's rules."""


def stated_category(text: str) -> str | None:
    """Return the category of what a user states in one sentence, as its words tell it; None for a plain fact.

    Rules and preferences are in every prompt while they fit, a fact only where the message is about it.
    """
    if text.rstrip().endswith("?"):
        return None
    if _PREFERENCE.match(text):
        return "user_preference"
    if _DECISION.search(text):
        return "decision"
    return "convention" if _RULE.search(text) or _ORDER.match(text) else None


class DecisionCandidate(Struct, frozen=True):
    """A possible decision. `title` is the decision itself; `evidence` says where it was found and quotes it."""

    category: str
    title: str
    evidence: str


class CandidateFinder:
    """Finds candidates in the passages of one file, given in order. `place` names the file in the evidence."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._headings: dict[int, str] = {}

    def find(self, passage: AgentPassage) -> Iterator[DecisionCandidate]:
        """Yield the candidates in a passage, secrets redacted."""
        if passage.role == "note":
            yield from self._in_note(passage)
        elif passage.role == "user" and len(passage.text) <= _LONGEST_MESSAGE:
            for sentence in _SENTENCE.split(passage.text):
                if _RULE.search(sentence) and not sentence.rstrip().endswith("?"):
                    yield from self._candidate(sentence, passage)
        elif passage.role == "assistant":
            for line in passage.text.split("\n"):
                if stated := _STATED.match(_MARKUP.sub("", line)):
                    yield from self._candidate(stated[1], passage, "decision")

    def _in_note(self, passage: AgentPassage) -> Iterator[DecisionCandidate]:
        if heading := _HEADING.match(passage.text):
            level = len(heading[1])
            self._headings = {n: text for n, text in self._headings.items() if n < level}
            self._headings[level] = heading[2].strip()
        elif bullet := _BULLET.match(passage.text):
            if not _REFERENCE.match(bullet[1]) or _RULE.search(bullet[1]):
                yield from self._candidate(bullet[1], passage)
        elif _RULE.search(passage.text) and passage.text[:1] not in "|>< ":
            yield from self._candidate(passage.text, passage)

    def _candidate(
        self, text: str, passage: AgentPassage, category: str | None = None
    ) -> Iterator[DecisionCandidate]:
        title = redact(" ".join(_MARKUP.sub("", text).split()).strip(" -*"))
        if not MIN_TITLE <= len(title) <= MAX_TITLE or len(title.split()) < 3 or "[redacted" in title:
            return
        if category is None:
            category = (
                "decision"
                if _DECISION.search(title)
                else "mistake"
                if _MISTAKE.search(title)
                else "convention"
            )
        where = f"{self._place}:{passage.line}" if passage.line else f"{self._place}, {passage.session}"
        when = f", {passage.at[:10]}" if passage.at else ""
        under = (
            f", under “{redact(' / '.join(self._headings.values()))}”"
            if passage.role == "note" and self._headings
            else ""
        )
        quoted = redact(" ".join(passage.text.split()))[:MAX_TITLE]
        said = "" if passage.role == "note" or quoted.strip(" -*") == title else f": {quoted}"
        yield DecisionCandidate(category, title, f"{where}{when}{under}{said}")
