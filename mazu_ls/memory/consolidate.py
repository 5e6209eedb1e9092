"""Consolidation: near-duplicates put aside, drafts of pages from clusters, amendments of the role, what has faded; a digest.

Everything is a proposal until it is applied, and applying is one transaction, so that one checkpoint before it undoes it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.memory import index
from mazu_ls.memory.forgetting import ARCHIVE_BELOW, strength
from mazu_ls.memory.record import Memory, identifier, micros, now
from mazu_ls.memory.rows import Entry, Rows
from mazu_ls.memory.similar import compare
from mazu_ls.memory.tokens import STOP_WORDS, terms
from mazu_ls.store import select

MOST_LOOKED_AT = 5000
CLUSTER_LEAST, CLUSTER_MOST = 3, 12
ALIKE = 0.22
ROLE_LEAST = 2
_LIKE = 12
_RAREST = 8
_LIVE = index.Filter(kinds=frozenset({"memory"}))
_OBSERVATIONS = ("mistake", "user_preference")

ProposalKind = Literal["archive_duplicate", "archive_faded", "page", "role"]


class Proposal(Struct, frozen=True):
    """One thing that consolidation would do.

    `archive_*`: put `ids` aside (`keep` stays). `page`: write `text` under `slug`. `role`: add `text` to the role
    document, which is the user's to do.
    """

    kind: ProposalKind
    ids: tuple[str, ...]
    reason: str
    keep: str | None = None
    slug: str | None = None
    text: str | None = None


class Consolidation(Struct, frozen=True):
    """What was proposed and, where applied, what was put aside and written; `digest` says it in a few lines."""

    proposals: tuple[Proposal, ...]
    archived: tuple[Memory, ...]
    pages: tuple[Memory, ...]
    applied: bool
    digest: str


def consolidate(rows: Rows, *, apply: bool) -> Consolidation:
    """Look over the live memories of one store (the newest 5,000); runs in the caller's transaction."""
    entries = {
        e.n: e
        for e in rows.entries(
            "kind = 'memory' AND state IN ('current', 'check')", (), f"ORDER BY n DESC LIMIT {MOST_LOOKED_AT}"
        )
        if e.n is not None
    }
    pairs = _pairs(rows, entries)
    duplicates = _duplicates(rows.scope, entries, pairs)
    gone = {id for proposal in duplicates for id in proposal.ids}
    left = {n: e for n, e in entries.items() if identifier(rows.scope, n) not in gone}
    faded = _faded(rows, left)
    gone |= {id for proposal in faded for id in proposal.ids}
    left = {n: e for n, e in left.items() if identifier(rows.scope, n) not in gone}
    clusters = _clusters(left, pairs)
    proposals = (*duplicates, *faded, *_pages(rows, left, clusters), *_role(rows.scope, left, clusters))
    if not apply:
        return Consolidation(proposals, (), (), False, _digest(proposals, len(entries), applied=False))
    archived = [
        _archive(rows, id)
        for p in proposals
        if p.kind in ("archive_duplicate", "archive_faded")
        for id in p.ids
    ]
    pages = [_write_page(rows, p) for p in proposals if p.kind == "page"]
    return Consolidation(
        proposals, tuple(archived), tuple(pages), True, _digest(proposals, len(entries), applied=True)
    )


def fade(rows: Rows) -> int:
    """Put aside what has faded; returns how many."""
    entries = {
        e.n: e
        for e in rows.entries(
            "kind = 'memory' AND state = 'current' AND updated_at < ?",
            (micros(now()) - 86_400_000_000 * 180,),
        )
        if e.n is not None
    }
    faded = [id for proposal in _faded(rows, entries) for id in proposal.ids]
    for id in faded:
        _archive(rows, id)
    return len(faded)


def _pairs(rows: Rows, entries: dict[int, Entry]) -> dict[tuple[int, int], float]:
    """Pairs of like memories, with how like they are: the idf-weighted share of their words that both have."""
    words = {
        n: frozenset(w for w in terms(f"{e.title} {e.body[:1000]}") if w not in STOP_WORDS)
        for n, e in entries.items()
    }
    weight = _weights(words.values())
    found: dict[tuple[int, int], float] = {}
    for n, own in words.items():
        rare = sorted(own, key=lambda w: (-weight[w], w))[:_RAREST]
        for other in index.candidates(rows.db, rare, _LIVE, _LIKE):
            pair = (min(n, other), max(n, other))
            if other == n or other not in words or pair in found:
                continue
            both = sum(weight[w] for w in own & words[other])
            either = sum(weight[w] for w in own | words[other])
            found[pair] = both / either if either else 0.0
    return found


def _weights(texts: Iterable[frozenset[str]]) -> dict[str, float]:
    from math import log

    every = list(texts)
    count = Counter(word for words in every for word in words)
    return {word: log(1 + len(every) / times) for word, times in count.items()}


