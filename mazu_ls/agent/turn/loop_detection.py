"""Loop detection: detects a model that repeats itself without progress.

It counts rounds: one model message with its tool calls, after which the model could react to the results. Several
identical calls in one message count once. Counting starts again whenever something changed: a file was edited, a
command that was not run before succeeded. A repetition is only reported after QUIET rounds without a result that is new
to the model, so that reading other files between two looks at the same one is no loop.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from mazu_ls.messages import ToolCall

WINDOW = 5
REPEATS = 3
QUIET = 2


@dataclass(frozen=True)
class CallOutcome:
    """One finished tool call: the text that the model reads, and whether it may have changed something."""

    call: ToolCall
    text: str
    ok: bool
    effectful: bool = False

    @property
    def key(self) -> str:
        """A key of tool and arguments; equal for identical calls."""
        return f"{self.call.name} {json.dumps(self.call.arguments, sort_keys=True, ensure_ascii=False)}"

    @property
    def target(self) -> str:
        """A key of the tool and the file it is used on; of the whole call where that names none."""
        path = self.call.arguments.get("path")
        return f"{self.call.name} {path}" if isinstance(path, str) else self.key


class LoopDetector:
    """Reports the same call with the same result in three of five rounds, the same error of a tool on a file likewise, and
    edits that undo each other."""

    def __init__(self) -> None:
        self._rounds: deque[tuple[set[str], set[str]]] = deque(maxlen=WINDOW)
        self._results: set[tuple[str, int]] = set()
        self._commands: set[str] = set()
        self._quiet = 0
        self._edited = False
        self._states: dict[str, list[int]] = {}

    def record_round(self, outcomes: Sequence[CallOutcome]) -> str | None:
        """Add the calls of one model message; return the evidence if the turn is stuck."""
        if self._progressed(outcomes):
            self._rounds.clear()
            self._quiet = 0
        self._edited = False
        results = {(outcome.call.name, hash(outcome.text)) for outcome in outcomes}
        self._quiet = self._quiet + 1 if results <= self._results else 0
        self._results |= results
        self._rounds.append(
            (
                {f"{outcome.key}\0{hash(outcome.text)}" for outcome in outcomes},
                {f"{outcome.target}\0{outcome.text}" for outcome in outcomes if not outcome.ok},
            )
        )
        return self._repetition() if self._quiet >= QUIET else None

    def record_edit(self, path: str, before: str, after: str) -> str | None:
        """Add one edit; return the evidence if a file alternates between two texts."""
        self._edited = True
        states = self._states.setdefault(path, [hash(before)])
        states.append(hash(after))
        if states.count(states[-1]) >= REPEATS:
            return f"{path} was brought to the same text {REPEATS} times: the edits undo each other."
        return None

    def _progressed(self, outcomes: Sequence[CallOutcome]) -> bool:
        """Return whether this round changed something that may give the same call another result."""
        commands = {outcome.key for outcome in outcomes if outcome.effectful and outcome.ok}
        new = bool(commands - self._commands)
        self._commands |= commands
        return self._edited or new

    def _repetition(self) -> str | None:
        calls, errors = self._rounds[-1]
        for call in calls:
            if sum(call in earlier for earlier, _ in self._rounds) >= REPEATS:
                return f"The same call was made {REPEATS} times with the same result: {_short(call.split(chr(0))[0])}"
        for error in errors:
            if sum(error in earlier for _, earlier in self._rounds) >= REPEATS:
                return f"The same error came {REPEATS} times: {_short(error.partition(chr(0))[2])}"
        return None


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else line[:157] + "..."
