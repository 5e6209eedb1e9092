"""Memories that a colleague changed while another memory of this clone replaces them: the change has no effect here."""

from __future__ import annotations

from collections.abc import Iterable

from mazu_ls.memory.models import identifier
from mazu_ls.memory.store.entries import EntryTable


def name_replaced(rows: EntryTable, changed: Iterable[int]) -> list[str]:
    """Return one sentence for each of the changed entries that is superseded here, with the command that makes it count."""
    said = []
    for n in changed:
        entry = rows.entry(n)
        new = None if entry.superseded_by is None else rows.find(entry.superseded_by)
        if new is None or new.n is None:
            continue
        old_id, new_id = (identifier(rows.scope, number) for number in (n, new.n))
        author = (entry.details or {}).get("author") or "a colleague"
        whose = "" if new.source == "shared" else "your "
        said.append(
            f"{author} changed {old_id} to “{entry.title}”, but {whose}{new_id} “{new.title}” replaces it here. "
            f"If the change holds: mazu-ls memory forget {new_id}"
        )
    return said
