"""A shared memory as a Markdown file: its values to read and review, its versions in the front matter.

Each current value is written where people look for it, and its version holds a digest of it; a value that does not
match its digest was edited by hand and is a version of its own, one microsecond later, in every clone alike. A file
with conflict markers is read as both of its sides.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mazu_ls.errors import InvalidArguments
from mazu_ls.memory import validation
from mazu_ls.memory.io import front_matter_yaml, markdown
from mazu_ls.memory.models import CATEGORIES, micros, moment, now
from mazu_ls.memory.team.shared_memory import EMPTY, FIELDS, FieldVersion, SharedMemory, canonical
from mazu_ls.redact import has_secret
from mazu_ls.workspace.lazy_pattern import lazy_pattern

MAX_BYTES = 4 << 20
MAX_AUTHOR = 120
BY_HAND = "somebody who edited its file by hand"
_ID = lazy_pattern(r"t_[0-9a-f]{16}")
_NAMES = frozenset(("id", "changes", *FIELDS)) - {"title", "body"}
CONTROL = lazy_pattern(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that could hide or reorder text on a terminal; the only allowed control characters are tab and line feed."""
LINE_END = lazy_pattern("[\n\u2028\u2029]")
"""What ends a line besides the control characters: nothing but a body has several, or it could forge lines of the memory
that a model is given."""
_AHEAD = 86_400 * 1_000_000
"""Maximum time that a version may be dated in the future: one from the year 2100 would win over everything until then."""


def file_name(memory: SharedMemory) -> str:
    """Return the name of its file, the same in every clone: the title that it was shared under, and its id."""
    words = re.sub(r"[^\w]+", "-", memory.first_title.casefold())[:48].strip("-")
    return f"{words}-{memory.id}.md" if words else f"{memory.id}.md"


def is_id(text: object) -> bool:
    """Return whether it is the id of a shared memory."""
    return isinstance(text, str) and bool(_ID.fullmatch(text))


def write(memory: SharedMemory) -> str:
    """Return the file of a shared memory."""
    lines = ["---", f"id: {memory.id}"]
    for name in FIELDS:
        value = memory.value(name)
        if name in _NAMES and (value != EMPTY[name] or name == "category"):
            lines.append(f"{name}: {front_matter_yaml.quoted(value)}")
    lines.append("changes:")
    for name in FIELDS:
        for position, version in enumerate(memory.fields.get(name, ())):
            said = {"value": version.value} if position else {"digest": _digest(version.value)}
            line = {"field": name, "at": _time(version.at), "by": version.by, **said}
            lines.append(f"  - {front_matter_yaml.quoted(line)}")
    lines += ["---", f"# {memory.value('title')}"]
    body = memory.value("body")
    return "\n".join(lines) + (f"\n\n{body}\n" if body else "\n")


def read(text: str, name: str) -> SharedMemory:
    """Parse the file called `name`. Raises InvalidArguments for what cannot be read and for what holds a secret."""
    sides = _split_conflicts(text)
    try:
        memory, exact = _read(text, name)
    except InvalidArguments:
        if sides is None:
            raise
    else:
        if exact or sides is None:
            return memory
    ours, _ = _read(sides[0], name)
    theirs, _ = _read(sides[1], name)
    if ours.id != theirs.id:
        raise InvalidArguments(f"{name}: the two sides of the conflict are different memories.", "uri")
    return ours.with_versions(theirs.fields)


def _split_conflicts(text: str) -> tuple[str, str] | None:
    """Return both sides of a text with git's conflict markers, line by line; None for a text without."""
    ours: list[str] = []
    theirs: list[str] = []
    side, found = "", False
    for written in text.split("\n"):
        line = written.rstrip("\r")
        if not side and line.startswith("<<<<<<< "):
            side = "ours"
        elif side == "ours" and line.startswith("|||||||"):
            side = "base"
        elif side in ("ours", "base") and line == "=======":
            side = "theirs"
        elif side == "theirs" and line.startswith(">>>>>>> "):
            side, found = "", True
        else:
            ours += [written] * (side in ("", "ours"))
            theirs += [written] * (side in ("", "theirs"))
    return ("\n".join(ours), "\n".join(theirs)) if found and not side else None


def find_secret(memory: SharedMemory) -> str | None:
    """Return the field, also of the history, that holds what looks like a key or password; None for none."""
    return next(
        (name for name, some in memory.fields.items() for one in some if has_secret(canonical(one.value))),
        None,
    )


def without_old_secrets(memory: SharedMemory) -> SharedMemory:
    """Return it without former values that hold what looks like a secret: they are not sent, and must not keep back the rest."""
    if find_secret(memory) is None:
        return memory
    fields = {
        name: (*some[:1], *(one for one in some[1:] if not has_secret(canonical(one.value))))
        for name, some in memory.fields.items()
    }
    return SharedMemory(memory.id, fields)


