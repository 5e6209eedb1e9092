"""Search over earlier sessions in their journals: each message and each call is a passage."""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mazu_ls.journal import journal
from mazu_ls.messages import unwrap_untrusted
from mazu_ls.workspace.text import split_lines

MAX_SESSIONS = 200
EXCERPT = 300
MOST_CALLS = 4
MOST_ERRORS = 3
MAX_WORDS = 24
BESIDE = 0.3
"""Weight of the other passages of a turn, added to the best one."""
_SEARCHES = ("recall", "memory_search", "wiki_search")
"""Tools whose results only repeat words that were searched for before."""
_WORD = re.compile(r"[\w.-]*\w")
_ERROR = re.compile(
    r"^(FAIL|ERROR|E  )|(?i:\b(failed|fatal|panicked|undefined|cannot find)\b)|(Error|Exception)\b"
)
_KEPT_PASSAGES = 240
_ROLES: dict[str, Literal["user", "assistant", "tool"]] = {
    "reply": "assistant",
    "user": "user",
    "call": "tool",
}
"""By kind of passage; of equal ones the first says more: a question has the words and not the answer."""


@dataclass(frozen=True)
class SessionMatch:
    """One turn that was found: `words` of the query occur in it.

    `role` says in whose words most of them are: the user's, the agent's, or a tool call and its result.
    """

    session_id: str
    turn_id: str
    at: str
    user: str
    reply: str
    words: int
    calls: str = ""
    """Tool calls and their results, if they hold a word of the query."""
    role: Literal["user", "assistant", "tool"] = "user"

    @property
    def text(self) -> str:
        """The passage with the most words of the query."""
        return {"user": self.user, "assistant": self.reply, "tool": self.calls}[self.role]

    @property
    def answer(self) -> str:
        """What the agent answered, if `text` is the user's: empty otherwise."""
        return self.reply if self.role == "user" else ""


@dataclass(frozen=True)
class SearchedPassage:
    kind: Literal["user", "reply", "call"]
    excerpt: str
    words: frozenset[str]


@dataclass
class SearchedTurn:
    session_id: str
    id: str
    at: str
    user: str = ""
    reply: str = ""
    passages: list[SearchedPassage] = field(default_factory=list)


