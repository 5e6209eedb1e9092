"""Consolidation: archives near-duplicates and faded memories, drafts pages from clusters, proposes lines of the role; a digest.

Everything is a proposal until it is applied, and applying is one transaction, so that the checkpoint before it undoes it.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.errors import Kind, MazuError
from mazu_ls.memory.graph.clusters import CandidateScan, cluster_topic, clusters, draft_page
from mazu_ls.memory.models import Memory, MemoryEntry, identifier, micros, now
from mazu_ls.memory.search.decay import ARCHIVE_BELOW, strength
from mazu_ls.memory.store.dedupe import says_no_more
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.memory.store.writers import AUTOMATIC
from mazu_ls.state.store import select

MOST_LOOKED_AT = 2000
KEPT = 20
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


class Consolidation(Struct, frozen=True):
    """The proposals and, if applied, what was archived and written; `digest` is a summary in a few lines."""

    proposals: tuple[ConsolidationProposal, ...]
    archived: tuple[Memory, ...]
    pages: tuple[Memory, ...]
    applied: bool
    digest: str
    at: datetime | None = None
    """When it was computed; None before it is stored."""


def finish(rows: EntryTable, plan: Consolidation, *, apply: bool) -> Consolidation:
    """Apply the proposals if asked to, and store the result for later display. Needs a transaction."""
    found = replace(apply_proposals(rows, plan) if apply else plan, at=now())
    rows.db.execute("INSERT INTO memory_consolidation (found) VALUES (?)", (msgspec.json.encode(found),))
    rows.db.execute(
        "DELETE FROM memory_consolidation WHERE n <= (SELECT max(n) FROM memory_consolidation) - ?", (KEPT,)
    )
    return found


def last_result(rows: EntryTable) -> Consolidation:
    """Return the last stored result. Raises MazuError(not_found)."""
    kept = select(rows.db, "SELECT found FROM memory_consolidation ORDER BY n DESC LIMIT 1")
    if not kept:
        raise MazuError(
            Kind.NOT_FOUND, "Memory was not consolidated yet.", "`mazu.memory.consolidate` looks it over."
        )
    return msgspec.json.decode(kept[0][0], type=Consolidation)


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
    return Consolidation(proposals, (), (), False, _digest(proposals, len(entries), applied=False))


def apply_proposals(rows: EntryTable, plan: Consolidation) -> Consolidation:
    """Apply the proposals, except for memories that are no longer live."""
    archived = [
        _archive(rows, id)
        for proposal in plan.proposals
        if proposal.kind in ("archive_duplicate", "archive_faded")
        and (not proposal.keep or _is_live(rows, proposal.keep))
        for id in proposal.ids
        if _is_live(rows, id)
    ]
    pages = [_write_page(rows, proposal) for proposal in plan.proposals if proposal.kind == "page"]
    digest = plan.digest.replace(" would be ", " were ")
    return Consolidation(plan.proposals, tuple(archived), tuple(pages), True, digest)


def archive_faded(rows: EntryTable) -> int:
    """Archive faded memories; return how many."""
    rows.writer = AUTOMATIC
    faded = [id for proposal in _faded(rows, _old(rows)) for id in proposal.ids]
    for id in faded:
        _archive(rows, id)
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
                "page", ids, f"{len(members)} memories are about {subject}", slug=slug, text=text
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


def _is_live(rows: EntryTable, id: str) -> bool:
    entry = rows.find(int(id[2:]))
    return entry is not None and entry.state in ("current", "check")


def _archive(rows: EntryTable, id: str) -> Memory:
    n = int(id[2:])
    rows.change(n, state="archived", updated_at=rows.entry(n).updated_at)
    return rows.memory(n)


def _write_page(rows: EntryTable, proposal: ConsolidationProposal) -> Memory:
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


def _digest(proposals: tuple[ConsolidationProposal, ...], looked_at: int, *, applied: bool) -> str:
    count = Counter(proposal.kind for proposal in proposals)
    did = "were" if applied else "would be"
    lines = [f"{looked_at} memories looked over."]
    if count["archive_duplicate"]:
        lines.append(f"{count['archive_duplicate']} near-duplicates {did} archived.")
    if count["archive_faded"]:
        lines.append(f"{count['archive_faded']} faded memories {did} archived.")
    if count["page"]:
        lines.append(
            f"{count['page']} pages {did} drafted: {', '.join(p.slug or '' for p in proposals if p.kind == 'page')}."
        )
    if count["role"]:
        lines.append(f"{count['role']} lines are proposed for the role document.")
    return "\n".join(lines if len(lines) > 1 else [*lines, "Nothing to do."])
