"""Renders memories and changes of them in a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mazu_ls.terminal.clients.draw_consolidation import draw_consolidation
from mazu_ls.terminal.clients.draw_imports import draw_decided, draw_import_proposals, draw_imported
from mazu_ls.terminal.clients.draw_past_words import draw_past_words, draw_session_matches
from mazu_ls.terminal.lists import path_of
from mazu_ls.terminal.screen.markup import escape
from mazu_ls.workspace.visible_text import plural

if TYPE_CHECKING:
    from mazu_ls.terminal.screen.markup import PlainConsole as Console

Result = dict[str, Any]
_SHOWN = 10
_NO_MATCH = "no match"
"""With which `why` begins where a memory was not found, but is among the nearest."""
_WORKTREE = (
    "This is a linked worktree of {main}, which has a memory of its own. To have it here too: "
    "mazu-ls memory export FILE.md --folder {main}; mazu-ls memory import FILE.md"
)
_CHECK = (
    "the code that it is about changed or is gone. If it still holds: mazu-ls memory update {id} --about FILE:LINES;"
    " if not: mazu-ls memory forget {id}"
)
_KINDS = {"memory": "memories", "summary": "summaries"}
_STATES = {"current": "", "check": ", to check: its code changed"}


def _memory(out: Console, memory: Result) -> None:
    flags = "".join(
        [
            " pinned" if memory.get("pinned") else "",
            _STATES.get(memory["state"], f", {memory['state']}"),
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
    nearest, said = value.get("onlyNearest", False), value.get("said")
    if not value["memories"]:
        out.print("no memories found")
    if said:  # asked for only where no memory holds the words: these do
        out.print("Past conversations hold these words:")
        draw_past_words(out, said)
    if said and value["memories"] and not nearest:
        out.print("Remembered, close in meaning only:")
    if nearest:
        out.print("Nothing remembered matches clearly, by words or by meaning. The nearest there is:")
    found, near = [], []
    for memory in value["memories"]:
        (near if not nearest and (memory.get("why") or "").startswith(_NO_MATCH) else found).append(memory)
    for memory in found:
        _memory(out, {**memory, "why": ""} if nearest else memory)  # the reason was just printed
    if near:
        out.print("No match, only the nearest in meaning:")
    for memory in near:
        _memory(out, {**memory, "why": ""})
    for id in value.get("unaccepted", ()):
        out.print(f"The file of {id} in .mazu/shared says something else: mazu-ls memory proposals")
    if waiting := value.get("waiting"):
        out.print(f"{plural(waiting, 'proposal')} to review may say it: mazu-ls memory proposals")
    if notice := value.get("notice"):
        out.print(notice, markup=False)
    if main := value.get("mainWorktree"):
        out.print(_WORKTREE.format(main=shlex.quote(main)), markup=False)


def _injection(out: Console, value: Result) -> None:
    for one in value["told"]:
        _memory(out, {**one["memory"], "why": one["why"]})
    if value["saidBefore"]:
        out.print("[dim]Conversations that have no summary yet, by what you said last:[/]")
        for said in value["saidBefore"]:
            out.print("  " + said.removeprefix("- "), markup=False)
    for one in value["left"]:
        out.print(f"[dim]left out ({one['why']}): {one['memory']['title']}[/]")
    out.print(f"about {value['tokens']} of {plural(value['budget'], 'token')}")


def _remembered(out: Console, value: Result) -> None:
    said = {"created": "remembered", "duplicate": "known already", "superseded": "remembered"}[
        value["outcome"]
    ]
    out.print(f"{said}:", end=" ")
    _memory(out, value["memory"])
    if old := value.get("replaced"):
        out.print(f"  instead of {old['id']} {old['title']}", markup=False)
        if old.get("shared") and not value["memory"].get("shared"):
            id = value["memory"]["id"]
            out.print(f"  For the others {old['id']} still holds: mazu-ls memory share {id}", markup=False)
    new, taken = value["memory"], bool(value.get("replaced"))
    for other in value["alike"]:
        elsewhere = other["scope"] != new["scope"]
        scope = {"global": " (of all projects)", "project": " (of this project)"}[other["scope"]]
        out.print(f"  much like {other['id']} {other['title']}{scope if elsewhere else ''}", markup=False)
        # One memory replaces one other, of its own scope: any more can only be forgotten.
        advice = (
            f"If it no longer holds: mazu-ls memory forget {other['id']}"
            if taken or elsewhere
            else f"If the new one replaces it: mazu-ls memory supersede {other['id']} {new['id']}"
        )
        taken = taken or not elsewhere
        out.print(f"  {advice}", markup=False)


def draw_changed(out: Console, value: Result) -> None:
    """The memory as it is now."""
    _memory(out, value["memory"])


def draw_removed(out: Console, value: Result) -> None:
    """A page or a trait that is there no more, as it was."""
    out.print("removed:", end=" ")
    _memory(out, value["memory"])


def _forgotten_memory(out: Console, value: Result) -> None:
    out.print("forgotten:", end=" ")
    _memory(out, value["forgotten"])
    if value["forgotten"].get("shared"):
        id = value["forgotten"]["id"]
        out.print("It is shared: the next `mazu-ls memory sync` forgets it for everybody.", markup=False)
        restore = "" if value.get("isForGood") else f"`mazu-ls memory restore {id}` brings it back. "
        out.print(f"{restore}Its text stays in the team's history.", markup=False)


def _memory_stats(out: Console, value: Result) -> None:
    for name, counts in (("project", value["project"]), ("global", value["common"])):
        if counts is None:
            continue
        parts = [plural(count, kind, _KINDS.get(kind, "")) for kind, count in sorted(counts["kinds"].items())]
        states = [f"{count} {state}" for state, count in sorted(counts["states"].items())]
        what = ", ".join(parts) or "nothing"
        where = f" ({', '.join(states)})" if states else ""
        out.print(f"{name}: {what}{where}, {counts['bytes'] // 1000} kB", markup=False)


def _place(anchor: Result) -> str:
    symbol = f"#{anchor['symbol']}" if anchor["symbol"] else ""
    return f"{anchor['path']}{symbol}" + (" (changed or gone)" if anchor["state"] == "stale" else "")


def _exported(out: Console, value: Result) -> None:
    entries = "1 entry" if value["count"] == 1 else f"{value['count']} entries"
    out.print(f"{entries} written to {path_of(value['uri'])}", markup=False)
    if left_out := value["leftOut"]:
        them = "1 entry of all projects was" if left_out == 1 else f"{left_out} entries of all projects were"
        out.print(f"{them} left out: --scope all writes both", markup=False)


def _shown(out: Console, value: Result) -> None:
    memory = value["memory"]
    _memory(out, memory)
    rows = [
        *([("to check", _CHECK.format(id=memory["id"]))] if memory["state"] == "check" else []),
        ("source", memory["source"] + (f", from {memory['origin']}" if memory["origin"] else "")),
        (
            "about",
            ", ".join(map(_place, memory["anchors"])),
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
    "mazu.session.search": draw_session_matches,
    "mazu.memory.list": _memories,
    "mazu.memory.why": _injection,
    "mazu.memory.stats": _memory_stats,
    "mazu.memory.update": draw_changed,
    "mazu.memory.forget": _forgotten_memory,
    "mazu.memory.archive": draw_changed,
    "mazu.memory.unarchive": draw_changed,
    "mazu.memory.restore": draw_changed,
    "mazu.memory.supersede": draw_changed,
    "mazu.memory.consolidate": draw_consolidation,
    "mazu.memory.export": _exported,
    "mazu.memory.import": draw_imported,
    "mazu.memory.import.proposals": draw_import_proposals,
    "mazu.memory.import.accept": draw_decided,
    "mazu.memory.import.reject": draw_decided,
    "mazu.memory.show": _shown,
    "mazu.memory.share": _sharing,
    "mazu.memory.unshare": _sharing,
    "mazu.memory.sync": _synchronized,
}
