"""Questions in a terminal: their keys, and how a typed line is read as an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mazu_ls.workspace.text import split_lines
from mazu_ls.workspace.visible_text import plural

if TYPE_CHECKING:
    from mazu_ls.host import Choice, Question

KEYS = {"allow_once": "y", "allow_session": "s", "allow_always": "a", "deny": "n"}
WHY = "Why this needs approval: "


@dataclass(frozen=True)
class QuestionOption:
    """One answer: its key, its label, and whether words for the agent may follow it.

    With a `word` it is given only by typing exactly that; then it takes a note.
    """

    key: str
    label: str
    takes_note: bool = False
    word: str = ""


@dataclass(frozen=True)
class Ask:
    """A question as lines to show; `diff` is a unified diff that is paged if it is long."""

    title: str
    options: tuple[QuestionOption, ...]
    detail: str = ""
    reason: str = ""
    diff: str = ""


@dataclass
class Answer:
    """The key of the chosen option, None for no answer; `note` is passed on to the agent."""

    key: str | None
    note: str = ""


@dataclass
class Keyed:
    """A permission question with its keys: `choices` by key, and the key that accepts some hunks of an edit, if any."""

    ask: Ask
    choices: dict[str, Choice] = field(default_factory=dict)
    by_hunk: str = ""


def with_keys(question: Question) -> Keyed:
    """Assign the keys y, s, a and n to a question of the agent's, and a free letter to any other choice."""
    choices: dict[str, Choice] = {}
    options: list[QuestionOption] = []
    for choice in question.choices:
        key = _free_key(KEYS.get(choice.kind, ""), choice.label, choices)
        choices[key] = choice
        options.append(
            QuestionOption(
                key, choice.label, takes_note=choice.kind == "deny" and not question.tool.startswith("mazu.")
            )
        )
    by_hunk = ""
    if question.hunks:
        by_hunk = _free_key("h", "hunks", choices)
        options.insert(
            -1, QuestionOption(by_hunk, f"Choose among its {plural(len(question.hunks), 'change')}")
        )
    detail, reason = question.detail.strip(), question.reason.strip()
    if reason and detail.endswith(
        WHY + reason
    ):  # never looked for: what a project brings could hold these words
        detail = detail.removesuffix(WHY + reason)
    else:
        reason = ""
    lines = split_lines(detail.strip(), ends=False)
    if lines and question.tool == "run_shell" and question.title.endswith(f" {lines[0]}"):
        lines = lines[
            1:
        ]  # a command that fits in the title is not repeated; an argument of another tool always is
    ask = Ask(question.title, tuple(options), "\n".join(lines).strip("\n"), reason, question.diff or "")
    return Keyed(ask, choices, by_hunk)


def hunk_questions(question: Question) -> list[Ask]:
    """Return one question for each hunk of an edit: accept it, or leave it out."""
    options = (QuestionOption("y", "Take this change"), QuestionOption("n", "Leave it out"))
    count = len(question.hunks)
    return [
        Ask(f"{question.title}: change {number} of {count}", options, diff=hunk.diff)
        for number, hunk in enumerate(question.hunks, 1)
    ]


def _free_key(wanted: str, label: str, taken: dict[str, Choice]) -> str:
    for key in (wanted, *label.lower(), *"abcdefghijklmopqrtuvwxz"):
        if key.isalpha() and key not in taken:
            return key
    return str(len(taken) + 1)


def read_answer(line: str, options: Sequence[QuestionOption]) -> Answer:
    """Parse a typed line: a key or a number, and a note behind it if the option takes one; anything else is no answer."""
    word, _, note = line.strip().partition(" ")
    for number, option in enumerate(options, 1):
        if option.word:
            if line.strip() == option.word:
                return Answer(option.key, option.word)
            continue
        full = option.label.lower().split()[0]
        if word.lower() in (option.key, str(number), full) or (option.key == "y" and word.lower() == "yes"):
            if note.strip() and not option.takes_note:
                return Answer(None)
            return Answer(option.key, note.strip())
        if option.takes_note and word.lower() == "no":
            return Answer(option.key, note.strip())
    return Answer(None)


def plain_lines(ask: Ask) -> list[str]:
    """Return the question as lines of text, without colours."""
    lines = [ask.title, *split_lines(ask.detail, ends=False), *split_lines(ask.diff.rstrip("\n"), ends=False)]
    if ask.reason:
        lines.append(f"Needs approval because: {ask.reason}")
    return [*lines, *(f"  {option.key}  {option.label}{_hint(option)}" for option in ask.options)]


def _hint(option: QuestionOption) -> str:
    if option.word:
        return f", by typing the word {option.word}"
    return ", with a reason behind it if you like" if option.takes_note else ""
