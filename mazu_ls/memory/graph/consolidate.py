"""Consolidation: proposes to archive near-duplicates and faded memories, pages from clusters, lines of the role; a digest.

Everything is a proposal until it is applied (stored_proposals.py), which is one transaction, so that the checkpoint before it undoes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.memory.graph.clusters import CandidateScan, cluster_topic, clusters, draft_page
from mazu_ls.memory.models import Memory, MemoryEntry, identifier, micros, now
from mazu_ls.memory.search.decay import ARCHIVE_BELOW, strength
from mazu_ls.memory.store.dedupe import says_no_more
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.memory.store.writers import AUTOMATIC
from mazu_ls.state.store import select
from mazu_ls.workspace.visible_text import plural

MOST_LOOKED_AT = 2000
OLD_DAYS = 90
CLUSTER_LEAST = 3
ROLE_LEAST = 2
_OBSERVATIONS = ("mistake", "user_preference")

ProposalKind = Literal["archive_duplicate", "archive_faded", "page", "role"]


class ConsolidationProposal(Struct, frozen=True):
    """One proposed change.

    `archive_*`: archive `ids` (`keep` stays). `page`: write `text` under `slug`. `role`: add `text` to the role document, which only
    the user can do.
    """

    kind: ProposalKind
    ids: tuple[str, ...]
    reason: str
    keep: str | None = None
    slug: str | None = None
    text: str | None = None
    id: str = ""
    state: Literal["open", "applied", "dismissed", "stale"] = "open"
    titles: tuple[str, ...] = ()
    """Of `ids`, then of `keep`, as they were when it was stored."""
    seen: str = ""
    """A hash of what it rests on, by which a change is noticed (stored_proposals.py)."""


class Consolidation(Struct, frozen=True):
    """The proposals and, if applied, what was archived and written; `digest` is a summary in a few lines."""

    proposals: tuple[ConsolidationProposal, ...]
    archived: tuple[Memory, ...]
    pages: tuple[Memory, ...]
    applied: bool
    digest: str
    not_applied: tuple[str, ...] = ()
    """The proposals that were to be applied and are not, since what they are about changed."""
    at: datetime | None = None
    """When it was computed; None before it is stored."""
    looked_at: int = 0


def live_entries(rows: EntryTable) -> list[MemoryEntry]:
    """Return the memories to examine: the newest 2,000 live ones."""
    return list(
        rows.entries(
            "kind = 'memory' AND state IN ('current', 'check')", (), f"ORDER BY n DESC LIMIT {MOST_LOOKED_AT}"
        )
    )


def propose(rows: EntryTable, found: CandidateScan) -> Consolidation:
    """Return proposals about the scanned memories; changes nothing."""
    entries, pairs = found.entries, found.pairs
    duplicates = _duplicates(rows.scope, entries, pairs)
    left = _without(rows.scope, entries, duplicates)
    faded = _faded(rows, _without(rows.scope, _old(rows), duplicates))
    left = _without(rows.scope, left, faded)
    groups = clusters(left, pairs)
    proposals = (*duplicates, *faded, *_pages(rows, left, groups), *_role(rows.scope, left, groups))
    looked_at = len(entries)
    return Consolidation(proposals, (), (), False, summarize(proposals, looked_at), looked_at=looked_at)


def archive_faded(rows: EntryTable) -> int:
    """Archive faded memories; return how many."""
    rows.writer = AUTOMATIC
    faded = [id for proposal in _faded(rows, _old(rows)) for id in proposal.ids]
    for id in faded:
        archive_entry(rows, id)
    return len(faded)


def _old(rows: EntryTable) -> dict[int, MemoryEntry]:
    """Return the live memories that may have faded at all: unchanged for three months."""
    since = micros(now()) - OLD_DAYS * 86_400_000_000
    found = rows.entries(
        "kind = 'memory' AND state IN ('current', 'check') AND updated_at < ?",
        (since,),
        f"ORDER BY n LIMIT {MOST_LOOKED_AT}",
    )
    return {e.n: e for e in found if e.n is not None}


def _duplicates(
    scope: str, entries: dict[int, MemoryEntry], pairs: dict[tuple[int, int], float]
) -> list[ConsolidationProposal]:
    """Propose to archive duplicates; kept is the pinned one, else the newer one, unless the older says more."""
    gone: set[int] = set()
    proposals = []
    for (a, b), alike in sorted(pairs.items(), key=lambda item: (-item[1], item[0])):
        if alike < 0.5 or a in gone or b in gone or entries[a].category != entries[b].category:
            continue
        old, new = entries[a], entries[b]
        if says_no_more(old.title, old.body, new.title, new.body) and not old.pinned:
            drop, keep = old, new
        elif says_no_more(new.title, new.body, old.title, old.body) and not new.pinned:
            drop, keep = new, old
        else:
            continue
        assert drop.n is not None and keep.n is not None
        gone.add(drop.n)
        kept = identifier(scope, keep.n)
        proposals.append(
            ConsolidationProposal(
                "archive_duplicate",
                (identifier(scope, drop.n),),
                f"says nothing that {kept} does not say",
                kept,
            )
        )
    return proposals


def _faded(rows: EntryTable, entries: dict[int, MemoryEntry]) -> list[ConsolidationProposal]:
    stamp = micros(now())
    uses = {
        n: (count, at) for n, count, at in select(rows.db, "SELECT n, uses, last_used_at FROM memory_use")
    }
    found = []
    for n, e in sorted(entries.items()):
        count, used = uses.get(n, (0, 0))
        left = strength(e.category, stamp - max(e.updated_at, used), count, e.pinned)
        if left < ARCHIVE_BELOW:
            days = (stamp - max(e.updated_at, used)) // 86_400_000_000
            found.append(
                ConsolidationProposal(
                    "archive_faded",
                    (identifier(rows.scope, n),),
                    f"not used for {days} days, strength {left:.2f}",
                )
            )
    return found


def _pages(
    rows: EntryTable, entries: dict[int, MemoryEntry], clusters: list[list[int]]
) -> list[ConsolidationProposal]:
    proposals = []
    for members in clusters:
        if len(members) < CLUSTER_LEAST:
            continue
        some = [entries[n] for n in members]
        subject = cluster_topic(some)
        slug = f"drafts/{subject.replace(' ', '-')}"
        text = draft_page(rows.scope, subject, some)
        known = rows.keyed("page", slug)
        if known is not None and f"# {known.title}\n\n{known.body}" == text:
            continue
        ids = tuple(identifier(rows.scope, n) for n in members)
        proposals.append(
            ConsolidationProposal(
                "page",
                ids,
                f"{plural(len(members), 'memory', 'memories')} are about {subject}",
                slug=slug,
                text=text,
            )
        )
    return proposals


def _role(
    scope: str, entries: dict[int, MemoryEntry], clusters: list[list[int]]
) -> list[ConsolidationProposal]:
    """Propose a line of the role document for mistakes and preferences that came up more than once."""
    proposals = []
    for members in clusters:
        seen = [entries[n] for n in members if entries[n].category in _OBSERVATIONS]
        if len(seen) < ROLE_LEAST:
            continue
        newest = max(seen, key=lambda e: e.updated_at)
        ids = tuple(identifier(scope, e.n or 0) for e in seen)
        lead = "Avoid" if newest.category == "mistake" else "Remember"
        proposals.append(
            ConsolidationProposal(
                "role", ids, f"seen {len(seen)} times", text=f"- {lead}: {newest.title} ({', '.join(ids)})"
            )
        )
    return proposals


def _without(
    scope: str, entries: dict[int, MemoryEntry], proposals: list[ConsolidationProposal]
) -> dict[int, MemoryEntry]:
    gone = {id for proposal in proposals for id in proposal.ids}
    return {n: e for n, e in entries.items() if identifier(scope, n) not in gone}


def archive_entry(rows: EntryTable, id: str) -> Memory:
    """Archive one memory. Needs a transaction."""
    n = int(id[2:])
    rows.change(n, state="archived", updated_at=rows.entry(n).updated_at)
    return rows.memory(n)


def write_page(rows: EntryTable, proposal: ConsolidationProposal) -> Memory:
    """Write the page of a proposal, in place of one with its slug. Needs a transaction."""
    title, _, body = (proposal.text or "").removeprefix("# ").partition("\n\n")
    page = MemoryEntry(
        kind="page",
        key=proposal.slug,
        category="wiki",
        title=title,
        body=body,
        source="consolidated",
        tags=("draft",),
    )
    known = rows.keyed("page", proposal.slug or "")
    if known is None or known.n is None:
        return rows.memory(rows.insert(page))
    rows.put(replace(page, n=known.n, created_at=known.created_at, updated_at=micros(now())))
    return rows.memory(known.n)


def summarize(proposals: Sequence[ConsolidationProposal], looked_at: int) -> str:
    """Say in a few lines what is proposed, what was done, and what could not be."""
    count = Counter((proposal.kind, proposal.state) for proposal in proposals)
    lines = [f"{plural(looked_at, 'memory', 'memories')} looked over."]
    for kind, what in (
        ("archive_duplicate", ("near-duplicate",)),
        ("archive_faded", ("faded memory", "faded memories")),
    ):
        for state in ("open", "applied"):
            if number := count[kind, state]:
                lines.append(f"{plural(number, *what)} {_verb(number, state)} archived.")
    for state in ("open", "applied"):
        if slugs := [p.slug or "" for p in proposals if (p.kind, p.state) == ("page", state)]:
            number = len(slugs)
            lines.append(f"{plural(number, 'page')} {_verb(number, state)} drafted: {', '.join(slugs)}.")
    if number := count["role", "open"]:
        lines.append(f"{plural(number, 'line')} {_be(number)[0]} proposed for the role document.")
    states = Counter(proposal.state for proposal in proposals)
    if number := states["dismissed"]:
        lines.append(f"{plural(number, 'proposal')} {_be(number)[1]} dismissed.")
    if number := states["stale"]:
        about = "what it is about" if number == 1 else "what they are about"
        lines.append(f"{plural(number, 'proposal')} {_be(number)[1]} not applied: {about} changed since.")
    return "\n".join(lines if len(lines) > 1 else [*lines, "Nothing to do."])


def _verb(number: int, state: str) -> str:
    return "would be" if state == "open" else _be(number)[1]


def _be(number: int) -> tuple[str, str]:
    """Return present and past."""
    return ("is", "was") if number == 1 else ("are", "were")
