"""Renders lists and states in a terminal: aligned columns, the important first, readable numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.terminal.screen.markup import escape
from mazu_ls.workspace.visible_text import plural

if TYPE_CHECKING:
    from mazu_ls.terminal.screen.markup import PlainConsole as Console

Result = dict[str, Any]
SUSPENDED = ", suspended: `fg` there continues it"


def size(count: int) -> str:
    """Format a number of bytes."""
    amount = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def path_of(uri: str) -> str:
    """Return a document's path, or its URI if it is no file."""
    from urllib.parse import unquote, urlsplit  # few commands show one

    return unquote(urlsplit(uri).path)


def columns(out: Console, rows: Iterable[Sequence[str]]) -> None:
    """Print rows with aligned columns; the last one has its natural width."""
    rows = [list(row) for row in rows]
    if not rows:
        return
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]) - 1)]
    for row in rows:
        head = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        out.print(f"{escape(head)}  [dim]{escape(row[-1])}[/]")


def _models(out: Console, value: Result) -> None:
    ready = [model for model in value["models"] if model["ready"]]
    columns(
        out,
        (
            ("*" if model["name"] == value["current"] else " ", model["name"], _abilities(model["spec"]))
            for model in ready
        ),
    )
    if rest := len(value["models"]) - len(ready):
        known = (
            f"{rest} more have no key"
            if ready
            else f"No model is ready; {rest} are known, `mazu-ls setup` sets a key"
        )
        out.print(f"[dim]{known}. mazu-ls models --json lists them.[/]")


def _abilities(spec: Result) -> str:
    prices = spec["prices"] or {}
    paid = "price unknown"
    if prices.get("input") is not None and prices.get("output") is not None:
        paid = f"${prices['input']:g} in, ${prices['output']:g} out per million tokens"
    return f"{spec['contextWindow'] // 1000}k context, {paid}"


def _servers(servers: list[Result]) -> str:
    words = {"stopped": "not running", "not_agreed": "not agreed to"}
    said = [
        f"{one['name']}: {words.get(one['state'], one['state'])}"
        + (f" ({one['detail']})" if one["detail"] else "")
        for one in servers
    ]
    return ", ".join(said) or "none"


def draw_status(out: Console, value: Result) -> None:
    """Print `mazu.status`: a name and its value in a line, the value from the 14th column on."""
    memory, checkpoints = value["memory"], value["checkpoints"]
    parts = [part for part in (memory.get("project"), memory.get("global")) if part]
    summaries = sum(part["kinds"].get("summary", 0) for part in parts)
    remembered = sum(part["entries"] for part in parts) - summaries
    summarized = (
        f", {summaries} summar{'y' if summaries == 1 else 'ies'} of conversations" if summaries else ""
    )
    proposed = memory.get("waiting")
    waiting = f", {plural(proposed, 'proposal')} to review: mazu-ls memory proposals" if proposed else ""
    keys = [name for name, present in value["keys"].items() if present]
    keyed = f"{', '.join(keys)} (set, or none is needed)" if keys else "none"
    running = [f"{one['sessionId']} {one['state']}" for one in value["running"]]
    running += [
        f"{one['sessionId']} in {one['client']} (pid {one['pid']}{SUSPENDED if one['suspended'] else ''})"
        for one in value.get("runningElsewhere", ())
    ]
    rows = [
        ("project", value["project"]["sentence"] if "project" in value else ", ".join(value["folders"])),
        ("model", value["model"] or "none; `mazu-ls setup` sets a key or a local model"),
        ("mode", value["mode"]),
        ("running", ", ".join(running) or "nothing"),
        *([("interrupted", _interrupted(broken))] if (broken := value.get("interrupted")) else []),
        (
            "memory",
            f"{remembered} remembered{summarized}{waiting}" if memory["available"] else "not available",
        ),
        *([("recall", memory["notice"])] if memory.get("notice") else []),
        ("checkpoints", _kept(checkpoints)),
        *(("set aside", place) for place in checkpoints.get("rescued", ())),
        ("keys", keyed),
        ("git", "yes" if value["git"] else "no: checkpoints need it"),
        ("sandbox", f"{value['sandbox']['kind']}: {value['sandbox']['why']}"),
        ("mcp", _servers(value["mcpServers"])),
        ("log", value["log"] if Path(value["log"]).exists() else "nothing was logged yet"),
    ]
    if clients := value.get("clients"):
        first = clients[0]
        who = f"the server of {first['name'] or 'an editor'}" if first["kind"] == "editor" else first["name"]
        rows.insert(1, ("answered by", f"{who} (pid {value['pid']}); model and mode are its own"))
        others = [f"{one['name'] or one['kind']} (pid {one['pid']})" for one in clients[1:-1]]
        if others:
            rows.insert(2, ("connected", ", ".join(others)))
    for name, said in rows:
        out.print(f"[dim]{name:<12}[/] {escape(said)}")
    for warning in value["warnings"]:
        out.print(f"warning: {warning}", markup=False)


def _interrupted(broken: Result) -> str:
    """Describe an interrupted turn, and what can be done about it."""
    return f"the last turn of “{broken['name']}” ({broken['sessionId']}): mazu-ls --continue, or mazu-ls undo"


def _kept(checkpoints: Result) -> str:
    if not checkpoints["available"]:
        return "not available"
    held = f"{size(checkpoints['bytes'])} of at most {size(checkpoints['maxBytes'])}"
    current = f", now at {checkpoints['current']}" if checkpoints["current"] else ""
    return f"{checkpoints['count']}, {held}{current}"


