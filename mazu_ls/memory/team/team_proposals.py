"""Proposals from files of the project's folder that are not adopted yet, shown with all that they change."""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import Struct

from mazu_ls.memory.team import shared_file, shared_folder
from mazu_ls.memory.team.shared_memory import SharedMemories, SharedMemory, merge
from mazu_ls.redact import redact


class TeamProposal(Struct, frozen=True):
    """A proposal from a file of the project's folder, which anybody may have written."""

    id: str
    category: str
    title: str
    evidence: str
    """Its file, its claimed author, and all that it says or changes, on one line."""


def find_proposals(
    known: SharedMemories, content: shared_folder.FolderContent, rejected: set[str]
) -> list[TeamProposal]:
    """Return what is neither known nor rejected. Takes a while for many."""
    found: list[TeamProposal] = []
    for id, merged in find_news(known, content.memories).items():
        digest = digest_of(content.memories[id])
        if digest not in rejected and (one := _proposal(known, merged, content.names[id][0], digest)):
            found.append(one)
    return found


def _proposal(known: SharedMemories, merged: SharedMemory, name: str, digest: str) -> TeamProposal | None:
    before = known.get(merged.id)
    changed = shared_file.changed_fields(before, merged)
    if not changed or (before is None and merged.value("deleted")):
        return None
    said = (
        "edited by hand, it does not say by whom"
        if merged.author == shared_file.BY_HAND
        else f"says it is by {merged.author}"
    )
    if merged.value("deleted"):
        what = "forgotten: accepting it forgets it here"
    elif before is None:
        what = "new"
    else:
        what = "brought back" if "deleted" in changed else f"changed: {', '.join(changed)}"
    lines = []
    for one, value in changed.items():
        if one == "deleted" or (one in ("title", "category") and before is None):
            continue
        old = f" ({known[value].value('title')})" if one == "supersedes" and value in known else ""
        was = "" if before is None or not before.value(one) else f" (was: {_text(before.value(one))})"
        lines.append(f"{'replaces' if one == 'supersedes' else one}: {_text(value)}{old}{was}")
    evidence = "; ".join((what, f"{shared_folder.FOLDER / name}, {said}", *lines))
    return TeamProposal(
        f"{merged.id}.{digest[:16]}",
        merged.value("category"),
        merged.value("title"),
        redact(" ".join(evidence.split())),
    )


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def digest_of(memory: SharedMemory) -> str:
    """Return a digest that is equal for files that say the same."""
    return hashlib.sha256(msgspec.json.encode(memory)).hexdigest()


def find_news(known: SharedMemories, other: SharedMemories) -> SharedMemories:
    """Return what `other` adds to what is known, merged."""
    merged = merge(known, other)
    return {id: merged[id] for id in other if known.get(id) != merged[id]}
