"""The exit status of a command, which scripts rely on (docs/terminal.md)."""

from __future__ import annotations

from typing import Any

DONE, FAILED, USAGE, AT_LIMIT, UNANSWERED, INTERRUPTED = 0, 1, 2, 3, 4, 130
LIMITS = ("max_steps", "max_cost", "max_tokens", "max_seconds")
LIMIT_SETTINGS = {"max_cost": "max_cost_usd"}
"""Settings below `limits` that have another name than the limit."""


def how_to_go_on(stop: str, *, in_chat: bool) -> str:
    """Return what to do after a turn that a limit ended; empty for any other end."""
    if stop not in LIMITS:
        return ""
    goes_on = "say continue" if in_chat else "`mazu-ls --continue` and the word continue"
    return f"The work may be unfinished: {goes_on}; `mazu-ls config set limits.{LIMIT_SETTINGS.get(stop, stop)} N` is another limit."


def exit_status(result: Any) -> int:
    """Return the status for a command's result.

    0 done, 1 failed, 3 stopped at a limit, 4 something was refused because nobody could answer, 130 interrupted.
    """
    if not isinstance(result, dict):
        return DONE
    stop = result.get("stopReason")
    if stop == "cancelled":
        return INTERRUPTED
    if result.get("error") or stop in ("error", "stuck", "refusal"):
        return FAILED
    if stop in LIMITS:
        return AT_LIMIT
    if any(refusal["by"] == "nobody" for refusal in result.get("refusals", ())):
        return UNANSWERED
    if (
        "exists" in result and result.get("text") is None and result.get("data") is None
    ):  # a file that was not printed
        return FAILED
    if result.get("refused") and not result.get("memories", True):  # nothing was shared
        return FAILED
    if result.get("notApplied"):  # proposals of consolidation
        return FAILED
    if "accepted" in result and result.get("problems"):
        return FAILED
    plan = result.get("plan")
    if isinstance(plan, dict) and result.get("applied") is False and plan.get("undecided"):
        return UNANSWERED
    if isinstance(plan, dict) and result.get("applied"):
        if result.get("problems"):
            return FAILED
        return UNANSWERED if plan.get("conflicts") or plan.get("undecided") else DONE
    return DONE
