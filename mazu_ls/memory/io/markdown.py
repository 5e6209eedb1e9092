"""Entries as Markdown files with front matter: readable, editable, and equal when read again."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from mazu_ls.errors import InvalidArguments
from mazu_ls.memory.io import front_matter_yaml
from mazu_ls.memory.models import MemoryAnchor, MemoryEntry, TextRange, identifier, micros, moment
from mazu_ls.memory.search.tokens import words

_FENCE = "---"
_OPENED = re.compile(r"\s*---[ \t]*\r?\n")
"""Matches the first line in all variants that editors write: front matter that is missed would become a new memory."""
_PLAIN = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./@+:, ()-]*(?<! )")
_ID = re.compile(r"[mg]_[0-9]{1,18}")
_TRUTH = {"true": True, "false": False}
_FIELDS = words(
    "id kind key category tags pinned source origin state supersedes superseded_by session created updated uses last_used"
    " details anchors"
)


def write(entry: MemoryEntry, scope: str, use: tuple[int, int] | None = None) -> str:
    """Return the file of one entry. `use` is its number of uses and the time of the last, for an export."""
    assert entry.n is not None
    fields: dict[str, Any] = {
        "id": identifier(scope, entry.n),
        "kind": entry.kind if entry.kind != "memory" else None,
        "key": entry.key,
        "category": entry.category,
        "tags": list(entry.tags) or None,
        "pinned": entry.pinned or None,
        "source": entry.source,
        "origin": entry.origin,
        "state": entry.state,
        "supersedes": None if entry.supersedes is None else identifier(scope, entry.supersedes),
        "superseded_by": None if entry.superseded_by is None else identifier(scope, entry.superseded_by),
        "session": entry.session_id,
        "created": _time(entry.created_at),
        "updated": _time(entry.updated_at),
        "uses": use[0] if use else None,
        "last_used": _time(use[1]) if use else None,
        "details": entry.details or None,
    }
    lines = [_FENCE, *(f"{name}: {_scalar(value)}" for name, value in fields.items() if value is not None)]
    if entry.anchors:
        lines += ["anchors:", *(f"  - {front_matter_yaml.quoted(_anchor(a))}" for a in entry.anchors)]
    lines += [_FENCE, f"# {entry.title}"]
    return "\n".join(lines) + (f"\n\n{entry.body}\n" if entry.body else "\n")


def read(text: str, name: str) -> tuple[MemoryEntry, dict[str, Any]]:
    """Parse a file into an entry and its front matter; missing fields get defaults.

    `name` is the file's, for errors and as the title if the text has none. Raises InvalidArguments.
    """
    fields, rest = front_matter(text, name)
    title, body = heading(rest, name)
    for field in ("id", "supersedes", "superseded_by"):
        value = fields.get(field)
        if value is not None and not _ID.fullmatch(str(value)):
            message = f"{name}: {field} {str(value)[:40]!r} is not the id of a memory, such as m_000012."
            raise InvalidArguments(message, "uri")
    try:
        entry = MemoryEntry(
            kind=str(fields.get("kind", "memory")),
            key=None if fields.get("key") is None else str(fields["key"]),
            category=str(fields.get("category", "fact")),
            title=title,
            body=body,
            tags=_listed_texts(fields.get("tags")),
            pinned=bool(fields.get("pinned", False)),
            source=str(fields.get("source", "imported")),
            origin=text_of(fields.get("origin")),
            state=str(fields.get("state", "current")),
            session_id=text_of(fields.get("session")),
            created_at=micros_of(fields.get("created")),
            updated_at=micros_of(fields.get("updated")),
            details=fields.get("details"),
            anchors=tuple(_read_anchor(anchor) for anchor in fields.get("anchors") or ()),
        )
    except (TypeError, ValueError, KeyError) as error:
        raise InvalidArguments(f"{name}: the front matter is not valid ({error}).", "uri") from error
    return entry, fields


def front_matter(text: str, name: str, known: Collection[str] = _FIELDS) -> tuple[dict[str, Any], str]:
    """Split a file into front matter and text. Raises InvalidArguments, also for a field that is not one of `known`."""
    text = text.removeprefix("\ufeff")
    if not (opened := _OPENED.match(text)):
        return {}, text
    text = text[opened.end() :]
    if "\r\n" in opened[0]:
        text = text.replace("\r\n", "\n")
    text = f"{_FENCE}\n{text}"
    end = text.find(f"\n{_FENCE}\n", len(_FENCE))
    if end < 0:
        raise InvalidArguments(f"{name}: the front matter that starts with {_FENCE} does not end.", "uri")
    head = text[len(_FENCE) + 1 : end + 1]
    fields = front_matter_yaml.read(head)
    if fields is None:  # written by hand or by an earlier version, and not valid YAML
        try:
            fields = _by_line(head)
        except ValueError as error:
            raise InvalidArguments(f"{name}: the front matter is not valid ({error}).", "uri") from error
    for key in fields:
        if key not in known:
            number = 2 + next((n for n, line in enumerate(head.split("\n")) if line.startswith(key)), 0)
            raise InvalidArguments(f"{name}:{number}: {key[:60]!r} is not a field of a memory.", "uri")
    return fields, text[end + len(_FENCE) + 2 :]


def _by_line(head: str) -> dict[str, Any]:
    """Parse `name: value` lines, and lists of lines that begin with a dash. Raises ValueError for a bracket that never closes."""
    fields: dict[str, Any] = {}
    items: list[Any] | None = None
    for line in head.removesuffix("\n").split("\n"):
        if items is not None and line.lstrip().startswith("- "):
            items.append(_value(line.lstrip()[2:].strip()))
            continue
        if not line.strip() or line.startswith("#"):
            continue
        key, _, value = line.partition(":")
        items = None if value.strip() else []
        fields[key.strip()] = _value(value.strip()) if value.strip() else items
    return fields


def heading(text: str, name: str) -> tuple[str, str]:
    """Return title and body of the text below the front matter; without a heading the file's name is the title."""
    rest = text.lstrip("\n")
    if rest.startswith("# "):
        title, _, body = rest[2:].partition("\n")
        body = body.removeprefix("\n").removesuffix("\n")
        return title.strip(), body
    return name.rsplit("/", 1)[-1].removesuffix(".md").replace("-", " "), rest.removesuffix("\n")


