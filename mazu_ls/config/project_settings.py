"""Which settings a project's own files may change, and whether only to a stricter value.

Every setting needs an entry in DIRECTIONS; without one a project may not set it.

A project's `.mazu/config.toml`, and what an editor says comes from its workspace, is somebody else's. "set": the project
may choose freely. "user": it may not touch the setting. LOWER, HIGHER, STAY_FALSE and `order` let it
tighten: a smaller or greater number, false, or a stricter one of several values. What is tightened holds against all
of the user's settings, wherever they come from; what is set, only until the user's editor sets it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from mazu_ls.config.validation import Rejected


class Direction(Struct, frozen=True):
    """Whether a project may turn a setting from `old`, which is in force, to `new`; None is "no limit"."""

    name: str
    allows: Callable[[Any, Any], bool]


def order(*strictest_first: Any) -> Direction:
    """A project may choose a value that is as strict or stricter."""
    rank = {value: place for place, value in enumerate(strictest_first)}
    return Direction("tighten", lambda old, new: rank.get(new, 99) <= rank.get(old, 99))


def _lower(old: Any, new: Any) -> bool:
    return new is not None and (old is None or new <= old)


def _higher(old: Any, new: Any) -> bool:
    return new is not None and old is not None and new >= old


def _inside(_: Any, new: Any) -> bool:
    path = Path(str(new))
    return not (path.is_absolute() or str(new).startswith("~") or ".." in path.parts)


def _output_names(_: Any, new: Any) -> bool:
    """Return whether each is a plain name of a build folder: not hidden, as `.env` is, and no wildcard for everything."""
    return all(re.fullmatch(r"[A-Za-z0-9_][\w*-]{2,}/?", name) for name in new)


WORKSPACE_VALUES = "workspace"
"""The key of an editor's settings that holds values which a project may have written."""
AT_MOST = "atMost"
"""The key of settings from a command line that only restrict further."""
BROUGHT_BY_EDITOR = "editor settings that a project may have written (your own go into {})"

SET = Direction("set", lambda old, new: True)
USER = Direction("user", lambda old, new: False)
LOWER = Direction("tighten", _lower)
HIGHER = Direction("tighten", _higher)
STAY_FALSE = order(False, True)
ADD_RULES = Direction("tighten", lambda old, new: True)
"""Those that do not allow, in addition to the user's: see `tightened`."""
INSIDE = Direction("set", _inside)
OUTPUT_NAMES = Direction("set", _output_names)

DIRECTIONS: dict[str, Direction] = {
    "model": SET,
    "models": USER,
    "council.models": SET,
    "council.lead": SET,
    "council.confirm_above_usd": LOWER,
    "permissions.mode": order("plan", "ask", "auto"),
    "permissions.rules": ADD_RULES,
    "permissions.timeout_seconds": LOWER,
    "limits.max_steps": LOWER,
    "limits.max_cost_usd": LOWER,
    "limits.max_tokens": LOWER,
    "limits.max_seconds": LOWER,
    "limits.max_failures": LOWER,
    "memory.write": order("off", "ask", "auto"),
    "memory.inject_tokens": USER,
    "memory.forgetting": USER,
    "memory.extraction_model": USER,
    "memory.semantic": USER,
    "memory.embeddings": USER,
    "checkpoints.every": LOWER,
    "checkpoints.keep_days": HIGHER,
    "checkpoints.max_bytes": USER,
    "checkpoints.max_untracked_file_bytes": USER,
    "checkpoints.max_tracked_file_bytes": USER,
    "context.window_turns": SET,
    "context.window_tokens": SET,
    "context.compact_at": SET,
    "context.compact_above_usd": USER,
    "context.map_tokens": SET,
    "edits.apply": order("propose", "direct"),
    "shell.timeout_seconds": LOWER,
    "shell.sandbox": order("required", "auto", "off"),
    "shell.network": STAY_FALSE,
    "shell.outputs": OUTPUT_NAMES,
    "shell.readable": USER,
    "web.allow_private": STAY_FALSE,
    "terminal.keep_server_minutes": USER,
    "mcp_servers": SET,  # without effect until the user agrees to each
    "role": INSIDE,  # without effect until the user agrees to its text
}
_RESTRICTIONS = (
    "permissions.mode", "permissions.rules", "limits.max_steps", "limits.max_cost_usd", "limits.max_tokens",
    "limits.max_seconds", "limits.max_failures", "edits.apply", "shell.sandbox", "memory.write",
    "council.confirm_above_usd",
)  # fmt: skip
"""Settings without which the agent may do or spend more: the default of each is not the strictest value."""
_KEYS = frozenset(name.rpartition(".")[2] for name in _RESTRICTIONS)
_RESTRICTING = ("permissions", "limits", "edits")
"""Tables of which every key that is not known was meant to restrict."""
_REFUSALS = {
    "user": "only your own settings may set this, not a project's; it is ignored",
    "tighten": "a project may tighten this, not loosen it; it is ignored",
    "set": "a project may only name files and folders of its own; it is ignored",
}


def was_to_restrict(rejected: Rejected) -> bool:
    """Return whether a value that is not used was probably meant to restrict the agent more than what holds without it."""
    value, meant, (table, _, key) = rejected.value, rejected.meant, rejected.name.rpartition(".")
    if value == "bypass" or (isinstance(value, Mapping) and value.get("verdict") == "allow"):
        return False
    if meant and any(f"{name}.".startswith(f"{meant}.") for name in _RESTRICTIONS):
        return True
    if table:
        return meant != rejected.name and table in _RESTRICTING
    rows = value if isinstance(value, list) else [value]
    return key in _KEYS or any(isinstance(row, Mapping) and "verdict" in row for row in rows)


def divided(values: Mapping[str, Any], prefix: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a project sets of `values`, and what it tightens."""
    chosen: dict[str, Any] = {}
    tighter: dict[str, Any] = {}
    for key, value in values.items():
        direction = DIRECTIONS.get(f"{prefix}{key}")
        if direction is None and isinstance(value, Mapping):
            chosen[key], tighter[key] = divided(value, f"{prefix}{key}.")
        else:
            (tighter if direction and direction.name == "tighten" else chosen)[key] = value
    return chosen, tighter


def tightened(
    values: Mapping[str, Any], base: Mapping[str, Any], refuse: Callable[[str, str], None], prefix: str = ""
) -> dict[str, Any]:
    """Return what a project may set of `values`, where `base` is in force; `refuse` is called with name and reason of
    the rest."""
    kept: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        direction = DIRECTIONS.get(name)
        if direction is None and isinstance(value, Mapping):
            if inner := tightened(value, base.get(key) or {}, refuse, f"{name}."):
                kept[key] = inner
        elif name == "permissions.rules":
            rules = [rule for rule in value if rule.get("verdict", "ask") != "allow"]
            if len(rules) != len(value):
                refuse(f"{name} (verdict allow)", _REFUSALS["tighten"])
            kept[key] = [*base.get(key, ()), *rules]
        elif name == "mcp_servers":
            own = {server["name"] for server in base.get(key, ())}
            kept[key] = [*base.get(key, ()), *(server for server in value if server["name"] not in own)]
            if any(server["name"] in own for server in value):
                refuse(f"{name} (a name of yours)", _REFUSALS["user"])
        elif direction is not None and direction.allows(base.get(key), value):
            kept[key] = value
        else:
            refuse(name, _REFUSALS[direction.name if direction else "user"])
    return kept
