"""Renders results in a terminal with rich; what it draws is the wire's result and nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mazu_ls.terminal import lists
from mazu_ls.terminal.clients import draw_memory
from mazu_ls.terminal.clients.draw_rollback import draw_redo, draw_rollback, left_out, row_of
from mazu_ls.terminal.screen.markup import escape
from mazu_ls.terminal.times import local_stamp
from mazu_ls.workspace.visible_text import plural

if TYPE_CHECKING:
    from mazu_ls.terminal.screen.markup import PlainConsole as Console


Result = dict[str, Any]


def console() -> Console:
    """Return a console on stdout; with colours only on a terminal, and no escape sequence but its own."""
    from mazu_ls.terminal.screen.printing import terminal_console

    return terminal_console()


def result(name: str, value: Any) -> None:
    """Print the result of one wire command."""
    draw = DRAWINGS.get(name) or lists.DRAWINGS.get(name)
    if draw is None or not isinstance(value, dict):
        console().print_json(json.dumps(value, ensure_ascii=False))
        return
    draw(console(), value)


def _patch(out: Console, text: str) -> None:
    """Print a unified diff in colours, without the file names, which were printed before."""
    from mazu_ls.terminal.screen.styled_text import diff_body

    for line in diff_body(text.strip("\n")):
        colour = {"+": "green", "-": "red"}.get(line[:1], "dim")
        out.print(f"  [{colour}]{escape(line)}[/]")


def _turn(out: Console, value: Result) -> None:
    out.print()
    if error := value.get("error"):
        out.print(f"[red]{escape(error['message'])}[/] {escape(error.get('hint', ''))}")
    edits = ", ".join(
        f"{row_of(edit['uri'].rsplit('/', 1)[-1])} +{edit['added']} -{edit['removed']}"
        for edit in value["edits"]
    )
    usage = value["usage"]
    parts = [
        *([] if value["stopReason"] == "end_turn" else [value["stopReason"].replace("_", " ")]),
        plural(usage["steps"], "step"),
        f"{plural(usage['inputTokens'] + usage['outputTokens'], 'token')}",
        money(usage),
    ]
    out.print(f"[dim]{' · '.join([*parts, *([edits] if edits else [])])}[/]")


def money(usage: Result) -> str:
    """Format the dollars of a usage, `about` so many if a part of its tokens is an estimate, what is known of them, or that
    they are unknown."""
    cost, known = usage["costUsd"], usage.get("knownCostUsd", 0.0)
    if cost is None and not known:
        return "cost unknown"
    about = "about " if usage["estimated"] and (cost or known) else ""
    if cost is None:
        from mazu_ls.messages import partly_known

        return partly_known(f"{about}${known:.4f}", usage["unpricedCalls"])
    return f"{about}${cost:.4f}"


def _answer(out: Console, value: Result) -> None:
    out.print(value["reply"], markup=False)
    out.print(f"[dim]{money(value['usage'])}[/]")


def _council(out: Console, value: Result) -> None:
    for answer in value["answers"]:
        error = answer.get("error")
        out.print(f"[bold]{escape(answer['model'])}[/]")
        out.print(f"failed: {error['message']}" if error else answer["reply"], markup=False)
        out.print()
    if error := value.get("error"):
        out.print(f"No recommendation: {error['message']} {error['hint']}", markup=False)
    else:
        out.print(f"[bold]{escape(value['lead'])} recommends[/]")
        out.print(value["synthesis"], markup=False)
    if value["dissent"]:
        out.print("\n[bold]Dissent[/]")
        out.print(value["dissent"], markup=False)
    out.print(f"[dim]{money(value['usage'])}[/]")


def _traits(out: Console, value: Result) -> None:
    for trait in value["memories"]:
        out.print(f"{trait['title']}: {trait['body']}", markup=False)
    if not value["memories"]:
        out.print("there are no traits")


def _pages(out: Console, value: Result) -> None:
    for page in value["pages"]:
        out.print(f"{page['slug']}: {page['title']}", markup=False)
    if not value["pages"]:
        out.print("no pages found")


def _text(out: Console, value: Result) -> None:
    out.print(value["text"].rstrip() or "there is nothing to show", markup=False)


def _checkpoint(out: Console, value: Result) -> None:
    files = value["files"]
    changes = (
        f"+{len(files['added'])} ~{len(files['modified'])} -{len(files['deleted'])}"
        if isinstance(files["added"], list)
        else (f"+{files['added']} ~{files['modified']} -{files['deleted']}")
    )
    learned = value["memories"]
    if any(learned.values()):
        changes += f", memories +{learned['added']} ~{learned['changed']} -{learned['removed']}"
    changes += " [yellow]partial[/]" if value["skipped"] else ""
    changes += " [cyan]pinned[/]" if value.get("pinned") else ""
    out.print(
        f"[bold]{value['id']}[/] [dim]{local_stamp(value['createdAt'])}[/] {value['kind']} {changes} {escape(row_of(value['title'] or value['label']))}"
    )
    left_out(out, value)


def _file(out: Console, value: Result) -> None:
    if value["text"] is not None and not out.file.isatty():
        out.file.write(value["text"])  # tabs and line ends as they are
    elif value["text"] is not None:
        out.print(value["text"], markup=False, highlight=False, soft_wrap=True, end="")
    elif value["data"] is not None and not out.file.isatty():
        import base64

        out.file.flush()
        sys.stdout.buffer.write(base64.b64decode(value["data"]))
        sys.stdout.buffer.flush()
    else:  # not on stdout, which may go into a file
        binary = "the file is binary" + ("" if value["data"] is None else "; send it to a file with > FILE")
        why = binary if value["binary"] else "the checkpoint holds no such file"
        from mazu_ls.terminal.screen.printing import print_text

        print_text(f"mazu-ls: {why}; nothing was printed.", sys.stderr)


def _contents(out: Console, value: Result) -> None:
    for path in value["files"]:
        out.print(row_of(path), markup=False, highlight=False, soft_wrap=True)
    if (left := value["total"] - len(value["files"])) > 0:
        out.print(f"and {left} more: name a part of the path by --path")
    for memory in value["memories"]:
        out.print(f"{memory['id']}  {memory['category']}  {memory['title']}", markup=False, highlight=False)


def _compacted(out: Console, value: Result) -> None:
    name = value["name"] or value["id"]
    if not value["compacted"]:
        out.print(
            f"not compacted “{name}”: the conversation is short, or no summary of it came.", markup=False
        )
        return
    said = "its messages so far are replaced by a summary; `mazu-ls session show` shows them."
    out.print(f"compacted “{name}”: {said}", markup=False)


def _checkpoints(out: Console, value: Result) -> None:
    depth = _depths(value["checkpoints"])
    for checkpoint in value["checkpoints"]:
        mark = "* " if checkpoint["id"] == value["current"] else "  "
        out.print(mark + "| " * depth[checkpoint["id"]], end="")
        _checkpoint(out, checkpoint)
    if len(value["checkpoints"]) == value.get("limit") and value["checkpoints"][-1]["parentId"]:
        out.print(f"  … older ones: --limit {10 * value['limit']}", markup=False)
    if not value["checkpoints"]:
        out.print("there is no checkpoint yet; one is taken after each step that changes something")


def _depths(checkpoints: list[Result]) -> dict[str, int]:
    """Return how far right each branch is drawn: a checkpoint that is not its parent's newest child opens a column."""
    newest: dict[str | None, str] = {}
    for checkpoint in checkpoints:
        newest.setdefault(checkpoint["parentId"], checkpoint["id"])
    depth: dict[str, int] = {}
    for checkpoint in reversed(checkpoints):
        parent = checkpoint["parentId"]
        aside = parent is not None and newest[parent] != checkpoint["id"]
        depth[checkpoint["id"]] = depth.get(parent or "", 0) + aside
    return depth


