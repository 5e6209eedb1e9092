"""Imports from Markdown: exported entries, edited or not, keep their ids; hand-written files are new entries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.memory import validation
from mazu_ls.memory.io import markdown
from mazu_ls.memory.io.export import MARK
from mazu_ls.memory.models import CATEGORIES, SOURCES, STATES, MemoryAnchor, MemoryEntry
from mazu_ls.memory.store import upsert
from mazu_ls.memory.store.entries import EntryTable, digest
from mazu_ls.memory.store.store import MemoryStore
from mazu_ls.state.store import select

BATCH = 500
MAX_NUMBER = 10**12
_SHORT, _LETTERS = 200, 3
_KIND_CATEGORY = {"page": "wiki", "summary": "summary", "trait": "trait", "relation": "relation"}


class ImportRecord(Struct, frozen=True):
    """One entry to import. `id` and `use` (uses, time of the last in microseconds) are as in its file.

    `supersedes` and `superseded_by` are ids too; `name` is the file's, for problems.
    """

    entry: MemoryEntry
    name: str
    id: str | None = None
    supersedes: str | None = None
    superseded_by: str | None = None
    use: tuple[int, int] | None = None


@dataclass
class ImportResult:
    """The result of an import. `problems` names each file that was left out and why."""

    count: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass
class _Run:
    """The state of a running import: the present number of each imported id, and the records that refer to others."""

    result: ImportResult
    dedupe: bool
    numbers: dict[str, int] = field(default_factory=dict)
    ours: set[int] = field(default_factory=set)
    linked: list[ImportRecord] = field(default_factory=list)


def read(source: Path) -> Iterator[ImportRecord | str]:
    """Yield the records of a file or folder; a text instead says what is wrong with one of them. Raises MazuError(not_found)."""
    if source.is_dir():
        files = sorted(path for path in source.rglob("*.md") if path.is_file())
    elif source.is_file():
        files = [source]
    else:
        raise MazuError(
            Kind.NOT_FOUND,
            f"There is no file or folder {source}.",
            "Give a Markdown file or a folder of them.",
        )
    for path in files:
        name = path.relative_to(source).as_posix() if source.is_dir() else path.name
        try:
            text = path.read_bytes().decode()
        except UnicodeDecodeError:
            yield f"{name}: not UTF-8 text."
            continue
        except OSError as error:
            yield f"{name}: {error.strerror}."
            continue
        for part in _parts(text):
            try:
                yield _record(part, name)
            except InvalidArguments as error:
                yield f"{name}: {error}" if name not in str(error) else str(error)


async def store(
    shelf: MemoryStore, records: Iterable[ImportRecord], result: ImportResult, *, dedupe: bool = True
) -> None:
    """Store records in transactions of 500: progress survives an interruption, and importing again continues."""
    waiting, run = iter(records), _Run(result, dedupe)
    while batch := list(islice(waiting, BATCH)):
        await shelf.write(lambda rows, some=batch: [_store(rows, record, run) for record in some])
    if run.linked:
        await shelf.write(lambda rows: _relink(rows, run))


def _store(rows: EntryTable, record: ImportRecord, run: _Run) -> None:
    result = run.result
    result.count += 1
    number = _number(record.id, rows.scope)
    known = rows.find(number) if number is not None else None
    entry = replace(record.entry, n=None)
    if known is not None and entry.created_at in (0, known.created_at) and known.kind == entry.kind:
        n = _refresh(rows, known, entry, result)
    elif (twin := _twin(rows, entry, run) if run.dedupe else None) is not None and twin.n is not None:
        n = _merge(rows, twin, entry, result)
    elif record.id is None and run.dedupe and entry.kind == "memory":
        n, outcome, *_ = upsert.remember(rows, entry)
        result.duplicates += outcome == "duplicate"
        result.created += outcome != "duplicate"
    else:
        n = rows.insert(replace(entry, n=number if known is None else None))
        result.created += 1
    if record.id is not None:
        run.numbers[record.id] = n
        run.ours.add(n)
        if record.supersedes or record.superseded_by:
            run.linked.append(record)
    if record.use:
        rows.db.execute(
            "INSERT INTO memory_use VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET uses = max(uses, excluded.uses),"
            " last_used_at = max(last_used_at, excluded.last_used_at)",
            (n, *record.use),
        )


def _refresh(rows: EntryTable, known: MemoryEntry, entry: MemoryEntry, result: ImportResult) -> int:
    """Update an existing entry with what was edited in its file."""
    assert known.n is not None
    same = replace(
        entry,
        n=known.n,
        created_at=known.created_at,
        supersedes=known.supersedes,
        superseded_by=known.superseded_by,
    )
    if replace(same, updated_at=known.updated_at) == known:
        result.unchanged += 1
        return known.n
    rows.put(replace(same, updated_at=max(same.updated_at, known.updated_at)))
    result.updated += 1
    return known.n


def _twin(rows: EntryTable, entry: MemoryEntry, run: _Run) -> MemoryEntry | None:
    """Return a live entry from before this import with exactly the same text; a page or trait with the same key."""
    if entry.kind != "memory":
        return rows.keyed(entry.kind, entry.key or "")
    if entry.state == "superseded":
        return None
    found = rows.entries(
        "digest = ? AND kind = 'memory' AND state != 'superseded'",
        (digest(entry.title, entry.body),),
        "LIMIT 5",
    )
    return next((twin for twin in found if twin.n not in run.ours), None)


def _merge(rows: EntryTable, twin: MemoryEntry, entry: MemoryEntry, result: ImportResult) -> int:
    assert twin.n is not None
    if entry.kind == "memory":
        result.duplicates += 1
        return upsert.merge(rows, twin, entry)
    return _refresh(rows, twin, entry, result)


def _relink(rows: EntryTable, run: _Run) -> None:
    """Restore supersede chains with the entries' present numbers."""
    for record in run.linked:
        n = run.numbers[record.id or ""]
        links = {
            name: _resolved(rows, id, run)
            for name, id in (("supersedes", record.supersedes), ("superseded_by", record.superseded_by))
        }
        entry = rows.entry(n)
        if (entry.supersedes, entry.superseded_by) != (links["supersedes"], links["superseded_by"]):
            rows.put(replace(entry, **links))


