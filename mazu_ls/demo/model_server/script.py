"""What the scripted model says: replies in order, or by a word in the request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

FAULTS = frozenset(
    {
        *("401", "403", "404", "429", "500", "529", "context_length", "reset"),
        *("overloaded_midstream", "reset_midstream", "stall", "no_terminal_event", "garbage_event"),
        *("truncated_json", "max_tokens_in_tool", "duplicate_ids", "refusal"),
    }
)


@dataclass(frozen=True)
class ScriptedReply:
    """One scripted answer. Field names are those of the script's JSON, in camelCase there.

    `calls` are objects with `name`, `arguments`, and optionally `id` (null: sent without one) and `raw` (sent instead of
    the arguments; a string as it is, an object as an object, as some servers do). `usage` has `input`, `output`,
    `cacheRead`, `cacheWrite` in tokens; false sends none. `chunk` is characters per delta, `delay` seconds between
    deltas, `retry_after` seconds, `after` the number of deltas before a fault in mid-stream strikes.
    """

    when: str | None = None
    repeat: bool = False
    text: str = ""
    thinking: str = ""
    calls: Sequence[Mapping[str, Any]] = ()
    stop: str | None = None
    usage: Mapping[str, int] | bool | None = None
    chunk: int = 24
    delay: float = 0.0
    fault: str | None = None
    retry_after: float | None = None
    after: int = 1

    @classmethod
    def decode(cls, data: Mapping[str, Any]) -> ScriptedReply:
        """Read one reply of a script. Raises ValueError that names an unknown field or fault."""
        named = {"retry_after" if key == "retryAfter" else key: value for key, value in data.items()}
        if unknown := named.keys() - {known.name for known in fields(cls)}:
            raise ValueError(f"a reply has no field {sorted(unknown)[0]!r}")
        reply = cls(**named)
        if reply.fault is not None and reply.fault not in FAULTS:
            raise ValueError(f"unknown fault {reply.fault!r}; known are {', '.join(sorted(FAULTS))}")
        return reply


THE_END = ScriptedReply(text="(script ended)")


@dataclass
class ModelScript:
    """Replies and which of them are used up."""

    replies: list[ScriptedReply]
    used: set[int] = field(default_factory=set)

    @classmethod
    def decode(cls, data: Any) -> ModelScript:
        """Read `{"replies": [...]}` or a bare list. Raises ValueError."""
        rows = data.get("replies") if isinstance(data, Mapping) else data
        if not isinstance(rows, Sequence) or isinstance(rows, str):
            raise ValueError('a script is {"replies": [...]} or a list of replies')
        return cls([row if isinstance(row, ScriptedReply) else ScriptedReply.decode(row) for row in rows])

    @classmethod
    def read(cls, path: Path) -> ModelScript:
        """Read a script file. Raises OSError, ValueError."""
        return cls.decode(json.loads(path.read_text(encoding="utf-8")))

    def next(self, model: str, last_user_text: str) -> ScriptedReply:
        """The first unused reply whose `when` occurs in the request, else the next unused one without `when`."""
        fits = [i for i, reply in enumerate(self.replies) if i not in self.used and reply.when is not None]
        chosen = next((i for i in fits if _occurs(self.replies[i].when, model, last_user_text)), None)
        if chosen is None:
            plain = (i for i, reply in enumerate(self.replies) if i not in self.used and reply.when is None)
            chosen = next(plain, None)
        if chosen is None:
            return THE_END
        if not self.replies[chosen].repeat:
            self.used.add(chosen)
        return self.replies[chosen]


def _occurs(when: str | None, model: str, text: str) -> bool:
    return when is not None and (when in text or when in model)
