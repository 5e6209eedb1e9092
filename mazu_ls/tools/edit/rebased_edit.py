"""An edit placed in a text that the user changed elsewhere after the edit was planned."""

from __future__ import annotations

from mazu_ls.tools.edit.line_ends import common_ends
from mazu_ls.workspace.text import split_lines


def rebase_edit(before: str, after: str, now: str) -> str | None:
    """Return `now`, which was `before`, with the edit that made `after` of it; None if both changed the same lines or adjoining ones.

    Each of the two changes counts as one region, from its first changed line to its last.
    """
    if now == before:
        return after
    old, new, present = split_lines(before), split_lines(after), split_lines(now)
    head, tail = common_ends(old, new)
    typed_head, typed_tail = common_ends(old, present)
    if len(old) - tail < typed_head:
        return "".join([*new[: len(new) - tail], *present[len(old) - tail :]])
    if len(old) - typed_tail < head:
        return "".join([*present[: len(present) - (len(old) - head)], *new[head:]])
    return None
