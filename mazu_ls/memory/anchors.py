"""Anchors: which code a memory is about. They follow it through edits and renames, and say when it changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.errors import Kind, MazuError
from mazu_ls.memory import check, write
from mazu_ls.memory.record import Anchor, AnchorAt, Memory, Range, micros, now
from mazu_ls.memory.rows import Rows, number, scope_of
from mazu_ls.memory.shelf import Shelf
from mazu_ls.store import select

_DEFINITION = r"\b(?:def|class|func|function|fn|struct|enum|interface|trait|impl|type|const|let|var|module|macro_rules!)\s+(?:\([^)]*\)\s*)?"
_MAX_EVIDENCE_LINES = 400


class AnchoredAt(Struct, frozen=True):
    """A memory at a place of a document: for hover, lens and hint."""

    memory: Memory
    anchor: Anchor


class Change(Struct, frozen=True):
    """What a changed document did to anchors: memories that came in doubt, that came back, and how many moved."""

    doubted: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()
    moved: int = 0

    def __bool__(self) -> bool:
        return bool(self.doubted or self.restored or self.moved)


def attached(places: Sequence[AnchorAt]) -> tuple[Anchor, ...]:
    """Anchors for these places, with the hash of the evidence where the text is known."""
    found: dict[Anchor, None] = {}
    for place in places:
        anchor = Anchor(
            check.path(place.path), " ".join(check.sound(place.symbol, "anchors").split())[:200], place.range
        )
        if place.text is not None:
            lines = place.text.splitlines()
            span = _lines_of(anchor, lines)
            if span is not None:
                first, last = span
                anchor = replace(
                    anchor,
                    range=place.range or Range(first, 0, last, len(lines[last])),
                    evidence=evidence(lines[first : last + 1]),
                )
        found[anchor] = None
    return tuple(found)


def evidence(lines: Sequence[str]) -> str:
    """A hash of code that indentation and spaces at line ends do not change: of the first line, of all, and their number.

    The first hash finds the places worth a closer look in one pass; the number says how many lines to compare.
    """
    stripped = [line.strip() for line in lines]
    return f"{_hash(stripped[0])}.{_hash(chr(10).join(stripped))}.{len(stripped)}"


def followed(anchor: Anchor, lines: Sequence[str]) -> Anchor:
    """The anchor in the present text of its document: where it was, elsewhere (moved), or stale."""
    if anchor.evidence is None or anchor.range is None:
        return replace(anchor, state="fresh") if anchor.state == "stale" else anchor
    here = anchor.range.start_line
    at = _nearest(anchor.evidence, lines, here)
    if at is None:
        start = _definition(anchor.symbol, lines) if anchor.symbol else None
        return replace(
            anchor,
            state="stale",
            range=_shifted(anchor.range, (start if start is not None else here) - here, len(lines)),
        )
    if at == here:
        return replace(anchor, state="fresh") if anchor.state == "stale" else anchor
    return replace(anchor, state="moved", range=_shifted(anchor.range, at - here, len(lines)))


class Anchors:
    """The anchors of project memory."""

    def __init__(self, project: Shelf | None) -> None:
        self._project = project

    async def attach(self, id: str, place: AnchorAt) -> Memory:
        """Anchor a memory at one more place, or anew at the same: it is fresh again. Raises MazuError(not_found)."""
        (new,) = attached([place])

        def work(rows: Rows) -> Memory:
            entry = rows.entry(number(id, rows.scope))
            others = [
                a
                for a in entry.anchors
                if (a.path, a.symbol) != (new.path, new.symbol) or (not new.symbol and a.range != new.range)
            ]
            rows.put(replace(write.anchored(entry, [*others, new]), updated_at=micros(now())))
            return rows.memory(number(id, rows.scope))

        return await self._shelf(id).write(work)

    async def confirm(self, id: str, texts: dict[str, str]) -> Memory:
        """`Still true`: take the evidence anew from the present texts, by path. Raises MazuError(not_found)."""

        def work(rows: Rows) -> Memory:
            entry = rows.entry(number(id, rows.scope))
            anchors = [_renewed(anchor, texts.get(anchor.path)) for anchor in entry.anchors]
            rows.put(replace(write.anchored(entry, anchors), updated_at=micros(now())))
            write.used(rows, [number(id, rows.scope)])
            return rows.memory(number(id, rows.scope))

        return await self._shelf(id).write(work)

    async def document_changed(self, path: str, text: str | None) -> Change:
        """Follow the anchors of `path` in its present text (None: it was deleted)."""
        lines = None if text is None else text.splitlines()
        return await self._follow(
            path, lambda anchor: replace(anchor, state="stale") if lines is None else followed(anchor, lines)
        )

    async def renamed(self, old: str, new: str) -> Change:
        """A file or folder has another name now."""
        new = check.path(new)

        def work(rows: Rows) -> Change:
            below = old.rstrip("/") + "/"
            found = select(
                rows.db,
                "SELECT DISTINCT n FROM memory_anchor WHERE path = ?1 OR substr(path, 1, length(?2)) = ?2",
                (old, below),
            )
            for (n,) in found:
                entry = rows.entry(n)
                rows.put(replace(entry, anchors=tuple(_renamed(a, old, below, new) for a in entry.anchors)))
            return Change(moved=len(found))

        return Change() if self._project is None else await self._project.write(work)

    async def at(self, path: str, line: int | None = None) -> list[AnchoredAt]:
        """The live memories anchored in a document, or at one of its lines, best first."""

        def work(rows: Rows) -> list[AnchoredAt]:
            numbers = [
                n for (n,) in select(rows.db, "SELECT DISTINCT n FROM memory_anchor WHERE path = ?", (path,))
            ]
            entries = [
                e for n in numbers if (e := rows.find(n)) is not None and e.state in ("current", "check")
            ]
            return [
                AnchoredAt(memory, anchor)
                for memory in rows.memories(entries)
                for anchor in memory.anchors
                if anchor.path == path and (line is None or _covers(anchor, line))
            ]

        found = [] if self._project is None else await self._project.read(work)
        return sorted(found, key=lambda f: (not f.memory.pinned, f.anchor.range or Range(0), f.memory.id))

    async def paths(self) -> list[str]:
        """Every path that has an anchor: what to look at when the server starts."""
        if self._project is None:
            return []
        return await self._project.read(
            lambda rows: [
                path for (path,) in select(rows.db, "SELECT DISTINCT path FROM memory_anchor ORDER BY path")
            ]
        )

    def _shelf(self, id: str) -> Shelf:
        if self._project is None or scope_of(id) != "project":
            raise MazuError(
                Kind.UNSUPPORTED,
                "Only project memories can be anchored to code.",
                "Remember it in the project.",
            )
        return self._project

    async def _follow(self, path: str, follow: Callable[[Anchor], Anchor]) -> Change:
        if self._project is None:
            return Change()

        def plan(rows: Rows) -> list[int]:
            found = select(rows.db, "SELECT n, position FROM memory_anchor WHERE path = ?", (path,))
            return sorted(
                {n for n, position in found if follow(anchor := rows.anchors(n)[position]) != anchor}
            )

        def work(rows: Rows) -> Change:
            doubted, restored, moved = [], [], 0
            for n in plan(rows):
                entry = rows.entry(n)
                anchors = [follow(a) if a.path == path else a for a in entry.anchors]
                after = write.anchored(entry, anchors)
                rows.put(after)
                moved += sum(a.range != b.range for a, b in zip(entry.anchors, anchors, strict=True))
                if after.state != entry.state:
                    (doubted if after.state == "check" else restored).append(rows.memory(n).id)
            return Change(tuple(doubted), tuple(restored), moved)

        return await self._project.write(work) if await self._project.read(plan) else Change()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _lines_of(anchor: Anchor, lines: Sequence[str]) -> tuple[int, int] | None:
    """First and last line of the evidence: the range, else the definition of the symbol; None where there is neither."""
    if not lines:
        return None
    if anchor.range:
        first = min(max(anchor.range.start_line, 0), len(lines) - 1)
        last = min(max(anchor.range.end_line, first), len(lines) - 1)
        if last > first and anchor.range.end_character == 0:
            last -= 1
        return first, min(last, first + _MAX_EVIDENCE_LINES - 1)
    start = _definition(anchor.symbol, lines) if anchor.symbol else None
    return None if start is None else (start, _block_end(lines, start))


def _definition(symbol: str, lines: Sequence[str]) -> int | None:
    name = re.escape(symbol.rsplit(".", 1)[-1].rsplit("::", 1)[-1])
    pattern = re.compile(rf"{_DEFINITION}{name}\b|^\s*{name}\s*(?::[^=]+)?=(?!=)")
    return next((at for at, line in enumerate(lines) if pattern.search(line)), None)


def _block_end(lines: Sequence[str], start: int) -> int:
    """The last line that is indented deeper than the first, with a closing bracket behind it."""
    depth = _indent(lines[start])
    end = start
    for at in range(start + 1, min(len(lines), start + _MAX_EVIDENCE_LINES)):
        line = lines[at]
        if line.strip() and _indent(line) <= depth:
            return at if line.strip()[0] in ")}]" and at == end + 1 else end
        if line.strip():
            end = at
    return end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _nearest(evidence_hash: str, lines: Sequence[str], here: int) -> int | None:
    """The line nearest to `here` at which the evidence stands."""
    head, whole, count = evidence_hash.split(".")
    length = int(count)
    starts = range(len(lines) - length + 1)
    for start in sorted(starts, key=lambda at: abs(at - here)):
        if _hash(lines[start].strip()) == head:
            block = "\n".join(line.strip() for line in lines[start : start + length])
            if _hash(block) == whole:
                return start
    return None


def _shifted(span: Range, by: int, length: int) -> Range:
    last = max(length - 1, 0)
    return replace(
        span,
        start_line=min(max(span.start_line + by, 0), last),
        end_line=min(max(span.end_line + by, 0), length),
    )


def _renewed(anchor: Anchor, text: str | None) -> Anchor:
    if text is None:
        return replace(anchor, state="fresh")
    place = AnchorAt(anchor.path, None if anchor.symbol else anchor.range, anchor.symbol, text)
    (new,) = attached([place])
    return new if new.evidence or not anchor.range else attached([replace(place, range=anchor.range)])[0]


def _renamed(anchor: Anchor, old: str, below: str, new: str) -> Anchor:
    if anchor.path == old:
        return replace(anchor, path=new)
    return (
        replace(anchor, path=f"{new.rstrip('/')}/{anchor.path[len(below) :]}")
        if anchor.path.startswith(below)
        else anchor
    )


def _covers(anchor: Anchor, line: int) -> bool:
    return anchor.range is None or anchor.range.start_line <= line <= max(
        anchor.range.end_line, anchor.range.start_line
    )
