"""Renders an undo, a redo, a rollback and their previews in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls.server.chat.rollback_text import restored_parts
from mazu_ls.terminal.lists import path_of
from mazu_ls.terminal.times import local_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mazu_ls.terminal.screen.markup import PlainConsole as Console

Result = dict[str, Any]
ROW_CHARS = 5000


def draw_redo(out: Console, value: Result) -> None:
    """Render like a rollback; it is reverted by its checkpoint alone, and takes no `--on-conflict`."""
    draw_rollback(out, value, is_redo=True)


def draw_rollback(out: Console, value: Result, *, is_redo: bool = False) -> None:
    """Render what was done or would be, file by file, and the outcome."""
    plan = value["plan"]
    if value.get("isPreview") and not value.get("isUndo"):
        target = value["checkpoint"]
        words = " ".join((target["title"] or target["label"] or target["kind"]).split())
        out.print(f"To {target['id']} “{words}”, {local_time(target['createdAt'])}", markup=False)
    other = "also holds other work" if value.get("isUndo") else "holds your own work"
    for verb, key in (
        ("write", "write"),
        ("delete", "delete"),
        ("change in the editor", "buffers"),
        ("keep", "keep"),
        ("set aside", "setAside"),
    ):
        for item in plan[key]:
            path, why = (item, "") if isinstance(item, str) else (item["path"], f" ({item['reason']})")
            whose = f" ({other})" if path in plan["users"] else ""
            if key == "buffers":
                path = _in_project(path_of(path), value.get("folders", ()))
            _row(out, f"{verb}: {path}{why or whose}")
    if any(plan["memories"].values()):
        learned = plan["memories"]
        out.print(f"  memories: +{learned['added']} ~{learned['changed']} -{learned['removed']}")
    if plan["conversation"]:
        out.print("  conversation: back to where it was then")
    left_out(out, value["checkpoint"])
    would_ask = value.get("isPreview") and plan["undecided"] and value.get("onConflict") != "leave"
    for conflict in plan["conflicts"]:
        verb = "ask about" if would_ask else "conflict"
        _row(out, f"{verb}: {conflict['path']} ({conflict['reason']})")
    for problem in value["problems"]:
        _row(out, f"problem: {problem['path']}: {problem['reason']}")
    parts = restored_parts(value)
    out.print(
        _rollback_done(value, parts, is_redo=is_redo)
        if value["applied"]
        else _not_rolled_back(value, parts, is_redo=is_redo),
        markup=False,
    )


def _row(out: Console, text: str) -> None:
    out.print(f"  {row_of(text)}", markup=False)


def row_of(text: str) -> str:
    """Return what names a file as one line, whatever the name holds: it cannot look like another row."""
    from mazu_ls.workspace.visible_text import make_line  # short commands import this module

    return make_line(text, ROW_CHARS)


def _in_project(path: str, folders: Sequence[str]) -> str:
    """Return a file of the editor's as the other files are named: relative to the project's folder."""
    return next((path[len(one) + 1 :] for one in folders if path.startswith(f"{one}/")), path)


IN_ADVANCE = "To decide in advance: --on-conflict keep, overwrite or leave."


LEFT = "--on-conflict keep reverts only the agent's changes, overwrite yours, too."


def _not_rolled_back(value: Result, parts: list[str], *, is_redo: bool) -> str:
    if value["plan"]["undecided"]:
        if is_redo:
            return "Nothing was changed: your own changes are in the way, and stay."
        if value.get("onConflict") == "leave":
            return f"Nothing was changed: your own changes are in the way, and with leave they stay. {LEFT}"
        if value.get("isPreview"):
            return f"Nothing was changed. You would be asked about your own changes. {IN_ADVANCE}"
        return f"Nothing was changed: your own changes are in the way, and stay. {IN_ADVANCE}"
    if not parts:
        return "Nothing was changed, and nothing would be: everything is as it was then, or stays as it is."
    return f"Nothing was changed: this only shows what would go back ({', '.join(parts)})."


STAYS = "What only you changed stays; --on-conflict overwrite restores that, too."


def plan_keeps_users(plan: Result) -> bool:
    """Return whether a file stays because only the user changed it."""
    users = set(plan["users"])
    return any(kept["path"] in users for kept in plan["keep"])


def _rollback_done(value: Result, parts: list[str], *, is_redo: bool) -> str:
    id, safety = value["checkpoint"]["id"], (value.get("safety") or {}).get("id", "")
    of = f" --session {value['sessionId']}" if value.get("sessionId") else ""
    undo = f"To undo this: {'' if is_redo else f'mazu-ls redo{of}, or '}mazu-ls rollback {safety}"
    has_files = any("file" in part for part in parts)
    checked = ", verified by hash" if has_files else ""
    if not value["verified"]:
        checked = ", NOT fully verified, see the problems"
    if value["plan"]["conflicts"]:
        again = f"mazu-ls redo{of}, then mazu-ls undo{of}" if value.get("isUndo") else "the same command"
        decides = "" if is_redo else f"; to decide about it: {again} with --on-conflict keep or overwrite"
        rest = f"what is in conflict was left as it is{decides}"
        what = (
            f"Only {' and '.join(parts)} went back to {id}{checked}"
            if parts
            else f"Nothing went back to {id}"
        )
        return f"{what}: {rest}. {undo}"
    if not parts and plan_keeps_users(value["plan"]):
        return f"Nothing went back to {id}: what differs is your own work{', and stays.' if is_redo else f'. {STAYS}'}"
    if not parts:
        return f"Rolled back to {id}: nothing had to change. {undo}"
    if value["plan"]["undecided"] and not is_redo:
        undo = f"{STAYS} {undo}"
    return f"Rolled back to {id} ({', '.join(parts)}){checked}. {undo}"


def left_out(out: Console, checkpoint: Result) -> None:
    """Render the files that a checkpoint does not hold."""
    for skipped in checkpoint["skipped"]:
        _row(out, f"not in it: {skipped['path']} ({skipped['reason']})")
