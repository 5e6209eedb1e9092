"""The evidence of an anchor: a hash of the code it was made from, and finding that code again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from msgspec.structs import replace

from mazu_ls.memory import validation
from mazu_ls.memory.models import AnchorRequest, MemoryAnchor, TextRange
from mazu_ls.syntax import CodeSymbol, language_of, symbol_at, symbols

MAX_LINES = 400
"""Maximum number of lines; longer evidence is cut, and then covers its beginning only."""
_MAX_SYMBOL = 200
_FILE = "file."
_SKETCH, _SKETCH_DIGITS = 48, 8
SAME_FILE = 0.8
"""A memory about a whole file is fresh while four fifths of its lines exist: a single edit says little about the file."""


@dataclass(frozen=True)
class AnchoredText:
    """The current text of a file; lines as an editor counts them: only CR, LF and CRLF end one."""

    path: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        return re.split(r"\r\n|\n|\r", self.text)

    @cached_property
    def heads(self) -> list[str]:
        """The hash of each line."""
        return [_hash(line.strip()) for line in self.lines]

    @cached_property
    def sketch(self) -> str:
        """The fingerprint of the whole file."""
        return file_evidence(self.lines)

    def symbol(self, name: str) -> CodeSymbol | None:
        """Return the definition of that path ("Book.balance"), else the first with that name."""
        language = language_of(self.path)
        found = symbols(self.text, language) if language else []
        last = name.rsplit(".", 1)[-1]
        return next((s for s in found if s.path == name), None) or next(
            (s for s in found if s.name == last), None
        )

    def symbol_at(self, line: int, character: int) -> CodeSymbol | None:
        """Return the innermost definition around a 0-based position."""
        language = language_of(self.path)
        return symbol_at(self.text, language, line, character) if language else None


def make_anchor(places: Sequence[AnchorRequest]) -> tuple[MemoryAnchor, ...]:
    """Return anchors for these places, with symbol, range and evidence if the text is known and shows them."""
    found: dict[MemoryAnchor, None] = {}
    for place in places:
        symbol = " ".join(validation.validate(place.symbol, "anchors").split())[:_MAX_SYMBOL]
        anchor = MemoryAnchor(validation.path(place.path), symbol, place.range)
        found[anchor if place.text is None else _evident(anchor, AnchoredText(anchor.path, place.text))] = (
            None
        )
    return tuple(found)


def evidence_hash(lines: Sequence[str]) -> str:
    """Return a hash of code that ignores indentation and spaces at line ends: of the first line, of all lines, and
    their number.

    The first hash finds candidate places in one pass; the number says how many lines to compare there.
    """
    stripped = [line.strip() for line in lines]
    return f"{_hash(stripped[0])}.{_hash(chr(10).join(stripped))}.{len(stripped)}"


def file_evidence(lines: Sequence[str]) -> str:
    """Return the fingerprint of a whole file: the smallest hashes of its distinct lines (a bottom-k sketch, Broder
    1997)."""
    hashes = sorted({_hash(stripped)[:_SKETCH_DIGITS] for line in lines if (stripped := line.strip())})
    return _FILE + "".join(hashes[:_SKETCH])


def _resemblance(known: str, present: str) -> float:
    """Return the share of lines that two files have in common (Jaccard resemblance), estimated from their sketches."""
    a, b = (
        {s[at : at + _SKETCH_DIGITS] for at in range(len(_FILE), len(s), _SKETCH_DIGITS)}
        for s in (known, present)
    )
    union = sorted(a | b)[:_SKETCH]
    return sum(one in a and one in b for one in union) / len(union) if union else 1.0


def resemblance(a: AnchoredText, b: AnchoredText) -> float:
    """Return the share of lines that two texts have in common, from 0 to 1; 1 only if all lines are the same."""
    return 1.0 if a.lines == b.lines else min(_resemblance(a.sketch, b.sketch), 0.99)


def follow_anchor(anchor: MemoryAnchor, document: AnchoredText) -> MemoryAnchor:
    """Return the anchor in the current text of its document: in place, moved, or stale."""
    if anchor.evidence is not None and anchor.evidence.startswith(_FILE):
        same = _resemblance(anchor.evidence, file_evidence(document.lines)) >= SAME_FILE
        return (
            replace(anchor, state="fresh" if same else "stale")
            if same == (anchor.state == "stale")
            else anchor
        )
    if anchor.evidence is None or anchor.range is None:
        return replace(anchor, state="fresh") if anchor.state == "stale" else anchor
    here = anchor.range.start_line
    at = _nearest(anchor.evidence, document, here)
    if at is None:
        symbol = document.symbol(anchor.symbol) if anchor.symbol else None
        span = _span(symbol) if symbol else _shifted(anchor.range, 0, len(document.lines))
        return replace(anchor, state="stale", range=span)
    if at == here:
        return replace(anchor, state="fresh") if anchor.state == "stale" else anchor
    return replace(anchor, state="moved", range=_shifted(anchor.range, at - here, len(document.lines)))


def holds_code(document: AnchoredText, anchor: MemoryAnchor) -> bool:
    """Return whether the evidence of an anchor of another document fits this one. An anchor without evidence fits none."""
    if anchor.evidence is None:
        return False
    if anchor.evidence.startswith(_FILE):
        return _resemblance(anchor.evidence, document.sketch) >= SAME_FILE
    return _nearest(anchor.evidence, document, 0) is not None


def refresh_evidence(anchor: MemoryAnchor, text: str | None) -> MemoryAnchor:
    """Return the anchor with the evidence of the current text: of its symbol, else of its lines."""
    if text is None:
        return replace(anchor, state="fresh")
    document = AnchoredText(anchor.path, text)
    known = document.symbol(anchor.symbol) if anchor.symbol else None
    return _evident(
        replace(anchor, range=None if known else anchor.range, state="fresh", evidence=None), document
    )


def _evident(anchor: MemoryAnchor, document: AnchoredText) -> MemoryAnchor:
    if anchor.range is None:
        symbol = document.symbol(anchor.symbol) if anchor.symbol else None
        if symbol is None:
            return anchor if anchor.symbol else replace(anchor, evidence=file_evidence(document.lines))
        anchor = replace(anchor, range=_span(symbol))
    elif not anchor.symbol:
        symbol = document.symbol_at(max(anchor.range.start_line, 0), max(anchor.range.start_character, 0))
        anchor = replace(anchor, symbol=symbol.path[:_MAX_SYMBOL] if symbol else "")
    first, last = _lines_of(anchor.range, len(document.lines)) if anchor.range else (0, 0)
    return replace(anchor, evidence=evidence_hash(document.lines[first : last + 1]))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _span(symbol: CodeSymbol) -> TextRange:
    return TextRange(symbol.start_line, symbol.start_char, symbol.end_line, symbol.end_char)


def _lines_of(span: TextRange, count: int) -> tuple[int, int]:
    """Return first and last line of a range, inside the document; a range that ends at the start of a line excludes
    that line."""
    first = min(max(span.start_line, 0), count - 1)
    last = min(max(span.end_line, first), count - 1)
    if last > first and span.end_character <= 0:
        last -= 1
    return first, min(last, first + MAX_LINES - 1)


def _nearest(proof: str, document: AnchoredText, here: int) -> int | None:
    """Return the line nearest to `here` at which the evidence matches."""
    head, whole, count = proof.split(".")
    length = int(count)
    last = len(document.lines) - length
    likely = [at for at, found in enumerate(document.heads) if found == head and at <= last]
    for start in sorted(likely, key=lambda at: abs(at - here)):
        if _hash("\n".join(line.strip() for line in document.lines[start : start + length])) == whole:
            return start
    return None


def _shifted(span: TextRange, by: int, count: int) -> TextRange:
    start = min(max(span.start_line + by, 0), count - 1)
    return replace(span, start_line=start, end_line=min(max(span.end_line + by, start), count))