def _sessions(out: Console, value: Result) -> None:
    for session in value["sessions"]:
        turns = f"{session['turnCount']} turn{'' if session['turnCount'] == 1 else 's'}"
        out.print(
            f"[bold]{session['id']}[/] [dim]{local_stamp(session['updatedAt'])[:16]} {turns} {'interrupted' if session.get('interrupted') else session['state']}[/] {escape(session['name'])}"
        )
    if not value["sessions"]:
        out.print("there are no conversations yet")


def _deleted(out: Console, value: Result) -> None:
    _sessions(out, value)
    if until := value["restorableUntil"]:
        out.print(f"[dim]deleted; until {until[:10]} `mazu-ls session restore` undoes that[/]")


def _restored(out: Console, value: Result) -> None:
    out.print(f"restored [bold]{value['id']}[/] {escape(value['name'])}")


def _renamed(out: Console, value: Result) -> None:
    out.print(f"renamed [bold]{value['id']}[/] to {escape(value['name'])}")


def _forked(out: Console, value: Result) -> None:
    out.print(
        f"[bold]{value['id']}[/] {escape(value['name'])}: `mazu-ls --resume {value['id']}` continues it"
    )


def _session(out: Console, value: Result) -> None:
    from mazu_ls.terminal.screen.call_lines import describe_call

    for turn in value.get("turns") or ():
        out.print(f"[bold]You[/] [dim]{local_stamp(turn['at'])[:16]}[/]")
        out.print(escape(turn["message"].strip()))
        out.print("[bold]Mazu[/]")
        for call in turn["calls"]:
            out.print(
                f"[dim]-> {escape(describe_call(call['tool'], call['arguments']))}: {escape(call['outcome'].removeprefix('error: '))}[/]"
            )
        out.print(turn["reply"].strip(), markup=False)
        if turn["stopReason"] != "end_turn":
            why = f": {turn['detail']}" if turn["detail"] else ""
            out.print(f"[dim]{escape(turn['stopReason'].replace('_', ' ') + why)}[/]")
        out.print()
    count = value["turnCount"]
    turns = f"{count} turn{'' if count == 1 else 's'}"
    cost = money(value["usage"])
    out.print(f"[dim]{value['id']} {value['state']} · {turns} · {cost} · {escape(value['name'])}[/]")


