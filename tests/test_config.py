"""A setting that is wrong is named, and costs nothing beside itself."""

from mazu_ls.config import Layer, load

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
