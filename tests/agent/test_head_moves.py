"""Which calls may move HEAD themselves, so that what moves meanwhile is the agent's."""

from __future__ import annotations

import pytest

from mazu_ls.agent.turn.tool_executor import may_run_git
from mazu_ls.messages import ToolCall

pytestmark = pytest.mark.portable


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("sed -i s/a/b/ f\ngit commit -am x", True),
        ("true;\tgit pull", True),
        ("/usr/bin/git add -A", True),
        ("g''it commit -m x", True),
        ("cat .gitignore", False),
        ("curl https://example.org/x.git", False),
        ("make digits", False),
    ],
)
def test_a_command_names_git_wherever_it_stands(command: str, names: bool):
    assert may_run_git(ToolCall("1", "run_shell", {"command": command})) is names
    assert may_run_git(ToolCall("1", "batch", {"steps": [{"run": [command]}]})) is names
