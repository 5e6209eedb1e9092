"""Undo and rollback from the terminal. The question about the user's own work is the server's, as in the editors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls.terminal.screen.styled_text import plural
from mazu_ls.terminal.verbs.compare import checkpoint_named

if TYPE_CHECKING:
    from mazu_ls.terminal.chat.chat_session import ChatSession, Execute

NAMED = 6


async def take_back(chat: ChatSession, name: str, text: str) -> str:
    """`/undo`, `/redo` or `/rollback [ID]` in a chat; what came of it in a sentence."""
    if name == "redo":
        return sentence(await chat.execute("mazu.redo", {"sessionId": chat.session_id}), done="Redone")
    if name == "undo":
        undone = await decide(chat.execute, "mazu.undo", {"sessionId": chat.session_id})
        return sentence(undone) + (" Use /redo to restore it." if undone["applied"] else "")
    target = {"id": await checkpoint_named(chat.execute, text)} if text else {}
    return sentence(await decide(chat.execute, "mazu.rollback", target))


async def decide(execute: Execute, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Carry out an undo or a rollback; `onConflict` "leave" does nothing where the user's own work is in its way."""
    if arguments.get("onConflict") != "leave":
        result: dict[str, Any] = await execute(name, arguments)
        return result
    preview: dict[str, Any] = await execute(name, {**arguments, "onConflict": "ask", "preview": True})
    if preview["plan"]["conflicts"] or arguments.get("preview"):
        return preview
    return await execute(name, {**arguments, "onConflict": "keep"})


def sentence(result: dict[str, Any], done: str = "Undone") -> str:
    """What an undo, a redo or a rollback did, for a person."""
    plan = result["plan"]
    if not result["applied"]:
        if not plan["undecided"]:
            return "Nothing was changed."
        named = ", ".join(([one["path"] for one in plan["conflicts"]] or plan["users"])[:NAMED])
        return f"Nothing was changed: you changed {named} since then."
    files = len(plan["write"]) + len(plan["delete"])
    parts = [plural(files, "file")] if files else []
    if any(plan["memories"].values()):
        parts.append("memory")
    if plan["conversation"]:
        parts.append("the conversation")
    proof = "" if result["verified"] else " NOT everything could be verified:"
    problems = "".join(f"\n- {one['path']}: {one['reason']}" for one in result["problems"])
    kept = [one["path"] if isinstance(one, dict) else one for one in plan["keep"]]
    stays = f" Yours stays: {', '.join(kept[:NAMED])}." if kept else ""
    what = f"{done}: {', '.join(parts)}." if parts else "There was nothing to change."
    unchanged = " No file had to change." if parts and not files else ""
    return f"{what}{unchanged}{stays}{proof}{problems}"
