"""What past conversations hold of a query, over the wire."""

from __future__ import annotations

from typing import Literal

from mazu_ls.server.wire.codec import Wire

Speaker = Literal["user", "assistant", "tool", "note"]


class PastWords(Wire, frozen=True):
    """An excerpt of a past conversation: with mazu-ls, or with `agent`, from which it was imported.

    `role`: whose words these are. `answer`: what the agent answered, where `text` is the user's.
    """

    agent: str
    session: str
    role: Speaker
    at: str
    text: str
    answer: str = ""


class SessionMatchView(Wire, frozen=True):
    """A turn in which words of the query occur; `text` is an excerpt of what holds the most of them, `role` says whose
    words these are. `answer`: what the agent answered, where they are the user's."""

    session_id: str
    name: str
    at: str
    turn_id: str
    role: Speaker
    text: str
    answer: str = ""


class ImportedMatchView(Wire, frozen=True):
    """A message of another agent's conversation that was imported; `text` is an excerpt."""

    agent: str
    session: str
    role: Speaker
    at: str
    text: str


class SessionMatches(Wire, frozen=True):
    """The best first; `imported` are conversations with other agents."""

    matches: list[SessionMatchView]
    imported: tuple[ImportedMatchView, ...] = ()