def _listed_texts(value: Any) -> tuple[str, ...]:
    """Return a field that is a list of texts; a single text is a list of one."""
    return (value,) if isinstance(value, str) else tuple(str(one) for one in value or ())


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value if _is_plain(value) else front_matter_yaml.quoted(value)
    if isinstance(value, list):
        items = (
            item if _is_plain(item) and "," not in item else front_matter_yaml.quoted(item) for item in value
        )
        return f"[{', '.join(items)}]"
    return front_matter_yaml.quoted(value)


def _is_plain(text: str) -> bool:
    """Return whether text without quotes reads as that text."""
    return (
        bool(_PLAIN.fullmatch(text))
        and text.casefold() not in front_matter_yaml.WORDS
        and not _numeric(text)
        and ": " not in text
        and not text.endswith(":")
    )


def _numeric(text: str) -> bool:
    return bool(re.fullmatch(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?", text))


def _value(text: str) -> Any:
    if text.casefold() in _TRUTH:
        return _TRUTH[text.casefold()]
    if text[:1] in ('"', "{", "["):
        try:
            return json.loads(text)
        except (json.JSONDecodeError, RecursionError):
            if text.startswith("[") and text.endswith("]"):
                return _listed(text[1:-1])
            if text[0] != '"':
                raise ValueError(f"{text[:40]} is neither a list nor an object") from None
            return text
    return int(text) if re.fullmatch(r"-?\d{1,18}", text) else text


def _listed(text: str) -> list[str]:
    """Parse a flow list whose items may be unquoted."""
    items = re.findall(r'\s*"(?:[^"\\]|\\.)*"\s*|[^,]+', text)
    return [item for item in map(_list_item, items) if item]


def _list_item(text: str) -> str:
    text = text.strip()
    try:
        return str(json.loads(text)) if text.startswith('"') else text.strip("'")
    except json.JSONDecodeError:
        return text  # a quotation mark that never closes is part of the text


def _anchor(anchor: MemoryAnchor) -> dict[str, Any]:
    fields: dict[str, Any] = {"path": anchor.path}
    if anchor.symbol:
        fields["symbol"] = anchor.symbol
    if anchor.range:
        r = anchor.range
        fields["range"] = [r.start_line, r.start_character, r.end_line, r.end_character]
    fields["state"] = anchor.state
    if anchor.evidence:
        fields["evidence"] = anchor.evidence
    return fields


def _read_anchor(fields: Any) -> MemoryAnchor:
    if isinstance(fields, str):
        path, _, symbol = fields.partition("#")
        return MemoryAnchor(path, symbol)
    span = fields.get("range")
    return MemoryAnchor(
        str(fields["path"]),
        str(fields.get("symbol", "")),
        TextRange(*(int(number) for number in span)) if span else None,
        fields.get("state", "fresh"),
        text_of(fields.get("evidence")),
    )


def text_of(value: Any) -> str | None:
    """Return a field that is text, or None."""
    return None if value is None else str(value)


def _time(stored: int) -> str:
    return moment(stored).isoformat().replace("+00:00", "Z")


def micros_of(value: Any) -> int:
    """Return a time field (RFC 3339) in microseconds; 0 if it is absent. Raises InvalidArguments."""
    return 0 if value is None else micros(datetime.fromisoformat(str(value)))