def _usage(out: Console, value: Result) -> None:
    for model, used in value["byModel"].items():
        out.print(
            f"{model}: {used['inputTokens']} in, {used['outputTokens']} out, {money(used)}",
            markup=False,
        )
    out.print(f"total: {money(value['total'])}")


def _audit(out: Console, value: Result) -> None:
    if not value["entries"]:
        out.print("no model was called yet")
    for entry in value["entries"]:
        arguments = json.dumps(entry["arguments"], ensure_ascii=False)
        by = entry["decidedBy"] + (f" in {place}" if (place := entry.get("answeredIn")) else "")
        out.print(
            f"{local_stamp(entry['at'])} {entry['tool']} {arguments[:100]}: {entry['verdict']} by {by}; {entry['outcome']}",
            markup=False,
        )


def _diff(out: Console, value: Result) -> None:
    for file in value["files"]:
        lines = "binary" if file["added"] is None else f"+{file['added']} -{file['removed']}"
        out.print(row_of(f"{file['status']} {file['path']} {lines}"), markup=False)
    for key, verb in (("added", "learned"), ("changed", "changed"), ("removed", "forgotten")):
        for name in value["memories"][key]:
            out.print(row_of(f"{verb} {name}"), markup=False)
    if value["patch"]:
        out.print(value["patch"], markup=False)
    elif not (value["files"] or any(value["memories"].values())):
        out.print("nothing differs")


def proposal(value: Result) -> None:
    """Print one pending hunk with its diff."""
    _proposal(console(), value)


def _proposal(out: Console, value: Result) -> None:
    place = (
        value["path"] if value["kind"] != "edit" else f"{value['path']}:{value['range']['start']['line'] + 1}"
    )
    what = {"edit": "", "create": " new file", "delete": " is deleted"}[value["kind"]]
    which = f" {value['hunk']} of {value['of']}" if value["of"] > 1 else ""
    stale = (
        " [yellow]the text there has changed, it can only be rejected[/]" if value["state"] == "stale" else ""
    )
    out.print(f"[bold]{escape(place)}[/]{what}{which} [dim]{value['id']}[/]{stale}")
    _patch(out, value["diff"])


def _proposals(out: Console, value: Result) -> None:
    for one in value["proposals"]:
        _proposal(out, one)
    if not value["proposals"]:
        out.print("nothing is proposed")


def _accepted(out: Console, value: Result) -> None:
    for problem in value["problems"]:
        out.print(f"not accepted: {problem}", markup=False)
    if value["accepted"] or not value["problems"]:
        out.print(f"accepted {_edits(value['accepted'])}" if value["accepted"] else "nothing is proposed")


def _rejected(out: Console, value: Result) -> None:
    out.print(f"rejected {_edits(value['rejected'])}" if value["rejected"] else "nothing is proposed")


def _edits(ids: list[str]) -> str:
    return "1 edit" if len(ids) == 1 else f"{len(ids)} edits"


DRAWINGS: dict[str, Callable[[Console, Result], None]] = {
    **draw_memory.DRAWINGS,
    "mazu.run": _turn,
    "mazu.chat": _turn,
    "mazu.edit": _turn,
    "mazu.ask": _answer,
    "mazu.council": _council,
    "mazu.memory.trait.list": _traits,
    "mazu.memory.trait.set": draw_memory.draw_changed,
    "mazu.memory.trait.delete": draw_memory.draw_removed,
    "mazu.wiki.list": _pages,
    "mazu.wiki.search": _pages,
    "mazu.wiki.show": _text,
    "mazu.wiki.write": _text,
    "mazu.wiki.delete": draw_memory.draw_removed,
    "mazu.graph.show": _text,
    "mazu.checkpoint": _checkpoint,
    "mazu.checkpoint.pin": _checkpoint,
    "mazu.checkpoint.unpin": _checkpoint,
    "mazu.checkpoint.file": _file,
    "mazu.checkpoint.contents": _contents,
    "mazu.checkpoint.list": _checkpoints,
    "mazu.checkpoint.diff": _diff,
    "mazu.rollback": draw_rollback,
    "mazu.undo": draw_rollback,
    "mazu.redo": draw_redo,
    "mazu.session.list": _sessions,
    "mazu.proposal.list": _proposals,
    "mazu.proposal.accept": _accepted,
    "mazu.proposal.reject": _rejected,
    "mazu.session.show": _session,
    "mazu.session.new": _session,
    "mazu.session.rename": _renamed,
    "mazu.session.fork": _forked,
    "mazu.session.end": _session,
    "mazu.session.rewind": _session,
    "mazu.session.compact": _compacted,
    "mazu.session.delete": _deleted,
    "mazu.session.restore": _restored,
    "mazu.usage": _usage,
    "mazu.audit": _audit,
}
