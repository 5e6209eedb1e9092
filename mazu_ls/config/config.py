"""Every setting: its type, default, description and allowed sources; and what is wrong with given values."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct, field

from mazu_ls.config import project_settings
from mazu_ls.errors import describe_invalid
from mazu_ls.state.paths import PROJECT_FOLDER
from mazu_ls.workspace import project_files
from mazu_ls.workspace.text import split_lines

Mode = Literal["ask", "auto", "plan", "bypass"]
StoredMode = Literal["ask", "auto", "plan"]
NEVER_STORED = "mode bypass is not a setting: you choose it for a session and confirm it by typing"
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
    """Several models that answer one question."""

    models: tuple[str, ...] = ()
    """Models that the council asks."""
    lead: str | None = None
    """Model that compares the council's answers. Unset: `model`."""
    confirm_above_usd: Amount = 1.0
    """Ask first when a council is estimated to cost more than this many US dollars."""


class RuleSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One permission rule: a tool name or `*`, a pattern over what it would do, and the verdict."""

    tool: str
    pattern: str = "*"
    verdict: VerdictName = "ask"


class PermissionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What may run, and what asks."""

    mode: StoredMode = "ask"
    """What the agent may do without asking."""
    rules: tuple[RuleSettings, ...] = ()
    """Rules per tool: `{tool, pattern, verdict}`."""
    timeout_seconds: Positive = 300
    """Seconds after which an unanswered question counts as no."""


class LimitSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a turn stops."""

    max_steps: Positive = 15
    """Model calls in one turn."""
    max_cost_usd: Amount | None = None
    """US dollars that one turn may cost."""
    max_tokens: Positive | None = None
    """Tokens that one turn may use."""
    max_seconds: Annotated[float, Meta(gt=0)] | None = None
    """Seconds that one turn may take."""
    max_failures: Positive = 5
    """Failures in a row that end a turn."""


class MemorySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Writing, injecting and recalling memories."""

    write: Literal["off", "ask", "auto"] = "auto"
    """Whether the agent may write memories."""
    extraction_model: str | None = None
    """The model that finds what to remember in a finished conversation; without it the cheapest one of the same provider."""
    inject_tokens: Annotated[int, Meta(ge=0)] = 1500
    """Tokens of memory given to the model with each message."""
    forgetting: bool = True
    """Unused memories decay and are archived; nothing is deleted."""
    semantic: bool = True
    """Find memories by meaning as well as by words, locally."""
    embeddings: str | None = None
    """A better model of meaning, in addition to the built-in one: `ollama:NAME` or another `provider:model` that makes embeddings (memories are sent there), or a folder with an ONNX sentence encoder (`mazu-ls memory model` downloads one, after asking)."""


class CheckpointSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """When checkpoints are taken, and how long they are kept."""

    every: Positive = 1
    """Steps between automatic checkpoints."""
    keep_days: Positive = 30
    """Days for which checkpoints are kept."""
    max_bytes: Positive = GIB
    """Disk space for checkpoints, in bytes."""
    max_untracked_file_bytes: Positive = 10 * MIB
    """Untracked files larger than this are not part of checkpoints."""
    max_tracked_file_bytes: Positive = 100 * MIB
    """Files larger than this are not part of checkpoints."""


class ContextSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What is sent to the model."""

    window_turns: Positive | None = None
    """Turns of the conversation that are sent to the model."""
    window_tokens: Positive | None = None
    """Tokens of the conversation that are sent to the model."""
    compact_at: Share = 0.5
    """Share of the model's context window at which the conversation is compacted."""
    compact_above_usd: Amount = 0.01
    """Compact the conversation when resending it costs more than this many US dollars per request, at the price of cached tokens, but not below 60,000 tokens. 0: never because of price."""
    map_tokens: Annotated[int, Meta(ge=0)] = 1000
    """Token budget of the project map; 0 disables it."""


class EditSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the agent's edits are applied or proposed."""

    apply: Literal["direct", "propose"] = "direct"
    """Whether the agent's edits are applied directly or proposed for review."""


class ShellSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Commands that the agent runs, and their sandbox."""

    timeout_seconds: Annotated[float, Meta(gt=0)] = 120
    """Seconds that a command may run."""
    sandbox: Literal["auto", "required", "off"] = "auto"
    """Sandbox for commands."""
    network: bool = False
    """Commands may use the network."""
    outputs: tuple[str, ...] = ()
    """Names of build output folders (wildcards allowed) that unapproved commands may write although git ignores them."""
    readable: tuple[str, ...] = ()
    """Absolute paths that commands may read in the sandbox although they contain keys."""


class WebSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The tool `web_fetch`."""

    allow_private: bool = False
    """The agent may fetch pages from private addresses."""


class TerminalSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Commands in a terminal."""

    keep_server_minutes: Annotated[int, Meta(ge=0, le=1440)] = 0
    """Minutes for which a command in a terminal leaves a server running for the next commands, counted from the last one; 0 starts none. It holds about 75 MiB for each project."""


class McpServer(Struct, frozen=True, forbid_unknown_fields=True):
    """One MCP server: a command with arguments and environment, or a URL with headers."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,40}(?![\s\S])")]
    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    url: str | None = None
    headers: dict[str, str] = {}


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings. Each also needs an entry in `project_settings.DIRECTIONS`. The docstrings are what users read: `scripts/generate` copies them
    to docs/protocol.md and VS Code."""

    model: str | None = None
    """Model as `provider:model`, for example `anthropic:claude-sonnet-4-5`. Unset: chosen by the API keys that are set."""
    models: dict[str, ModelSettings] = {}
    """Models and endpoints of your own, by name."""
    council: CouncilSettings = field(default_factory=CouncilSettings)
    permissions: PermissionSettings = field(default_factory=PermissionSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    memory: MemorySettings = field(default_factory=MemorySettings)
    checkpoints: CheckpointSettings = field(default_factory=CheckpointSettings)
    context: ContextSettings = field(default_factory=ContextSettings)
    edits: EditSettings = field(default_factory=EditSettings)
    shell: ShellSettings = field(default_factory=ShellSettings)
    web: WebSettings = field(default_factory=WebSettings)
    terminal: TerminalSettings = field(default_factory=TerminalSettings)
    mcp_servers: tuple[McpServer, ...] = ()
    """MCP servers: `{name, command, args, env}` or `{name, url, headers}`."""
    role: str = ".mazu/role.md"
    """Role document, first in every prompt."""


class Layer(Struct, frozen=True):
    """Settings from one source: `origin` names it for the user; `text` is the file's text, for line numbers."""

    origin: str
    values: Mapping[str, Any]
    text: str = ""
    may_loosen: bool = True


class Loaded(Struct, frozen=True):
    """The settings in force and one sentence for each that was rejected."""

    config: Config
    warnings: tuple[str, ...]


def load(layers: list[Layer], env: Mapping[str, str] = os.environ) -> Loaded:
    """Merge layers, lowest precedence first, then the environment; an invalid value leaves the lower layer's in force."""
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
    """Return the user's own `config.toml` as a layer, or why it cannot be read; both None if there is no file."""
    return _layer(path, lambda: path.read_text(encoding="utf-8"), may_loosen=True)


def read_project_layer(root: Path) -> tuple[Layer | None, str | None]:
    """Return a project's `.mazu/config.toml` as a layer that may only tighten, or why it cannot be read; both None without one.

    It is untrusted: a link, a fifo, a device or a long file is not read.
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
    """Return a sentence if others may read the keys in a `config.toml`; None if there are none, or nobody may."""
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
    """Return the values that fit `struct`; add one warning for each that does not."""
    hints = get_type_hints(struct, include_extras=True)
    good: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        hint = hints.get(key)
        if hint is None:
            warnings.append(
                _warning(
                    layer, name, f"there is no such setting{_suggestion(key, hints, prefix)}; it is ignored"
                )
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


def _suggestion(key: str, known: Mapping[str, Any], prefix: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(key, known, 1, 0.6)
    return f" (did you mean {prefix}{close[0]}?)" if close else ""


def _accept_items(hint: Any, values: list[Any], name: str, layer: Layer, warnings: list[str]) -> list[Any]:
    """Return the valid entries. An invalid one does not affect the others: a rule that denies stays."""
    return [
        value
        for number, value in enumerate(values, 1)
        if _fits(value, hint, name, layer, warnings, instead=f"entry {number} is ignored")
    ]


def _fits(value: Any, hint: Any, name: str, layer: Layer, warnings: list[str], *, instead: str) -> bool:
    if isinstance(value, float) and not isfinite(value):  # 1e400 is inf in TOML
        warnings.append(
            _warning(layer, name, f"a finite number is expected; leave it out for the default; {instead}")
        )
        return False
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        never = (name, value) == ("permissions.mode", "bypass")
        problem = NEVER_STORED if never else describe_invalid(str(error), value, hint)
        warnings.append(_warning(layer, name, f"{problem}; {instead}"))
        return False
    return True


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
    """Return the line of a dotted key in TOML text, approximately, without a full parser."""
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