class SearchWords:
    """The words of a query, some as stems, each matched at the beginning of a word or of a part of one."""

    def __init__(self, query: str) -> None:
        from mazu_ls.memory.search.tokens import query_terms

        stems = [stem.casefold() for stem in query_terms(query)]
        names = [word.casefold() for word in _WORD.findall(query) if re.search(r"[\d_./-]", word)]
        self._patterns = {
            word: re.compile(rf"(?<![^\W\d_])(?i:{re.escape(word)})|{re.escape(word.capitalize())}")
            for word in list(dict.fromkeys([*names, *stems]))[:MAX_WORDS]
        }

    def in_text(self, text: str) -> frozenset[str]:
        """Return those that occur in a text."""
        lowered = text.casefold()
        return frozenset(
            word for word, pattern in self._patterns.items() if word in lowered and pattern.search(text)
        )

    def excerpt(self, text: str) -> str:
        """Return the part of a text, a little over EXCERPT characters, with the most words of the query and what
        follows them."""
        places = sorted(
            (match.start(), word)
            for word, pattern in self._patterns.items()
            for match in pattern.finditer(text)
        )[:1000]
        best = max(places, key=lambda at: self._near(places, at[0]), default=(0, ""))[0]
        start, end = max(0, best - EXCERPT // 4), best + EXCERPT
        cut = " ".join(text[start:end].split())
        return ("…" if start else "") + cut + ("…" if end < len(text) else "")

    @staticmethod
    def _near(places: Sequence[tuple[int, str]], start: int) -> int:
        return len({word for at, word in places if start <= at < start + EXCERPT * 3 // 4})


def search(folder: Path, query: str, limit: int, skip: str = "") -> list[SessionMatch]:
    """Return turns of the newest sessions except `skip` with the rarest words of the query, then the newest. Reads
    files."""
    wanted = SearchWords(query)
    newest = sorted(folder.glob("s_*.jsonl"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    count, seen = 0, Counter[str]()
    turns: list[SearchedTurn] = []
    for path in newest[:MAX_SESSIONS]:
        if path.stem == skip:
            continue
        for turn, passages in _turns(path, wanted):
            count += passages
            for passage in turn.passages:
                seen.update(passage.words)
            if turn.passages:
                turn.passages = turn.passages[-_KEPT_PASSAGES:]
                turns.append(turn)
    rarity = {word: math.log(1 + (count - n + 0.5) / (n + 0.5)) for word, n in seen.items()}
    best = heapq.nlargest(limit, turns, key=lambda turn: (round(_score(turn, rarity), 6), turn.at))
    return [_match(turn, rarity) for turn in best]


def _turns(path: Path, wanted: SearchWords) -> Iterator[tuple[SearchedTurn, int]]:
    """Yield each turn with its passages that hold a word of the query, and its total number of passages."""
    turn, count = SearchedTurn(path.stem, "", ""), 0
    calls: dict[str, str] = {}
    for event in journal.read(path):
        texts: tuple[Literal["user", "reply", "call"], str, str] | None = None
        match event.body:
            case journal.TurnStarted():
                if turn.id:
                    yield turn, count
                turn, count, calls = SearchedTurn(path.stem, event.turn or "", event.at), 0, {}
            case journal.UserSaid(_, shown) if shown:
                turn.user = turn.user or shown[: EXCERPT * 2]
                texts = "user", "", shown
            case journal.ModelSaid(message) if message.text:
                turn.reply = message.text[: EXCERPT * 2]
                texts = "reply", "", message.text
            case journal.CallStarted(call_id, tool, _, arguments) if tool not in _SEARCHES:
                calls[call_id] = _call_text(tool, arguments)
            case journal.CallDecided(call_id, "deny", reason) if call_id in calls:
                calls[call_id] += f" (refused: {reason})"
            case journal.CallEnded(call_id, ok, summary, text) if call_id in calls:
                failed = "" if ok or summary.startswith("error") else "failed: "
                texts = "call", f"{calls.pop(call_id)}: {failed}{summary[:EXCERPT]}", unwrap_untrusted(text)
        if texts is not None:
            count += 1
            failed_call = isinstance(event.body, journal.CallEnded) and not event.body.ok
            if passage := _passage(*texts, wanted, failed=failed_call):
                turn.passages.append(passage)
    if turn.id:
        yield turn, count


def _passage(
    kind: Literal["user", "reply", "call"], head: str, text: str, wanted: SearchWords, *, failed: bool
) -> SearchedPassage | None:
    """Return a passage: `head` whole, and of `text` the part with the query's words, unless the head holds them all; of
    a call that failed its lines about errors, or the first one."""
    in_head, words = wanted.in_text(head), wanted.in_text(f"{head}\n{text}")
    if not words:
        return None
    if not head:
        return SearchedPassage(kind, wanted.excerpt(text), words)
    more = [] if words == in_head else [wanted.excerpt(text)]
    errors = _errors(text) or (_first_line(text) if failed else [])
    more += [line for line in errors if line not in "".join(more)]
    return SearchedPassage(kind, f"{head} [{' … '.join(more)}]" if more else head, words)


def _errors(text: str) -> list[str]:
    """Return the last lines of an output that report errors: a search for a call is mostly about these."""
    lines = (
        " ".join(line.split())[: EXCERPT // 2]
        for line in split_lines(text, ends=False)
        if _ERROR.search(line)
    )
    return list(dict.fromkeys(lines))[-MOST_ERRORS:]


def _first_line(text: str) -> list[str]:
    """Return the first line of an output that is not empty, where there is one."""
    lines = (" ".join(line.split())[: EXCERPT // 2] for line in split_lines(text, ends=False))
    return [line for line in lines if line][:1]


def _call_text(tool: str, arguments: dict[str, object]) -> str:
    """Render one call in a line, such as `run_shell pytest -q`."""
    asked = " ".join(" ".join(str(value).split())[:EXCERPT] for value in arguments.values())
    return f"{tool} {asked[:EXCERPT]}"


def _score(turn: SearchedTurn, rarity: dict[str, float]) -> float:
    """Return the summed rarity of the words in the turn's best passage, plus a share of that of all its passages."""
    together = frozenset[str]().union(*(passage.words for passage in turn.passages))
    best = max(_weight(passage.words, rarity) for passage in turn.passages)
    return best + BESIDE * _weight(together, rarity)


def _weight(words: Iterable[str], rarity: dict[str, float]) -> float:
    return sum(rarity[word] for word in words)


def _match(turn: SearchedTurn, rarity: dict[str, float]) -> SessionMatch:
    def best(kind: str, most: int) -> list[str]:
        ours = [passage for passage in turn.passages if passage.kind == kind]
        return [p.excerpt for p in heapq.nlargest(most, ours, key=lambda p: _weight(p.words, rarity))]

    together = frozenset[str]().union(*(passage.words for passage in turn.passages))
    user = next(iter(best("user", 1)), _beginning(turn.user))
    reply = next(iter(best("reply", 1)), _beginning(turn.reply))
    calls = "; ".join(best("call", MOST_CALLS))
    most = max(
        _ROLES,
        key=lambda kind: max((_weight(p.words, rarity) for p in turn.passages if p.kind == kind), default=0),
    )
    return SessionMatch(turn.session_id, turn.id, turn.at, user, reply, len(together), calls, _ROLES[most])


def _beginning(text: str) -> str:
    cut = " ".join(text[:EXCERPT].split())
    return cut + ("…" if len(text) > EXCERPT else "")
