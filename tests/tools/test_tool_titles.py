"""Every built-in tool has a title in plain words, and all surfaces use the same one."""

from __future__ import annotations

import re
from pathlib import Path

from mazu_ls.agent.project.toolbox import builtin_tools
from mazu_ls.tools.tool_titles import TOOL_TITLES, tool_verb

EDITORS = Path(__file__).parents[2] / "editors"
PAIRS = {
    "neovim/lua/mazu/chat/tools.lua": r"^  (\w+) = '([A-Z][^']*)',$",
    "emacs/mazu.el": r'\("(\w+)" \. "([A-Z][^"]*)"\)',
}


def test_every_built_in_tool_has_a_title_and_an_argument_that_it_has():
    for tool in builtin_tools():
        verb, argument = TOOL_TITLES[tool.name]
        assert verb[0].isupper(), tool.name
        assert argument in tool.schema["properties"], tool.name
    assert tool_verb("somebody_elses") is None


def test_the_editors_say_the_same():
    for name, pair in PAIRS.items():
        text = (EDITORS / name).read_text(encoding="utf-8")
        found = [(tool, verb) for tool, verb in re.findall(pair, text, re.MULTILINE) if tool in TOOL_TITLES]
        assert len(found) > 15
        assert {tool: verb for tool, verb in found if verb != tool_verb(tool)} == {}