def _read(text: str, name: str) -> tuple[SharedMemory, bool]:
    """Return the memory, and whether each value equals its newest version."""
    fields, rest = markdown.front_matter(text, name, _NAMES)
    if not is_id(fields.get("id")):
        said = f"its id {str(fields['id'])[:40]!r} is not one" if "id" in fields else "it has no id"
        raise InvalidArguments(
            f"{name}: {said} of a shared memory; `mazu-ls memory share` writes these files, `memory import` reads others.",
            "uri",
        )
    title, body = markdown.heading(rest, name)
    shown = {**EMPTY, **fields, "title": title, "body": body}
    values = {field: _checked(field, shown[field], name) for field in FIELDS}
    listed = fields.get("changes") or []
    if not isinstance(listed, list) or len(listed) > 100_000:
        raise InvalidArguments(f"{name}: `changes` is not a list of changes.", "uri")
    versions: dict[str, list[FieldVersion]] = {}
    current: dict[str, list[tuple[FieldVersion, str]]] = {}
    for change in listed:
        field, version, said = _change(change, name)
        if said is None:
            versions.setdefault(field, []).append(version)
        else:
            current.setdefault(field, []).append((version, said))
    exact = True
    for field in FIELDS:
        known = current.get(field, [])
        fits = [
            FieldVersion(values[field], v.at, v.by) for v, said in known if said == _digest(values[field])
        ]
        versions.setdefault(field, []).extend(fits)
        if not fits and (known or values[field] != EMPTY[field]):
            exact = False
            after = max((v.at for v in (*versions[field], *(v for v, _ in known))), default=0) + 1
            versions[field].append(FieldVersion(values[field], after, BY_HAND))
    memory = SharedMemory(fields["id"], {}).with_versions({f: v for f, v in versions.items() if v})
    if (found := find_secret(memory)) is not None:
        raise InvalidArguments(f"{name}: `{found}` holds what looks like a secret; it is left out.", "uri")
    return memory, exact


def _change(change: Any, name: str) -> tuple[str, FieldVersion, str | None]:
    """Return the field, its version, and the digest of a value that is stored elsewhere in the file."""
    try:
        field, when = change["field"], datetime.fromisoformat(change["at"])
        at, by = micros(when), author(str(change["by"]))
        if (
            field not in FIELDS
            or when.tzinfo is None
            or not 0 <= at <= micros(now()) + _AHEAD
            or ("value" in change) == ("digest" in change)
        ):
            raise ValueError(str(change)[:80])
        said = None if "value" in change else str(change["digest"])
        value = _checked(field, change["value"], name) if said is None else None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidArguments(
            f"{name}: a change in the front matter is not valid ({error}).", "uri"
        ) from error
    return field, FieldVersion(value, at, by), said


def author(text: str) -> str:
    """Return a name on one line, without characters that could be read as part of something else."""
    line = "".join(c for c in " ".join(text.split()) if c.isprintable() and c not in "[];")
    return line[:MAX_AUTHOR].strip() or "unknown"


def _checked(field: str, value: Any, name: str) -> Any:
    """Return a valid value of the field. Raises InvalidArguments."""
    match field:
        case "title" | "body":
            limit = validation.MAX_TITLE if field == "title" else validation.MAX_BODY
            good = _is_text(value, limit) if field == "body" else _is_line(value, limit)
        case "category":
            good = value in CATEGORIES
        case "tags" | "anchors":
            good = isinstance(value, list | tuple) and len(value) <= 100 and all(map(_is_line, value))
            value = tuple(value) if good else value
        case "origin":
            good = value is None or _is_line(value)
        case "supersedes":
            good = value is None or is_id(value)
        case _:
            good = isinstance(value, bool)
    if not good:
        raise InvalidArguments(f"{name}: `{field}` is not valid.", "uri")
    return value


def _is_text(value: Any, limit: int = validation.MAX_TITLE) -> bool:
    """Return whether it is text that a file and a terminal can show: no control characters, no half a surrogate pair."""
    if not isinstance(value, str) or len(value) > limit or CONTROL.search(value):
        return False
    return value.isascii() or value.encode("utf-8", "ignore").decode() == value


def _is_line(value: Any, limit: int = validation.MAX_TITLE) -> bool:
    return _is_text(value, limit) and not LINE_END.search(value)


def one_line(text: str) -> str:
    """Return the text as a shared file may hold it where a body may not stand."""
    return CONTROL.sub("", LINE_END.sub(" ", text))


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _time(stored: int) -> str:
    return moment(stored).isoformat(timespec="microseconds").replace("+00:00", "Z")


def changed_fields(before: SharedMemory | None, after: SharedMemory) -> Mapping[str, Any]:
    """Return the fields whose value changed, with the new value."""
    names = (name for name in FIELDS if before is None or before.value(name) != after.value(name))
    return {
        name: after.value(name) for name in names if before is not None or after.value(name) != EMPTY[name]
    }
