"""Renders imports and what they propose in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls.terminal.screen.markup import escape
from mazu_ls.workspace.visible_text import plural

if TYPE_CHECKING:
    from mazu_ls.terminal.screen.markup import PlainConsole as Console

Result = dict[str, Any]


def draw_imported(out: Console, value: Result) -> None:
    """How much was read, and what was left out."""
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


def draw_import_proposals(out: Console, value: Result) -> None:
    """Each proposal with its evidence."""
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


def draw_decided(out: Console, value: Result) -> None:
    """What was taken over, dropped and left."""
    for memory in value["memories"]:
        out.print(f"remembered: {memory['id']} {memory['title']}", markup=False)
    for note in value["notes"]:
        out.print(f"  {note}", markup=False)
    if value["duplicates"]:
        out.print(f"{plural(value['duplicates'], 'proposal')} taken over that added no memory")
    if value["rejected"]:
        out.print(f"{plural(value['rejected'], 'proposal')} dropped")
    out.print(f"{plural(value['left'], 'proposal')} left to review")
