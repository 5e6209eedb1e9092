"""A setting that is wrong is named, and costs nothing beside itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest
from msgspec import Struct

from mazu_ls.config.config import Config, Layer, load
from mazu_ls.config.project_settings import DIRECTIONS

pytestmark = pytest.mark.portable


RULES = [
    {"tool": "run_shell", "pattern": "npm *", "verdict": "deny"},
    {"tool": "run_shell", "pattern": "make *", "verdict": "perhaps"},
    {"tool": "web_fetch", "verdict": "deny"},
]


def test_a_wrong_rule_takes_no_other_with_it():
    servers = [{"name": "notes", "command": "notes"}, {"nme": "typo"}]
    loaded = load(
        [Layer("settings", {"permissions": {"rules": RULES}, "mcp_servers": servers}, "", True)], {}
    )
    assert [rule.pattern for rule in loaded.config.permissions.rules] == ["npm *", "*"]
    assert [server.name for server in loaded.config.mcp_servers] == ["notes"]
    rules, servers_ = loaded.warnings
    assert "permissions.rules" in rules and "perhaps" in rules and "entry 2 is ignored" in rules
    assert "mcp_servers" in servers_ and "nme" in servers_ and "entry 2 is ignored" in servers_


def test_a_wrong_value_keeps_what_stood_before_it():
    layers = [
        Layer("user", {"limits": {"max_steps": 7}}, "", True),
        Layer("editor", {"limits": {"max_steps": "many", "max_failures": 2}}, "", True),
    ]
    loaded = load(layers, {})
    assert (loaded.config.limits.max_steps, loaded.config.limits.max_failures) == (7, 2)
    assert len(loaded.warnings) == 1


def settings(struct: type[Struct] = Config, prefix: str = "") -> Iterator[str]:
    """The dotted name of every setting."""
    for name, hint in get_type_hints(struct).items():
        if isinstance(hint, type) and issubclass(hint, Struct):
            yield from settings(hint, f"{name}.")
        else:
            yield prefix + name


def test_every_setting_has_one_direction():
    assert sorted(settings()) == sorted(DIRECTIONS)


LOOSER: dict[str, tuple[Any, Any]] = {
    "council.confirm_above_usd": (1.0, 100.0),
    "permissions.mode": ("ask", "auto"),
    "permissions.timeout_seconds": (300, 301),
    "limits.max_steps": (15, 16),
    "limits.max_cost_usd": (1.0, 2.0),
    "limits.max_tokens": (1000, 2000),
    "limits.max_seconds": (10.0, 20.0),
    "limits.max_failures": (5, 6),
    "memory.write": ("off", "auto"),
    "memory.inject_tokens": (1500, 0),
    "memory.forgetting": (False, True),
    "memory.extraction_model": (None, "evil:model"),
    "memory.semantic": (False, True),
    "memory.embeddings": (None, "evil:model"),
    "checkpoints.every": (1, 100),
    "checkpoints.keep_days": (30, 1),
    "checkpoints.max_bytes": (10**9, 1),
    "checkpoints.max_untracked_file_bytes": (10**7, 1),
    "checkpoints.max_tracked_file_bytes": (10**8, 1),
    "context.compact_above_usd": (0.01, 0.0),
    "terminal.keep_server_minutes": (0, 10),
    "edits.apply": ("propose", "direct"),
    "shell.timeout_seconds": (120.0, 121.0),
    "shell.sandbox": ("auto", "off"),
    "shell.network": (False, True),
    "shell.outputs": ([], [".env"]),
    "shell.readable": ([], ["/home/u/.ssh"]),
    "web.allow_private": (False, True),
    "role": (".mazu/role.md", "../../role.md"),
    "models": ({}, {"mine": {"provider": "openai", "base_url": "http://evil.test"}}),
}
TIGHTER: dict[str, tuple[Any, Any]] = {
    "council.confirm_above_usd": (1.0, 0.1),
    "permissions.mode": ("ask", "plan"),
    "permissions.timeout_seconds": (300, 10),
    "limits.max_steps": (15, 3),
    "limits.max_cost_usd": (1.0, 0.5),
    "limits.max_tokens": (1000, 500),
    "limits.max_seconds": (10.0, 5.0),
    "limits.max_failures": (5, 1),
    "memory.write": ("auto", "ask"),
    "checkpoints.every": (3, 1),
    "checkpoints.keep_days": (30, 90),
    "edits.apply": ("direct", "propose"),
    "shell.timeout_seconds": (120.0, 10.0),
    "shell.sandbox": ("auto", "required"),
    "shell.network": (True, False),
    "shell.outputs": ([], ["generated"]),
    "web.allow_private": (True, False),
    "role": (".mazu/role.md", "docs/role.md"),
    "model": ("anthropic:a", "anthropic:b"),
    "council.models": (["a", "b"], ["c", "d"]),
    "council.lead": ("a", "c"),
    "context.window_turns": (9, 3),
    "context.window_tokens": (9000, 3000),
    "context.compact_at": (0.5, 0.4),
    "context.map_tokens": (1000, 10),
}
LISTS = {"permissions.rules", "mcp_servers"}


def nested(name: str, value: Any) -> dict[str, Any]:
    for part in reversed(name.split(".")):
        value = {part: value}
    return value


def in_force(name: str, user: Any, project: Any) -> tuple[Any, tuple[str, ...]]:
    layers = [Layer("user", nested(name, user)), Layer("project", nested(name, project), may_loosen=False)]
    loaded = load(layers, {})
    return setting(loaded.config, name), loaded.warnings


def setting(settings: Config, name: str) -> Any:
    value = msgspec.json.decode(msgspec.json.encode(settings))
    for part in name.split("."):
        value = value[part]
    return value


def test_each_setting_is_tried_in_both_directions():
    assert {name for name, one in DIRECTIONS.items() if one.name != "set"} - LISTS <= LOOSER.keys()
    assert {name for name, one in DIRECTIONS.items() if one.name != "user"} - LISTS == TIGHTER.keys()


@pytest.mark.parametrize(("name", "pair"), LOOSER.items(), ids=LOOSER.keys())
def test_a_project_cannot_loosen(name: str, pair: tuple[Any, Any]):
    value, warnings = in_force(name, *pair)
    assert value == pair[0]
    assert len(warnings) == 1 and name.partition(".")[0] in warnings[0]


@pytest.mark.parametrize(("name", "pair"), TIGHTER.items(), ids=TIGHTER.keys())
def test_a_project_can_tighten_or_choose(name: str, pair: tuple[Any, Any]):
    assert in_force(name, *pair) == (pair[1], ())


TIGHTEN = [name for name, one in DIRECTIONS.items() if one.name == "tighten" and name not in LISTS]


@pytest.mark.parametrize("name", TIGHTEN)
def test_what_a_project_tightens_holds_against_every_layer_of_the_user(name: str):
    loose, tight = TIGHTER[name]

    def value(user: Any, project: Any, editor: Any) -> tuple[Any, tuple[str, ...]]:
        given = (("user", user, True), ("project", project, False), ("editor", editor, True))
        layers = [Layer(origin, nested(name, one), "", own) for origin, one, own in given if one is not None]
        loaded = load(layers, {})
        return setting(loaded.config, name), loaded.warnings

    assert value(None, tight, loose) == (tight, ())
    assert value(loose, tight, loose) == (tight, ())
    assert value(tight, tight, loose) == (tight, ())
    assert value(loose, None, tight) == value(loose, loose, tight) == (tight, ())
    stricter, (warning,) = value(tight, loose, tight)
    assert stricter == tight and "a project may tighten this, not loosen it" in warning


def test_an_editor_chooses_over_a_project_what_only_may_be_chosen():
    for name in TIGHTER.keys() - set(TIGHTEN) - {"shell.outputs"}:
        mine, theirs = TIGHTER[name]
        project = Layer("project", nested(name, theirs), may_loosen=False)
        loaded = load([project, Layer("editor", nested(name, mine))], {})
        assert (setting(loaded.config, name), loaded.warnings) == (mine, ())


def test_the_rules_of_a_project_are_added_to_those_of_an_editor_once():
    deny = {"tool": "web_fetch", "verdict": "deny"}
    given = {"permissions": {"rules": [deny, {"tool": "run_shell", "verdict": "allow"}]}}
    project = Layer("project", given, may_loosen=False)
    own = Layer("editor", {"permissions": {"rules": [{"tool": "a", "verdict": "ask"}]}})
    for layers, tools in (
        ([project, own], ["a", "web_fetch"]),
        ([project, Layer("editor", {})], ["web_fetch"]),
    ):
        loaded = load(layers, {})
        assert [rule.tool for rule in loaded.config.permissions.rules] == tools
        assert len(loaded.warnings) == 1 and "verdict allow" in loaded.warnings[0]


def test_a_project_adds_rules_that_hold_it_back_and_servers_that_wait_for_agreement():
    deny, allow = {"tool": "web_fetch", "verdict": "deny"}, {"tool": "run_shell", "verdict": "allow"}
    rules, warnings = in_force("permissions.rules", [{"tool": "a", "verdict": "allow"}], [deny, allow])
    assert [(rule["tool"], rule["verdict"]) for rule in rules] == [("a", "allow"), ("web_fetch", "deny")]
    assert len(warnings) == 1
    mine, theirs = {"name": "notes", "command": "mine"}, {"name": "notes", "command": "theirs"}
    servers, warnings = in_force("mcp_servers", [mine], [theirs, {"name": "other", "command": "x"}])
    assert [(server["name"], server["command"]) for server in servers] == [("notes", "mine"), ("other", "x")]
    assert len(warnings) == 1


def test_vs_code_takes_from_a_workspace_only_what_a_project_may_choose():
    """`.vscode/settings.json` comes with a clone: what it may not loosen has the scope of the user."""
    manifest = Path(__file__).parents[1] / "editors" / "vscode" / "package.json"
    found = json.loads(manifest.read_text())["contributes"]["configuration"]
    sections = found if isinstance(found, list) else [found]
    scopes = {name: one.get("scope") for part in sections for name, one in part["properties"].items()}
    inert = {"permissions.rules", "mcp_servers", "shell.outputs"}
    chosen = {name for name, direction in DIRECTIONS.items() if direction.name == "set"} - inert
    given = {name.removeprefix("mazu."): scope for name, scope in scopes.items()}
    open_to_workspaces = {
        name for name in given.keys() & DIRECTIONS.keys() if given[name] not in ("application", "machine")
    }
    assert open_to_workspaces <= chosen


LOST: list[tuple[dict[str, Any], bool]] = [
    ({"limits": {"max_cost_usd": "0.01"}}, True),
    ({"limits": {"max_cost": 0.01}}, True),
    ({"limit": {"max_cost_usd": 0.01}}, True),
    ({"limits": 5}, True),
    ({"limits": {"budget": 5}}, True),
    ({"mode": "plan"}, True),
    ({"max_cost_usd": 0.01}, True),
    ({"rules": [{"tool": "run_shell", "verdict": "deny"}]}, True),
    ({"policies": [{"tool": "run_shell", "verdict": "deny"}]}, True),
    ({"permissions": {"deny": ["rm *"]}}, True),
    ({"edits": {"mode": "propose"}}, True),
    ({"colour": "red"}, False),
    ({"web": {"colour": "red"}}, False),
    ({"permissions": {"mode": "Plan"}}, True),
    ({"permissions": {"mode": "bypass"}}, False),
    ({"permissions": {"rules": [{"tool": "run_shell", "pattern": "rm *", "verdict": "Deny"}]}}, True),
    ({"permissions": {"rules": [{"tool": "run_shell", "patern": "rm *", "verdict": "deny"}]}}, True),
    ({"permissions": {"rules": [{"tool": "run_shell", "patern": "ls *", "verdict": "allow"}]}}, False),
    ({"permissions": {"rules": {"tool": "run_shell", "verdict": "deny"}}}, True),
    ({"permissions": {"rule": [{"tool": "run_shell", "verdict": "deny"}]}}, True),
    ({"permission": {"mode": "plan"}}, True),
    ({"edits": {"apply": "proposed"}}, True),
    ({"shell": {"sandbox": "always"}}, True),
    ({"shell": {"network": "yes"}}, False),
    ({"memory": {"write": "never"}}, True),
    ({"memory": {"inject_tokens": "many"}}, False),
    ({"model": 5}, False),
]


@pytest.mark.parametrize(("values", "lost"), LOST, ids=[str(values) for values, _ in LOST])
def test_a_restriction_of_the_users_that_cannot_be_read_is_known(values: dict[str, Any], lost: bool):
    loaded = load([Layer("settings", values)], {})
    assert len(loaded.warnings) == 1
    assert loaded.lost == (loaded.warnings if lost else ())
    assert load([Layer("project", values, may_loosen=False)], {}).lost == ()
