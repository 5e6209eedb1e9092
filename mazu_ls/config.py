"""Every setting: its type, default and meaning; where it may come from; what is wrong with what was given."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct, field

from mazu_ls import project_settings
from mazu_ls.paths import PROJECT_FOLDER
from mazu_ls.workspace import project_files
from mazu_ls.workspace.text import split_lines

Mode = Literal["ask", "auto", "plan", "bypass"]
StoredMode = Literal["ask", "auto", "plan"]
NEVER_STORED = "mode bypass is no setting: you choose it for a session and confirm it by typing"
VerdictName = Literal["allow", "ask", "deny"]
Positive = Annotated[int, Meta(ge=1)]
Amount = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(gt=0, le=1)]
MAX_CONFIG_BYTES = 1024**2
GIB = 1024**3
MIB = 1024**2


class ModelSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One `[models.<name>]`. Prices are US dollars per million tokens; None is unknown, never free."""

    provider: str = "openai"
    model: str | None = None
    base_url: str | None = None
    api: Literal["chat", "responses"] | None = None
    api_key_env: str | None = None
    api_key: str | None = None
    context_window: Positive | None = None
    max_output: Positive | None = None
    sees_images: bool | None = None
    price_in: Amount | None = None
    price_out: Amount | None = None
    price_cache_read: Amount | None = None
    price_cache_write: Amount | None = None
    extra_body: dict[str, Any] = {}


class CouncilSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Who is asked, who compares, and the estimated price above which the user is asked first."""

    models: tuple[str, ...] = ()
    lead: str | None = None
    confirm_above_usd: Amount = 1.0


class RuleSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One permission rule: a tool name or `*`, a pattern over what it would do, and the verdict."""

    tool: str
    pattern: str = "*"
    verdict: VerdictName = "ask"


class PermissionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Mode, rules, and how many seconds a question may wait; no answer means deny."""

    mode: StoredMode = "ask"
    rules: tuple[RuleSettings, ...] = ()
    timeout_seconds: Positive = 300


class LimitSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a turn stops: model calls, dollars, tokens, seconds, failures in a row."""

    max_steps: Positive = 15
    max_cost_usd: Amount | None = None
    max_tokens: Positive | None = None
    max_seconds: Annotated[float, Meta(gt=0)] | None = None
    max_failures: Positive = 5


class MemorySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the agent may write memories, how many tokens are injected, whether old ones fade."""

    write: Literal["off", "ask", "auto"] = "auto"
    inject_tokens: Annotated[int, Meta(ge=0)] = 1500
    forgetting: bool = True
    semantic: bool = True


class CheckpointSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Steps between checkpoints, days and bytes kept, and the sizes from which files are left out."""

    every: Positive = 1
    keep_days: Positive = 30
    max_bytes: Positive = GIB
    max_untracked_file_bytes: Positive = 10 * MIB
    max_tracked_file_bytes: Positive = 100 * MIB


class ContextSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The rolling window, when the conversation is compacted, the project map's tokens.

    `compact_at` is a share of the model's window; `compact_above_usd` what reading the conversation again may cost in each
    request, at the price of cached tokens (0: no such limit).
    """

    window_turns: Positive | None = None
    window_tokens: Positive | None = None
    compact_at: Share = 0.5
    compact_above_usd: Amount = 0.01
    map_tokens: Annotated[int, Meta(ge=0)] = 1000


class EditSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the agent's edits are applied or proposed."""

    apply: Literal["direct", "propose"] = "direct"


class ShellSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Time limit of a command, and what it is held by.

    `outputs`: names (with wildcards) of build output besides those known, which unapproved commands may write though
    git ignores it. `readable`: absolute paths with keys that the sandbox shows all the same.
    """

    timeout_seconds: Annotated[float, Meta(gt=0)] = 120
    sandbox: Literal["auto", "required", "off"] = "auto"
    network: bool = False
    outputs: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()


class WebSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether web_fetch may reach private and link-local addresses."""

    allow_private: bool = False


