"""What colleagues wrote that another memory of this clone replaces or contradicts."""

from __future__ import annotations

from collections.abc import Sequence

from mazu_ls.memory.models import MemoryEntry, identifier
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.memory.store.similar import find_similar

_MOST_COMPARED = 100
"""Of what one sync brings, so many are compared with what is here: each takes a millisecond or two."""


def name_conflicts(rows: EntryTable, received: Sequence[int]) -> list[str]:
    """Return one sentence for each of the new or changed entries that is superseded here, or that another live one contradicts,
    with the command that leaves one of both."""
    said = []
    for n in received[:_MOST_COMPARED]:
        entry = rows.entry(n)
        new = None if entry.superseded_by is None else rows.find(entry.superseded_by)
        if new is not None and new.n is not None:
            said.append(
                f"{_author(entry)} changed {_id(rows, entry)} to “{entry.title}”, but {_whose(new)}{_id(rows, new)} “{new.title}”"
                f" replaces it here. If the change holds: mazu-ls memory forget {_id(rows, new)}"
            )
        elif new is None and entry.state in ("current", "check"):
            said += [
                f"{_author(entry)} shares {_id(rows, entry)} “{entry.title}”, but {_whose(other)}{_id(rows, other)}"
                f" “{other.title}” holds here, too. If that is replaced: mazu-ls memory forget {_id(rows, other)}; if not:"
                f" mazu-ls memory archive {_id(rows, entry)}"
                for other in find_similar(rows, entry).against[:1]
            ]
    return said


def _id(rows: EntryTable, entry: MemoryEntry) -> str:
    return identifier(rows.scope, entry.n or 0)


def _author(entry: MemoryEntry) -> str:
    return (entry.details or {}).get("author") or "a colleague"


def _whose(entry: MemoryEntry) -> str:
    return "" if entry.source == "shared" else "your "
