"""Undo and rollback in the terminal. The server asks about the user's own work, as in the editors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls.server.chat.rollback_text import rollback_sentence
from mazu_ls.terminal.chat.question_keys import Ask, QuestionOption
from mazu_ls.terminal.screen.styled_text import fit
from mazu_ls.terminal.times import local_time
from mazu_ls.terminal.verbs.compare import checkpoint_named

if TYPE_CHECKING:
    from mazu_ls.terminal.chat.chat_session import ChatSession, Execute

LOOKED_AT = 100
SAID = 40
"""Characters of a message by which it is named."""
PICKED = 9


async def take_back(chat: ChatSession, name: str, text: str) -> str:
    """Run `/undo`, `/redo` or `/rollback [ID]` in a chat; return the outcome in a sentence."""
    if name == "redo":
        return rollback_sentence(
            await chat.execute("mazu.redo", {"sessionId": chat.session_id}), done="Redone"
        )
    if name == "undo":
        said = await _last_message(chat)
        undone = await decide(chat.execute, "mazu.undo", {"sessionId": chat.session_id})
        done, then = f"Undone “{said}”" if said else "Undone", "Use /redo to restore it."
        return rollback_sentence(undone, done, then if undone["applied"] else "")
    target = {"id": await checkpoint_named(chat.execute, text)} if text else await _pick_point(chat)
    if target is None:
        return "Nothing was rolled back."
    result = await decide(chat.execute, "mazu.rollback", target)
    return rollback_sentence(result, "Rolled back", _way_back(chat, result))


async def _last_message(chat: ChatSession) -> str:
    """Return the beginning of the message whose turn is undone next; empty if it is not known."""
    shown = await chat.execute("mazu.session.show", {"sessionId": chat.session_id, "turns": 1})
    return fit(" ".join(shown["turns"][-1]["message"].split()), SAID) if shown["turns"] else ""


async def _pick_point(chat: ChatSession) -> dict[str, Any] | None:
    """Have the user choose a point by words and time, as in the editors; {} where nobody can choose, None for none of them."""
    listed = (await chat.execute("mazu.checkpoint.list", {"limit": LOOKED_AT}))["checkpoints"]
    points = [one for one in listed if one["kind"] in ("manual", "baseline", "safety")][:PICKED]
    if not points or not chat.host.surface.interactive:
        return {}
    shown = [_shown_point(one) for one in points]
    options = [
        QuestionOption(str(number), _shown_point(one, seconds=shown.count(text) > 1))
        for number, (one, text) in enumerate(zip(points, shown, strict=True), 1)
    ]
    answer = await chat.host.surface.ask(
        Ask("Roll back everything to…", (*options, QuestionOption("n", "Leave everything as it is"))), None
    )
    return {"id": points[int(answer.key) - 1]["id"]} if answer.key and answer.key.isdecimal() else None


def _shown_point(point: dict[str, Any], *, seconds: bool = False) -> str:
    words = " ".join((point["title"] or point["label"] or point["kind"]).split())
    return f"{local_time(point['createdAt'], seconds=seconds)} · {words}"


def _way_back(chat: ChatSession, result: dict[str, Any]) -> str:
    """Return how to revert a rollback; `/redo` belongs to a conversation, so it is named only if one has begun."""
    if not (result["applied"] and result["safety"]):
        return ""
    redo = "/redo, or " if chat.session_id else ""
    return f"To undo this: {redo}/rollback {result['safety']['id']}."


async def decide(execute: Execute, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Carry out an undo or a rollback; `onConflict` "leave" does nothing if it would affect the user's own work."""
    if arguments.get("onConflict") != "leave":
        result: dict[str, Any] = await execute(name, arguments)
        return result
    preview: dict[str, Any] = await execute(name, {**arguments, "onConflict": "ask", "preview": True})
    if preview["plan"]["conflicts"] or arguments.get("preview"):
        return preview
    return await execute(name, {**arguments, "onConflict": "keep"})