class McpServer(Struct, frozen=True, forbid_unknown_fields=True):
    """One MCP server: a command with arguments and environment, or a URL with headers."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    url: str | None = None
    headers: dict[str, str] = {}


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings, section by section (docs/protocol.md, section 8)."""

    model: str | None = None
    models: dict[str, ModelSettings] = {}
    council: CouncilSettings = field(default_factory=CouncilSettings)
    permissions: PermissionSettings = field(default_factory=PermissionSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    memory: MemorySettings = field(default_factory=MemorySettings)
    checkpoints: CheckpointSettings = field(default_factory=CheckpointSettings)
    context: ContextSettings = field(default_factory=ContextSettings)
    edits: EditSettings = field(default_factory=EditSettings)
    shell: ShellSettings = field(default_factory=ShellSettings)
    web: WebSettings = field(default_factory=WebSettings)
    mcp_servers: tuple[McpServer, ...] = ()
    role: str = ".mazu/role.md"


@dataclass(frozen=True)
class Layer:
    """Settings from one place: `origin` names it for the user; `text` is the file's text, to name the line."""

    origin: str
    values: Mapping[str, Any]
    text: str = ""
    may_loosen: bool = True


@dataclass(frozen=True)
class Loaded:
    """The settings in force and one sentence for each that was not taken."""

    config: Config
    warnings: tuple[str, ...]


def load(layers: list[Layer], env: Mapping[str, str] = os.environ) -> Loaded:
    """Merge layers, lowest precedence first, then the environment; each bad value keeps what stood before it."""
    warnings: list[str] = []
    merged: dict[str, Any] = {}
    for layer in layers:
        base = _structure(merged)
        accepted = _accept(Config, layer.values, "", layer, warnings)
        if not layer.may_loosen:
            accepted = project_settings.tightened(
                accepted,
                msgspec.to_builtins(base),
                lambda name, why, layer=layer: warnings.append(_warning(layer, name, why)),
            )
        _merge(merged, accepted)
    if env.get("MAZU_MODEL"):
        merged["model"] = env["MAZU_MODEL"]
    return Loaded(_structure(merged), tuple(warnings))


def read_layer(path: Path) -> tuple[Layer | None, str | None]:
    """The user's own `config.toml` as a layer, or why it cannot be read; both None where there is no file."""
    return _layer(path, lambda: path.read_text(encoding="utf-8"), may_loosen=True)


def read_project_layer(root: Path) -> tuple[Layer | None, str | None]:
    """A project's `.mazu/config.toml` as a layer that may only tighten, or why it cannot be read; both None without one.

    It is somebody else's file: a link, a fifo, a device or a long file is not read.
    """
    place = Path(PROJECT_FOLDER, "config.toml")
    read = partial(project_files.read_text, root, place.as_posix(), MAX_CONFIG_BYTES)
    return _layer(root / place, read, may_loosen=False)


def _layer(path: Path, read: Callable[[], str], *, may_loosen: bool) -> tuple[Layer | None, str | None]:
    try:
        text = read()
        return Layer(str(path), tomllib.loads(text), text, may_loosen), None
    except (FileNotFoundError, NotADirectoryError):
        return None, None
    except tomllib.TOMLDecodeError as error:
        return None, f"{path} is not valid TOML: {error}; all its settings are ignored until that is fixed."
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return None, f"{path} cannot be read: {reason}; its settings are ignored."


def world_readable_keys(path: Path) -> str | None:
    """A sentence if others may read the keys in a `config.toml`; None where there are none, or nobody may."""
    from mazu_ls.redact import has_secret

    try:
        mode = path.stat().st_mode & 0o777
        if not mode & 0o077 or not has_secret(path.read_text(encoding="utf-8", errors="replace")):
            return None
    except OSError:
        return None
    return f"{path} holds a key and others may read it (mode {mode:04o}): run `chmod 600 {path}`."


def _structure(values: Mapping[str, Any]) -> Config:
    return msgspec.convert(values, Config)


def _merge(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    for key, value in new.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


def _accept(
    struct: type[Struct], values: Mapping[str, Any], prefix: str, layer: Layer, warnings: list[str]
) -> dict[str, Any]:
    """The values that fit `struct`; one warning for each that does not."""
    hints = get_type_hints(struct, include_extras=True)
    good: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        hint = hints.get(key)
        if hint is None:
            warnings.append(
                _warning(layer, name, f"there is no such setting{_suggestion(key, hints)}; it is ignored")
            )
            continue
        nested = hint if isinstance(hint, type) and issubclass(hint, Struct) else None
        if nested and isinstance(value, Mapping):
            good[key] = _accept(nested, value, f"{name}.", layer, warnings)
        elif get_origin(hint) is dict and isinstance(value, Mapping) and prefix == "":
            good[key] = _accept_table(get_args(hint)[1], value, name, layer, warnings)
        elif get_origin(hint) in (list, tuple) and isinstance(value, list):
            good[key] = _accept_items(get_args(hint)[0], value, name, layer, warnings)
        elif _fits(value, hint, name, layer, warnings, instead="the default is used"):
            good[key] = value
    return good


def _suggestion(key: str, known: Mapping[str, Any]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(key, known, 1, 0.6)
    return f" (did you mean {close[0]}?)" if close else ""


def _accept_items(hint: Any, values: list[Any], name: str, layer: Layer, warnings: list[str]) -> list[Any]:
    """The entries that fit. A wrong one takes none of the others with it: a rule that denies stays."""
    return [
        value
        for number, value in enumerate(values, 1)
        if _fits(value, hint, name, layer, warnings, instead=f"entry {number} is ignored")
    ]


def _fits(value: Any, hint: Any, name: str, layer: Layer, warnings: list[str], *, instead: str) -> bool:
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        never = (name, value) == ("permissions.mode", "bypass")
        problem = NEVER_STORED if never else _in_words(str(error), value, hint)
        warnings.append(_warning(layer, name, f"{problem}; {instead}"))
        return False
    return True


_KINDS = {
    "int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false", "array": "a list", "object": "a table",
    "null": "nothing",
}  # fmt: skip


def _in_words(problem: str, value: Any, hint: Any) -> str:
    """What msgspec finds wrong, without the names of Python's types."""
    if get_origin(hint) is Literal:
        return f"{value!r} is none of {', '.join(get_args(hint))}"
    if missing := re.match(r"Object missing required field `(\w+)`", problem):
        return f"`{missing[1]}` is missing"
    if unknown := re.match(r"Object contains unknown field `(\w+)`", problem):
        return f"there is no `{unknown[1]}` here"
    place = re.search(r" - at `\$?\.?([^`]+)`$", problem)
    where = f"`{place[1]}`: " if place and place[1] else ""
    if bad := re.match(r"Invalid enum value '([^']*)'", problem):
        inner = get_type_hints(hint).get(place[1]) if place and isinstance(hint, type) else None
        allowed = (
            f"none of {', '.join(get_args(inner))}" if get_origin(inner) is Literal else "not known here"
        )
        return f"{where}{bad[1]!r} is {allowed}"
    if expected := re.match(r"Expected `([^`]+)`(?:, got `(\w+)`)?([^`]*)", problem):
        names = [_KINDS.get(kind.strip(), kind.strip()) for kind in expected[1].split("|")]
        got = (
            f", not {_KINDS.get(expected[2], expected[2])}" if expected[2] else expected[3].split(" - at ")[0]
        )
        return (
            f"{where}{' or '.join(names)}{got} is expected"
            if not expected[2]
            else f"{where}{' or '.join(names)} is expected{got}"
        )
    return problem


def _accept_table(
    struct: type[Struct], value: Mapping[str, Any], name: str, layer: Layer, warnings: list[str]
) -> dict[str, Any]:
    good: dict[str, Any] = {}
    for entry, fields in value.items():
        if isinstance(fields, Mapping):
            good[entry] = _accept(struct, fields, f"{name}.{entry}.", layer, warnings)
        else:
            warnings.append(_warning(layer, f"{name}.{entry}", "a table is expected; it is ignored"))
    return good


def _warning(layer: Layer, name: str, problem: str) -> str:
    line = _line(layer.text, name)
    where = f"{layer.origin}:{line}" if line else layer.origin
    return f"{where}: {name}: {problem}."


def _line(text: str, name: str) -> int | None:
    """The line on which a dotted key stands in TOML text, as well as can be told without a full parser."""
    *table, key = name.split(" ", maxsplit=1)[0].split(".")
    current: list[str] = []
    for number, line in enumerate(split_lines(text, ends=False), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            current = stripped.strip("[] ").split(".")
            if current == [*table, key]:
                return number
            continue
        left = [part.strip().strip("\"'") for part in stripped.partition("=")[0].split(".")]
        if current + left == [*table, key] or (current + left)[: len(table) + 1] == [*table, key]:
            return number
    return None
