"""Settings: their row in docs/protocol.md, their entry in the VS Code extension's package.json and package.nls.json.

A setting is declared once: its type, bounds, default and description in `mazu_ls/config/config.py`, and what a project's own file
may do with it in `mazu_ls/config/project_settings.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from codegen.descriptions import field_descriptions
from mazu_ls.config import config
from mazu_ls.config.project_settings import DIRECTIONS

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "editors" / "vscode" / "package.json"
STRINGS = ROOT / "editors" / "vscode" / "package.nls.json"
MARKS = re.compile(r"(<!-- generated: settings -->\n).*?(?=<!-- end of generated -->)", re.DOTALL)
PROJECT = {"set": "choose", "tighten": "tighten", "user": "-"}
ADDED = {"permissions.rules": "add those that do not allow", "mcp_servers": "add"}
"""Lists to which a project may add entries without replacing the user's."""
INERT = frozenset({*ADDED, "shell.outputs"})
"""What a project may name, but VS Code takes from the user alone."""
SCHEMA = ("type", "enum", "minimum", "exclusiveMinimum", "maximum", "items", "additionalProperties")


@dataclass(frozen=True)
class Setting:
    """One setting: its dotted name, default, JSON schema and description."""

    name: str
    default: Any
    schema: dict[str, Any]
    description: str


def settings(struct: type[msgspec.Struct] = config.Config, prefix: str = "") -> Iterator[Setting]:
    """Every setting in the order of its declaration."""
    about = field_descriptions(struct)
    hints = get_type_hints(struct, include_extras=True)
    defaults = struct()
    for name, hint in hints.items():
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            yield from settings(hint, f"{prefix}{name}.")
            continue
        if name not in about:
            raise SystemExit(f"mazu_ls/config/config.py: {struct.__name__}.{name} has no docstring")
        (schema,), parts = msgspec.json.schema_components([hint])
        default = msgspec.to_builtins(getattr(defaults, name))
        whole = isinstance(default, float) and default.is_integer()
        found = plain(schema, parts)
        if get_origin(hint) is Literal:
            found["enum"] = list(get_args(hint))  # in the order of the declaration
        yield Setting(prefix + name, int(default) if whole else default, found, about[name])


def plain(schema: Any, parts: dict[str, Any]) -> Any:
    """A JSON schema without references and titles, `anyOf` with null as a list of types."""
    if isinstance(schema, list):
        return [plain(one, parts) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return plain(parts[schema["$ref"].rpartition("/")[2]], parts)
    if "anyOf" in schema:
        (other,) = [plain(one, parts) for one in schema["anyOf"] if one != {"type": "null"}]
        return {**other, "type": [other["type"], "null"]} if "type" in other else other
    if "properties" in schema:
        fields = {name: without_null(plain(one, parts)) for name, one in schema["properties"].items()}
        required = {"required": schema["required"]} if schema.get("required") else {}
        return {"type": "object", **required, "additionalProperties": False, "properties": fields}
    kept = {
        key: plain(value, parts)
        for key, value in schema.items()
        if key not in ("title", "default", "description")
    }
    if "enum" in kept:
        kept = {"type": "string", "enum": [one for one in kept["enum"] if one is not None]}
    return kept


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A field that may be left out need not be null."""
    kind = schema.get("type")
    bare = {key: value for key, value in schema.items() if key != "default"}
    return {**bare, "type": kind[0]} if isinstance(kind, list) else bare


def table() -> str:
    """The settings as rows of Markdown."""
    rows = ["| setting | default | a project may | |", "| --- | --- | --- | --- |"]
    for one in settings():
        key = f"{one.name}.<name>" if one.name == "models" else one.name
        may = ADDED.get(one.name) or PROJECT[DIRECTIONS[one.name].name]
        rows.append(f"| `{key}` | `{shown(one.default)}` | {may} | {values(one)}{one.description} |")
    return "\n".join(rows) + "\n"


def values(one: Setting) -> str:
    """Which values or fields there are, before the description."""
    if one.name == "models":
        return f"`{', '.join(one.schema['additionalProperties']['properties'])}`. "
    return (
        "".join(f'`"{value}"`, ' for value in one.schema["enum"])[:-2] + ". " if "enum" in one.schema else ""
    )


def shown(value: Any) -> str:
    """A default as it is read most easily."""
    for unit, size in (("GiB", 1024**3), ("MiB", 1024**2)):
        if isinstance(value, int) and value and value % size == 0:
            return f"{value // size} {unit}"
    return json.dumps(value)


def manifest() -> dict[str, Any]:
    """The extension's package.json. Which section a setting is in, and what its values are called, is kept from it."""
    found = json.loads(MANIFEST.read_text(encoding="utf-8"))
    sections = found["contributes"]["configuration"]
    here = {editor_key(one.name): one for one in settings()}
    for section in sections:
        listed = section["properties"]
        for name in [
            key for key in listed if key not in here and not re.match(r"mazu\.(server|trace)\.", key)
        ]:
            del listed[name]
        for name in [key for key in listed if key in here]:
            listed[name] = entry(here.pop(name), listed[name])
    for name, one in here.items():
        family = name.rpartition(".")[0]
        place = next(
            (part for part in sections if any(key.startswith(f"{family}.") for key in part["properties"])),
            sections[0],
        )
        place["properties"][name] = entry(one, {"order": len(place["properties"])})
    return found


def editor_key(name: str) -> str:
    """How a setting is called in VS Code, which makes titles of keys in camel case: `mazu.web.allowPrivate`, "Allow Private"."""
    return "mazu." + re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def entry(one: Setting, before: dict[str, Any]) -> dict[str, Any]:
    """One setting as VS Code wants it."""
    schema = {key: one.schema[key] for key in SCHEMA if key in one.schema}
    if (
        one.name == "models"
    ):  # a key belongs into the environment or the secret storage, not into a settings file
        schema["additionalProperties"]["properties"].pop("api_key")
    text = (
        {"enumDescriptions": [f"%setting.{one.name}.{value}%" for value in schema["enum"]]}
        if "enum" in schema
        else {}
    )
    window = DIRECTIONS[one.name].name == "set" and one.name not in INERT
    return {
        "type": schema.pop("type"), "markdownDescription": f"%setting.{one.name}%", **schema, **text,
        "default": one.default, "scope": "window" if window else "application", "order": before["order"],
    }  # fmt: skip


def strings() -> dict[str, str]:
    """package.nls.json: the descriptions of settings; everything else is kept from it."""
    found: dict[str, str] = json.loads(STRINGS.read_text(encoding="utf-8"))
    return found | {f"setting.{one.name}": linked(one.description) for one in settings()}


def linked(text: str) -> str:
    """A description in which names of settings lead to them, as VS Code writes it."""
    known = {one.name for one in settings()}
    return re.sub(
        r"`([\w.]+)`", lambda found: f"`#{editor_key(found[1])}#`" if found[1] in known else found[0], text
    )


def as_json(value: Any) -> str:
    """JSON as it is kept in the repository."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def in_page(page: str) -> str:
    """docs/protocol.md with the table of settings."""
    return MARKS.sub(lambda found: found[1] + table(), page)


def files() -> dict[Path, str]:
    """The files of the extension that repeat settings, as they ought to be."""
    return {MANIFEST: as_json(manifest()), STRINGS: as_json(strings())}
