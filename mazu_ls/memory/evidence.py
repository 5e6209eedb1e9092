"""The evidence of an anchor: the code it was made from, as a hash, and where that code stands now."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from msgspec.structs import replace

from mazu_ls.memory import check
from mazu_ls.memory.record import Anchor, AnchorAt, Range

_DEFINITION = r"\b(?:def|class|func|function|fn|struct|enum|interface|trait|impl|type|const|let|var|module|macro_rules!)\s+(?:\([^)]*\)\s*)?"
_MAX_EVIDENCE_LINES = 400


def lines_of(text: str) -> list[str]:
    """The lines as an editor counts them: only CR, LF and CRLF end one."""
    return re.split(r"\r\n|\n|\r", text)


def attached(places: Sequence[AnchorAt]) -> tuple[Anchor, ...]:
    """Anchors for these places, with the hash of the evidence where the text is known."""
    found: dict[Anchor, None] = {}
    for place in places:
        anchor = Anchor(
            check.path(place.path), " ".join(check.sound(place.symbol, "anchors").split())[:200], place.range
        )
        if place.text is not None:
            lines = lines_of(place.text)
            span = _span(anchor, lines)
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


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _span(anchor: Anchor, lines: Sequence[str]) -> tuple[int, int] | None:
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
