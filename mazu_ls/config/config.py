"""Every setting: its type, default, description and allowed sources; and what is wrong with given values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from mazu_ls.config import project_settings
from mazu_ls.config.validation import Rejected, accept
from mazu_ls.workspace.text import split_lines

Mode = Literal["ask", "auto", "plan", "bypass"]
StoredMode = Literal["ask", "auto", "plan"]
VerdictName = Literal["allow", "ask", "deny"]
Positive = Annotated[int, Meta(ge=1)]
Amount = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(gt=0, le=1)]
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
    """US dollars that one turn may cost; the next turn of a conversation starts at 0 again."""
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
    """Settings from one source: `origin` names it for the user; `text` is the file's text, for line numbers.

    `is_bound`: what would loosen is left out without a warning, as an option of the command line that means "at most".
    """

    origin: str
    values: Mapping[str, Any]
    text: str = ""
    may_loosen: bool = True
    is_bound: bool = False


class Loaded(Struct, frozen=True):
    """The settings in force and one sentence for each that was rejected.

    `lost`: those of the sentences that are about a limit or rule of the user's own, which does not hold now.
    """

    config: Config
    warnings: tuple[str, ...]
    lost: tuple[str, ...] = ()


class _Restriction(Struct, frozen=True):
    """What `layer`, which may not loosen, tightens; `below`: what the layers below it gave."""

    layer: Layer
    values: Mapping[str, Any]
    below: Mapping[str, Any]


def load(layers: list[Layer], env: Mapping[str, str] = os.environ) -> Loaded:
    """Merge layers, lowest precedence first, then the environment; an invalid value leaves the lower layer's in force.

    What a layer tightens that may not loosen holds against those above it too.
    """
    warnings: list[str] = []
    lost: list[str] = []
    merged: dict[str, Any] = {}
    restrictions: list[_Restriction] = []
    for layer in layers:
        base = _structure(merged)

        def reject(value: Rejected, layer: Layer = layer) -> None:
            warnings.append(_warning(layer, value.name, value.problem))
            if layer.may_loosen and project_settings.was_to_restrict(value):
                lost.append(warnings[-1])

        accepted = accept(Config, layer.values, reject)
        if not layer.may_loosen:
            below = msgspec.to_builtins(base)
            chosen, tighter = project_settings.divided(accepted)
            restrictions.append(_Restriction(layer, tighter, below))
            accepted = project_settings.tightened(
                chosen,
                below,
                lambda name, why, layer=layer: (
                    None if layer.is_bound else warnings.append(_warning(layer, name, why))
                ),
            )
        _merge(merged, accepted)
    for restriction in restrictions:
        _restrict(merged, restriction, warnings)
    if env.get("MAZU_MODEL"):
        merged["model"] = env["MAZU_MODEL"]
    return Loaded(_structure(merged), tuple(warnings), tuple(lost))


def _restrict(merged: dict[str, Any], given: _Restriction, warnings: list[str]) -> None:
    """Tighten `merged`. A value that is looser is a mistake only if it was so for the layers below as well: the user may be
    stricter in an editor."""
    looser: set[str] = set()
    project_settings.tightened(given.values, given.below, lambda name, _: looser.add(name))

    def refuse(name: str, why: str) -> None:
        if name in looser and not given.layer.is_bound:
            warnings.append(_warning(given.layer, name, why))

    in_force = msgspec.to_builtins(_structure(merged))
    _merge(merged, project_settings.tightened(given.values, in_force, refuse))


def _structure(values: Mapping[str, Any]) -> Config:
    return msgspec.convert(values, Config)


def _merge(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    for key, value in new.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


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
