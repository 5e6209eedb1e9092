"""A shared memory as all its versions: merging is a union, so that every order of edits and syncs ends in the same
rows.

Each field is a set of versions with a time and an author; the newest is the current value, the others are its history.
A union of sets is commutative, associative and idempotent (a state-based CRDT,
https://inria.hal.science/inria-00555588): nothing that anybody wrote is lost, and all clones converge.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from mazu_ls.memory.store.entries import digest

FIELDS = ("title", "body", "category", "tags", "anchors", "origin", "supersedes", "deleted")
EMPTY: Mapping[str, Any] = {
    "title": "", "body": "", "category": "fact", "tags": (), "anchors": (), "origin": None, "supersedes": None, "deleted": False,
}  # fmt: skip
"""Values of fields that were never written; they are not stored."""
MAX_VERSIONS = 500
"""Maximum number of versions of one field; every clone drops the same oldest ones."""
MAX_FIELD_BYTES = 1 << 19
"""A version is dropped if the newer ones of its field hold so many bytes: a file has room for all fields (shared_file.MAX_BYTES)."""


class FieldVersion(Struct, frozen=True):
    """A value that somebody gave a field; `at` is microseconds since 1970, UTC. JSON types, with tuples for lists."""

    value: Any
    at: int
    by: str

    @property
    def rank(self) -> tuple[int, str, str]:
        """The sort key of versions: by time; author and value decide between equal ones, the same in every clone."""
        return (self.at, self.by, canonical(self.value))


class SharedMemory(Struct, frozen=True):
    """One memory under an id that is the same in every clone; `fields` are versions, the newest first."""

    id: str
    fields: dict[str, tuple[FieldVersion, ...]]

    def value(self, name: str) -> Any:
        """Return the current value of a field."""
        versions = self.fields.get(name)
        return versions[0].value if versions else EMPTY[name]

    @property
    def created_at(self) -> int:
        """The time of the oldest version."""
        return min((version.at for some in self.fields.values() for version in some), default=0)

    @property
    def updated_at(self) -> int:
        """The time of the newest version."""
        return max((some[0].at for some in self.fields.values() if some), default=0)

    @property
    def author(self) -> str:
        """The author of the current text."""
        texts = [some[0] for name in ("title", "body") if (some := self.fields.get(name))]
        return max(texts, key=lambda version: version.rank).by if texts else ""

    @property
    def first_title(self) -> str:
        """The title that it was shared under."""
        titles = self.fields.get("title")
        return str(titles[-1].value) if titles else ""

    def with_value(self, name: str, value: Any, at: int, by: str) -> SharedMemory:
        """Return it with a new version, dated later than the known ones: whoever wrote it had seen those."""
        known = self.fields.get(name, ())
        after = known[0].at + 1 if known else 0
        return self.with_versions({name: (FieldVersion(value, max(at, after), by),)})

    def with_versions(self, more: Mapping[str, Iterable[FieldVersion]]) -> SharedMemory:
        """Return the union with other versions."""
        fields = dict(self.fields)
        for name, versions in more.items():
            every = {version.rank: version for version in (*fields.get(name, ()), *versions)}
            fields[name] = _newest([every[rank] for rank in sorted(every, reverse=True)])
        return SharedMemory(self.id, fields)


def _newest(versions: list[FieldVersion]) -> tuple[FieldVersion, ...]:
    """Those of `versions`, the newest first, that are kept. What is newer decides, and that is kept: so merging in every order
    keeps the same."""
    newer = 0
    for position, version in enumerate(versions):
        if position == MAX_VERSIONS or newer >= MAX_FIELD_BYTES:
            return tuple(versions[:position])
        newer += len(json.dumps(version.value)) if len(versions) > 1 else 0
    return tuple(versions)


SharedMemories = dict[str, SharedMemory]


def merge(one: SharedMemories, other: SharedMemories) -> SharedMemories:
    """Return everything that either of them holds."""
    merged = dict(one)
    for id, memory in other.items():
        merged[id] = merged[id].with_versions(memory.fields) if id in merged else memory
    return merged


def new_id() -> str:
    """Return an id that no other clone generates."""
    return f"t_{secrets.token_hex(8)}"


def canonical(value: Any) -> str:
    """Return a value as text, equal for equal values only."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


class Standing(Struct, frozen=True):
    """The effective memories: by which one each superseded memory is superseded, and which one represents those that
    say the same."""

    memories: SharedMemories
    superseded: dict[str, str]
    same: dict[str, str]


def find_standing(memories: SharedMemories) -> Standing:
    """Resolve everything shared into the effective memories; equal versions give equal results.

    If two replace the same one, the later does; a circle of replacements is broken at its oldest link. Of memories that
    say the same, the one that was shared first represents all.
    """
    alive = {id: one for id, one in memories.items() if not one.value("deleted") and one.value("title")}
    links = [
        (one.fields["supersedes"][0], id)
        for id, one in alive.items()
        if one.value("supersedes") in alive and one.value("supersedes") != id
    ]
    superseded: dict[str, str] = {}
    last: dict[str, str] = {}
    for version, id in sorted(links, key=lambda link: (link[0].rank, link[1]), reverse=True):
        if version.value not in superseded and _last_of_chain(id, last) != version.value:
            superseded[version.value] = last[version.value] = id
    first: dict[bytes, str] = {}
    same: dict[str, str] = {}
    for id in sorted(alive, key=lambda id: (alive[id].created_at, id)):
        text = digest(alive[id].value("title"), alive[id].value("body"))
        if id not in superseded and first.setdefault(text, id) != id:
            same[id] = first[text]
    superseded = {
        old: same.get(new, new) for old, new in superseded.items()
    }  # no circle: that one is not replaced
    return Standing({id: one for id, one in alive.items() if id not in same}, superseded, same)


def _last_of_chain(id: str, later: dict[str, str]) -> str:
    """What nothing replaces, from `id` on; `later` gets shortcuts, so that long chains are not walked again and again."""
    end = id
    while end in later:
        end = later[end]
    while id != end:
        later[id], id = end, later[id]
    return end
