"""Every built-in tool has a title in plain words, and all surfaces show the server's."""

from __future__ import annotations

import pytest

from mazu_ls.agent.project.toolbox import builtin_tools
from mazu_ls.tools.tool_titles import TOOL_TITLES, call_title, step_title, tool_gerund, tool_verb

pytestmark = pytest.mark.portable


def test_every_built_in_tool_has_a_title_and_an_argument_that_it_has():
    for tool in builtin_tools():
        verb, argument = TOOL_TITLES[tool.name]
        assert verb[0].isupper(), tool.name
        assert argument in tool.schema["properties"], tool.name


@pytest.mark.parametrize(
    ("tool", "arguments", "title"),
    [
        ("edit_file", {"path": "app.py", "old": "a"}, "Edit app.py"),
        ("run_shell", {"command": "pytest -q"}, "Run pytest -q"),
        ("run_shell", {"command": "\n cat <<E\nx\nE\n"}, "Run cat <<E …"),
        ("grep", {"pattern": "TODO", "path": "src"}, "Search TODO in src"),
        ("grep", {"pattern": "TODO", "path": "."}, "Search TODO"),
        ("glob_files", {"pattern": "*.py"}, "Find *.py"),
        ("list_dir", {}, "List"),
        ("list_dir", {"path": 3}, "List"),
        ("diagnostics", {}, "Check problems"),
        ("server__create_issue", {"title": "It fails"}, "Use server__create_issue It fails"),
        ("a b\u202e", {}, "Use a_b_"),
    ],
)
def test_the_title_of_a_call(tool: str, arguments: dict[str, object], title: str):
    assert call_title(tool, arguments) == title


def test_what_may_be_allowed_is_said_in_plain_words():
    assert [tool_gerund(tool) for tool in ("edit_file", "write_file", "run_shell", "web_fetch", "shell_stop", "remember")] == [
        "editing", "writing", "running", "fetching", "stopping", "remembering",
    ]  # fmt: skip
    assert tool_gerund("memory_search") == "searching memory for"
    assert (tool_gerund("shout"), tool_verb("shout")) == ("using shout", "Use shout")


def test_a_step_is_named_by_what_it_did():
    edit, again = ("edit_file", {"path": "app.py"}), ("edit_file", {"path": "app.py"})
    run = ("run_shell", {"command": "pytest -q"})
    assert step_title([edit, again]) == "edit app.py"
    assert step_title([edit, run]) == "edit app.py and 1 more"
    assert step_title([]) == ""
    assert len(step_title([("run_shell", {"command": "x" * 300})])) == 60
