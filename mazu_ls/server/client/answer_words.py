"""The words of answers to a question: what a code action or lens is called, and what is said once it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mazu_ls.host import Choice

NO_ANSWER = "no answer, so it was not done"
VERDICTS = {
    "allow_once": "allowed once",
    "allow_session": "allowed for this session",
    "allow_always": "always allowed",
    "deny": "denied",
}
_TITLES = {
    "allow_once": "allow once",
    "allow_session": "allow for this session",
    "allow_always": "always allow in this project",
    "deny": "deny",
}


def answer_title(choice: Choice) -> str:
    """Return what an answer is called: of an approval by its kind, else by its own words, since several may be of one kind."""
    if _is_approval(choice):
        return _TITLES[choice.kind]
    first, _, rest = choice.label.partition(" ")
    return choice.label if first in ("", "I") else f"{first.lower()} {rest}".rstrip()


def given_answer(choice: Choice | None) -> str:
    """Return what is said of a question to which this answer was given; None for no answer."""
    if choice is None:
        return NO_ANSWER
    return VERDICTS[choice.kind] if _is_approval(choice) else answer_title(choice)


def _is_approval(choice: Choice) -> bool:
    """Return whether it is one of the answers to a tool call: "Allow once", "Allow NAME for this session", "Deny"."""
    title = _TITLES.get(choice.kind)
    return title is not None and choice.label.lower().startswith(title.partition(" ")[0])
