"""Repair of the links between superseding entries after a rollback of some of them."""

from __future__ import annotations

from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.state.store import select


def repair_links(rows: EntryTable) -> None:
    """Remove links to missing entries, and complete links that have only one end. Needs a transaction.

    A rollback that leaves the user's entries may leave one end of a link: an entry whose successor is gone is current again,
    and one that a present entry supersedes is superseded.
    """
    linked = {
        n: (old, new)
        for n, old, new in select(
            rows.db,
            "SELECT n, supersedes, superseded_by FROM memory WHERE supersedes IS NOT NULL OR superseded_by IS NOT NULL",
        )
    }
    named = {end for ends in linked.values() for end in ends if end is not None} - linked.keys()
    known = linked.keys() | {n for n in named if select(rows.db, "SELECT 1 FROM memory WHERE n = ?", (n,))}
    for n, (old, new) in linked.items():
        entry = rows.entry(n)
        if old is not None and old not in known:
            rows.change(n, supersedes=None, updated_at=entry.updated_at)
        elif old is not None and linked.get(old, (None, None))[1] is None:
            before = rows.entry(old)
            rows.change(old, state="superseded", superseded_by=n, updated_at=before.updated_at)
        if new is not None and new not in known:
            stale = any(anchor.state == "stale" for anchor in entry.anchors)
            state = ("check" if stale else "current") if entry.state == "superseded" else entry.state
            rows.change(n, superseded_by=None, state=state, updated_at=entry.updated_at)