def _duplicates(scope: str, entries: dict[int, Entry], pairs: dict[tuple[int, int], float]) -> list[Proposal]:
    """The one to keep is pinned, or else the newer one, unless the older says more."""
    gone: set[int] = set()
    proposals = []
    for (a, b), alike in sorted(pairs.items(), key=lambda item: (-item[1], item[0])):
        if alike < 0.5 or a in gone or b in gone or entries[a].category != entries[b].category:
            continue
        old, new = entries[a], entries[b]
        if compare(old.title, old.body, new.title, new.body) == "same" and not old.pinned:
            drop, keep = old, new
        elif compare(new.title, new.body, old.title, old.body) == "same" and not new.pinned:
            drop, keep = new, old
        else:
            continue
        assert drop.n is not None and keep.n is not None
        gone.add(drop.n)
        kept = identifier(scope, keep.n)
        proposals.append(
            Proposal(
                "archive_duplicate",
                (identifier(scope, drop.n),),
                f"says nothing that {kept} does not say",
                kept,
            )
        )
    return proposals


def _faded(rows: Rows, entries: dict[int, Entry]) -> list[Proposal]:
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
                Proposal(
                    "archive_faded",
                    (identifier(rows.scope, n),),
                    f"not used for {days} days, strength {left:.2f}",
                )
            )
    return found


def _clusters(entries: dict[int, Entry], pairs: dict[tuple[int, int], float]) -> list[list[int]]:
    """Groups whose members are like each other, strongest pairs first, none larger than a page can hold."""
    group: dict[int, list[int]] = {n: [n] for n in entries}
    for (a, b), alike in sorted(pairs.items(), key=lambda item: (-item[1], item[0])):
        if alike < ALIKE or a not in group or b not in group or group[a] is group[b]:
            continue
        if len(group[a]) + len(group[b]) <= CLUSTER_MOST:
            joined = group[a] + group[b]
            for n in joined:
                group[n] = joined
    distinct = {id(members): sorted(members) for members in group.values()}
    return sorted(members for members in distinct.values() if len(members) > 1)


def _pages(rows: Rows, entries: dict[int, Entry], clusters: list[list[int]]) -> list[Proposal]:
    proposals = []
    for members in clusters:
        if len(members) < CLUSTER_LEAST:
            continue
        some = [entries[n] for n in members]
        topic = _topic(some)
        slug = f"drafts/{topic.replace(' ', '-')}"
        text = _draft(rows.scope, topic, some)
        known = rows.keyed("page", slug)
        if known is not None and f"# {known.title}\n\n{known.body}" == text:
            continue
        ids = tuple(identifier(rows.scope, n) for n in members)
        proposals.append(
            Proposal("page", ids, f"{len(members)} memories are about {topic}", slug=slug, text=text)
        )
    return proposals


def _topic(entries: list[Entry]) -> str:
    """The two words that most of the titles share, as they are written there."""
    spelt: dict[str, Counter[str]] = defaultdict(Counter)
    for e in entries:
        for word in set(e.title.split()):
            plain = word.strip(".,;:!?()[]\"'`*#").casefold()
            if plain.isalnum() and plain not in STOP_WORDS and len(plain) > 2 and not plain.isdigit():
                for term in terms(plain)[:1]:
                    spelt[term][plain] += 1
    best = sorted(spelt.values(), key=lambda forms: (-forms.total(), forms.most_common(1)[0][0]))[:2]
    return " ".join(forms.most_common(1)[0][0] for forms in best) or f"topic {entries[0].n}"


def _draft(scope: str, topic: str, entries: list[Entry]) -> str:
    lines = [f"# {topic.capitalize()}", "", "Drafted from memories; edit it and move it out of drafts."]
    by_category: dict[str, list[Entry]] = defaultdict(list)
    for e in entries:
        by_category[e.category].append(e)
    for category, some in sorted(by_category.items()):
        lines += ["", f"## {category.replace('_', ' ').capitalize()}", ""]
        for e in some:
            body = f": {' '.join(e.body.split())}" if e.body else ""
            lines.append(f"- {e.title}{body} ({identifier(scope, e.n or 0)})")
    return "\n".join(lines)


def _role(scope: str, entries: dict[int, Entry], clusters: list[list[int]]) -> list[Proposal]:
    """Mistakes and preferences that came up more than once are worth a line in the role document."""
    proposals = []
    for members in clusters:
        seen = [entries[n] for n in members if entries[n].category in _OBSERVATIONS]
        if len(seen) < ROLE_LEAST:
            continue
        newest = max(seen, key=lambda e: e.updated_at)
        ids = tuple(identifier(scope, e.n or 0) for e in seen)
        lead = "Avoid" if newest.category == "mistake" else "Remember"
        proposals.append(
            Proposal(
                "role", ids, f"seen {len(seen)} times", text=f"- {lead}: {newest.title} ({', '.join(ids)})"
            )
        )
    return proposals


def _archive(rows: Rows, id: str) -> Memory:
    n = int(id[2:])
    rows.change(n, state="archived", updated_at=rows.entry(n).updated_at)
    return rows.memory(n)


def _write_page(rows: Rows, proposal: Proposal) -> Memory:
    title, _, body = (proposal.text or "").removeprefix("# ").partition("\n\n")
    page = Entry(
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


def _digest(proposals: tuple[Proposal, ...], looked_at: int, *, applied: bool) -> str:
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
