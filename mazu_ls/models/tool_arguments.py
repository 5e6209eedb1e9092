"""Parses tool arguments as models really send them: into one object, or an error the model can act on."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

EXCERPT = 200
DEEPEST = 64
"""Maximum levels of nesting of arguments; encoding, redacting and comparing them is recursive."""
HALF = "the arguments hold half of a character (a lone surrogate)"
DEEP = f"the arguments are nested more than {DEEPEST} levels deep"

ALIASES: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "filepath",
            "filename",
            "file",
            "targetfile",
            "targetpath",
            "absolutepath",
            "relativepath",
            "fullpath",
            "pathname",
            "inputpath",
        ),
        "path",
    ),
    **dict.fromkeys(("directory", "dir", "dirpath", "folder", "folderpath", "directorypath"), "path"),
    **dict.fromkeys(
        ("cmd", "commandline", "script", "shellcommand", "bashcommand", "commandtorun"), "command"
    ),
    **dict.fromkeys(
        (
            "oldstring",
            "oldstr",
            "oldtext",
            "oldcontent",
            "oldcode",
            "originaltext",
            "originalcode",
            "search",
            "find",
        ),
        "old",
    ),
    **dict.fromkeys(
        (
            "newstring",
            "newstr",
            "newtext",
            "newcontent",
            "newcode",
            "updatedtext",
            "replace",
            "replacement",
            "replacewith",
        ),
        "new",
    ),
    **dict.fromkeys(
        ("contents", "filecontent", "filecontents", "filetext", "text", "body", "data"), "content"
    ),
    **dict.fromkeys(("regex", "regexp", "searchpattern", "globpattern", "searchterm", "query"), "pattern"),
    **dict.fromkeys(("replaceall",), "all"),
    **dict.fromkeys(("maxresults", "maxcount", "headlimit", "numlines", "linecount"), "limit"),
    **dict.fromkeys(("start", "startline", "firstline", "linestart", "startlineoneindexed"), "offset"),
}
"""Argument names of similar tools, without case and separators, and the names of ours."""
NAMESPACES = ("default_api", "functions", "function", "tools", "tool", "mazu", "mazu_ls", "mazu-ls")
"""Name spaces that models put before the names of the tools they were offered."""
LAST_LINE = ("end", "endline", "lastline", "lineend", "endlineoneindexedinclusive")
LINE_RANGE = ("viewrange", "linerange", "lines", "range")
"""Other tools' names for the last line to read, and for first and last as a list, in place of `offset` and `limit`."""


def parse_arguments(raw: Any) -> tuple[dict[str, Any], str | None]:
    """Return the arguments, and what is wrong with them.

    Nothing, `{}`, `""` and `null` are no arguments; an object is taken as it is; a string that holds an object in JSON is parsed once
    more, since some models encode twice.
    """
    if isinstance(raw, dict):
        return _encodable(raw)
    value = raw
    for _ in range(2):
        if not isinstance(value, str):
            break
        if not value.strip():
            return {}, None
        try:
            value = msgspec.json.decode(value)
        except RecursionError:
            return {}, DEEP
        except ValueError as error:
            return {}, _complaint(value, error)
    if value is None:
        return {}, None
    if isinstance(value, dict):
        return _encodable(value)
    return {}, f"the arguments must be one JSON object, not {_kind(value)}: {_excerpt(raw)}"