def _first_sentence(text: str) -> str:
    return " ".join(text.split("\n\n", maxsplit=1)[0].split()).split(". ")[0].rstrip(".")


def _tools(out: Console, value: Result) -> None:
    columns(
        out,
        (
            (tool["name"], tool["effect"], tool["source"], _first_sentence(tool["description"]))
            for tool in value["tools"]
        ),
    )


def _permissions(out: Console, value: Result) -> None:
    out.print(f"mode {value['mode']}")
    columns(
        out,
        (
            (rule["id"] or "-", rule["verdict"], rule["tool"], rule["pattern"] or "*", rule["source"])
            for rule in value["rules"]
        ),
    )
    if not value["rules"]:
        out.print("[dim]no rules: the mode decides[/]")


def _checked(out: Console, value: Result) -> None:
    rule = f" ({value['rule']})" if value.get("rule") and value["rule"] not in value["reason"] else ""
    held = ", held by the sandbox" if value["sandboxed"] else ""
    out.print(f"{value['verdict']}: {value['reason']}{rule}{held}", markup=False)


def _skills(out: Console, value: Result) -> None:
    columns(out, ((one["name"], one["scope"], one["trust"], one["description"]) for one in value["skills"]))
    for problem in value["problems"]:
        out.print(f"problem: {problem}", markup=False)
    if not value["skills"]:
        out.print("there are no skills yet")


def _skill(out: Console, value: Result) -> None:
    out.print(_skill_head(value), markup=False)
    out.print(value["source"].rstrip("\n"), markup=False, highlight=False)


def _skill_saved(out: Console, value: Result) -> None:
    out.print(f"saved: {_skill_head(value)}", markup=False)


def _skill_forgotten(out: Console, value: Result) -> None:
    out.print(f"forgotten: {_skill_head(value)}", markup=False)


def _skill_head(skill: Result) -> str:
    return f"{skill['name']} ({skill['scope']}, {skill['trust']}) {skill['description']}".rstrip()


def _ran(out: Console, value: Result) -> None:
    if value.get("output"):
        out.print(value["output"].rstrip("\n"), markup=False, highlight=False)
    shown = value["result"]
    out.print(
        shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False),
        markup=False,
        highlight=False,
    )


def _pruned(out: Console, value: Result) -> None:
    count = len(value["removed"])
    out.print(f"removed {count} checkpoint{'' if count == 1 else 's'}, {size(value['bytesFreed'])} freed")


def _trust(out: Console, value: Result) -> None:
    rows = (
        (
            one["id"],
            one["state"],
            one["hash"],
            ", ".join([*(one["files"] or [one["path"]]), *([f"at {one['host']}"] if one["host"] else [])]),
        )
        for one in value["items"]
    )
    columns(out, rows)
    if not value["items"]:
        out.print("nothing in this project needs your agreement")


def _state(out: Console, value: Result) -> None:
    was = value["attached"]
    out.print(
        f"this project now has the saved state of {was}"
        if was
        else "nothing was attached: what was found is kept, and is not offered to this project again",
        markup=False,
        highlight=False,
    )
    if aside := value["setAside"]:
        out.print(f"the previous state of this project is kept in {aside}", markup=False, highlight=False)


def _counts(value: Result) -> str:
    memories = "1 memory" if value["memories"] == 1 else f"{value['memories']} memories"
    return f"{memories}, {plural(value['sessions'], 'conversation')}, {plural(value['checkpoints'], 'checkpoint')}"


def _state_exported(out: Console, value: Result) -> None:
    path = path_of(value["uri"])
    out.print(f"{path}: {_counts(value)}, {value['bytes']:,} bytes", markup=False, highlight=False)
    if left_out := value["notIncluded"]:
        out.print(
            f"not in it: the earlier content of {plural(left_out, 'file')} that no checkpoint holds (ignored by git, or too large)",
            markup=False,
            highlight=False,
        )


def _state_imported(out: Console, value: Result) -> None:
    said = f"{_counts(value)} of {value['project']}, as of {value['createdAt']}, now belong to this project"
    out.print(said, markup=False, highlight=False)
    if aside := value["setAside"]:
        out.print(f"what was here until now is set aside in {aside}", markup=False, highlight=False)


def _role(out: Console, value: Result) -> None:
    path = path_of(value["uri"])
    out.print(value["text"] or f"There is no role document; write {path}", markup=False)


def _transcript(out: Console, value: Result) -> None:
    said = value["text"] if value["text"] is not None else f"written to {path_of(value['uri'])}"
    out.print(said, markup=False)


DRAWINGS: dict[str, Callable[[Console, Result], None]] = {
    "mazu.models.list": _models,
    "mazu.models.set": _models,
    "mazu.status": draw_status,
    "mazu.session.transcript": _transcript,
    "mazu.tools.list": _tools,
    "mazu.permissions.list": _permissions,
    "mazu.permissions.set": _permissions,
    "mazu.permissions.revoke": _permissions,
    "mazu.permissions.mode": _permissions,
    "mazu.permissions.check": _checked,
    "mazu.skills.list": _skills,
    "mazu.skills.show": _skill,
    "mazu.skills.save": _skill_saved,
    "mazu.skills.run": _ran,
    "mazu.skills.forget": _skill_forgotten,
    "mazu.trust.list": _trust,
    "mazu.trust.agree": _trust,
    "mazu.trust.revoke": _trust,
    "mazu.state.attach": _state,
    "mazu.state.decline": _state,
    "mazu.state.export": _state_exported,
    "mazu.state.import": _state_imported,
    "mazu.checkpoint.prune": _pruned,
    "mazu.role.show": _role,
    "mazu.role.set": _role,
}