def _resolved(rows: EntryTable, id: str | None, run: _Run) -> int | None:
    if id is None:
        return None
    n = run.numbers.get(id, _number(id, rows.scope))
    return n if n is not None and select(rows.db, "SELECT 1 FROM memory WHERE n = ?", (n,)) else None


def scope_of(record: ImportRecord, usual: str) -> str:
    """Return a record's scope: as its id says, global for preferences, the usual scope for anything else."""
    if record.id is not None and usual == "project":
        return "global" if record.id.startswith("g_") else "project"
    return "global" if record.entry.category in ("user_preference", "trait") else usual


def _record(text: str, name: str) -> ImportRecord:
    entry, fields = markdown.read(text, name)
    folder, wiki, rest = name.rpartition("wiki/")
    is_page = not fields and bool(wiki and rest) and folder in ("", "project/", "global/")
    if is_page:
        entry = replace(entry, kind="page", key=rest, category="wiki")
    elif not fields:
        entry = _with_title(entry, name)
    uses = fields.get("uses")
    use = (int(uses), markdown.micros_of(fields.get("last_used"))) if isinstance(uses, int) else None
    return ImportRecord(
        checked(entry, name),
        name,
        markdown.text_of(fields.get("id")),
        markdown.text_of(fields.get("supersedes")),
        markdown.text_of(fields.get("superseded_by")),
        use,
    )


def _with_title(entry: MemoryEntry, name: str) -> MemoryEntry:
    """Choose the title of a hand-written text without a heading: its only line, or its first line if the file's name says nothing
    ("16.md")."""
    first, _, rest = entry.body.strip().partition("\n")
    title = re.sub(r"^(?:[-*+]|\d+[.)])\s+", "", first).strip()
    if entry.title != markdown.heading("", name)[0] or not title or len(title) > _SHORT:
        return entry
    if rest.strip() and len(re.findall(r"[^\W\d_]", entry.title)) >= _LETTERS:
        return entry
    return replace(entry, title=title, body=rest.strip("\n"))


def checked(entry: MemoryEntry, name: str) -> MemoryEntry:
    """Return the entry, cleaned, if all of it may be remembered. Raises InvalidArguments."""
    choices = {
        "kind": (entry.kind, ("memory", *_KIND_CATEGORY)),
        "source": (entry.source, SOURCES),
        "state": (entry.state, STATES),
        "category": (
            entry.category,
            CATEGORIES if entry.kind == "memory" else (_KIND_CATEGORY.get(entry.kind, ""),),
        ),
    }
    for what, (value, allowed) in choices.items():
        if value not in allowed:
            raise InvalidArguments(f"{name}: {what} {value[:40]!r} is not one of {', '.join(allowed)}.", what)
    return replace(
        entry,
        key=_key(entry, name),
        title=validation.title(entry.title),
        body=validation.body(
            entry.body, limit=validation.MAX_PAGE if entry.kind == "page" else validation.MAX_BODY
        ),
        tags=validation.tags(entry.tags),
        anchors=tuple(_anchor(anchor) for anchor in entry.anchors),
    )


def _key(entry: MemoryEntry, name: str) -> str | None:
    """Return the validated key of an entry of its kind; it is part of a path in checkpoints."""
    match entry.kind:
        case "memory":
            return None
        case "relation":
            try:
                parts = [str((entry.details or {})[part]) for part in ("source", "relation", "target")]
            except KeyError as error:
                raise InvalidArguments(
                    f"{name}: a relation needs {error} in its details.", "details"
                ) from error
            return digest(parts[0], f"{parts[1]}\n{parts[2]}").hex()
        case "summary":
            return validation.session(entry.key or "", "key")
    return validation.slug(entry.key or "", "key")


def _anchor(anchor: MemoryAnchor) -> MemoryAnchor:
    """Return an anchor from a file without its evidence, which was computed elsewhere."""
    known = re.fullmatch(r"[0-9a-f]{12}\.[0-9a-f]{12}\.[1-9]\d{0,3}", anchor.evidence or "")
    state = anchor.state if anchor.state in ("fresh", "moved", "stale") else "fresh"
    return replace(
        anchor, path=validation.path(anchor.path), state=state, evidence=anchor.evidence if known else None
    )


def _number(id: str | None, scope: str) -> int | None:
    found = re.fullmatch(r"([mg])_(\d{1,13})", id or "")
    if not found or (found[1] == "g") != (scope == "global") or not 0 < int(found[2]) <= MAX_NUMBER:
        return None
    return int(found[2])


def _parts(text: str) -> list[str]:
    """Return the entries of one file."""
    parts = re.split(rf"^{re.escape(MARK)}\n", text, flags=re.MULTILINE)
    return [re.sub(rf"^\\(\\*{re.escape(MARK)})$", r"\1", part, flags=re.MULTILINE) for part in parts]
