"""The model's replies in the demo. Everything around it is real: SDK, HTTP, streaming, tools, tests, git."""

from __future__ import annotations

from typing import Any

from mazu_ls.demo.repository import BROKEN, FIXED

DECISION = "Amounts are whole cents (int), never floats"
REASON = "Floats lost a cent in the March report; Ada decided it."
RUINED = '"""Amounts of money."""\n\n\ndef parse(text: str) -> float:\n    return float(text)\n'


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """One tool call of a reply."""
    return {"name": name, "arguments": arguments}


REPLIES: list[dict[str, Any]] = [
    # chat: a decision is remembered
    {
        "text": "I will remember that.",
        "calls": [call("remember", title=DECISION, body=REASON, category="decision", path="ledger/money.py")],
    },
    {
        "text": "Noted as a decision: amounts are whole cents, never floats. It is attached to ledger/money.py."
    },
    # run: find the bug, fix it, prove it
    {"text": "First what the tests say.", "calls": [call("run_shell", command="python3 -m unittest")]},
    {
        "text": "Two fail in parse: one decimal, and debts. Reading it.",
        "calls": [call("read_file", path="ledger/money.py"), call("read_file", path="tests/test_ledger.py")],
    },
    {
        "text": "The fraction is not padded and the sign is applied to the whole part only.",
        "calls": [call("edit_file", path="ledger/money.py", old=BROKEN, new=FIXED)],
    },
    {"calls": [call("run_shell", command="python3 -m unittest")]},
    {
        "text": "Fixed: `parse` pads the fraction and applies the sign to the whole amount. All four tests pass."
    },
    # run: a bad idea, for the rollback
    {
        "text": "Floats would be simpler.",
        "calls": [
            call("write_file", path="ledger/money.py", content=RUINED),
            call("write_file", path="ledger/rates.py", content="VAT = 0.19\n"),
            call("remember", title="Money is float now, simpler", category="decision"),
        ],
    },
    {"text": "Rewrote money.py with floats."},
    # chat: killed in the middle
    {
        "text": "Let me think about that for a while. " * 40,
        "chunk": 12,
        "delay": 0.05,
    },
    # chat after the restart
    {
        "when": "May amounts be float",
        "calls": [call("recall", query="may amounts be floats")],
    },
    {
        "text": "No. It was decided that amounts are whole cents, never floats: floats lost a cent in the March report."
    },
]
