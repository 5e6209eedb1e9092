"""Validates what may be remembered: the one place that checks text, names and choices from outside.

Every function returns the cleaned value or raises InvalidArguments.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from mazu_ls.errors import InvalidArguments
from mazu_ls.memory.models import CATEGORIES, SCOPES, SOURCES, STATES
from mazu_ls.redact import redact

MAX_TITLE = 400
MAX_BODY = 100_000
MAX_PAGE = 1_000_000
MAX_QUERY = 20_000
MAX_TAGS = 32
MAX_TAG = 60
MAX_LIMIT = 1000


def title(text: str, field: str = "title") -> str:
    """Return one non-empty line of text; secrets redacted."""
    line = " ".join(redact(validate(text, field)).split())
    if not line:
        raise InvalidArguments(f"`{field}` is empty; say in one line what to remember.", field)
    if len(line) > MAX_TITLE:
        raise InvalidArguments(
            f"`{field}` has {len(line)} characters, at most {MAX_TITLE} are kept; put the rest into `body`.",
            field,
        )
    return line


def body(text: str, field: str = "body", limit: int = MAX_BODY) -> str:
    """Return text of at most `limit` characters, line ends as \\n; secrets redacted."""
    text = validate(text, field)
    if len(text) > limit:
        raise InvalidArguments(
            f"`{field}` has {len(text)} characters, at most {limit} are kept; summarize it.",
            field,
        )
    return redact(text.replace("\r\n", "\n").replace("\r", "\n"))


def validate(text: str, field: str) -> str:
    """Return `text` unless it holds NUL or half a surrogate pair, which files and editors cannot represent."""
    if not isinstance(text, str):
        raise InvalidArguments(f"`{field}` must be text.", field)
    if "\0" in text:
        raise InvalidArguments(f"`{field}` contains a NUL character; send text, not binary data.", field)
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise InvalidArguments(
                f"`{field}` contains half a surrogate pair at character {error.start}; send valid Unicode.",
                field,
            ) from error
    return text


def query(text: str) -> str:
    """Return a query that is not empty; only its first 20,000 characters count."""
    text = validate(text, "query")
    if not text.strip():
        raise InvalidArguments("`query` is empty; say what to look for.", "query")
    return text[:MAX_QUERY]


def category(name: str) -> str:
    """Return a category that the user may choose."""
    return _one_of(name, CATEGORIES, "category")


def source(name: str) -> str:
    """Return a valid source."""
    return _one_of(name, SOURCES, "source")


def scope(name: str | None) -> str | None:
    """Return a scope, or None."""
    return None if name is None else _one_of(name, SCOPES, "scope")


def state(name: str | None) -> str | None:
    """Return a state, or None."""
    return None if name is None else _one_of(name, STATES, "state")


def tags(names: Iterable[str]) -> tuple[str, ...]:
    """Return tags in lower case, each once, in order, without a leading #."""
    kept: dict[str, None] = {}
    for name in names:
        tag = "-".join(redact(validate(name, "tags")).lstrip("#").casefold().split())
        if not tag or len(tag) > MAX_TAG:
            raise InvalidArguments(f"A tag has 1 to {MAX_TAG} characters; {name[:80]!r} does not.", "tags")
        kept[tag] = None
    if len(kept) > MAX_TAGS:
        raise InvalidArguments(f"At most {MAX_TAGS} tags are kept, {len(kept)} were given.", "tags")
    return tuple(kept)


def limit(number: int, field: str = "limit", least: int = 1) -> int:
    """Return a valid number of results."""
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise InvalidArguments(f"`{field}` must be a whole number from {least}.", field)
    return min(number, MAX_LIMIT) if field == "limit" else number


def slug(name: str, field: str = "slug") -> str:
    """Return a page's name: parts of letters, digits, `-`, `_` and `.`, joined by `/`; lower case."""
    cleaned = unicodedata.normalize("NFC", validate(name, field)).strip().strip("/").casefold()
    cleaned = re.sub(r"\s+", "-", cleaned.removesuffix(".md"))
    parts = cleaned.split("/")
    if not cleaned or len(cleaned) > 200 or not all(re.fullmatch(r"[^\W_][\w.-]*", part) for part in parts):
        raise InvalidArguments(
            f"{name[:80]!r} is not a page name; use letters, digits, - and _, in parts joined by /, like build/release.",
            field,
        )
    return cleaned


def session(name: str, field: str = "sessionId") -> str:
    """Return a session's id: letters, digits, `-`, `_` and `.`."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,120}", name):
        raise InvalidArguments(f"{name[:60]!r} is not a session id.", field)
    return name


def path(name: str) -> str:
    """Return a path from the workspace root with `/`, never absolute, never upwards."""
    cleaned = validate(name, "anchors").removeprefix("./")
    if not cleaned or cleaned.startswith("/") or ".." in cleaned.split("/") or len(cleaned) > 4096:
        raise InvalidArguments(f"{name[:80]!r} is not a path inside the workspace.", "anchors")
    return cleaned


def _one_of(name: str, choices: Sequence[str], field: str) -> str:
    if name not in choices:
        raise InvalidArguments(
            f"`{field}` is {str(name)[:40]!r}; it must be one of {', '.join(choices)}.", field
        )
    return name
