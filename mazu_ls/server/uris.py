"""Document URIs and paths. The same document may have several spellings; `key` unifies them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

DRIVE = re.compile(r"^/?([A-Za-z])[:|](?=/|$)")
SAFE = "/:@!$&'()*+,;=~-._"


def to_path(uri: str) -> Path | None:
    """Return the file of a `file:` URI; None for any other scheme (untitled, mazu, a notebook cell)."""
    plain = file_path(uri)
    return None if plain is None else Path(plain)


def file_path(uri: str) -> str | None:
    """Return the decoded path of a `file:` URI as text, whatever system it names.

    `file:///c%3A/x` and `file:///C:/x` give "c:/x"; `file://host/share/x` gives "//host/share/x".
    """
    try:
        parts = urlsplit(uri)
    except ValueError:  # such as an address with half a bracket
        return None
    if parts.scheme.lower() != "file":
        return None
    # An editor that forgets to encode `#` or `?` in a name still means the file of that name.
    raw = (
        parts.path
        + (f"?{parts.query}" if parts.query else "")
        + (f"#{parts.fragment}" if parts.fragment else "")
    )
    path = unquote(raw, errors="surrogateescape")
    if drive := DRIVE.match(path):
        return f"{drive[1].lower()}:{path[drive.end() :]}"
    host = unquote(parts.netloc).lower()
    if host and host != "localhost":
        return f"//{host}{path}"
    return path


def from_path(path: Path | str) -> str:
    """Return the `file:` URI of an absolute path; bytes that are no UTF-8 survive the round trip."""
    text = str(path).replace("\\", "/") if re.match(r"^[A-Za-z]:[\\/]", str(path)) else str(path)
    if DRIVE.match(text):
        return "file:///" + quote(text[0].lower() + text[1:], safe=SAFE)
    if text.startswith("//"):
        host, _, rest = text[2:].partition("/")
        return f"file://{host}/" + quote(rest, safe=SAFE, errors="surrogateescape")
    return "file://" + quote(text, safe=SAFE, errors="surrogateescape")


def key(uri: str) -> str:
    """Return a key that is equal for URIs of the same document: decoded, drive letter folded, `.` and `//` resolved."""
    path = file_path(uri)
    if path is None:
        scheme, colon, rest = uri.partition(":")
        return f"{scheme.lower()}{colon}{unquote(rest, errors='surrogateescape')}"
    lead = "//" if path.startswith("//") else "/" if path.startswith("/") else ""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return f"file:{lead}{'/'.join(parts)}"
