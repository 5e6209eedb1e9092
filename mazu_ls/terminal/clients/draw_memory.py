"""Renders memories and changes of them in a terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mazu_ls.terminal.lists import columns
from mazu_ls.terminal.screen.markup import escape
from mazu_ls.terminal.screen.styled_text import plural

if TYPE_CHECKING:
    from mazu_ls.terminal.screen.markup import PlainConsole as Console

Result = dict[str, Any]
_SHOWN = 10


def _memory(out: Console, memory: Result) -> None:
    flags = "".join(
        [
            " pinned" if memory.get("pinned") else "",
            "" if memory["state"] == "current" else f" {memory['state']}",
            f", shared by {memory['author']}"
            if memory.get("author")
            else ", shared"
            if memory.get("shared")
            else "",
        ]
    )
    head = f"[bold]{memory['id']}[/] [dim]{memory['createdAt'][:10]} {memory['category']}{escape(flags)}[/]"
    out.print(f"{head} {escape(memory['title'])}")
    if memory.get("body"):
        out.print("  " + escape(memory["body"]))
    if memory.get("why"):
        out.print(f"  [dim]{escape(memory['why'])}[/]")


def _memories(out: Console, value: Result) -> None:
    nearest = value.get("onlyNearest", False)
    if nearest:
        out.print("Nothing remembered matches clearly, by words or by meaning. The nearest there is:")
    for memory in value["memories"]:
        _memory(out, {**memory, "why": ""} if nearest else memory)  # the reason was just printed
    if not value["memories"]:
        out.print("no memories found")
    if waiting := value.get("waiting"):
        out.print(f"{plural(waiting, 'proposal')} to review may say it: mazu-ls memory proposals")


def _injection(out: Console, value: Result) -> None:
    for one in value["told"]:
        _memory(out, {**one["memory"], "why": one["why"]})
    for one in value["left"]:
        out.print(f"[dim]left out ({one['why']}): {one['memory']['title']}[/]")
    out.print(f"about {value['tokens']} of {value['budget']} tokens")


def _remembered(out: Console, value: Result) -> None:
    said = {"created": "remembered", "duplicate": "known already", "superseded": "remembered"}[
        value["outcome"]
    ]
    out.print(f"{said}:", end=" ")
    _memory(out, value["memory"])
    if old := value.get("replaced"):
        out.print(f"  instead of {old['id']} {old['title']}", markup=False)
    if other := value.get("alike"):
        new = value["memory"]["id"]
        out.print(f"  much like {other['id']} {other['title']}", markup=False)
        out.print(f"  If it holds instead: mazu-ls memory supersede {other['id']} {new}", markup=False)


def draw_changed(out: Console, value: Result) -> None:
    """The memory as it is now."""
    _memory(out, value["memory"])


def _forgotten_memory(out: Console, value: Result) -> None:
    out.print("forgotten:", end=" ")
    _memory(out, value["forgotten"])
    if value["forgotten"].get("shared"):
        out.print(
            "Team memory keeps its text in its history: the shared files, the remote, everybody's machine."
        )


def _memory_stats(out: Console, value: Result) -> None:
    for name, counts in (("project", value["project"]), ("global", value["common"])):
        if counts is None:
            continue
        parts = [f"{count} {kind}" for kind, count in sorted(counts["kinds"].items())]
        states = [f"{count} {state}" for state, count in sorted(counts["states"].items())]
        what = ", ".join(parts) or "nothing"
        where = f" (memories: {', '.join(states)})" if states else ""
        out.print(f"{name}: {what}{where}, {counts['bytes'] // 1000} kB", markup=False)


def _consolidated(out: Console, value: Result) -> None:
    columns(out, ((one["kind"], ", ".join(one["ids"]), one["reason"]) for one in value["proposals"]))
    if not value["proposals"]:
        out.print("there are no duplicates")
    elif not value["applied"]:
        out.print("Nothing was changed. mazu-ls memory consolidate --apply does it.")


def _imported(out: Console, value: Result) -> None:
    for problem in value["problems"]:
        out.print(f"left out: {problem}", markup=False)
    if "proposals" not in value:
        parts = (f"{value[name]} {name}" for name in ("created", "updated", "unchanged", "duplicates"))
        out.print(f"{value['count']} read: {', '.join(parts)}")
        return
    out.print(
        f"{plural(value['count'], 'message')} of {plural(value['files'], 'file')} can be searched;"
        f" {plural(value['unchanged'], 'file')} unchanged since the last import"
    )
    if not value["files"] and not value["unchanged"]:
        out.print("Nothing of that agent is in this folder.")
    elif not value["count"] and not value["proposals"] and value["files"]:
        out.print(
            "No new rules or points were found. mazu-ls memory import PATH takes each Markdown file as a memory."
        )
    if value["proposals"]:
        out.print(f"{plural(value['proposals'], 'proposal')} to review: mazu-ls memory proposals")


def _import_proposals(out: Console, value: Result) -> None:
    for one in value["proposals"]:
        times = f" [dim]{one['times']} times[/]" if one["times"] > 1 else ""
        out.print(f"[bold]{one['id']}[/] [dim]{one['category']}[/] {escape(one['title'])}{times}")
        out.print(f"  [dim]{escape(one['evidence'])}[/]")
    if rest := value["total"] - len(value["proposals"]):
        out.print(f"{plural(rest, 'more proposal')} to review")
    if value["proposals"]:
        out.print("mazu-ls memory accept ID... or --all takes them over; memory reject drops them.")
    else:
        out.print("no proposals to review")


def _decided(out: Console, value: Result) -> None:
    for memory in value["memories"]:
        out.print(f"remembered: {memory['id']} {memory['title']}", markup=False)
    if value["duplicates"]:
        out.print(f"{plural(value['duplicates'], 'proposal')} taken over that added no memory")
    if value["rejected"]:
        out.print(f"{plural(value['rejected'], 'proposal')} dropped")
    out.print(f"{plural(value['left'], 'proposal')} left to review")


def _shown(out: Console, value: Result) -> None:
    memory = value["memory"]
    _memory(out, memory)
    rows = [
        ("source", memory["source"] + (f", from {memory['origin']}" if memory["origin"] else "")),
        (
            "about",
            ", ".join(a["path"] + (f"#{a['symbol']}" if a["symbol"] else "") for a in memory["anchors"]),
        ),
        ("tags", ", ".join(memory["tags"])),
        ("session", memory["sessionId"] or ""),
        ("used", f"{plural(memory['useCount'], 'time')}, last changed {memory['updatedAt'][:10]}"),
        ("replaced by", memory["supersededBy"] or ""),
        ("team memory", memory["shared"] or ""),
    ]
    for name, said in rows:
        if said:
            out.print(f"  [dim]{name:<12}[/] {escape(said)}")
    for old in value["chain"]:
        out.print(f"  [dim]instead of[/]   {old['id']} {escape(old['title'])}")
    for one in value["versions"]:
        held = "" if one["holds"] else " (overwritten)"
        said = ", ".join(one["value"]) if isinstance(one["value"], list | tuple) else str(one["value"])
        out.print(f"  [dim]{one['at'][:19]}[/] {escape(one['by'])}: {one['field']}{held}: {escape(said)}")


def _sharing(out: Console, value: Result) -> None:
    for memory in value["memories"]:
        _memory(out, memory)
    for one in value["refused"]:
        out.print(f"not shared: {one['id']}: {one['why']}", markup=False)
    if value["memories"] and value["remote"]:
        out.print(f"`mazu-ls memory sync` sends it to {value['remote']}.", markup=False)
    elif value["memories"]:
        out.print(
            "The files are in .mazu/shared: commit them, or name a remote: mazu-ls memory sync --remote origin"
        )


def _synchronized(out: Console, value: Result) -> None:
    removed = f", {value['removed']} forgotten" if value["removed"] else ""
    out.print(f"{value['place']}: {value['sent']} sent, {value['received']} received{removed}", markup=False)
    for one in value["refused"]:
        out.print(f"not sent: {one['id']}: {one['why']}", markup=False)
    for problem in value["problems"][:_SHOWN]:
        out.print(f"left out: {problem}", markup=False)
    if rest := len(value["problems"][_SHOWN:]):
        out.print(f"left out: {rest} more; --json names them")
    if value["waiting"]:
        out.print(f"{plural(value['waiting'], 'proposal')} to review: mazu-ls memory proposals")
    if value["hint"]:
        out.print(value["hint"], markup=False)


DRAWINGS: dict[str, Callable[[Console, Result], None]] = {
    "mazu.remember": _remembered,
    "mazu.recall": _memories,
    "mazu.memory.list": _memories,
    "mazu.memory.why": _injection,
    "mazu.memory.stats": _memory_stats,
    "mazu.memory.update": draw_changed,
    "mazu.memory.forget": _forgotten_memory,
    "mazu.memory.archive": draw_changed,
    "mazu.memory.unarchive": draw_changed,
    "mazu.memory.restore": draw_changed,
    "mazu.memory.supersede": draw_changed,
    "mazu.memory.consolidate": _consolidated,
    "mazu.memory.import": _imported,
    "mazu.memory.import.proposals": _import_proposals,
    "mazu.memory.import.accept": _decided,
    "mazu.memory.import.reject": _decided,
    "mazu.memory.show": _shown,
    "mazu.memory.share": _sharing,
    "mazu.memory.unshare": _sharing,
    "mazu.memory.sync": _synchronized,
}
