"""Undo and rollback from the terminal: the same question and the same options as in the editors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls.terminal.questions import Ask, Option
from mazu_ls.terminal.styled_text import plural

if TYPE_CHECKING:
    from mazu_ls.terminal.chat_session import ChatSession, Execute
    from mazu_ls.terminal.surface import Surface

NAMED = 6
OPTIONS = (
    Option("k", "Only the agent's changes: what you changed stays"),
    Option("o", "Everything as it was: your changes there go too"),
    Option("l", "Leave it: change nothing"),
)
DECISIONS = {"k": "keep", "o": "overwrite"}


async def take_back(chat: ChatSession, name: str, text: str) -> str:
    """`/undo` or `/rollback [ID]` in a chat; what came of it in a sentence."""
    if name == "undo":
        arguments: dict[str, Any] = {"sessionId": chat.session_id} if chat.session_id else {}
        return sentence(await decide(chat.execute, chat.host.surface, "mazu.undo", arguments))
    arguments = {"id": text} if text else {}
    return sentence(await decide(chat.execute, chat.host.surface, "mazu.rollback", arguments))


async def decide(execute: Execute, surface: Surface, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Carry out an undo or a rollback; where the user's own work is in its way, ask what to do with it."""
    leave = arguments.get("onConflict") == "leave"  # then a conflict ends it, and nobody is asked
    if leave:
        arguments = {**arguments, "onConflict": "ask"}
    result: dict[str, Any] = await execute(name, arguments)
    conflicts = result["plan"]["conflicts"]
    if result["applied"] or not conflicts or arguments.get("preview") or leave:
        return result
    if not surface.interactive or arguments.get("onConflict") not in (None, "ask"):
        return result
    listed = "\n".join(f"{one['path']}: {one['reason']}" for one in conflicts[:NAMED])
    if len(conflicts) > NAMED:
        listed += f"\nand {len(conflicts) - NAMED} more"
    question = Ask("You changed files since then. What shall come back?", OPTIONS, listed)
    answer = await surface.ask(question, None)
    if answer.key not in DECISIONS:
        return result
    return await execute(name, {**arguments, "onConflict": DECISIONS[answer.key]})


def sentence(result: dict[str, Any]) -> str:
    """What an undo or a rollback did, for a person."""
    plan = result["plan"]
    if not result["applied"]:
        if not plan["conflicts"]:
            return "Nothing was changed."
        named = ", ".join(one["path"] for one in plan["conflicts"][:NAMED])
        return f"Nothing was changed: you changed {named} since then."
    files = len(plan["write"]) + len(plan["delete"])
    parts = [plural(files, "file") if files else "No file had to change"]
    if any(plan["memories"].values()):
        parts.append("memory")
    if plan["conversation"]:
        parts.append("the conversation")
    proof = "" if result["verified"] else " NOT everything could be verified:"
    problems = "".join(f"\n- {one['path']}: {one['reason']}" for one in result["problems"])
    kept = [one["path"] if isinstance(one, dict) else one for one in plan["keep"]]
    stays = f" Yours stays: {', '.join(kept[:NAMED])}." if kept else ""
    return f"Taken back: {', '.join(parts)}.{stays}{proof}{problems}"
