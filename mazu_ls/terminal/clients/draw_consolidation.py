"""Renders what consolidation proposed in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls.terminal.screen.markup import escape

if TYPE_CHECKING:
    from mazu_ls.terminal.screen.markup import PlainConsole as Console

Result = dict[str, Any]
_KINDS = {
    "archive_duplicate": "archive, a near-duplicate",
    "archive_faded": "archive, faded",
    "page": "write the page",
    "role": "a line for the role document, which you write",
}
_LINES = 12


def draw_consolidation(out: Console, value: Result) -> None:
    """Each proposal with its id and all that it would change; the whole text of a page if it is the only one."""
    from mazu_ls.workspace.text import split_lines  # few commands show one

    shown = value["proposals"]
    for one in shown:
        state = "" if one["state"] == "open" else f" [dim]({one['state']})[/]"
        slug = f" {one['slug']}" if one["slug"] else ""
        out.print(
            f"[bold]{one['id']}[/] {_KINDS[one['kind']]}{escape(slug)}: [dim]{escape(one['reason'])}[/]{state}"
        )
        kept = [one["keep"]] if one["keep"] else []
        for id, title in zip([*one["ids"], *kept], one["titles"], strict=False):
            out.print(f"  {id}{' (stays)' if id == one['keep'] else ''} {escape(title)}")
        lines = split_lines(one["text"] or "", ends=False)
        for line in lines if len(shown) == 1 else lines[:_LINES]:
            out.print(f"  | {line}", markup=False)
        if len(lines) > _LINES and len(shown) > 1:
            out.print(f"  | … mazu-ls memory consolidate {one['id']} shows all of it", markup=False)
    if not shown:
        out.print("nothing to archive or to draft")
        return
    for line in split_lines(value["digest"], ends=False)[1:]:
        out.print(line, markup=False)
    if any(one["state"] == "open" and one["kind"] != "role" for one in shown):
        out.print(
            "mazu-ls memory consolidate ID... --apply does these as shown, --apply alone all of them; --dismiss drops them."
        )
