"""`/command` in a chat document: the commands of the wire for people who type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import msgspec

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.messages import Usage
from mazu_ls.policy.rules import Mode
from mazu_ls.server.chat import markdown
from mazu_ls.server.chat.render import cost_of
from mazu_ls.server.chat.rollback_text import rollback_facts
from mazu_ls.workspace.visible_text import make_line, plural

EXCERPT_CHARS = 300
"""Characters of a past message or a title that a reply shows."""
_SPEAKERS = {"user": "you", "assistant": "agent", "tool": "tool call", "note": "note"}


@dataclass(frozen=True)
class ChatCommand:
    """`arguments` builds the wire's arguments from the text after the command and the session; `shown` renders the
    reply."""

    help: str
    command: str
    arguments: Callable[[str, str], dict[str, Any]]
    shown: Callable[[Any], str]


def _needs(field: str, what: str) -> Callable[[str, str], dict[str, Any]]:
    def arguments(text: str, session: str) -> dict[str, Any]:
        if not text:
            raise InvalidArguments(f"write {what} after the command", field)
        return {field: text}

    return arguments


def _count(text: str) -> int:
    if text and not text.isdecimal():
        raise InvalidArguments(f"{text!r} is not a number of turns", "turns")
    return int(text or 1)


def _rolled_back(done: str) -> Callable[[Any], str]:
    def said(result: Any) -> str:
        again = f"/rollback {result['safety']['id']}" if done == "Redone" and result["safety"] else "/redo"
        then = f"`{again}` reverts this." if result["applied"] and result["safety"] else ""
        facts, problems = map(markdown.escape, rollback_facts(result, done))
        return " ".join(filter(None, (facts, then, problems)))

    return said


def _remembered(result: Any) -> str:
    return f"{result['outcome']}: {result['memory']['id']} {_shown(result['memory']['title'])}"


def _shown(text: str, limit: int = EXCERPT_CHARS) -> str:
    """Return untrusted text in one line of Markdown that shows it literally: memories and past words come from anywhere."""
    return markdown.escape(make_line(text, limit))


def _recalled(result: Any) -> str:
    lines = [
        f"- `{memory['id']}` **{_shown(memory['title'])}** ({_shown(memory['why'])})"
        for memory in result["memories"]
    ]
    if result.get("onlyNearest"):
        lines.insert(0, "Nothing remembered matches clearly, by words or by meaning. The nearest there is:\n")
    if not lines:
        lines = ["No memories found."]
    if said := result.get("said"):  # asked for only where no memory holds the words: these do
        if not result["memories"]:
            lines += ["", *_past_words(said)]
        else:
            heading = [] if result.get("onlyNearest") else ["Remembered, close in meaning only:\n"]
            lines = [*_past_words(said), "", *heading, *lines]
    if ids := result.get("unaccepted"):
        lines.append(f"\nIn .mazu/shared otherwise: {', '.join(ids)} (`mazu-ls memory proposals`).")
    if waiting := result.get("waiting"):
        lines.append(f"\nProposals to review, which may say it: {waiting} (`mazu-ls memory proposals`).")
    if notice := result.get("notice"):
        lines.append(f"\n{_shown(notice)}")
    if main := result.get("mainWorktree"):
        lines.append(
            f"\nThis is a linked worktree of {_shown(main)}, which has a memory of its own: `mazu-ls memory export` there, `mazu-ls memory import` here."
        )
    return "\n".join(lines)


def _past_words(said: Sequence[Any]) -> list[str]:
    lines = ["Past conversations hold these words:\n"]
    for one in said:
        who = _SPEAKERS[one["role"]]
        lines.append(f"- {one['at'][:10]} `{one['agent'] or one['session']}` {who}: {_shown(one['text'])}")
        lines += [f"  - agent: {_shown(one['answer'])}"] * bool(one["answer"])
    return lines


def _spent(result: Any) -> str:
    total = msgspec.convert(result["total"], Usage)
    return f"{plural(total.input_tokens, 'token')} in, {total.output_tokens} out, {cost_of(total, 4)}"


def _talking(result: Any) -> str:
    from mazu_ls.models.pricing.unknown_name import unknown_name_note

    return f"Now talking to {result['current']}. {unknown_name_note(result['current'])}".rstrip()


def _mode_of(text: str, session: str) -> dict[str, str]:
    mode, _, confirm = text.partition(" ")
    if mode not in get_args(Mode):
        raise MazuError(Kind.NOT_FOUND, f"There is no mode {mode!r}.", f"Choose {', '.join(get_args(Mode))}.")
    if mode == "bypass" and not confirm:
        raise MazuError(
            Kind.PERMISSION,
            "Mode bypass asks about nothing that it can judge.",
            "To confirm it, write `/mode bypass bypass`.",
        )
    return {"mode": mode, **({"confirm": confirm.strip()} if confirm else {})}


NOT_REDONE = "/redo cannot revert this; it can revert /undo."
NOT_COMPACTED = "Nothing was replaced: the conversation is short, or no summary of it came."
COMMANDS: dict[str, ChatCommand] = {
    "undo": ChatCommand(
        "undo the last turn: code, conversation, memory", "mazu.undo", lambda text, s: {"sessionId": s}, _rolled_back("Undone")
    ),
    "redo": ChatCommand(
        "revert the last undo or rollback", "mazu.redo", lambda text, s: {"sessionId": s}, _rolled_back("Redone")
    ),
    "rewind": ChatCommand(
        "remove turns from the conversation; files stay", "mazu.session.rewind",
        lambda text, s: {"sessionId": s, "turns": _count(text)},
        lambda result: f"{'1 turn remains' if result['turnCount'] == 1 else str(result['turnCount']) + ' turns remain'}. {NOT_REDONE}",
    ),
    "compact": ChatCommand(
        "replace the conversation by a summary", "mazu.session.compact",
        lambda text, s: {"sessionId": s, "wait": True}, lambda result: "Compacted." if result["compacted"] else NOT_COMPACTED,
    ),
    "checkpoint": ChatCommand(
        "take a checkpoint, with a label", "mazu.checkpoint",
        lambda text, s: {"label": text}, lambda result: f"Took {result['id']}.",
    ),
    "rollback": ChatCommand(
        "go back to a checkpoint; without an id to before the last change", "mazu.rollback",
        lambda text, s: {"id": text} if text else {}, _rolled_back("Rolled back"),
    ),
    "remember": ChatCommand("remember this", "mazu.remember", _needs("title", "what to remember"), _remembered),
    "recall": ChatCommand("search memory", "mazu.recall", _needs("query", "what to look for"), _recalled),
    "model": ChatCommand(
        "talk to another model", "mazu.models.set", _needs("model", "its name"), _talking
    ),
    "mode": ChatCommand(
        "permission mode: ask, auto, plan, or `bypass bypass`, typed twice", "mazu.permissions.mode",
        _mode_of, lambda result: f"Mode {result['mode']}.",
    ),
    "usage": ChatCommand("what this session cost", "mazu.usage", lambda text, s: {"sessionId": s}, _spent),
}  # fmt: skip


async def run(
    execute: Callable[[str, dict[str, Any]], Awaitable[Any]], message: str, session_id: str
) -> str | None:
    """Return the reply to a message that is a command, None for any other; `execute` runs a command of the wire.

    Raises MazuError for what fails.
    """
    name, _, text = message.removeprefix("/").partition(" ")
    if not message.startswith("/") or "\n" in message or not name.isidentifier():
        return None
    found = COMMANDS.get(name)
    if found is None:
        known = ", ".join(f"/{known}" for known in COMMANDS)
        raise MazuError(Kind.NOT_FOUND, f"There is no command /{name}.", f"There are {known}.")
    try:
        arguments = found.arguments(text.strip(), session_id)
        result = await execute(found.command, arguments)
    except InvalidArguments as error:
        raise MazuError(Kind.NOT_FOUND, f"/{name} was not run: {error}.") from error
    return found.shown(result)