def _complaint(raw: str, error: Exception) -> str:
    """Describe what is wrong with invalid JSON; half a character is not reported as truncated JSON."""
    try:
        json.loads(raw)
    except UnicodeError:
        return HALF
    except (ValueError, RecursionError):
        return f"the arguments are not valid JSON ({error}); they began with: {_excerpt(raw)}"
    return HALF if "\\u" in raw or not _encodes(raw) else f"the arguments cannot be read: {error}"


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _encodable(arguments: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    if _is_deep(arguments):
        return {}, DEEP
    try:
        msgspec.json.encode(arguments)
    except (ValueError, TypeError):
        return {}, HALF
    return arguments, None


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def names_with_nul(arguments: Mapping[str, Any]) -> list[str]:
    """Return the arguments with a NUL in their text, which no path, command line or text file can hold."""
    return [name for name, value in arguments.items() if "\0" in name or _holds_nul(value)]


def _holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(names_with_nul(value))
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\0" in value


def fit_to_schema(arguments: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments with the usual mistakes of small models corrected, if unambiguous.

    `schema` is a JSON Schema of an object. Corrected are `"5"` for a number, `"true"` for a boolean, a list or an object in JSON
    text, null for an optional argument, and another tool's name for an argument (`file_path`). Everything else stays, for the tool to
    reject; so does everything if an MCP server's schema is invalid.
    """
    try:
        return _fitted_object(arguments, schema)
    except (TypeError, AttributeError, ValueError, RecursionError):
        return arguments


def _fitted_object(arguments: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return arguments
    required = schema.get("required") or ()
    may_rename = properties if schema.get("additionalProperties") is False else required
    named = _with_limit(_renamed(arguments, properties, may_rename), properties)
    fitted: dict[str, Any] = {}
    for name, value in named.items():
        wanted = properties.get(name)
        if not isinstance(wanted, Mapping):
            fitted[name] = value
        elif value is None and name not in required and "null" not in _types(wanted):
            continue
        else:
            fitted[name] = _fitted(value, wanted)
    return fitted


def _renamed(
    arguments: dict[str, Any], properties: Mapping[str, Any], targets: Collection[str]
) -> dict[str, Any]:
    """Return arguments under the names of the schema; a foreign name stays if two could mean the same one of `targets`."""
    plain = {_plain(name): name for name in properties}
    meant: dict[str, str] = {}
    for name in arguments.keys() - properties.keys():
        bare = _plain(name)
        target = plain.get(bare) or ALIASES.get(bare)
        if target is not None and target in properties and target in targets and target not in arguments:
            meant[name] = target
    found = list(meant.values())
    sure = {name: target for name, target in meant.items() if found.count(target) == 1}
    return {sure.get(name, name): value for name, value in arguments.items()}


def _with_limit(arguments: dict[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a last line, or a list of first and last (-1: the end), as `offset` and `limit` if a tool has those."""
    strange = [name for name in arguments if name not in properties]
    if not {"offset", "limit"} <= properties.keys() or "limit" in arguments or len(strange) != 1:
        return arguments
    name, value = strange[0], arguments[strange[0]]
    rest = {key: inner for key, inner in arguments.items() if key != name}
    if _plain(name) in LINE_RANGE and isinstance(value, list) and len(value) == 2 and "offset" not in rest:
        rest["offset"], value = value
        if value == -1:
            return rest
    elif _plain(name) not in LAST_LINE:
        return arguments
    first, last = _line(rest.get("offset", 1)), _line(value)
    return {**rest, "limit": last - first + 1} if 0 < first <= last else arguments


def _line(value: Any) -> int:
    """Return a line's number, also from text; 0 if it is none."""
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    return number if type(number) is int else 0


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())


def _types(wanted: Mapping[str, Any]) -> set[str]:
    """Return the JSON types that a schema accepts; empty if it does not say."""
    given = wanted.get("type")
    types: set[str] = {given} if isinstance(given, str) else set(given or ())
    for branch in (*(wanted.get("anyOf") or ()), *(wanted.get("oneOf") or ())):
        types |= _types(branch) if isinstance(branch, Mapping) else set()
    return types


def _branch(wanted: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Return the part of a schema that describes this type."""
    for branch in (*(wanted.get("anyOf") or ()), *(wanted.get("oneOf") or ())):
        if isinstance(branch, Mapping) and kind in _types(branch):
            return _branch(branch, kind)
    return wanted


def find_tool(name: str, names: Collection[str]) -> str | None:
    """Return the tool that a call means: by its name, also with a name space (`functions.read_file`) or in another spelling
    (`ReadFile`).

    None if it is no tool, or ambiguous; the name space of a server (`github:read_file`) means a tool of that server.
    """
    if name in names:
        return name
    space, _, last = name.strip().replace("/", ".").replace(":", ".").rpartition(".")
    known = not space or space.lower() in NAMESPACES
    wanted = {_plain(last)} if known else {_plain(space + last), _plain(f"mcp{space}{last}")}
    found = [one for one in names if _plain(one) in wanted]
    return found[0] if len(found) == 1 else None


def _fitted(value: Any, wanted: Mapping[str, Any]) -> Any:
    types = _types(wanted)
    value = _wrapped(value, wanted, types)
    if isinstance(value, str) and types and "string" not in types:
        value = _from_text(value, types)
    elif isinstance(value, float) and "integer" in types and "number" not in types and value.is_integer():
        value = int(value)
    elif isinstance(value, int | float) and not isinstance(value, bool) and types == {"string"}:
        value = str(value)
    if isinstance(value, dict) and "object" in types:
        return fit_to_schema(value, _branch(wanted, "object"))
    if isinstance(value, list) and "array" in types:
        items = _branch(wanted, "array").get("items")
        return [_fitted(item, items) if isinstance(items, Mapping) else item for item in value]
    return value


def _wrapped(value: Any, wanted: Mapping[str, Any], types: set[str]) -> Any:
    """Wrap one object or plain word in a list if a list is expected; unwrap a list of one text if a text is."""
    if types == {"string"} and isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return value[0]
    if "array" not in types or types & {"string", "object"}:
        return value
    items = _branch(wanted, "array").get("items")
    inner = _types(items) if isinstance(items, Mapping) else set[str]()
    if isinstance(value, dict) and inner == {"object"}:
        return [value]
    plain = isinstance(value, str) and bool(value.strip()) and not set(value) & set(",;[{\n")
    return [value] if plain and inner == {"string"} else value


def _from_text(text: str, types: set[str]) -> Any:
    """Return the value that a text spells, if its type is expected; else the text."""
    bare = text.strip()
    if "boolean" in types and bare.lower() in ("true", "false"):
        return bare.lower() == "true"
    try:
        value = msgspec.json.decode(bare)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, bool):
        return text
    if isinstance(value, int) and types & {"integer", "number"}:
        return value
    if isinstance(value, float) and math.isfinite(value) and types & {"integer", "number"}:
        return value if "number" in types else int(value) if value.is_integer() else text
    if (isinstance(value, list) and "array" in types) or (isinstance(value, dict) and "object" in types):
        return text if _is_deep([value]) else value
    return text


def _excerpt(raw: Any) -> str:
    text = raw if isinstance(raw, str) else repr(raw)
    return text if len(text) <= EXCERPT else text[:EXCERPT] + "…"


def _kind(value: Any) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "nothing")
