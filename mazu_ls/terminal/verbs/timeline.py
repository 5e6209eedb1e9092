"""`mazu-ls timeline`: what happened in a conversation, step by step, with costs and checkpoints."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mazu_ls.agent.session.recovery import BROKEN_OFF
from mazu_ls.errors import Kind, MazuError
from mazu_ls.journal import journal
from mazu_ls.terminal.screen import styled_text as styled
from mazu_ls.terminal.screen.call_lines import SIGNS, call_outcome, describe_call, outcome_state
from mazu_ls.terminal.screen.printing import print_json, print_text
from mazu_ls.terminal.screen.styled_text import Line, clean, line
from mazu_ls.terminal.times import local_time

if TYPE_CHECKING:
    import argparse

    from mazu_ls.server.state import ServerState
    from mazu_ls.terminal.host import TerminalHost

TEXT = 100


async def run(server: ServerState, host: TerminalHost, given: argparse.Namespace) -> int:
    """Print the steps of a session, the last one used if none is named; nothing is changed."""
    project = await server.wait_opened()
    session_id = given.named or given.session
    if session_id is None:
        sessions = await project.sessions.list()
        if not sessions:
            raise MazuError(Kind.NOT_FOUND, "There is no conversation here yet.", "mazu-ls begins one.")
        session_id = sessions[0].id
    is_damaged = await project.sessions.report_damage(session_id)
    found = list(steps(await project.sessions.events(session_id)))
    if (await project.sessions.info(session_id)).interrupted and (not found or found[-1]["kind"] != "end"):
        found.append(_broken_off(found))
    if getattr(given, "json", False):
        print_json({"sessionId": session_id, "steps": found})
    else:
        styled.write([_line(step) for step in found])
        if not found and not is_damaged:
            print_text("This conversation has no turns: none was sent yet, or all were undone.", sys.stderr)
    return 0


def steps(events: Iterable[journal.Event]) -> Iterable[dict[str, Any]]:
    """Yield each event that a person would name, with the cost so far (US dollars, None if unknown)."""
    spent: float | None = 0.0
    calls: dict[str, tuple[str, str]] = {}  # the tool, and what it does
    for event in events:
        step = _step(event.body, calls)
        if isinstance(event.body, journal.ModelSaid):
            cost = event.body.usage.cost_usd
            spent = None if cost is None or spent is None else spent + cost
        if step is not None:
            yield {"at": event.at, "turnId": event.turn, **step, "spentUsd": spent}


def _broken_off(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the end of an interrupted turn."""
    last = steps[-1] if steps else {"at": journal.now(), "turnId": None, "spentUsd": 0.0}
    text = f"{BROKEN_OFF} mazu-ls --continue, or mazu-ls undo"
    ended = {"kind": "end", "stopReason": "interrupted", "text": text, "costUsd": None, "tokens": 0}
    return {"at": last["at"], "turnId": last["turnId"], **ended, "spentUsd": last["spentUsd"]}


def _step(body: journal.Body, calls: dict[str, tuple[str, str]]) -> dict[str, Any] | None:
    match body:
        case journal.UserSaid(_, shown) if shown:
            return {"kind": "user", "text": shown}
        case journal.ModelSaid(message, _, usage) if message.text.strip():
            return {"kind": "reply", "text": message.text, "costUsd": usage.cost_usd}
        case journal.CallStarted(call_id, tool, _, arguments):
            calls[call_id] = tool, describe_call(tool, arguments)
        case journal.CallDecided(call_id, verdict, reason, by) if verdict == "deny":
            return {"kind": "refused", "text": calls.get(call_id, ("", ""))[1], "by": by, "reason": reason}
        case journal.CallEnded(call_id, ok, summary):
            tool, what = calls.get(call_id, ("", ""))
            outcome = call_outcome(tool, body, streamed=False)
            return {"kind": "call", "text": what, "state": outcome_state(ok, summary), "outcome": outcome}
        case journal.CheckpointTaken(id, kind, label):
            return {"kind": "checkpoint", "id": id, "checkpointKind": kind, "text": label}
        case journal.MemoryTouched(id, outcome, title):
            return {"kind": "memory", "id": id, "outcome": outcome, "text": title}
        case journal.Compacted():
            return {"kind": "compacted", "text": "the conversation was shortened"}
        case journal.TurnEnded(stop_reason, _, usage, detail):
            return {
                "kind": "end",
                "stopReason": stop_reason,
                "text": detail,
                "costUsd": usage.cost_usd,
                "tokens": usage.tokens,
            }
    return None


def _line(step: dict[str, Any]) -> Line:
    first, more, _ = clean(step["text"]).strip().partition("\n")
    at, text = local_time(step["at"]).rjust(5), styled.fit(f"{first.rstrip()} …" if more else first, TEXT)
    match step["kind"]:
        case "user":
            return line(("dim", at), ("bold", f" > {text}"), ("dim", f"  {step['turnId'] or ''}".rstrip()))
        case "reply":
            return line(("dim", at), f"   {text}")
        case "call":
            style, sign = SIGNS[step["state"]]
            said = styled.fit(clean(step["outcome"]), 60)
            return line(("dim", at), " ", (style, sign), f" {text}", ("dim", f"  {said}"))
        case "checkpoint":
            return line(("dim", f"{at} ◆ checkpoint {step['id']} {text}"))
        case "memory":
            return line(("dim", f"{at} + remembered ({step['outcome']}): {text}"))
        case "refused":
            return line(("dim", at), ("yellow", f" – {text}: refused, {clean(step['reason'])}"))
        case "end":
            why = "" if step["stopReason"] == "end_turn" else step["stopReason"].replace("_", " ")
            why = f"{why}: {text}" if why and text else why
            facts = [
                why,
                *([styled.money(step["costUsd"]), styled.tokens(step["tokens"])] if step["tokens"] else []),
            ]
            return line(("dim", f"{at}   {styled.join(facts)}"))
    return line(("dim", f"{at}   {text}"))
