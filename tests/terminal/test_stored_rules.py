"""Permission rules in the user's config.toml: the file stays valid, however they were written."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mazu_ls.terminal.verbs.stored_settings import add_rule, remove_rules, stored_rules

ADDED = {"tool": "run_shell", "pattern": "git push*", "verdict": "deny"}
MINE = {"tool": "run_shell", "pattern": "rm", "verdict": "deny"}


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        ("", []),
        ("[permissions]\nrules = []\nmode = 'plan'\n", []),
        ("[permissions]\nrules = [{tool = 'run_shell', pattern = 'rm', verdict = 'deny'}]\n", [MINE]),
        ("[[permissions.rules]]\ntool = 'run_shell'\npattern = 'rm'\nverdict = 'deny'\n", [MINE]),
    ],
)
def test_rules_are_added_and_removed_whatever_stands_there(
    before: str, kept: list[dict[str, str]], tmp_path: Path
) -> None:
    env = {"MAZU_HOME": str(tmp_path)}
    file = tmp_path / "config.toml"
    file.write_text(before)
    for _ in range(2):  # the second time after the last one was removed
        assert tomllib.loads(add_rule(ADDED, env).read_text())["permissions"]["rules"] == [*kept, ADDED]
        assert tomllib.loads(add_rule(ADDED, env).read_text())["permissions"]["rules"] == [*kept, ADDED]
        remove_rules([rule for rule in stored_rules(env) if rule.pattern == "git push*"], env)
        assert tomllib.loads(file.read_text()).get("permissions", {}).get("rules", []) == kept
